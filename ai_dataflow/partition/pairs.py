"""Pairs: which rows of two sides belong together, and the rows that they make.

A pair has the number of a row of each side; one of them is null where a row stays alone. Joining
numbers instead of rows leaves the values where they are: they are gathered when they are written,
some rows at a time, and who proves that nothing is lost looks at the numbers alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.joins import JoinKind

# Beside AI columns, none of which begins so.
LEFT, RIGHT = "\ue000left", "\ue000right"


def paired(left: pl.DataFrame, right: pl.DataFrame, on: Sequence[str]) -> pl.DataFrame:
    """Pair rows of equal keys; null keys match nothing.

    Returns:
        The numbers of the rows, from 0, and their client where there are several. They are in the
        order of the left, then of the right; by client first.
    """
    sides = (
        frame.lazy().select(*on).with_row_index(number)
        for frame, number in ((left, LEFT), (right, RIGHT))
    )
    by = [name for name in on if name == CLIENT]
    joined = next(sides).join(next(sides), on=on, how="full", coalesce=True)
    return _sorted(joined.select(*by, LEFT, RIGHT).collect(), by)


def staying(pairs: pl.DataFrame, kind: JoinKind) -> pl.DataFrame:
    """Give the pairs that a kind of join makes rows of."""
    match kind:
        case "left":
            return pairs.filter(pl.col(LEFT).is_not_null())
        case "inner":
            return pairs.drop_nulls()
        case _:
            return pairs


def _sorted(pairs: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    # Cheaper than a join that keeps an order, and, one after the other, than a sort by all three.
    for name in (RIGHT, LEFT, *by):
        pairs = pairs.sort(name, nulls_last=True, maintain_order=True)
    return pairs


def gathered(
    pairs: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame, on: Sequence[str]
) -> pl.LazyFrame:
    """Give the rows that pairs make, each time they are asked for: a key is that of either side."""
    keys, others = right.select(on), right.drop(on)

    def rows(some: pl.DataFrame) -> pl.DataFrame:
        a, b = left[some[LEFT]], others[some[RIGHT]]
        if some[LEFT].null_count():  # the key of these is the other side's
            of_right = keys[some[RIGHT]]
            a = a.with_columns(a[key].fill_null(of_right[key]) for key in on)
        return a.hstack(b)

    return pairs.lazy().map_batches(
        rows,
        schema={**left.schema, **right.schema},
        predicate_pushdown=False,
        projection_pushdown=False,
        streamable=True,
    )


def lost(right: SourceJob) -> Diagnostic:
    """Tell that a join lost or multiplied rows."""
    return Diagnostic(
        "DAT-002",
        f"{right.product}: the join of `{right.submodule}` lost or multiplied rows",
        fix="the partition was not published; please report this",
        product=right.product,
        submodule=right.submodule,
    )
