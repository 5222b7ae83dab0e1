"""Dagster's events: where they cannot be kept, the data and its report are as they should be."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ai_dataflow import load
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.orchestration.instance import open_instance
from ai_dataflow.orchestration.launch import launch
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_at
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import RunReport, read_reports
from ai_dataflow_tests.disks import MakeDisk
from ai_dataflow_tests.projects import CONTROL, MAPPING, project, text_file
from ai_dataflow_tests.runs.runs import cli, dagster_statuses, run_project

TWO_MODULES = f"{CONTROL}    ORION,fees,fee,acme,data/claims.csv,Y\n"
BOTH = f"{MAPPING}    fees,ORION,fee,ClaimNo,fee_id,int64\n"
EVENTS = ".dagster/history/runs/index.db"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a project of two modules that has run once."""
    folder = project(tmp_path / "p", control=TWO_MODULES, mapping=BOTH)
    assert run_project(folder).exit_code == 0
    return folder


def _last_report(folder: Path) -> RunReport:
    return next(read_reports(open_workstation(load_project(folder).settings).reports()))


def test_the_report_that_a_run_gives_is_the_one_that_is_stored(shop: Path) -> None:
    (shop / "data/claims.csv").write_text("ClaimNo,Amount\n1,much\n", encoding="utf-8")
    report = run_project(shop)
    assert report.failed
    assert _last_report(shop) == report


@pytest.mark.proves(
    "event",
    "missing",
    "the instance is made anew; it knows of this run alone, the data is as it was",
)
def test_an_instance_that_is_gone_is_made_anew(shop: Path) -> None:
    shutil.rmtree(shop / ".dagster")
    assert run_project(shop).exit_code == 0
    assert set(dagster_statuses(shop, "ai_dataset").values()) == {"MATERIALIZED"}


@pytest.mark.proves(
    "event", "corrupt", "CFG-007, exit code 2; nothing runs, readers keep the old version"
)
def test_a_damaged_instance_is_told_and_nothing_runs(shop: Path) -> None:
    for database in (shop / ".dagster").rglob("*.db"):
        database.write_bytes(b"no database at all" * 1000)
    ran = cli(shop, "run", "--full")
    assert ran.returncode == 2
    assert "error[CFG-007]" in ran.stderr
    assert "file is not a database" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert cli(shop, "status").returncode == 0


