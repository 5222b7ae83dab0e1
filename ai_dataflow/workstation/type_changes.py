"""Columns that change their type: a Delta version has one type for all of its files."""

from __future__ import annotations

from typing import Any

import polars as pl
from deltalake import DeltaTable, Schema

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.connections.stores import Folder, scan_parquet
from ai_dataflow.workstation.layout import PARTITION_COLUMN


def check_types(delta: DeltaTable, table: Folder, schema: Schema, clients: set[str]) -> None:
    """Refuse a new type for a column while other clients' files still hold the old one.

    Raises:
        DataflowError: WST-002.
    """
    published = {field.name: field.type for field in delta.schema().fields}
    if added := {field.name for field in schema.fields} - set(published):
        published |= _dropped(delta, table, added, clients)
    changed = [f.name for f in schema.fields if published.get(f.name, f.type) != f.type]
    others = {str(values[PARTITION_COLUMN]) for values in delta.partitions()} - clients
    if changed and others:
        raise DataflowError(
            Diagnostic(
                "WST-002",
                f"{listing(changed)} has another type in the published dataset, and {len(others)} "
                f"clients are not part of this run ({listing(sorted(others), 3)})",
                fix="run all partitions of the module at once, or name the column anew",
            )
        )


def _dropped(
    delta: DeltaTable, table: Folder, names: set[str], clients: set[str]
) -> dict[str, Any]:
    """Give the types of columns that the table has no more, but other clients' files still do."""
    files = pl.DataFrame(delta.get_add_actions(flatten=True))
    others = files.filter(~pl.col(f"partition.{PARTITION_COLUMN}").is_in(list(clients)))
    schemas = at_once(
        lambda path: scan_parquet(table, [path]).collect_schema(), list(others["path"])
    )
    held = {n: dtype for schema in schemas for n, dtype in schema.items() if n in names}
    arrow = pl.DataFrame(schema=held).to_arrow().schema
    return {field.name: field.type for field in Schema.from_arrow(arrow).fields}
