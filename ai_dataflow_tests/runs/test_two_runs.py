"""Two runs at once on the same partitions: they make one after the other, never half of each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable

from ai_dataflow.workstation.lease import Holder
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.runs import run_project

RUN = "from ai_dataflow.cli import main; main()"


@pytest.mark.proves(
    "commit", "concurrent", "two runs publish one after the other; nothing is there twice"
)
@pytest.mark.proves("report", "concurrent", "each run has its own report")
@pytest.mark.slow
def test_two_processes_publish_one_after_the_other(tmp_path: Path) -> None:
    project(tmp_path)
    command = [sys.executable, "-c", RUN, "run", "--full", "--json"]
    both = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    reports = [json.loads(process.communicate(timeout=120)[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(report["versions"]["claims"] for report in reports) == [0, 1]
    kept = {file.stem for file in (tmp_path / "workstation/_runs").iterdir()}
    assert kept == {report["run_id"] for report in reports}
    table = DeltaTable(tmp_path / "workstation" / "claims")
    assert table.to_pyarrow_table().num_rows == 2
    assert len(table.file_uris()) == 1


@pytest.mark.proves(
    "write", "concurrent", "WST-006 when waiting takes too long; nothing is touched"
)
def test_a_run_that_cannot_have_the_module_fails_its_partitions_and_touches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path)
    other = tmp_path / "workstation/_leases/claims/00000001.json"
    other.parent.mkdir(parents=True)
    other.write_text(Holder(run_id="other", host="elsewhere.example.org").model_dump_json())
    monkeypatch.setattr("ai_dataflow.workstation.lease.WAIT_SECONDS", 0.0)
    report = run_project(tmp_path)
    (failed,) = report.failed
    assert failed.error is not None
    assert (failed.error.code, failed.error.transient) == ("WST-006", True)
    assert "run other on elsewhere.example.org" in failed.error.message
    assert failed.errors == [failed.error]
    assert failed.failed_stages == ["adls_extract", "ai_dataset", "azure_sql_extract"]
    assert not (tmp_path / "workstation/claims").exists()
    assert not (tmp_path / "workstation/_staging").exists()
