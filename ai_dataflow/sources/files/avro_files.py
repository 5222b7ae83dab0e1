"""Avro's container files as columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import IO, Any

import fastavro
import polars as pl

from ai_dataflow.connections.foreign_errors import FOREIGN
from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.sources.files.avro_blocks import records, schema_of
from ai_dataflow.sources.files.avro_types import AvroColumn, Types
from ai_dataflow.sources.files.json_fields import value_at
from ai_dataflow.tables.archives import failing_as
from ai_dataflow.tables.grids import UnreadableError

_BATCH = 20_000


class AvroFile:
    """A file of records of one schema, its own; it is read anew for each question."""

    def __init__(self, root: Folder, file: StoredFile) -> None:
        self._root, self._file = root, file

    @cached_property
    def _columns(self) -> dict[str, AvroColumn]:
        with self._opened() as stream:
            names: dict[str, Any] = {}
            schema = fastavro.parse_schema(schema_of(stream), named_schemas=names)
            if not isinstance(schema, dict) or schema.get("type") != "record":
                raise UnreadableError("what it has are no records")
            columns: dict[str, AvroColumn] = {}
            for column in sorted(Types(names).columns(schema), key=lambda each: len(each.path)):
                columns.setdefault(".".join(column.path), column)
            return columns

    def schema(self) -> pl.Schema:
        """Give the columns that its own schema has."""
        return pl.Schema({name: column.dtype for name, column in self._columns.items()})

    def frames(self, wanted: pl.Schema, malformed: list[str]) -> Iterator[pl.DataFrame]:
        """Give the rows; none is `malformed`: what is damaged ends the file."""
        with self._opened() as stream:
            every = records(stream)
            while rows := list(islice(every, _BATCH)):
                yield pl.DataFrame(
                    self._columns[name].series(
                        name, [value_at(row, self._columns[name].path) for row in rows], dtype
                    )
                    for name, dtype in wanted.items()
                )

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        with self._root.open(self._file) as stream:
            try:
                with failing_as("it is no Avro, or is damaged"):
                    yield stream
            except UnreadableError as error:
                if isinstance(error.__context__, FOREIGN):
                    raise error.__context__ from None  # what the account says is no damage
                raise
