"""Publishing small frames by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import TableColumn, commit
from ai_dataflow.workstation.data_files import write_partition
from ai_dataflow.workstation.fencing import Writer

DELTA_TYPES: dict[pl.DataType, str] = {pl.Int64(): "long", pl.String(): "string"}


def table(folder: Path) -> Folder:
    """Give the folder of a dataset in a test's workstation."""
    return Folder(str(folder / "workstation" / "sales"))


def publish(folder: Path, run_id: str = "run-1", **clients: dict[str, list[Any]] | None) -> int:
    """Publish the rows of some clients in one commit; give the version."""
    frames = {
        client: None if rows is None else pl.DataFrame(rows) for client, rows in clients.items()
    }
    columns = {
        name: TableColumn(name, DELTA_TYPES[dtype])
        for frame in frames.values()
        if frame is not None
        for name, dtype in frame.schema.items()
    }
    files = {
        client: () if frame is None else write_partition(frame.lazy(), table(folder), client)
        for client, frame in frames.items()
    }
    return commit(table(folder), list(columns.values()), files, Writer(run_id))
