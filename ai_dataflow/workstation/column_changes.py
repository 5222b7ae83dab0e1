"""How the columns of a dataset differ between two versions, and how their values are compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl
from polars.exceptions import PolarsError

ColumnState = Literal["added", "removed", "retyped"]


@dataclass(frozen=True)
class ColumnChange:
    """A column that came, went, or has another type; the types are blank where it was not.

    `compared` tells whether its values are: those of a column that both versions have, unless a
    nested one got another type.
    """

    column: str
    change: ColumnState
    before: str = ""
    after: str = ""
    compared: bool = False


def column_changes(before: pl.Schema, after: pl.Schema) -> tuple[ColumnChange, ...]:
    """Give what changed, in the order of the columns; those that went last."""
    return (*_of_new(before, after),
            *(ColumnChange(name, "removed", str(before[name])) for name in before
              if name not in after))  # fmt: skip


def _of_new(before: pl.Schema, after: pl.Schema) -> Iterator[ColumnChange]:
    for name, dtype in after.items():
        if name not in before:
            yield ColumnChange(name, "added", "", str(dtype))
        elif before[name] != dtype:
            is_compared = common_type(before[name], dtype) is not None
            yield ColumnChange(name, "retyped", str(before[name]), str(dtype), is_compared)


def compared_types(before: pl.Schema, after: pl.Schema) -> dict[str, pl.DataType]:
    """Give the columns whose values are compared, and as what."""
    types = {n: common_type(before[n], dtype) for n, dtype in after.items() if n in before}
    return {name: dtype for name, dtype in types.items() if dtype is not None}


def common_type(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """Give the type as which values of two types are compared; None where they cannot be.

    Numbers are compared as the wider number, dates and timestamps as timestamps, all else as text.
    """
    if one == other:
        return one
    if one.is_nested() or other.is_nested():
        return None
    alike = (one.is_numeric() and other.is_numeric()) or (one.is_temporal() and other.is_temporal())
    frames = (pl.DataFrame(schema={"x": dtype}) for dtype in (one, other))
    try:
        return pl.concat(frames, how="vertical_relaxed").schema["x"] if alike else pl.String()
    except PolarsError:
        return pl.String()
