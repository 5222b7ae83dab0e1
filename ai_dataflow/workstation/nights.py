"""Which earlier publications one is compared with. Pure.

The one before, the one of a week before, and, where a month begins or ends, the one of the same day
a month before: what comes once a week or a month is no news.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

HISTORY = 35  # publications that are looked at: the end of the month before is among them
_CLIENT, _NOW, _THEN = "client_code", "publication", "reference"
WEEK = timedelta(days=7)
_NEAR = timedelta(hours=12)
_EDGE = 3  # days that a month begins or ends with


def references(publications: pl.DataFrame) -> pl.DataFrame:
    """Give `client_code, publication, reference`: what each publication is compared with.

    Args:
        publications: `client_code, publication, at`, one row each.
    """
    ordered = publications.unique([_CLIENT, _NOW]).sort(_CLIENT, "at", _NOW)
    before = ordered.with_columns(pl.col(_NOW).shift(1).over(_CLIENT).alias(_THEN))
    pairs = [before, _a_week_before(ordered), _a_month_before(ordered)]
    chosen = pl.concat([pair.select(_CLIENT, _NOW, _THEN) for pair in pairs])
    return chosen.drop_nulls().unique(maintain_order=True)


def _a_week_before(ordered: pl.DataFrame) -> pl.DataFrame:
    by_time = ordered.sort("at")
    then = by_time.select(_CLIENT, "at", pl.col(_NOW).alias(_THEN))
    wanted = by_time.with_columns(pl.col("at") - WEEK)
    return wanted.join_asof(
        then, on="at", by=_CLIENT, strategy="nearest", tolerance=_NEAR, check_sortedness=False
    )


def _a_month_before(ordered: pl.DataFrame) -> pl.DataFrame:
    """Give the publication of the same day of the month before: last days count from the end."""
    at = pl.col("at")
    day, last = at.dt.day().cast(pl.Int32), at.dt.month_end().dt.day().cast(pl.Int32)
    months = at.dt.year() * 12 + at.dt.month().cast(pl.Int32)
    from_end = day - last - 1
    edge = pl.when(day <= _EDGE).then(day).when(from_end >= -_EDGE).then(from_end)
    placed = ordered.with_columns(months.alias("month"), edge.alias("day")).drop_nulls("day")
    then = placed.select(_CLIENT, "day", pl.col("month") + 1, pl.col(_NOW).alias(_THEN)).unique(
        [_CLIENT, "day", "month"], keep="last", maintain_order=True
    )
    return placed.join(then, on=[_CLIENT, "day", "month"])
