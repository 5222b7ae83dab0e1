"""Publishing small frames by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import TableColumn, commit
from ai_dataflow.workstation.data_files import write_partition
from ai_dataflow.workstation.fencing import Writer

DELTA_TYPES: dict[pl.DataType, str] = {
    pl.Int64(): "long",
    pl.Int32(): "integer",
    pl.Float64(): "double",
    pl.String(): "string",
    pl.Boolean(): "boolean",
    pl.Date(): "date",
    pl.Datetime("us", "UTC"): "timestamp",
}
Rows = dict[str, list[Any]] | pl.DataFrame


def table(folder: Path, module: str = "sales") -> Folder:
    """Give the folder of a dataset in a test's workstation."""
    return Folder(str(folder / "workstation" / module))


def publish(folder: Path, run_id: str = "run-1", **clients: Rows | None) -> int:
    """Publish the rows of some clients in one commit; give the version."""
    return publish_as(folder, "sales", clients, run_id=run_id)


def publish_as(
    folder: Path,
    module: str,
    clients: Mapping[str, Rows | None],
    notes: Mapping[str, Mapping[str, str]] | None = None,
    run_id: str = "run-1",
) -> int:
    """Publish rows of a module, whose columns have notes; give the version."""
    frames = {
        client: None if rows is None else pl.DataFrame(rows) for client, rows in clients.items()
    }
    columns = {
        name: TableColumn(
            name, DELTA_TYPES[dtype], notes=tuple((notes or {}).get(name, {}).items())
        )
        for frame in frames.values()
        if frame is not None
        for name, dtype in frame.schema.items()
    }
    place = table(folder, module)
    files = {
        client: () if frame is None else write_partition(frame.lazy(), place, client)
        for client, frame in frames.items()
    }
    return commit(place, list(columns.values()), files, Writer(run_id))
