"""The contract of a dataset as another program reads it, in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ai_dataflow.cli.starter import write_project
from ai_dataflow_tests.runs.runs import cli
from bench.peers.environments import python_of


@pytest.mark.slow
def test_datacontract_cli_takes_a_contract(tmp_path: Path) -> None:
    write_project(tmp_path / "p", "minimal")
    file = tmp_path / "claims.odcs.yaml"
    assert cli(tmp_path / "p", "contract", "claims", "--output", str(file)).returncode == 0
    assert lint(file).returncode == 0
    file.write_text(file.read_text().replace("logicalType: date", "logicalType: day"))
    wrong = lint(file)
    assert wrong.returncode == 1
    assert "claim_date.logicalType" in wrong.stdout


def lint(file: Path) -> subprocess.CompletedProcess[str]:
    program = python_of("contracts").with_name("datacontract")
    command = [program, "lint", file]
    return subprocess.run(command, capture_output=True, text=True, check=False)
