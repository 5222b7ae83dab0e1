"""Queueing under bad luck: interrupted, repeated, with reports out of order or out of reach."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterRunStatus

from ai_dataflow.config.settings import load_settings
from ai_dataflow.notifications.catching_up import catch_up
from ai_dataflow.notifications.mail_places import Places, open_places
from ai_dataflow.notifications.outbox import Outbox, utc_now
from ai_dataflow.notifications.queueing import queue_report
from ai_dataflow.orchestration.mailing import look_after, queue_run
from ai_dataflow.tables.single import load_teams
from ai_dataflow.workstation.reports import write_report
from ai_dataflow_tests import projects
from ai_dataflow_tests.notifications.cases import MISSING, bad, ok, run
from ai_dataflow_tests.runs.runs import cli, instance_of, run_project

TEAMS = "team,email,concern,notify\nnorthwind-data,a@example.org,*,{}\n"


def _places(folder: Path, notify: str) -> Places:
    projects.project(folder, teams=TEAMS.format(notify))
    return open_places(load_settings(folder))


class Killed(BaseException):
    """What nothing catches."""


@pytest.mark.parametrize("notify", ["failures", "both"])
@pytest.mark.parametrize("step", ["put", "tell", "mark_queued"])
def test_who_is_killed_while_queueing_queues_the_same_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notify: str, step: str
) -> None:
    places = _places(tmp_path, notify)
    teams = load_teams(places.settings)
    write_report(places.workstation.reports(), run(1, bad("sales|coral", MISSING)))
    report = run(2, bad("sales|acme", MISSING), ok("sales|borealis"), ok("sales|coral"))
    real = getattr(Outbox, step)

    def kill(*arguments: Any) -> None:
        real(*arguments)
        raise Killed

    monkeypatch.setattr(Outbox, step, kill)
    with pytest.raises(Killed):
        queue_report(places, teams, report)
    monkeypatch.setattr(Outbox, step, real)
    queue_report(places, teams, report)
    assert [entry.letter.kind for entry in places.outbox.waiting()] == ["failure"]


def test_a_digest_finds_its_reports_in_whatever_order_they_were_written(tmp_path: Path) -> None:
    places = _places(tmp_path, "digest")
    noon = (utc_now() - timedelta(days=1)).replace(hour=12)
    for number, finished in ((1, noon), (2, noon - timedelta(days=1))):
        report = run(number, bad("sales|coral", MISSING))
        report.started = report.finished = finished
        write_report(places.workstation.reports(), report)
    moment = utc_now().replace(hour=23)
    loaded = load_teams(places.settings)
    assert catch_up(places, lambda: loaded, moment, 0)[-1] == f"digest-{noon.date()}"
    assert len(places.outbox.waiting()) == 1


def test_a_run_is_not_taken_for_dead_because_its_report_is_out_of_reach(tmp_path: Path) -> None:
    projects.project(tmp_path, control=projects.CONTROL.replace("claims.csv", "nowhere.csv"))
    report = run_project(tmp_path)
    shutil.rmtree(tmp_path / "workstation")
    (tmp_path / "workstation").write_text("a file, where a folder should be")
    with instance_of(tmp_path) as instance:
        ended = instance.get_run_by_id(report.run_id)
        assert ended is not None
        assert ended.status == DagsterRunStatus.FAILURE
        settings = load_settings(tmp_path)
        assert "cannot be reached" in queue_run(instance, ended, settings)
        assert look_after(instance, settings, is_daemon=False, seconds=10)[1] == []


def test_nobody_is_mailed_about_a_replay(tmp_path: Path) -> None:
    places = _places(tmp_path, "both")
    report = run(2, ok("sales|acme"))
    report.kind = "replay"
    assert queue_report(places, load_teams(places.settings), report).keys == []
    assert places.outbox.waiting() == []


@pytest.mark.slow
def test_a_retry_of_what_nobody_owns_is_the_platform_teams(tmp_path: Path) -> None:
    teams = "team,email,concern\nmappers,m@example.org,mapping\nplatform,p@example.org,platform\n"
    missing = projects.CONTROL.replace("claims.csv", "nowhere.csv")
    projects.project(tmp_path, control=missing, teams=teams)
    assert cli(tmp_path, "run", "--json").returncode == 1
    (tmp_path / "data/nowhere.csv").write_text("ClaimNo,Amount\n1,2\n", encoding="utf-8")
    assert "nothing to run again" in cli(tmp_path, "retry", "--owner", "mappers").stderr
    assert cli(tmp_path, "retry", "--owner", "platform").returncode == 0
