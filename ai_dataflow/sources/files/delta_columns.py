"""The columns of a Delta table, and what they are called in its files: *column mapping*."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ai_dataflow.sources.columns import field_named, named
from ai_dataflow.sources.files.common_types import instance

_NAME, _ID = "delta.columnMapping.physicalName", "delta.columnMapping.id"
_Turn = Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True)
class PhysicalColumn:
    """A column: its name, and its name, type and number in the files.

    `turn` gives the fields of structs their names; None where it leaves the values as they are.
    """

    name: str
    stored: str
    dtype: pl.DataType
    number: int | None
    turn: _Turn | None

    def value(self) -> pl.Expr:
        """Give its values, of a frame that has the files' columns."""
        column = named(self.stored)
        return column if self.turn is None else self.turn(column)


def physical_columns(
    fields: Iterable[Mapping[str, Any]], schema: pl.Schema, *, mapped: bool
) -> Iterator[PhysicalColumn]:
    """Give the columns of a table.

    Args:
        fields: those of its schema, as the log has them.
        schema: the same in types of Polars.
        mapped: whether files have other names than the table.
    """
    for field in fields:
        name, dtype, said = field["name"], schema[field["name"]], field["metadata"]
        if not mapped:
            yield PhysicalColumn(name, name, dtype, None, None)
            continue
        stored, turn = _stored(field["type"], dtype)
        yield PhysicalColumn(name, said[_NAME], stored, said.get(_ID), turn)


def _stored(kind: Any, dtype: pl.DataType) -> tuple[pl.DataType, _Turn | None]:
    """Give the type that files have, and what makes the table's of it."""
    if isinstance(dtype, pl.List):
        inner, turn = _stored(kind["elementType"], instance(dtype.inner))
        if turn is None:
            return dtype, None
        return pl.List(inner), lambda values: values.list.eval(turn(pl.element()))
    if isinstance(dtype, pl.Struct):
        return _struct(kind["fields"], dtype)
    if isinstance(dtype, pl.Map) and "physicalName" in str(kind):
        raise pl.exceptions.ComputeError("column mapping within the values of a map")
    return dtype, None


def _struct(
    fields: Iterable[Mapping[str, Any]], dtype: pl.Struct
) -> tuple[pl.DataType, _Turn | None]:
    types = {field.name: instance(field.dtype) for field in dtype.fields}
    of_files: dict[str, pl.DataType] = {}
    turns: dict[str, tuple[str, _Turn | None]] = {}
    for field in fields:
        stored = field["metadata"].get(_NAME, field["name"])
        of_files[stored], turn = _stored(field["type"], types[field["name"]])
        turns[field["name"]] = stored, turn
    made = pl.Struct(of_files)

    def turned(values: pl.Expr) -> pl.Expr:
        parts = {name: field_named(values, made, stored) for name, (stored, _) in turns.items()}
        whole = [
            (part if (turn := turns[name][1]) is None else turn(part)).alias(name)
            for name, part in parts.items()
        ]
        return pl.when(values.is_not_null()).then(pl.struct(whole))

    return made, turned
