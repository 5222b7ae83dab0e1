"""The command line, as a user meets it: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ai_dataflow import load
from ai_dataflow.starter import write_project


def _cli(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from ai_dataflow.cli import main; main()", *arguments],
        cwd=folder,
        env=os.environ | {"COLUMNS": "120", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    write_project(folder)
    return folder


def test_init_writes_a_project_that_runs(tmp_path: Path) -> None:
    made = _cli(tmp_path, "init", "mine")
    assert made.returncode == 0
    assert "ai-dataflow run" in made.stdout
    ran = _cli(tmp_path / "mine", "run")
    assert ran.returncode == 0, ran.stderr
    assert "claims" in ran.stdout
    assert "_rejects" in ran.stdout
    assert load("claims", client="acme", config=tmp_path / "mine").collect().height == 4


def test_init_does_not_touch_a_folder_with_something_in_it(project: Path) -> None:
    again = _cli(project.parent, "init", "project")
    assert again.returncode == 2
    assert "CFG-003" in again.stderr


def test_run_json_is_the_report_and_nothing_else(project: Path) -> None:
    ran = _cli(project, "run", "--json")
    report = json.loads(ran.stdout)
    saved = json.loads((project / f"workstation/_runs/{report['run_id']}.json").read_text())
    assert report == saved
    acme = next(p for p in report["partitions"] if p["partition"] == "claims|acme")
    assert (acme["status"], acme["rows_read"], acme["rows_rejected"]) == ("ok", 8, 2)
    assert acme["products"]["VEGA"] == {
        "rows_read": 2, "rows_rejected": 1, "rows_merged": 0, "rows_published": 1,
        "filled": {"claim_id": 1, "claim_date": 1, "status": 0, "amount": 1},
    }  # fmt: skip


def test_a_failed_partition_is_exit_code_1_and_no_traceback(project: Path) -> None:
    (project / "data/vega/claims_acme.csv").unlink()
    ran = _cli(project, "run")
    assert ran.returncode == 1
    assert "failed[SRC-001]: source not found" in ran.stdout
    assert "control_table.csv:6:module_location" in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr


def test_only_the_partitions_asked_for_are_run(project: Path) -> None:
    report = json.loads(_cli(project, "run", "-p", "claims|borealis", "--json").stdout)
    assert [p["partition"] for p in report["partitions"]] == ["claims|borealis"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("-p", "claims|amce"), "RUN-001"), (("--config", "nowhere"), "CFG-001")],
)
def test_what_cannot_run_is_exit_code_2(
    project: Path, arguments: tuple[str, ...], code: str
) -> None:
    ran = _cli(project, "run", *arguments)
    assert ran.returncode == 2
    assert code in ran.stderr
    assert "Traceback" not in ran.stderr


def test_when_everything_is_held_back_the_exit_code_is_2(project: Path) -> None:
    control = project / "control_table.csv"
    control.write_text(control.read_text().replace("/mnt/orion", "/mnt/orino"))
    ran = _cli(project, "run")
    assert ran.returncode == 2
    assert ran.stdout.count("CTL-007") == 4  # one for each row


def test_errors_are_json_too(project: Path) -> None:
    (project / "ai_dataflow.toml").write_text('[workstation]\nurl = "${NO_SUCH_VARIABLE}"\n')
    ran = _cli(project, "run", "--json")
    assert ran.returncode == 2
    (problem,) = json.loads(ran.stdout)["diagnostics"]
    assert problem["code"] == "CFG-004"
    assert "NO_SUCH_VARIABLE" in problem["message"]


def test_status_tells_what_is_wrong_and_since_when(project: Path) -> None:
    assert _cli(project, "status").returncode == 0
    _cli(project, "run")
    vega = project / "data/vega/claims_acme.csv"
    text = vega.read_text()
    vega.unlink()
    _cli(project, "run")
    _cli(project, "run", "-p", "claims|acme")
    told = _cli(project, "status", "--json")
    assert told.returncode == 1
    acme, borealis = json.loads(told.stdout)
    assert (acme["state"], acme["rows"], acme["version"], acme["failed_runs"]) == (
        "failed",
        4,
        1,
        2,
    )
    assert acme["error"]["code"] == "SRC-001"
    assert acme["failing_since"] < borealis["published"] or acme["published"]
    assert (borealis["state"], borealis["version"]) == ("ok", 2)
    vega.write_text(text)
    _cli(project, "run")
    assert _cli(project, "status").returncode == 0


@pytest.mark.parametrize("command", ["init", "run", "status"])
def test_every_command_has_help_with_an_example(tmp_path: Path, command: str) -> None:
    told = _cli(tmp_path, command, "--help")
    assert told.returncode == 0
    assert "ai-dataflow" in told.stdout.split("Example", 1)[1]


def test_usage_errors_are_exit_code_2(tmp_path: Path) -> None:
    assert _cli(tmp_path, "run", "--no-such-option").returncode == 2


def test_the_instance_can_be_given(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = project.parent / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    assert _cli(project, "run").returncode == 0
    assert (home / "storage").is_dir()
    assert not (project / ".dagster").exists()