def test_a_chosen_instance_that_cannot_be_opened_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is not there, a file, a `dagster.yaml` that is no YAML, or no settings."""
    settings = load_project(project(tmp_path / "p")).settings
    file = text_file(tmp_path, "file", "")
    broken = text_file(tmp_path, "broken/dagster.yaml", "a: [").parent
    unknown = text_file(tmp_path, "unknown/dagster.yaml", "storage: {mysql: 1}").parent
    absent = text_file(
        tmp_path, "absent/dagster.yaml", "event_log_storage: {module: not_installed, class: Events}"
    ).parent
    for home in (tmp_path / "none", file, broken, unknown, absent):
        monkeypatch.setenv("DAGSTER_HOME", str(home))
        with pytest.raises(DataflowError) as error, open_instance(settings):
            pass
        assert [problem.code for problem in error.value.diagnostics] == ["CFG-007"]


def test_a_blank_dagster_home_means_the_instance_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    folder = project(tmp_path / "p")
    with open_instance(load_project(folder).settings):
        assert (folder / ".dagster/dagster.yaml").is_file()


@pytest.mark.proves("event", "concurrent", "two first runs make one instance")
def test_two_that_make_an_instance_at_once_both_have_it(tmp_path: Path) -> None:
    """Dagster looks whether there are tables, and then makes them."""
    settings = load_project(project(tmp_path / "p")).settings
    together = threading.Barrier(4, timeout=30)

    def open_it() -> int:
        together.wait()
        with open_instance(settings) as instance:
            return instance.get_runs_count()

    with ThreadPoolExecutor(4) as pool:
        assert [done.result() for done in [pool.submit(open_it) for _ in range(4)]] == [0] * 4


def _refuse(folder: Path, kind: str = "ASSET_MATERIALIZATION") -> None:
    """Let the real storage of events refuse those of a kind."""
    with closing(sqlite3.connect(folder / EVENTS)) as events, events:
        events.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON event_logs "
            f"WHEN NEW.dagster_event_type = '{kind}' "
            "BEGIN SELECT RAISE(ABORT, 'the server is going away'); END"
        )


@pytest.mark.proves(
    "event",
    "denied",
    "RUN-010, exit code 1; the data is published and in the report, which names what is untold",
)
@pytest.mark.slow
def test_events_that_are_refused_stop_no_module_and_are_in_the_report(shop: Path) -> None:
    _refuse(shop)
    ran = cli(shop, "run", "--full")
    assert ran.returncode == 1
    assert "RUN-010 Dagster was not told of claims|acme, fees|acme" in ran.stdout
    report = _last_report(shop)
    assert [(p.status, p.version) for p in report.partitions] == [("ok", 1), ("ok", 1)]
    (problem,) = report.diagnostics
    assert (problem["code"], problem["owner"]) == ("RUN-010", "ai-platform")
    assert "the server is going away" in problem["cause"]
    for module in ("claims", "fees"):
        assert load(module, version=1, config=shop).collect().height == 2


@pytest.mark.slow
def test_a_failure_is_told_by_the_run_where_it_cannot_be_told_at_the_partition(shop: Path) -> None:
    _refuse(shop, "ASSET_OBSERVATION")
    (shop / "data" / "claims.csv").unlink()
    ran = cli(shop, "run")
    assert ran.returncode == 1
    assert "failed[SRC-001]" in ran.stdout
    assert set(dagster_statuses(shop, "ai_dataset").values()) == {"FAILED"}


@contextmanager
def _locked(database: Path, seconds: float) -> Iterator[threading.Event]:
    """Keep a database to ourselves for a while, from now on; give what tells that this is over."""
    locked, over = threading.Event(), threading.Event()

    def lock() -> None:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            locked.set()
            time.sleep(seconds)
            over.set()
            connection.execute("ROLLBACK")

    holder = threading.Thread(target=lock)
    holder.start()
    assert locked.wait(10)
    yield over
    holder.join()


@pytest.mark.proves("event", "slow", "it costs its time; all is published and told")
@pytest.mark.slow
def test_a_slow_instance_is_waited_for(shop: Path) -> None:
    with _locked(shop / EVENTS, 3) as over:
        report = run_project(shop)
        assert over.is_set()
    assert report.exit_code == 0
    assert set(dagster_statuses(shop, "ai_dataset").values()) == {"MATERIALIZED"}


def _run_watched(folder: Path, watcher: Callable[[object], None]) -> RunReport:
    draft = make_draft(load_project(folder))
    prospect = look_at(draft, draft.plan.partitions)
    with open_instance(draft.project.settings) as instance:
        return launch(prospect, instance, watcher)


@pytest.mark.proves(
    "event", "full", "RUN-010 in the report, exit code 2; all modules are published"
)
def test_an_instance_whose_disk_is_full_in_the_middle_stops_no_module(
    tmp_path: Path, make_disk: MakeDisk
) -> None:
    """The run cannot end well for Dagster; what it did is in the workstation's report."""
    folder = project(tmp_path / "p", control=TWO_MODULES, mapping=BOTH)
    disk = make_disk(folder / ".dagster", 16)
    assert run_project(folder).exit_code == 0
    with pytest.raises(DataflowError) as error:
        _run_watched(folder, lambda _: disk.fill())
    assert [problem.code for problem in error.value.diagnostics] == ["CFG-007"]
    report = _last_report(folder)
    assert [(p.status, p.version) for p in report.partitions] == [("ok", 1), ("ok", 1)]
    assert [problem["code"] for problem in report.diagnostics] == ["RUN-010"]
    disk.free()
    assert run_project(folder).exit_code == 0
    assert set(dagster_statuses(folder, "ai_dataset").values()) == {"MATERIALIZED"}


@pytest.mark.proves("event", "concurrent", "two runs tell their own partitions")
@pytest.mark.slow
def test_two_runs_of_one_instance_tell_their_own_partitions(shop: Path) -> None:
    (shop / "data/claims.csv").rename(shop / "data/fees.csv")
    control = shop / "control_table.csv"
    control.write_text(control.read_text().replace("fee,acme,data/claims", "fee,acme,data/fees"))
    command = [
        sys.executable,
        "-c",
        "from ai_dataflow.cli import main; main()",
        "run",
        "--json",
    ]
    both = [
        subprocess.Popen([*command, "-p", key], cwd=shop, stdout=subprocess.PIPE, text=True)
        for key in ("claims|acme", "fees|acme")
    ]
    reports = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert [p["status"] for report in reports for p in report["partitions"]] == ["failed", "ok"]
    assert dagster_statuses(shop, "ai_dataset") == {
        "claims|acme": "FAILED",
        "fees|acme": "MATERIALIZED",
    }
