"""Columns of a sheet's cells: each cell's value, exactly, and what people see of it.

A column whose cells are of one kind has the type of it. One of several kinds is text, each cell as
people see it. What is seen of numbers, days and truth values is beside them, as `<name> (as seen)`:
a code such as 007 is the number 7 in the format `000`, and a text made of it has to be `007`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

import polars as pl

from ai_dataflow.tables.shown import shown

MILLISECONDS = 86_400_000  # of a day
_EPOCH = datetime(1970, 1, 1)
_EXACT = 2**53  # up to here a float has every whole number
_CHUNK = 20_000
_SURE_DIGITS = 15
TOO_LONG = "it has more digits than a number of a workbook keeps: make it a text"
_NOT_CERTAIN = "what people see in it is not certain: format it as text, and write it anew"


class CellKind(IntEnum):
    """What a cell is. Days and instants are numbers of milliseconds since 1970, times since 0:00.

    Of a truth value the number is 0 or 1; the text of a `FLAW` says what is wrong with the cell.
    """

    EMPTY = 0
    NUMBER = 1
    DAY = 2
    INSTANT = 3
    TIME = 4
    DURATION = 5
    BOOLEAN = 6
    TEXT = 7
    FLAW = 8


# Its kind, number, text, and the number of its format; without a format (-1) the text is what
# people see of the number, where that is known.
Cell = tuple[CellKind, float | None, str | None, int]
EMPTY: Cell = (CellKind.EMPTY, None, None, 0)
_SCHEMA = {"kind": pl.UInt8(), "number": pl.Float64(), "text": pl.String(), "format": pl.Int32()}
_TYPES: dict[frozenset[int], pl.DataType] = {
    frozenset(): pl.Null(),
    frozenset({CellKind.DAY}): pl.Date(),
    frozenset({CellKind.INSTANT}): pl.Datetime("ms"),
    frozenset({CellKind.DAY, CellKind.INSTANT}): pl.Datetime("ms"),
    frozenset({CellKind.TIME}): pl.Time(),
    frozenset({CellKind.DURATION}): pl.Duration("ms"),
    frozenset({CellKind.BOOLEAN}): pl.Boolean(),
}


def flaw(message: str) -> Cell:
    """Give a cell that has no value to go by."""
    return CellKind.FLAW, None, message, 0


def text(value: str) -> Cell:
    """Give a cell of text; a blank one is empty."""
    return (CellKind.TEXT, None, value, 0) if value else EMPTY


def loses_digits(written: str) -> bool:
    """Tell whether a number has more digits than the float that a cell keeps of it."""
    digits = written.lstrip("-")
    is_long = len(digits) > _SURE_DIGITS and digits.isdigit()
    return is_long and int(digits) != int(float(digits))


@dataclass
class CellColumn:
    """A column of cells; `formats` are the number formats that its cells name."""

    name: str
    letter: str
    formats: Sequence[str]
    _rows: list[Cell] = field(default_factory=list)
    _frames: list[pl.DataFrame] = field(default_factory=list)

    def add(self, cell: Cell) -> None:
        """Add the cell of the next row."""
        self._rows.append(cell)
        if len(self._rows) >= _CHUNK:
            self._pack()

    def _pack(self) -> None:
        parts = [*zip(*self._rows, strict=True)] or [()] * len(_SCHEMA)
        values = {name: list(part) for name, part in zip(_SCHEMA, parts, strict=True)}
        self._frames.append(pl.DataFrame(values, _SCHEMA, strict=False))
        self._rows.clear()

    @property
    def cells(self) -> pl.DataFrame:
        """All cells, a row each: `kind`, `number`, `text`, `format`."""
        if self._rows or len(self._frames) != 1:
            self._pack()
            self._frames = [pl.concat(self._frames)]
        return self._frames[0]

    def dtype(self) -> pl.DataType:
        """Give the type that has all cells."""
        kinds = frozenset(self.cells["kind"].unique()) - {CellKind.EMPTY, CellKind.FLAW}
        if kinds == {CellKind.NUMBER}:
            numbers = self.cells["number"]
            is_whole = ((numbers == numbers.round()) & (numbers.abs() <= _EXACT)).all()
            return pl.Int64() if is_whole else pl.Float64()
        return _TYPES.get(kinds, pl.String())

    def values(self, dtype: pl.DataType) -> pl.Series:
        """Give the values in the column's own type, a wider one, or as text: as people see them."""
        cells = self.cells
        number = cells["number"]
        match dtype:
            case pl.String():
                return self._seen()
            case pl.Null():
                return pl.Series([None] * len(cells), dtype=pl.Null())
            case pl.Date():
                return (number / MILLISECONDS).cast(pl.Int32).cast(pl.Date)
            case pl.Time():
                return (number * 1_000_000).cast(pl.Int64).cast(pl.Time)
            case pl.Datetime() | pl.Duration():
                return number.cast(pl.Int64).cast(dtype)
            case _:
                return number.cast(dtype)

    def problems(self, dtype: pl.DataType) -> pl.Series:
        """Say what is wrong with each cell, where its value in this type is wanted; else null."""
        cells = self.cells
        flaws: Any = pl.when(pl.col("kind") == CellKind.FLAW).then(pl.col("text"))
        if dtype == pl.String:
            uncertain = (pl.col("kind") != CellKind.EMPTY) & pl.col("seen").is_null()
            flaws = flaws.when(uncertain).then(pl.lit(_NOT_CERTAIN))
            cells = cells.with_columns(self._seen().alias("seen"))
        return cells.select(flaws.alias("problem"))["problem"]

    def mark(self, rows: pl.Series, message: str) -> None:
        """Tell that the cells of some rows have no value to go by."""
        self._frames = [
            self.cells.with_columns(
                pl.when(rows)
                .then(int(CellKind.FLAW))
                .otherwise("kind")
                .cast(pl.UInt8)
                .alias("kind"),
                pl.when(rows).then(pl.lit(message)).otherwise("text").alias("text"),
            )
        ]

    def _seen(self) -> pl.Series:
        """Give each cell's text as people see it; null where that cannot be known."""
        cells = self.cells
        is_certain = pl.col("kind").is_in([CellKind.TEXT]) | (pl.col("format") < 0)
        seen = pl.when(is_certain).then(pl.col("text"))
        looked = cells.filter(~is_certain & ~pl.col("kind").is_in([CellKind.EMPTY, CellKind.FLAW]))
        if looked.is_empty():
            return cells.select(seen.alias(self.name))[self.name]
        keys = ["kind", "number", "format"]
        unique = looked.select(keys).unique()
        texts = [shown(held(kind, number), self.formats[i]) for kind, number, i in unique.rows()]
        texts_of = unique.with_columns(pl.Series("seen", texts, pl.String))
        joined = cells.join(texts_of, on=keys, how="left", maintain_order="left")
        return joined.select(pl.coalesce(seen, "seen").alias(self.name))[self.name]


def held(kind: int, number: float) -> object:
    """Give what a cell holds: a truth value, a day, a number; of a time nothing tells its text."""
    match kind:
        case CellKind.BOOLEAN:
            return bool(number)
        case CellKind.DAY | CellKind.INSTANT:
            return _EPOCH + timedelta(milliseconds=number)
        case CellKind.NUMBER:
            return number
        case _:
            return object()
