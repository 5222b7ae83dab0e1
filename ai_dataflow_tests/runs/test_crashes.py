"""Runs whose inputs crash the process that reads them: the others are published (P13)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_dataflow import load
from ai_dataflow_tests.engine.deep_parquet import deep_parquet
from ai_dataflow_tests.projects import project, text_file

COUNT = 200
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
    claims,ORION,claim,No,claim_id,int64,
    claims,ORION,claim,,name,string,"LPAD(Name, CAST(Wide AS INT), 'x')"
"""
_LONG, _MANY = 990_000, 3000  # characters of a text; such texts
_MEMORY = 2 << 30  # bytes that a process may allocate: less than all of them take


def _shop(folder: Path, **odd: str) -> Path:
    """Write a project of many clients; `odd` are the locations of some of them."""
    rows = ["product_code,module_name,submodule_name,client_code,module_location,active"]
    for number in range(COUNT):
        client = f"c{number}"
        location = odd.get(client, f"data/{client}.csv")
        rows.append(f"ORION,claims,claim,{client},{location},Y")
        if client not in odd:
            text_file(folder, location, f"No,Name,Wide\n{number},acme,8\n")
    return project(folder, control="\n".join(rows) + "\n", mapping=MAPPING)


_COMMAND = """
import resource
resource.setrlimit(resource.RLIMIT_DATA, ({0}, {0}))
from ai_dataflow.cli import main
main()
"""


def _start(folder: Path, memory: int = _MEMORY) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND.format(memory), "run", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ended(command: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    out, err = command.communicate()
    assert out, err
    return command.returncode, json.loads(out)


def _only_error(folder: Path, memory: int = _MEMORY) -> dict[str, Any]:
    """Run; give the error of the one partition that fails. All others are published."""
    code, report = _ended(_start(folder, memory))
    told = {p["partition"]: p for p in report["partitions"] if p["status"] != "ok"}
    assert code == 1
    (error,) = told.pop("claims|c77")["errors"]
    assert told == {}
    assert _published(folder) == COUNT - 1
    return dict(error)


def _published(folder: Path) -> int:
    return load("claims", config=folder).collect().height


@pytest.mark.slow
@pytest.mark.proves(
    "read file", "killed", "RUN-022: a file that crashes its reader; only its partition fails"
)
def test_a_file_that_crashes_its_reader_costs_its_own_partition(tmp_path: Path) -> None:
    folder = _shop(tmp_path, c77="data/deep.parquet")
    (folder / "data/deep.parquet").write_bytes(deep_parquet())
    error = _only_error(folder)
    assert (error["code"], error["place"]) == ("RUN-022", "control_table.csv:79:module_location")
    assert "SIGSEGV over data/deep.parquet" in error["message"]


@pytest.mark.slow
@pytest.mark.proves(
    "transform", "killed", "RUN-022: a row that takes all memory; only its partition fails"
)
def test_a_row_that_takes_all_memory_costs_its_own_partition(tmp_path: Path) -> None:
    folder = _shop(tmp_path)
    rows = "".join(f"{number},acme,{_LONG}\n" for number in range(_MANY))
    text_file(folder, "data/c77.csv", "No,Name,Wide\n" + rows)
    error = _only_error(folder)
    assert error["code"] == "RUN-022"


@pytest.mark.slow
@pytest.mark.proves(
    "read file",
    "corrupt",
    "RUN-023: a file that unpacks to more than `max_memory`; only its partition fails",
)
def test_a_small_file_that_is_very_large_costs_its_own_partition(tmp_path: Path) -> None:
    folder = _shop(tmp_path, c77="data/c77.parquet")
    with (folder / "ai_dataflow.toml").open("a") as settings:
        settings.write('[execution]\nmax_memory = "500 MB"\n')
    long = pa.DictionaryArray.from_arrays([0] * 6_000, ["x" * 500_000])  # 3 GB of rows
    rows = pa.table({"No": range(6_000), "Name": long, "Wide": ["8"] * 6_000})
    pq.write_table(rows, folder / "data/c77.parquet")
    error = _only_error(folder, memory=1 << 40)
    assert (error["code"], error["place"]) == ("RUN-023", "control_table.csv:79:module_location")
    assert "of memory or more for data/c77.parquet, and all" in error["message"]


@pytest.mark.slow
@pytest.mark.proves(
    "read file", "killed", "nothing where it happens once: what was lost is made again, alone"
)
def test_a_worker_killed_once_from_outside_costs_nothing(tmp_path: Path) -> None:
    folder = _shop(tmp_path)
    command = _start(folder)
    killed: list[int] = []
    hunter = threading.Thread(target=_kill_one_worker, args=(command, killed))
    hunter.start()
    code, report = _ended(command)
    hunter.join()
    assert killed
    assert code == 0, report
    assert _published(folder) == COUNT


def _kill_one_worker(command: subprocess.Popen[str], killed: list[int]) -> None:
    """Kill a worker of a command once it has begun to work."""
    while command.poll() is None and not killed:
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent, *_, user, _ = stat.read_text().rpartition(")")[2].split()[1:13]
                copied = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()
                score = int((stat.parent / "oom_score_adj").read_text())
            except OSError:  # it is gone
                continue
            # A worker is a copy of a child of the command, and may be killed before others.
            if int(copied[1]) == command.pid and score > 0 and int(user) > 10:
                os.kill(int(stat.parent.name), signal.SIGKILL)
                killed.append(int(stat.parent.name))
                return
        time.sleep(0.01)
