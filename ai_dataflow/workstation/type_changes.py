"""Columns that change their type: a Delta version has one type for all of its files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable, Schema
from polars.exceptions import PolarsError

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.config.panics import PanicError
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.layout import PARTITION_COLUMN
from ai_dataflow.workstation.reaching import reaching


@dataclass(frozen=True)
class OldFile:
    """A published file that does not have the types that its columns shall have.

    `columns` are those; of a file that cannot be read, all that change.
    """

    client: str
    path: str
    columns: tuple[str, ...]
    is_readable: bool = True


def types_in(schema: Schema) -> dict[str, pl.DataType]:
    """Give the types of a Delta schema as Polars has them."""
    return dict(pl.Schema(schema.to_arrow()))


def changed_types(delta: DeltaTable, types: Mapping[str, pl.DataType]) -> dict[str, pl.DataType]:
    """Give the types that a table does not have yet, of new columns too.

    A file may have a column that its table has no more, of whatever type that was.
    """
    published = types_in(delta.schema())
    return {name: dtype for name, dtype in types.items() if published.get(name) != dtype}


def old_files(
    delta: DeltaTable, table: Folder, types: Mapping[str, pl.DataType], but: Collection[str] = ()
) -> list[OldFile]:
    """Find the files of a table's version that types do not fit.

    Args:
        delta: the version.
        table: its folder.
        types: what the columns shall be from now on.
        but: the clients whose files are of no interest.

    Raises:
        DataflowError: WST-004 or WST-005.
    """
    changed = changed_types(delta, types)
    files = list(_files(delta, but)) if changed else []
    compared = at_once(lambda file: _old(table, *file, changed), files)
    return [file for file in compared if file.columns]


def _files(delta: DeltaTable, but: Collection[str]) -> Iterator[tuple[str, str]]:
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    for client, path in actions.select(f"partition.{PARTITION_COLUMN}", "path").iter_rows():
        if client not in but:
            yield client, unquote(path)


def _old(table: Folder, client: str, path: str, changed: Mapping[str, pl.DataType]) -> OldFile:
    try:
        with reaching(table):
            schema = scan_parquet(table, [path]).collect_schema()
    except (DataflowError, PolarsError, PanicError) as error:
        if isinstance(error, DataflowError) and error.diagnostics[0].meaning.kind != "publish":
            raise  # the account: it is not about this file
        return OldFile(client, path, tuple(changed), is_readable=False)
    odd = (name for name, dtype in changed.items() if schema.get(name, dtype) != dtype)
    return OldFile(client, path, tuple(odd))


def check_types(delta: DeltaTable, table: Folder, schema: Schema, clients: Iterable[str]) -> None:
    """Refuse a new type for a column while other clients' files still hold the old one.

    Raises:
        DataflowError: WST-002.
    """
    if odd := old_files(delta, table, types_in(schema), but=set(clients)):
        columns = dict.fromkeys(name for file in odd for name in file.columns)
        others = listing(sorted({file.client for file in odd}), 3)
        raise DataflowError(
            Diagnostic(
                "WST-002",
                f"{listing(columns)} has another type in the published rows of {others}",
                place=table.url,
                fix="run these clients, or name the column anew",
            )
        )
