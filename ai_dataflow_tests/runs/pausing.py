"""A run in a process of its own that stands still at one of its calls on the workstation.

`python -m ai_dataflow_tests.runs.pausing CONFIG WORKSTATION NUMBER` runs a project as the Dagster
step does, prints the name of each call that touches the workstation, and stops itself (SIGSTOP)
before the NUMBER-th; in the end it prints its report.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from ai_dataflow.connections import stores
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.runs import prospect
from ai_dataflow.runs.outcome import NOBODY
from ai_dataflow.runs.run import execute
from ai_dataflow.workstation import commit, lease
from ai_dataflow_tests.engine.in_process import keep_here

_OF_FOLDERS = ("files", "stream", "aged_files", "folders", "stat", "read", "read_range", "exists",
               "write", "write_new", "delete", "create")  # fmt: skip
REPORT = "report "


class _Pause:
    """Counts calls on the workstation and stops the process before one of them."""

    def __init__(self, workstation: str, number: int) -> None:
        self._workstation, self._number, self._count = workstation, number, 0
        self._lock = threading.Lock()

    def over(self, name: str, call: Callable[..., Any], where: Callable[..., str]) -> Any:
        """Give a call that is counted if it is on the workstation."""

        def counted(*args: Any, **options: Any) -> Any:
            # Signs of life come from a thread of their own, at any time.
            is_ours = not threading.current_thread().name.startswith("lease")
            if is_ours and self._workstation in where(*args, **options):
                self._touch(f"{name} {_part(where(*args, **options))}")
            return call(*args, **options)

        return counted

    def _touch(self, label: str) -> None:
        with self._lock:
            self._count += 1
            print(label, flush=True)
            if self._count == self._number:
                os.kill(os.getpid(), signal.SIGSTOP)


def _part(place: str) -> str:
    parts = place.partition("/workstation")[2].strip("/").split("/")
    return parts[0] if parts[0].startswith("_") else "data"


def _install(pause: _Pause) -> None:
    for name in _OF_FOLDERS:
        call = getattr(stores.Folder, name)
        setattr(stores.Folder, name, pause.over(name, call, lambda folder, *_, **__: folder.url))
    opened = pause.over("open table", commit.open_table, lambda table, *_: table.url)
    commit.open_table = opened
    write = DeltaTable.create_write_transaction
    at = pause.over("commit", write, lambda table, *_, **__: table.table_uri)
    DeltaTable.create_write_transaction = at  # type: ignore[method-assign]
    create = commit.create_table_with_add_actions
    commit.create_table_with_add_actions = pause.over(
        "create table", create, lambda uri, *_, **__: uri
    )
    sink = pl.LazyFrame.sink_parquet
    to = pause.over("sink", sink, lambda _, target, *__, **___: str(target))
    pl.LazyFrame.sink_parquet = to  # type: ignore[method-assign]


def main(config: Path, workstation: str, number: int) -> None:
    """Make all partitions of a project, standing still before a call; print the report."""
    _install(_Pause(workstation, number))
    keep_here(pytest.MonkeyPatch())  # workers' calls are calls of this process
    lease.BEAT_SECONDS, lease._LOOK_SECONDS, lease.DEAD_SECONDS = 0.05, 0.05, 0.3
    draft = prospect.read_draft(config)
    report = execute(prospect.look_ahead(draft), STAGES, f"paused-{number}", NOBODY)
    print(REPORT + report.model_dump_json(), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
