"""Two machines that share a workstation, and whose clocks are days apart."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from ai_dataflow_tests import projects
from ai_dataflow_tests.clocks import DAY, clock
from ai_dataflow_tests.runs.runs import cli

pytestmark = pytest.mark.slow

NONE = timedelta(0)
BROKEN = projects.MAPPING.replace("Amount,amount", "Amont,amount")


def _machine(folder: Path, workstation: Path, mapping: str) -> Path:
    toml = f'[workstation]\nurl = "{workstation}"\n'
    return projects.project(folder, mapping=mapping, toml=toml)


@pytest.mark.proves(
    "report", "concurrent", "what came last is told, though machines' clocks are days apart"
)
@pytest.mark.parametrize("shifts", [(DAY, NONE), (DAY, -DAY)], ids=str)
def test_what_another_machine_mended_is_well_and_told(
    tmp_path: Path, shifts: Sequence[timedelta]
) -> None:
    """The first run holds its partition back, the second, elsewhere, publishes it.

    By the clocks it was before the first.
    """
    workstation = tmp_path / "workstation"
    told = []
    for name, shift, mapping in zip("ab", shifts, (BROKEN, projects.MAPPING), strict=True):
        folder = _machine(tmp_path / name, workstation, mapping)
        with clock(shift, tmp_path):
            ran = cli(folder, "run")
        (seen,) = json.loads(cli(folder, "status", "--json").stdout)["items"]
        told.append((ran.returncode, seen["state"]))
    assert told == [(2, "held"), (0, "ok")]
    mails = sorted(file.read_text() for file in tmp_path.glob("?/mails/*.eml"))
    assert sum("RECOVERED 1 partition" in mail for mail in mails) == 1
    assert len(mails) == 2
