"""The digest of a day with rejects: queued by the first who comes, read from the reject tables."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from ai_dataflow.cli.mails_after_run import mail_after
from ai_dataflow.config.settings import load_settings
from ai_dataflow.notifications.catching_up import catch_up, due_digest
from ai_dataflow.notifications.mail_places import Places, open_places
from ai_dataflow.notifications.outbox import Queued, utc_now
from ai_dataflow.notifications.queueing import queue_report
from ai_dataflow.notifications.rejects_of_runs import still_not_published
from ai_dataflow.notifications.routing import recipients
from ai_dataflow.tables.project import load_project
from ai_dataflow.tables.single import load_teams
from ai_dataflow.workstation.reports import RunReport, write_report
from ai_dataflow_tests import projects
from ai_dataflow_tests.runs.runs import instance_of, run_project

TEAMS = (
    "team,email,concern,product_code\norion-data,o@example.org,source,ORION\n"
    "ai-platform,p@example.org,*,*\n"
)
VALUE = "vAlUe17"


def _rejecting(folder: Path, rows: str, limit: str = "") -> RunReport:
    toml = f'[modules.claims]\nmax_rejected = "{limit}"\n' if limit else ""
    projects.project(folder, teams=TEAMS, toml=toml)
    (folder / "data/claims.csv").write_text(f"ClaimNo,Amount\n{rows}", encoding="utf-8")
    return run_project(folder)


def _of_yesterday(folder: Path, report: RunReport) -> Places:
    """Let a run have been yesterday, in a place that was used before."""
    shutil.rmtree(folder / "workstation/_outbox", ignore_errors=True)
    places = open_places(load_settings(folder))
    assert places.main is not None
    began = Queued(at=utc_now() - timedelta(days=9), last=0)
    places.main.folder.write("queued/began.json", began.model_dump_json().encode())
    report.started = report.finished = utc_now() - timedelta(days=1)
    write_report(places.workstation.reports(), report)
    return places


def _caught_up(places: Places, at: datetime, hour: int = 0) -> list[str]:
    return catch_up(places, lambda: load_teams(places.settings), at, hour)


def test_rows_left_out_reach_their_team_once_without_a_value(tmp_path: Path) -> None:
    report = _rejecting(tmp_path, f"1,10\n2,{VALUE}\n3,x{VALUE}\n4,1\n")
    places = _of_yesterday(tmp_path, report)
    assert len(_caught_up(places, utc_now())) == 2  # the run, of which nobody is mailed; the day
    (entry,) = places.outbox.waiting()
    assert (entry.letter.team, entry.letter.kind) == ("orion-data", "digest")
    assert "2 rows left out" in entry.letter.subject
    assert "row 2 of data/claims.csv" in entry.letter.text
    assert "Amount" in entry.letter.text
    assert VALUE not in entry.model_dump_json()
    assert _caught_up(places, utc_now()) == []


def test_a_daemon_waits_for_the_hour_and_a_command_does_not(tmp_path: Path) -> None:
    places = _of_yesterday(tmp_path, _rejecting(tmp_path, "1,10\n2,x\n"))
    early = utc_now().replace(hour=1)
    assert due_digest(places, early, digest_hour=6) is None
    assert due_digest(places, early, digest_hour=0) is not None
    assert due_digest(places, early.replace(hour=7), digest_hour=6) is not None


def test_the_first_run_of_a_day_sends_the_digest_though_all_is_well(tmp_path: Path) -> None:
    _of_yesterday(tmp_path, _rejecting(tmp_path, "1,10\n2,x\n"))
    today = run_project(tmp_path)
    assert today.exit_code == 0
    with instance_of(tmp_path) as instance:
        assert mail_after(instance, load_project(tmp_path), today).startswith("1 mail written")
        assert mail_after(instance, load_project(tmp_path), today) == "none: nobody asked for one"


def test_too_many_rejects_are_told_by_column_at_once(tmp_path: Path) -> None:
    report = _rejecting(tmp_path, "1,10\n2,x\n3,y\n", limit="10%")
    places = open_places(load_settings(tmp_path))
    queue_report(places, load_teams(places.settings), report)
    (entry,) = places.outbox.waiting()
    text = entry.letter.text
    assert (entry.letter.team, entry.letter.kind) == ("orion-data", "failure")
    assert "2 rows of your deliveries cannot be used." in text
    assert "row 2 of data/claims.csv" in text
    assert "ai-dataflow rejects" not in text
    assert "correct the rows and deliver them again" in text


def test_rows_of_what_waits_are_in_the_digest_until_it_is_published(tmp_path: Path) -> None:
    _rejecting(tmp_path, "".join(f"{n},10\n" for n in range(8)))
    (tmp_path / "data/claims.csv").write_text("ClaimNo,Amount\n1,10\n2,x\n3,y\n4,4\n")
    places = _of_yesterday(tmp_path, run_project(tmp_path))
    _caught_up(places, utc_now())
    digest = next(e.letter for e in places.outbox.waiting() if e.letter.kind == "digest")
    assert "1 partition waiting, 2 rows left out" in digest.subject
    assert "2 rows of your deliveries cannot be used. There are so many that" in digest.text
    assert "All others are published" not in digest.text

    (tmp_path / "data/claims.csv").write_text("ClaimNo,Amount\n" + "1,10\n" * 8)
    now_well, teams = run_project(tmp_path), recipients(load_teams(places.settings))
    reports = [now_well, *places.reports()]
    assert still_not_published(places, reports, teams) == []


def test_a_digest_whose_rejects_cannot_be_read_is_queued_without_them(tmp_path: Path) -> None:
    report = _rejecting(tmp_path, "1,10\n2,x\n")
    places = _of_yesterday(tmp_path, report)
    shutil.rmtree(tmp_path / "workstation/_rejects")
    (tmp_path / "workstation/_rejects").write_text("a file, where a folder should be")
    assert len(_caught_up(places, utc_now())) == 1  # the day has no digest: the mail is not lost
    assert places.outbox.waiting() == []
