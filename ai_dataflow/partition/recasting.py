"""Recasting: published values in another type, where none of them is lost.

A value is kept where the sheet's own casts lead to the new type and back to the very same value:
7 becomes the text `7`, which is 7 again; the text `007` would become 7, which is another text. So
whoever gets the old type back has the old values back. The table is in docs/merging.md.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from ai_dataflow.compiler.casts import cast

_THERE = "\ue000there"


def losing(frame: pl.LazyFrame, types: Mapping[str, pl.DataType]) -> frozenset[str]:
    """Give the columns of which a value would be lost in another type. Streams.

    Args:
        frame: the rows.
        types: the other type of each column; one that the frame does not have loses nothing.

    Raises:
        PolarsError: it cannot be computed.
    """
    changed = _changed(frame, types).items()
    return frozenset(name for name, (then, now) in changed if _loses(frame, name, then, now))


def _changed(
    frame: pl.LazyFrame, types: Mapping[str, pl.DataType]
) -> dict[str, tuple[pl.DataType, pl.DataType]]:
    """Give the columns that have another type, with that and the one that they get."""
    schema = frame.collect_schema()
    both = {name: (schema.get(name, dtype), dtype) for name, dtype in types.items()}
    return {name: (then, now) for name, (then, now) in both.items() if then != now}


def _loses(frame: pl.LazyFrame, name: str, then: pl.DataType, dtype: pl.DataType) -> bool:
    there = cast(pl.col(name), then, dtype)
    back = cast(pl.col(_THERE), dtype, then)
    if there is None or back is None:  # only nulls can be both
        lost = frame.select(pl.col(name).is_not_null().any())
    else:
        both = frame.select(name, there.value.alias(_THERE))
        lost = both.select(back.value.ne_missing(pl.col(name)).any())
    return bool(lost.collect(engine="streaming").item())


def recast(frame: pl.LazyFrame, types: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Give rows with the types that some columns have from now on.

    A value that cannot have its type becomes null: ask `losing` before.
    """
    changed = _changed(frame, types).items()
    return frame.with_columns(_cast(name, then, now) for name, (then, now) in changed)


def _cast(name: str, then: pl.DataType, now: pl.DataType) -> pl.Expr:
    there = cast(pl.col(name), then, now)
    value = pl.lit(None, now) if there is None else there.value
    return value.cast(now).alias(name)
