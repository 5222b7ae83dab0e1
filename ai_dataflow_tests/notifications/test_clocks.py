"""Mails where the machines' clocks disagree: nobody is left without one, whoever is ahead."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from pathlib import Path

import pytest

from ai_dataflow.config.settings import load_settings
from ai_dataflow.notifications.catching_up import catch_up
from ai_dataflow.notifications.delivery import deliver
from ai_dataflow.notifications.mail_places import Places, open_places
from ai_dataflow.notifications.outbox import utc_now
from ai_dataflow.notifications.queueing import queue_report
from ai_dataflow.tables.single import load_teams
from ai_dataflow.workstation.reports import PartitionReport, write_report
from ai_dataflow_tests import projects
from ai_dataflow_tests.clocks import DAY, WRONG, clock
from ai_dataflow_tests.notifications.cases import MISSING, bad, ok, run

KEY = "sales|coral"
BAD, GOOD = bad(KEY, MISSING, status="held"), ok(KEY)


def _places(folder: Path, notify: str = "failures", remind: str = "daily") -> Places:
    teams = f"team,email,concern,notify,remind\nnorthwind-data,a@example.org,*,{notify},{remind}\n"
    projects.project(folder, teams=teams)
    return open_places(load_settings(folder))


def _report(folder: Path, number: int, partition: PartitionReport, shift: timedelta) -> list[str]:
    """Report a run on a machine with such a clock and queue its mails; give their kinds."""
    with clock(shift, folder / "workstation"):
        places = open_places(load_settings(folder))
        told = run(number, partition)
        told.started = told.finished = utc_now() + shift
        write_report(places.workstation.reports(), told)
        keys = queue_report(places, load_teams(places.settings), told).keys
    return [key.rsplit(".", 1)[-1] for key in keys]


@pytest.mark.parametrize("shifts", list(permutations(WRONG)))
def test_what_is_well_again_is_told_once_in_every_order_of_clocks(
    tmp_path: Path, shifts: tuple
) -> None:
    _places(tmp_path)
    stories = [(BAD, ["failure"]), (GOOD, ["recovery"]), (GOOD, [])]
    for number, (shift, (partition, kinds)) in enumerate(zip(shifts, stories, strict=True), 1):
        assert _report(tmp_path, number, partition, shift) == kinds


@pytest.mark.parametrize(("remind", "kinds"), [("daily", ["failure"]), ("always", ["failure"])])
def test_who_was_told_tomorrow_is_reminded_today(
    tmp_path: Path, remind: str, kinds: list[str]
) -> None:
    _places(tmp_path, remind=remind)
    assert _report(tmp_path, 1, BAD, DAY) == ["failure"]
    assert _report(tmp_path, 2, BAD, timedelta(0)) == kinds


@pytest.mark.parametrize("shift", WRONG)
def test_an_outbox_that_began_tomorrow_keeps_no_mail_back(tmp_path: Path, shift: timedelta) -> None:
    projects.project(tmp_path)
    with clock(DAY, tmp_path):
        _places(tmp_path)
    places = open_places(load_settings(tmp_path))
    told = run(1, BAD)
    told.started = told.finished = utc_now() + shift
    write_report(places.workstation.reports(), told)
    assert catch_up(places, lambda: load_teams(places.settings), utc_now(), 0) == ["run-1"]
    assert [entry.letter.kind for entry in places.outbox.waiting()] == ["failure"]


def test_a_letter_that_is_due_tomorrow_is_tried_today(tmp_path: Path) -> None:
    places = _places(tmp_path)
    assert _report(tmp_path, 1, BAD, DAY) == ["failure"]
    assert len(deliver(places, only_due=True).sent) == 1


@pytest.mark.parametrize("shift", WRONG)
def test_every_run_is_in_one_digest(tmp_path: Path, shift: timedelta) -> None:
    places, noon = _places(tmp_path, "digest"), utc_now().replace(hour=12)
    teams = load_teams(places.settings)

    def look(moment: timedelta) -> None:
        catch_up(places, lambda: teams, noon + moment, 0)

    def reported(number: int, moment: timedelta) -> None:
        told = run(number, bad(f"sales|c{number}", MISSING))
        told.started = told.finished = noon + moment
        write_report(places.workstation.reports(), told)

    reported(1, -DAY)
    look(timedelta(0))  # the digest of the day before
    reported(2, shift)  # on a machine whose clock is wrong, perhaps
    for days in (1, 2, 3):
        look(DAY * days)
    entries = places.outbox.waiting()
    texts = [e.letter.text for e in entries if e.letter.kind == "digest"]
    assert [sum(f"sales|c{number}" in text for text in texts) for number in (1, 2)] == [1, 1]
