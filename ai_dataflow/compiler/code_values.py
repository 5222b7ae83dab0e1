"""Code lists in expressions: what a value becomes, and where the list does not have it."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import polars as pl

from ai_dataflow.compiler.transforms import Transform
from ai_dataflow.tables.ai_mapping import MappingRow, literal

_MISSING = "\ue000"  # no code list has it: a cell cannot hold that character
_TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Date)


class Coded(NamedTuple):
    """What a code list makes of a transform, and where it lacks the value; None where never."""

    made: Transform
    unmapped: pl.Expr | None


def has_codes(dtype: pl.DataType) -> bool:
    """Tell whether values of a type have one text each, by which a list can name them."""
    is_whole = dtype.is_integer() or (isinstance(dtype, pl.Decimal) and not dtype.scale)
    return is_whole or isinstance(dtype, _TEXTS)


def coded(made: Transform, row: MappingRow) -> Coded:
    """Look a value up in the code list of a mapping row; blank and null stay nothing.

    The value is looked up in a step of its own: what becomes of it and whether it is there are
    both told by that.
    """
    assert row.codes is not None  # noqa: S101 - the caller's condition
    text = made.value if made.dtype == pl.String else made.value.cast(pl.String)
    word = row.unmapped.casefold() or "reject"
    otherwise = {"reject": pl.lit(_MISSING), "null": pl.lit(None, pl.String), "keep": text}
    looked_up = row.codes.looked_up(text, otherwise.get(word, pl.lit(literal(row.unmapped))))
    is_given = (text.str.strip_chars() != "").fill_null(value=False)
    step = f"\ue000{row.said}{row.ai_column}"
    value = pl.col(step)
    steps = (*made.steps, (pl.when(is_given).then(looked_up).alias(step),))
    if word != "reject":
        return Coded(replace(made, value=value, dtype=pl.String(), steps=steps), None)
    is_missing = (value == _MISSING).fill_null(value=False)
    done = replace(made, value=pl.when(~is_missing).then(value), dtype=pl.String(), steps=steps)
    return Coded(done, is_missing)
