"""The tables of profiles: for each commit of a module a file of all its clients, or a few.

Only who has the module's lease writes here. What a killed run leaves is of publications that no
version names, and `cleanup` takes it away.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import polars as pl
from deltalake import DeltaTable, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from ai_dataflow.connections.scans import delta_options, delta_uri
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import open_table
from ai_dataflow.workstation.data_files import DataFile, write_rows
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.profiles import SCHEMA, STORED
from ai_dataflow.workstation.reaching import overtaken, reaching

if TYPE_CHECKING:
    from polars._typing import PolarsDataType

_SIMPLE: dict[PolarsDataType, str] = {
    pl.String(): "string",
    pl.Int32(): "integer",
    pl.Int64(): "long",
    pl.Float64(): "double",
}


def write_profiles(table: Folder, rows: pl.DataFrame) -> DataFile:
    """Write profiles, as `SCHEMA` says, into a file that no commit of their table names yet.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    stored = rows.select(SCHEMA.names()).cast(STORED)
    # The ends of what is least and greatest are values; so log and footer have counts alone.
    return write_rows(stored, table.make(), f"{uuid.uuid4().hex}.parquet", ends=False)


def add_profiles(
    workstation: Folders, module: str, files: Sequence[DataFile], writer: Writer
) -> None:
    """Let profiles join their table; its readers see them when data names their publication.

    Args:
        workstation: where.
        module: whose they are.
        files: the profiles, as they were written.
        writer: the run, and its lease.

    Raises:
        DataflowError: WST-001, WST-003 to WST-006.
    """
    change_profiles(workstation.profiles(module), files, (), writer)


def change_profiles(
    table: Folder, files: Sequence[DataFile], removed: Collection[str], writer: Writer
) -> None:
    """Add files with profiles and take others away, in one commit.

    Raises:
        DataflowError: WST-001, WST-003 to WST-006.
    """
    with reaching(table):
        delta = open_table(table)
        if delta is not None:
            writer.check(delta, table)
        added = [_added(file) for file in files]
        leaving = [_removed(path) for path in removed]
        try:
            _commit(table, delta, added, leaving, writer)
        except CommitFailedError as error:
            raise overtaken(table, error) from None


def _commit(
    table: Folder,
    delta: DeltaTable | None,
    added: Sequence[AddAction],
    leaving: Sequence[RemoveAction],
    writer: Writer,
) -> None:
    once = writer.once
    if delta is None:
        create_table_with_add_actions(
            delta_uri(table),
            _SCHEMA,
            [*added],
            storage_options=delta_options(table),
            commit_properties=once,
        )
        return
    if new := [field for field in _SCHEMA.fields if field.name not in _names(delta)]:
        delta.alter.add_columns(new)
    delta.create_write_transaction(
        [*added, *leaving], mode="append", schema=_SCHEMA, commit_properties=once
    )


def _names(delta: DeltaTable) -> set[str]:
    return {field.name for field in delta.schema().fields}


def _added(file: DataFile) -> AddAction:
    now, stats = int(time.time() * 1000), json.dumps({"numRecords": file.rows})
    return AddAction(file.path, file.size, {}, now, data_change=True, stats=stats)


def _removed(path: str) -> RemoveAction:
    now = int(time.time() * 1000)
    return RemoveAction(path=path, data_change=True, deletion_timestamp=now, partition_values={})


def _delta_type(dtype: PolarsDataType) -> object:
    if isinstance(dtype, pl.List):
        return {"type": "array", "elementType": _delta_type(dtype.inner), "containsNull": True}
    if isinstance(dtype, pl.Struct):
        return {"type": "struct", "fields": [_field(f.name, f.dtype) for f in dtype.fields]}
    return "timestamp" if isinstance(dtype, pl.Datetime) else _SIMPLE[dtype]


def _field(name: str, dtype: PolarsDataType) -> dict[str, object]:
    return {"name": name, "type": _delta_type(dtype), "nullable": True, "metadata": {}}


def _schema() -> Schema:
    fields = [_field(name, dtype) for name, dtype in STORED.items()]
    return Schema.from_json(json.dumps({"type": "struct", "fields": fields}))


_SCHEMA = _schema()
