"""No value that stands where a column's name should be is told anywhere (P10).

A project whose sources are all such files is run and asked in every way; then all that it said and
wrote is searched.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ai_dataflow_tests import projects
from ai_dataflow_tests.header_cases import CASES, VALUE, location_of
from ai_dataflow_tests.orchestration.canaries import written_in
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.runs import cli

pytestmark = pytest.mark.slow

COMMANDS = (
    "validate", "validate --json", "validate --format github", "plan", "plan --json",
    "plan --explain claims|c0", "explain amount --json", "run --json", "run", "status --json",
    "mails",
)  # fmt: skip
MAPPING = (
    "module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform\n"
    "claims,ORION,claim,ClaimNo,claim_id,int64,\n"
    "claims,ORION,claim,,amount,float64,Amount * 2\n"
)


def _write(folder: Path) -> None:
    rows = projects.CONTROL.splitlines()[:2]
    for number, files in enumerate(CASES.values()):
        place = f"data/c{number}"
        rows.append(f"    ORION,claims,claim,c{number},{place}/{location_of(files)},Y")
        for path, content in files.items():
            (folder / place / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / place / path).write_bytes(content)
    teams = "team,email,concern,notify\nall,all@example.org,*,both\n"
    project(folder, control="\n".join(rows), mapping=MAPPING, teams=teams)


def test_what_may_be_a_value_is_told_nowhere(tmp_path: Path) -> None:
    _write(tmp_path)
    for command in COMMANDS:
        told = cli(tmp_path, *command.split())
        assert VALUE not in told.stdout + told.stderr, command
        assert "Traceback" not in told.stdout + told.stderr, command
    kept = Counter(
        {name: VALUE.encode() in written_in(tmp_path / name)
         for name in (".dagster", ".cache", "mails", "workstation")}
    )  # fmt: skip
    assert not +kept
    reports = list((tmp_path / "workstation/_runs").glob("*.json"))
    assert b"does not look like a header" in b"".join(file.read_bytes() for file in reports)
    assert list((tmp_path / "mails").glob("*.eml"))
