"""Runs that somebody asks to end: Ctrl-C, SIGTERM, a cancellation in Dagster.

Each is a process of its own, which is sent the signal when it comes to a named place.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ai_dataflow.cli import main
from ai_dataflow.config import interrupts
from ai_dataflow.definitions import build_definitions
from ai_dataflow.engine import local
from ai_dataflow.orchestration.dagster_names import JOB
from ai_dataflow.orchestration.instance import open_instance
from ai_dataflow.orchestration.mailing import queue_run
from ai_dataflow.runs import modules, prospect
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.lease import newest_leases
from ai_dataflow.workstation.reports import RunReport, read_reports
from ai_dataflow_tests.chaos.children import SPAWNING
from ai_dataflow_tests.projects import CONTROL, MAPPING, project
from ai_dataflow_tests.runs.runs import cli, dagster_statuses, instance_of
from ai_dataflow_tests.services.processes import wait_until

pytestmark = pytest.mark.slow

TWO_MODULES = f"{CONTROL}    ORION,fees,fee,acme,data/claims.csv,Y\n"
BOTH = f"{MAPPING}    fees,ORION,fee,ClaimNo,fee_id,int64\n"
PLACES = {
    "looking": (prospect, "look_around"),
    "making": (local, "spread"),
    "publishing": (modules, "publish_module"),
}
FIRST, SECOND = "claims|acme", "fees|acme"


def test_ctrl_c_while_the_command_is_imported_leaves_no_traceback() -> None:
    """It comes as soon as the command asks for the first library."""
    code = """if True:
        import sys

        class Finder:
            def find_spec(self, name, *_):
                if name == "typer":
                    raise KeyboardInterrupt

        sys.meta_path.insert(0, Finder())
        from ai_dataflow.cli import main
        main()
    """
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (130, "Interrupted.\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a project of two modules, one partition each, `claims` first."""
    return project(tmp_path / "p", control=TWO_MODULES, mapping=BOTH)


def _ended(folder: Path, work: Callable[..., None], *arguments: Any) -> tuple[int | None, str]:
    """Do a work in a process of its own; give its exit code and what it printed."""
    log = folder / "printed.log"
    process = SPAWNING.Process(target=_child, args=(folder, log, work, arguments))
    process.start()
    process.join(60)
    return process.exitcode, log.read_text()


