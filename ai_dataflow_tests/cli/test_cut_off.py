"""A run that was killed and left no report: `status` tells of it, until another has been there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ai_dataflow.config.settings import Settings
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.cut_off import CutOff, cut_off_runs
from ai_dataflow.workstation.layout import Folders, open_workstation, spare_reports
from ai_dataflow.workstation.under_way import Begun, under_way
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli
from ai_dataflow_tests.services.processes import wait_until

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/claims.csv,Y
    ORION,sales,claim,acme,data/claims.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,ClaimNo,claim_id,int64
    sales,ORION,claim,ClaimNo,claim_id,int64
"""
# A run that dies at a moment: between its modules, where its second is to be published, or where
# it has published both and is to report.
_KILLED = """
import itertools, os, sys
from pathlib import Path
from ai_dataflow.runs import modules
from ai_dataflow_tests.runs import spine
what, number = sys.argv[2], int(sys.argv[3])
then, calls = getattr(modules, what), itertools.count(1)
def dies(*given):
    return os.kill(os.getpid(), 9) if next(calls) == number else then(*given)
setattr(modules, what, dies)
spine.run(Path(sys.argv[1]))
"""
_MOMENTS = {"between": ("asked", 2), "amid": ("publish_module", 2), "after": ("report", 1)}


def _workstation(folder: Path) -> Folders:
    return open_workstation(load_project(folder).settings)


@pytest.mark.proves("report", "killed", "`status` tells of the run, and what it had published")
@pytest.mark.parametrize("moment", _MOMENTS)
def test_a_run_that_was_killed_is_told_until_the_next_one(tmp_path: Path, moment: str) -> None:
    folder = project(tmp_path, control=CONTROL, mapping=MAPPING)
    what, number = _MOMENTS[moment]
    command = [sys.executable, "-c", _KILLED, str(folder), what, str(number)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (run,) = json.loads(cli(folder, "status", "--json").stdout)["cut_off"]
    published = ["claims|acme", "sales|acme"][: 1 + (moment == "after")]
    assert (run["published"], run["modules"]) == (published, ["claims", "sales"])
    assert run["is_certain"]
    assert json.loads(cli(folder, "status", "-m", "sales", "--json").stdout)["cut_off"]
    said = " ".join(cli(folder, "status").stdout.split())
    assert "was cut off: it ended without a report" in said
    assert f"It was to make claims, sales. It had published {', '.join(published)};" in said
    cli(folder, "run")  # of the last moment it finds nothing changed
    assert "cut_off" not in json.loads(cli(folder, "status", "--json").stdout)
    assert not list((folder / "workstation/_under_way").iterdir())


def test_a_run_of_one_module_leaves_the_others_to_be_told_of(tmp_path: Path) -> None:
    folder = project(tmp_path, control=CONTROL, mapping=MAPPING)
    _leave(folder, Begun(run_id="killed", modules=("claims", "sales")), silent=3600)
    spine.run(folder, ["claims|acme"])
    (run,) = _told(folder)
    assert run.modules == ["sales"]
    spine.run(folder)
    assert _told(folder) == []


def _leave(folder: Path, run: Begun, silent: float = 0) -> None:
    """Leave what a run leaves that was cut off so long ago."""
    run = run.model_copy(update={"host": "elsewhere"}) if not run.process_start else run
    at = _workstation(folder).under_way()
    at.write(f"{run.run_id}.json", run.model_dump_json().encode())
    changed = (datetime.now(UTC) - timedelta(seconds=silent)).timestamp()
    os.utime(Path(at.url) / f"{run.run_id}.json", (changed, changed))


def _told(folder: Path, module: str = "") -> list[CutOff]:
    modules = [module] if module else ["claims", "sales"]
    return cut_off_runs(_workstation(folder), modules, spare_reports(Settings(folder=folder)))


@pytest.mark.parametrize(("silent", "is_told"), [(300, True), (5, False)])
def test_a_run_of_another_machine_is_told_where_it_is_silent(
    tmp_path: Path, silent: int, is_told: bool
) -> None:
    folder = project(tmp_path)
    _leave(folder, Begun(run_id="run-1", modules=("claims",)), silent)
    assert [(run.run_id, run.is_certain) for run in _told(folder)] == [("run-1", False)] * is_told
    assert not _told(folder, "sales")


def test_a_run_that_left_its_report_is_not_told(tmp_path: Path) -> None:
    folder = project(tmp_path)
    report = spine.run(folder)
    gone = Begun.here(report.run_id).model_copy(
        update={"process_start": "1", "modules": ("claims",)}
    )
    _leave(folder, gone)
    assert not _told(folder)
    reports = _workstation(folder).reports()
    content = reports.read(f"{report.run_id}.json")
    reports.delete([f"{report.run_id}.json"])
    assert [run.run_id for run in _told(folder)] == [report.run_id]
    spare_reports(Settings(folder=folder)).write(f"{report.run_id}.json", content)
    assert not _told(folder)


def test_a_run_shows_that_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ai_dataflow.workstation.under_way._BEAT_SECONDS", 0.01)
    place = _workstation(project(tmp_path))
    with suppress(ZeroDivisionError), under_way(place, "run-1", ["claims"]):
        assert wait_until(lambda: _beats(tmp_path) > 1, 10, 0.01)
        raise ZeroDivisionError
    assert _beats(tmp_path) > 1, "it stays where the run has not ended in order"
    assert not _told(tmp_path), "its process lives"
    with under_way(place, "run-1", ["claims"]):
        assert _beats(tmp_path) >= 0
    assert place.under_way().files() == []


def _beats(folder: Path) -> int:
    return Begun.model_validate_json(_workstation(folder).under_way().read("run-1.json")).beat
