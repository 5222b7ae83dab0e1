"""Files that are read one by one and not scanned: workbooks, JSON documents, Avro.

Each kind has a reader that gives a file's columns and rows; here is what they have in common:
columns of folders, types that several files agree on, and what is told of a file that is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import polars as pl

from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.sources.columns import as_seen, named, without_seen
from ai_dataflow.sources.files import file_failures
from ai_dataflow.tables.grids import UnreadableError

Widen = Callable[[pl.DataType, pl.DataType], pl.DataType | None]
_FIX = "deliver the file again, or correct what is said of its format in [formats]"


class Contents(Protocol):
    """What is in a file; both may raise `UnreadableError`."""

    def schema(self) -> pl.Schema:
        """Give its columns."""

    def frames(self, wanted: pl.Schema, malformed: list[str]) -> Iterator[pl.DataFrame]:
        """Give these columns in these types; rows that have none are added to `malformed`."""


@dataclass
class DocumentFile:
    """One file; `malformed` fills with rows that are none as `batches` is consumed.

    `location` is what its location is called, `name` the file, `place` the control table's cell of
    the location, `partition` the columns that its folders name; `opens` opens it.
    """

    root: Folder
    file: StoredFile
    location: str
    name: str
    place: str
    partition: Mapping[str, str | None]
    opens: Callable[[Folder, StoredFile], Contents]
    malformed: list[str] = field(default_factory=list)

    @cached_property
    def contents(self) -> Contents:
        """What is in the file.

        Raises:
            DataflowError: SRC-003.
        """
        with self._classified():
            return self.opens(self.root, self.file)

    @cached_property
    def schema(self) -> pl.Schema:
        """The columns of the file; read once.

        Raises:
            DataflowError: SRC-003.
        """
        with self._classified():
            return self.contents.schema()

    @property
    def types(self) -> pl.Schema:
        """The columns of the file and those that its folders name.

        Raises:
            DataflowError: SRC-003.
        """
        return pl.Schema({**dict.fromkeys(self.partition, pl.String()), **self.schema})

    def batches(self, types: pl.Schema) -> Iterator[pl.DataFrame]:
        """Read these columns in these types, in batches; one that it has not is null.

        Raises:
            DataflowError: SRC-003.
        """
        self.malformed.clear()
        inside = [name for name in types if name in self.schema]
        first = inside or list(self.schema)[:1]  # its rows count, whichever of it is wanted
        wanted = pl.Schema({name: types.get(name, self.schema[name]) for name in first})
        added = [
            pl.lit(self.partition.get(name), pl.String()).cast(dtype).alias(name)
            for name, dtype in types.items()
            if name not in inside
        ]
        with self._classified():
            for frame in self.contents.frames(wanted, self.malformed):
                yield frame.with_columns(added).select(map(named, types))

    @contextmanager
    def _classified(self) -> Iterator[None]:
        """Tell of a file that is not what it should be; what an account says is told elsewhere."""
        try:
            yield
        except UnreadableError as error:
            raise file_failures.unreadable(self.name, self.place, error, _FIX) from None


def united(files: Sequence[DocumentFile], widen: Widen) -> pl.Schema:
    """Give the columns of all files of a location, each in a type that has its values exactly.

    One whose types have none in common is of the type `Unknown`.

    Args:
        files: at least one.
        widen: gives the type that has the values of two; None where there is none.

    Raises:
        DataflowError: SRC-003.
    """
    types: dict[str, pl.DataType] = {}
    for file in files:
        for column, dtype in file.types.items():
            types[column] = _wider(types.get(column, dtype), dtype, widen)
    kept = without_seen(name for name, dtype in types.items() if dtype == pl.String)
    return pl.Schema({name: t for name, t in types.items() if name not in {*map(as_seen, kept)}})


def _wider(one: pl.DataType, other: pl.DataType, widen: Widen) -> pl.DataType:
    return pl.Unknown() if one == pl.Unknown else widen(one, other) or pl.Unknown()


def common(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """Give the smallest type that has the values of both exactly; None where there is none."""
    if other in (one, pl.Null()):
        return one
    if one == pl.Null:
        return other
    kinds = {type(one), type(other)}
    if kinds == {pl.Date, pl.Datetime}:
        moment = one if isinstance(one, pl.Datetime) else other
        has_zone = isinstance(moment, pl.Datetime) and moment.time_zone
        return None if has_zone else moment  # a day is no instant
    if one.is_integer() and other.is_integer():
        return pl.Int64()
    if kinds <= {pl.Float64, pl.Float32, pl.Int32}:
        return pl.Float64()
    return None
