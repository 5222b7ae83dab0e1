"""A run that was killed and left no report: `status` tells of it, until another has been there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.cut_off import cut_off_runs
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.lease import CLEANUP, Holder
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

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
# A run that dies where its second module is to be published.
_KILLED = """
import os, sys
from pathlib import Path
from ai_dataflow.runs import modules
from ai_dataflow_tests.runs import spine
publish = modules.publish_module
modules.publish_module = lambda run, name, *rest: (
    publish(run, name, *rest) if name == "claims" else os._exit(9)
)
spine.run(Path(sys.argv[1]))
"""


def _workstation(folder: Path) -> Folders:
    return open_workstation(load_project(folder).settings)


@pytest.mark.proves("report", "killed", "`status` tells of the run, and what it had published")
def test_a_run_that_was_killed_is_told_until_the_next_one(tmp_path: Path) -> None:
    folder = project(tmp_path, control=CONTROL, mapping=MAPPING)
    ran = subprocess.run([sys.executable, "-c", _KILLED, str(folder)], check=False)
    assert ran.returncode == 9
    said = cli(folder, "status")
    assert "was cut off: it ended without a report" in said.stdout
    assert "It was making sales. It had published claims|acme" in " ".join(said.stdout.split())
    (run,) = json.loads(cli(folder, "status", "--json").stdout)["cut_off"]
    assert (run["modules"], run["published"], run["is_certain"]) == (
        ["sales"],
        ["claims|acme"],
        True,
    )
    spine.run_changed(folder)
    assert "cut_off" not in json.loads(cli(folder, "status", "--json").stdout)


@pytest.mark.parametrize(
    ("run_id", "released", "silent", "is_told"),
    [("run-1", False, 300, True), ("run-1", False, 5, False), ("run-1", True, 300, False),
     (f"{CLEANUP}1", False, 300, False)],
)  # fmt: skip
def test_a_run_of_another_machine_is_told_where_it_is_silent(
    tmp_path: Path, run_id: str, released: bool, silent: int, is_told: bool
) -> None:
    workstation = _workstation(project(tmp_path))
    elsewhere = Holder(run_id=run_id, host="elsewhere", released=released)
    workstation.leases("claims").write("00000007.json", elsewhere.model_dump_json().encode())
    changed = (datetime.now(UTC) - timedelta(seconds=silent)).timestamp()
    file = tmp_path / "workstation/_leases/claims/00000007.json"
    os.utime(file, (changed, changed))
    runs = cut_off_runs(workstation, ["claims"])
    assert [(run.run_id, run.is_certain) for run in runs] == [(run_id, False)] * is_told
    assert not cut_off_runs(workstation, ["sales"])


def test_a_run_that_left_its_report_is_not_told(tmp_path: Path) -> None:
    report = spine.run(project(tmp_path))
    workstation = _workstation(tmp_path)
    gone = Holder.here(report.run_id).model_copy(update={"process_start": "1"})
    workstation.leases("claims").write("00000007.json", gone.model_dump_json().encode())
    assert not cut_off_runs(workstation, ["claims"])
