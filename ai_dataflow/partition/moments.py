"""Moments: which row of a lookup holds, where there are several of equal keys (`as_of`)."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ai_dataflow.partition.pairs import LEFT, RIGHT
from ai_dataflow.tables.joins import AsOf

_GROUP, _MOMENT, _PLACE = "\ue000group", "\ue000moment", "\ue000place"


def last_before(
    rows: pl.DataFrame, table: pl.DataFrame, on: Sequence[str], as_of: AsOf
) -> pl.DataFrame:
    """Pair the number of each row with that of the last row of equal keys that holds.

    No two rows of the table have equal keys and hold since the same. Nulls match nothing. What is
    equal says the same join as everywhere, so only numbers and moments are compared here.
    """
    groups = table.lazy().select(on).drop_nulls().unique().with_row_index(_GROUP).collect().lazy()

    def side(frame: pl.DataFrame, moment: str, number: str, place: int) -> pl.LazyFrame:
        numbered = frame.lazy().select(*on, pl.col(moment).alias(_MOMENT)).with_row_index(number)
        dated = numbered.drop_nulls(_MOMENT).join(groups, on=on, how="inner")
        return dated.select(_GROUP, _MOMENT, pl.lit(place).alias(_PLACE), number)

    # Of one moment, what holds from then on comes before who looks up only if that is enough.
    lasting = side(table, as_of.since, RIGHT, 0 if as_of.or_at else 2)
    sides = (lasting, side(rows, as_of.moment, LEFT, 1))
    in_order = pl.concat(sides, how="diagonal").collect().sort(_GROUP, _MOMENT, _PLACE)
    met = (
        in_order.with_columns(pl.col(RIGHT).forward_fill().over(_GROUP))
        .filter(pl.col(LEFT).is_not_null() & pl.col(RIGHT).is_not_null())
        .select(LEFT, RIGHT)
    )
    numbers = rows.select(pl.int_range(pl.len(), dtype=pl.UInt32()).alias(LEFT))
    return numbers.join(met, on=LEFT, how="left", maintain_order="left")
