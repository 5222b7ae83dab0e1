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
from ai_dataflow.tables.joins import AsOf, JoinKind

# Beside AI columns, none of which begins so.
LEFT, RIGHT = "\ue000left", "\ue000right"
_GROUP, _MOMENT, _PLACE = "\ue000group", "\ue000moment", "\ue000place"


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


def paired_as_of(
    left: pl.DataFrame, right: pl.DataFrame, on: Sequence[str], as_of: AsOf
) -> pl.DataFrame:
    """Pair each row of the left with the last row of equal keys that holds; as `paired`.

    No two rows of the right have equal keys and hold since the same. Nulls match nothing. What is
    equal says the same join as everywhere, so only numbers and moments are compared here.
    """
    groups = right.lazy().select(on).drop_nulls().unique().with_row_index(_GROUP).collect().lazy()

    def side(frame: pl.DataFrame, moment: str, number: str, place: int) -> pl.LazyFrame:
        numbered = frame.lazy().select(*on, pl.col(moment).alias(_MOMENT)).with_row_index(number)
        dated = numbered.drop_nulls(_MOMENT).join(groups, on=on, how="inner")
        return dated.select(_GROUP, _MOMENT, pl.lit(place).alias(_PLACE), number)

    # Of one moment, what holds from then on comes before who looks up only if that is enough.
    lasting = side(right, as_of.since, RIGHT, 0 if as_of.or_at else 2)
    sides = (lasting, side(left, as_of.moment, LEFT, 1))
    in_order = pl.concat(sides, how="diagonal").collect().sort(_GROUP, _MOMENT, _PLACE)
    met = (
        in_order.with_columns(pl.col(RIGHT).forward_fill().over(_GROUP))
        .filter(pl.col(LEFT).is_not_null() & pl.col(RIGHT).is_not_null())
        .select(LEFT, RIGHT)
    )
    by = [name for name in on if name == CLIENT]
    a = left.with_row_index(LEFT).select(*by, LEFT).join(met, on=LEFT, how="left")
    b = right.with_row_index(RIGHT).select(*by, RIGHT).join(met, on=RIGHT, how="anti")
    return _sorted(pl.concat([a, b], how="diagonal").select(*by, LEFT, RIGHT), by)


def staying(pairs: pl.DataFrame, kind: JoinKind) -> pl.DataFrame:
    """Give the pairs that a kind of join makes rows of."""
    match kind:
        case "full":
            return pairs
        case "left" | "lookup":
            return pairs.filter(pl.col(LEFT).is_not_null())
        case "inner":
            return pairs.drop_nulls()


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
