"""Copies of SQL tables in a partition's staging: their mapped columns, all rows or the new ones."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import polars as pl

from ai_dataflow.compiler.mappings import compile_source
from ai_dataflow.config.computation import copying_names
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.extracts.appending import Appended, Copied, Write, append
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.sources import client_rows
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.sql import queries
from ai_dataflow.sources.sql.change_marks import marks
from ai_dataflow.sources.sql.queries import Columns
from ai_dataflow.tables.locations import SqlLocation, identity
from ai_dataflow.workstation.data_files import DataFile, write_batches


def copy(
    source: SourceJob,
    location: SqlLocation,
    settings: Settings,
    staging: Folder,
    last: Extract | None,
) -> Extract:
    """Copy the mapped columns of a SQL table's rows into one file of the partition's staging.

    Args:
        source: the source; `location` is its own.
        location: the table.
        settings: for the connection.
        staging: the partition's folder for copies.
        last: the last extract of the source, which new rows may be appended to.

    Raises:
        DataflowError: what hinders reading the table or writing the copy.
    """
    # Asked before the rows are: what changes meanwhile is seen by the next run.
    mark = source.seen if isinstance(source.seen, str) else _mark(source, location, settings)
    table = _table(source, location, settings)
    write = partial(_write, source=source, staging=staging)
    done = Appended(None, "")
    if by := _spelled(source.append_by, table.columns):
        source = replace(source, append_by=by)
        table = replace(table, wanted=list(dict.fromkeys([*table.wanted, by])))
        done = append(source, table, last, staging, write)
    file = done.file or _whole(table, write, source.place)
    return _extract(source, table, file, staging, mark, done.note)


def _table(source: SourceJob, location: SqlLocation, settings: Settings) -> Copied:
    """Ask a table for its columns; give it with those that the mapping needs, one at least."""
    database = queries.database(location.connection, settings)
    columns = database.columns(location, source.place)
    schema = pl.Schema({name: column.dtype for name, column in columns.items()})
    needed = _needed(source, schema) or list(schema)[:1]
    if location.client_column:
        _check_client(source, location, schema)
    return Copied(location, database, columns, needed, _origins(location, settings))


def _needed(source: SourceJob, schema: pl.Schema) -> list[str]:
    """Give the columns that are read of a table, be it by one of the source's variants.

    One that does not compile fails where its partition is made, and not for the others.

    Raises:
        DataflowError: none compiles.
    """
    names, errors = dict[str, None](), list[DataflowError]()
    for variant in (source, *source.variants):
        try:
            read = compile_source(variant, schema).wanted.names_in(schema)
        except DataflowError as error:
            errors.append(error)
        else:
            names |= dict.fromkeys(filter(None, read.values()))
    if len(errors) > len(source.variants):
        raise errors[0]
    return list(names)


def _check_client(source: SourceJob, location: SqlLocation, schema: pl.Schema) -> None:
    """Make sure that the client can be in its column: a database would take `07` for 7."""
    name, place = location.client_column, source.place
    column, dtype = client_rows.client_column(name, schema, location, place)
    if not client_rows.can_be_in(dtype, location.client):
        raise file_failures.no_rows(str(location), column, place, holds_numbers=True)


def _write(frames: Iterable[pl.DataFrame], source: SourceJob, staging: Folder) -> DataFile:
    # A name of its own for every attempt: what another left behind is never read.
    path = f"{source.product}.{source.submodule}.{uuid.uuid4().hex}.parquet"
    return write_batches(frames, staging, path)


def _whole(table: Copied, write: Write, place: str) -> DataFile:
    """Copy all rows of a table."""
    return table.database.copy(table.location, table.columns, table.wanted, write, place)


def _extract(
    source: SourceJob, table: Copied, file: DataFile, staging: Folder, mark: str, note: str
) -> Extract:
    """Give the extract that a copy is; of a shared table, a client without rows is an error."""
    location = table.location
    if location.client_column and not file.rows:
        column, place = location.client_column, source.place
        dtype = next(c.dtype for n, c in table.columns.items() if n.casefold() == column.casefold())
        is_number = not client_rows.is_text(dtype)
        raise file_failures.no_rows(str(location), column, place, holds_numbers=is_number)
    return Extract(
        name=str(location),
        folder=staging.url,
        file_format="parquet",
        files=(StoredFile(file.path, file.size, ""),),
        staged=True,
        rows=file.rows,
        product=source.product,
        submodule=source.submodule,
        source=identity(location),
        fingerprint=mark,
        note=note,
        origin=table.origins[0],
    )


def _origins(location: SqlLocation, settings: Settings) -> tuple[str, ...]:
    """Digest what tells a copy's database and computation from others: by each of its names."""
    where = settings.sql[location.connection].where
    texts = (f"{computation} {where}" for computation in copying_names())
    return tuple(hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts)


def _spelled(name: str, columns: Columns) -> str:
    """Give a column as the table spells it."""
    return next((column for column in columns if column.casefold() == name.casefold()), name)


def _mark(source: SourceJob, location: SqlLocation, settings: Settings) -> str:
    mark = marks({location: source.place}, settings)[location]
    if isinstance(mark, tuple):
        raise DataflowError(*mark)
    return mark
