"""A run that stood still while another took its lease brings no older content back."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ai_dataflow import load
from ai_dataflow.config.grouped import grouped
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.pausing import REPORT

pytestmark = pytest.mark.slow
EVERY = "AI_DATAFLOW_EXAMPLES"  # all calls rather than one of each kind
_CLIENTS = ("acme", "borealis")


def _write(folder: Path, sheet: str) -> None:
    """Write a project of two clients, whose amount comes from the column `old` or `new`."""
    text_file(folder, "ai_dataflow.toml", """
        control_table = "control.csv"
        ai_mapping = "mapping.csv"
        teams = "teams.csv"
        [workstation]
        url = "workstation"
    """)  # fmt: skip
    rows = "\n".join(f"ORION,claims,line,{client},{client}.csv,Y" for client in _CLIENTS)
    head = "product_code,module_name,submodule_name,client_code,module_location,active"
    (folder / "control.csv").write_text(f"{head}\n{rows}\n")
    (folder / "mapping.csv").write_text(
        "module_name,product_code,submodule_name,source_column,ai_column,ai_type\n"
        f"claims,ORION,line,id,id,int64\nclaims,ORION,line,{sheet},amount,int64\n"
    )
    (folder / "teams.csv").write_text("team,email,concern\nall,all@example.org,*\n")
    for client in _CLIENTS:
        (folder / f"{client}.csv").write_text("id,old,new\n1,10,11\n2,20,22\nx,30,33\n")


@dataclass
class _Paused:
    """A run that stands still, or that ended before it could."""

    process: subprocess.Popen[str]

    @classmethod
    def at(cls, folder: Path, number: int) -> _Paused:
        module = "ai_dataflow_tests.runs.pausing"
        command = [sys.executable, "-m", module, str(folder), str(folder / "workstation")]
        return cls(subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True))

    def stands_still(self) -> bool:
        """Wait until it does; false where it has ended."""
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            return True
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return False

    def goes_on(self) -> tuple[list[str], RunReport]:
        """Let it go on to its end; give its calls and its report."""
        if self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGCONT)
        assert self.process.stdout is not None
        *calls, last = self.process.stdout.read().splitlines()
        assert self.process.wait(60) == 0
        return calls, RunReport.model_validate_json(last.removeprefix(REPORT))


def _amounts(folder: Path) -> dict[str, list[int]]:
    rows = load("claims", config=folder).sort("client_code", "id").collect()
    return {c: rows.filter(client_code=c)["amount"].to_list() for c in _CLIENTS}


NEW = {client: [11, 22] for client in _CLIENTS}


def _other_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ai_dataflow.workstation.lease.DEAD_SECONDS", 0.3)
    monkeypatch.setattr("ai_dataflow.workstation.lease._LOOK_SECONDS", 0.05)
    _write(folder, "new")
    report = spine.run(folder)
    assert report.exit_code == 0
    assert _amounts(folder) == NEW


def _numbers(folder: Path) -> list[int]:
    """Choose where to stop: one call of each kind, or all."""
    _write(folder, "old")
    spine.run(folder)
    (folder / "acme.csv").write_text("id,old,new\n1,10,11\n2,20,22\n")
    (folder / "borealis.csv").write_text("id,old,new\n1,10,11\n2,20,22\n")
    run = _Paused.at(folder, 0)
    assert not run.stands_still()
    calls, report = run.goes_on()
    assert [p.status for p in report.partitions] == ["ok", "ok"]
    every = list(range(1, len(calls) + 1))
    if os.environ.get(EVERY):
        return every
    kinds = grouped(every, lambda number: calls[number - 1])
    chosen = random.Random(17)  # noqa: S311 - which of a kind, no secret
    return sorted({chosen.choice(numbers) for numbers in kinds.values()})


def test_a_run_that_stood_still_never_brings_older_content_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in _numbers(tmp_path / "counted"):
        folder = tmp_path / f"stopped-{number}"
        _write(folder, "old")
        spine.run(folder)
        for client in _CLIENTS:
            (folder / f"{client}.csv").write_text("id,old,new\n1,10,11\n2,20,22\n")
        run = _Paused.at(folder, number)
        assert run.stands_still()
        _other_run(folder, monkeypatch)
        calls, report = run.goes_on()
        where = f"stopped before call {number}: {calls[number - 1]}"
        assert _amounts(folder) == NEW, where
        for partition in report.partitions:
            codes = {error.code for error in partition.errors}
            assert partition.status in ("ok", "unchanged") or codes == {"WST-006"}, (where, codes)