def _child(folder: Path, log: Path, work: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.setsid()
    for name, number in (("DAGSTER_HOME", 0), ("COLUMNS", 0)):
        os.environ.pop(name, number)
    with log.open("w") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    os.chdir(folder)
    work(folder, *arguments)


def _command(_: Path, place: str, number: int, times: int) -> None:
    """Run what changed, as a person does; at a place the signal comes, so many times."""
    _at(place, lambda: _signal(number, times))
    sys.argv = ["ai-dataflow", "run"]
    main()


def _at(place: str, happens: Callable[[], None]) -> None:
    module, name = PLACES[place]
    before = getattr(module, name)

    def called(*arguments: Any, **options: Any) -> Any:
        setattr(module, name, before)
        happens()
        return before(*arguments, **options)

    setattr(module, name, called)


def _signal(number: int, times: int) -> None:
    os.kill(os.getpid(), number)
    while not interrupts.asked():  # it is the main thread that hears of it
        time.sleep(0.01)
    for _ in range(times - 1):
        Path("descendants").write_text(" ".join(map(str, _descendants(os.getpid()))))
        os.kill(os.getpid(), number)
        time.sleep(60)


def _descendants(pid: int) -> list[int]:
    listed = "".join(p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/children"))
    children = [int(child) for child in listed.split()]
    return children + [one for child in children for one in _descendants(child)]


def _reports(folder: Path) -> list[RunReport]:
    return list(read_reports(open_workstation(load_project(folder).settings).reports()))


def _became(report: RunReport) -> dict[str, str]:
    return {p.partition: p.error.code if p.error else p.status for p in report.partitions}


def _mails(folder: Path) -> list[str]:
    return [mail.read_text() for mail in folder.glob("mails/*.eml")]


def test_who_is_stopped_while_it_looks_has_begun_nothing(folder: Path) -> None:
    code, printed = _ended(folder, _command, "looking", signal.SIGINT, 1)
    assert (code, printed) == (130, "Interrupted. No partition was begun.\n")
    assert not _reports(folder)


@pytest.mark.proves(
    "transform", "killed", "Ctrl-C: what workers had in hand is lost; exit code 130"
)
def test_ctrl_c_leaves_what_is_in_hand(folder: Path) -> None:
    code, printed = _ended(folder, _command, "making", signal.SIGINT, 1)
    assert code == 130
    assert "Interrupted. 0 partitions published, 2 not made." in printed
    (report,) = _reports(folder)
    assert _became(report) == {FIRST: "RUN-035", SECOND: "RUN-035"}


@pytest.mark.proves(
    "commit", "killed", "Ctrl-C: what is done is published, the rest is reported; exit code 130"
)
def test_ctrl_c_publishes_what_is_done_and_the_next_run_goes_on(folder: Path) -> None:
    code, printed = _ended(folder, _command, "publishing", signal.SIGINT, 1)
    assert code == 130
    assert "1 partition published, 1 not made. To go on: ai-dataflow retry" in printed
    assert "Traceback" not in printed
    (report,) = _reports(folder)
    assert _became(report) == {FIRST: "ok", SECOND: "RUN-035"}
    assert report.interrupted == "Ctrl-C"
    assert not _mails(folder), "who pressed it knows"
    assert "RUN-035" in cli(folder, "status").stdout
    assert cli(folder, "run").returncode == 0
    assert _became(_reports(folder)[0]) == {FIRST: "unchanged", SECOND: "ok"}
    assert not _mails(folder), "nobody heard of it, so nobody hears that it is over"


@pytest.mark.proves("commit", "killed", "SIGTERM: as Ctrl-C, with a mail; exit code 143")
def test_a_scheduler_s_sigterm_is_told_to_the_platform_team(folder: Path) -> None:
    code, printed = _ended(folder, _command, "publishing", signal.SIGTERM, 1)
    assert code == 143
    assert "a second signal ends at once" in printed
    (report,) = _reports(folder)
    assert (_became(report), report.interrupted) == ({FIRST: "ok", SECOND: "RUN-035"}, "SIGTERM")
    (mail,) = _mails(folder)
    assert "INTERRUPTED: 1 of 2 partitions published" in mail
    assert dagster_statuses(folder, "ai_dataset") == {FIRST: "MATERIALIZED", SECOND: "FAILED"}


@pytest.mark.proves("commit", "killed", "a second Ctrl-C ends at once; no process is left")
def test_a_second_ctrl_c_ends_at_once_with_all_that_was_started(folder: Path) -> None:
    code, printed = _ended(folder, _command, "publishing", signal.SIGINT, 2)
    assert code == 130
    assert printed.endswith("Ended at once. What was not published is left to the next run.\n")
    started = [int(pid) for pid in (folder / "descendants").read_text().split()]
    assert started
    assert wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), 20)
    assert not _reports(folder)
    newest = newest_leases(open_workstation(load_project(folder).settings).leases())
    assert newest == {"claims": 1}
    assert cli(folder, "run").returncode == 0, "the lease is known to be nobody's"


def _canceled(folder: Path, place: str) -> None:
    """Run as Dagster's run worker does; at a place somebody cancels the run on its page."""
    with open_instance(load_project(folder).settings) as instance:
        _at(place, lambda: _cancel(instance))
        build_definitions(str(folder)).resolve_job_def(JOB).execute_in_process(
            instance=instance,
            run_config={"resources": {"project": {"config": {"config": str(folder)}}}},
            raise_on_error=False,
        )


def _cancel(instance: dg.DagsterInstance) -> None:
    (run,) = instance.get_runs()
    instance.report_run_canceling(run)
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    ("place", "became", "told"),
    [
        ("publishing", {FIRST: "ok", SECOND: "RUN-035"}, "1 of 2 partitions published"),
        ("looking", {}, "nothing published"),
    ],
)
@pytest.mark.proves(
    "commit", "killed", "a run canceled in Dagster: a report, and a mail that counts"
)
def test_a_run_that_is_canceled_in_dagster_reports_and_its_mail_counts(
    folder: Path, place: str, became: dict[str, str], told: str
) -> None:
    code, printed = _ended(folder, _canceled, place)
    assert code == 0, printed
    (report,) = _reports(folder)
    assert (_became(report), report.interrupted) == (became, "cancellation")
    with instance_of(folder) as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.CANCELED
        assert queue_run(instance, run, load_project(folder).settings) == "1 mail queued"
    assert cli(folder, "notify", "send").returncode == 0
    (mail,) = _mails(folder)
    assert f"INTERRUPTED: {told}" in mail
