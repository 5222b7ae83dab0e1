"""How far two profiles may be apart by chance, and how far a client's nights are from each other.

A distance is unusual beyond its margin, which is the greatest of three: a least difference that
anybody cares about, what samples of such a size differ by, and what is learned from the past. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import polars as pl

from ai_dataflow.workstation.distances import BEFORE, KINDS

ALARMS = 0.002  # of the nights of a partition, by chance alone, have an alarm
ENOUGH = 5  # so many earlier distances say what is usual
ENOUGH_CLIENTS = 10  # so many other clients do
MEDIANS, SECONDS = 5.0, 1.6  # so many times the median, the second greatest, of the past
_YOUNG = 2.0  # so much wider are margins while the past says little
_ROWS_OF_MONTH = 0.5  # until a month's end was seen, so many more rows may be one
TWO_WEEKS, MONTH = 14, 28  # days


_FEW_ROWS = 6


@dataclass(frozen=True)
class Floor:
    """The least distance that counts: with a past, while the past says little, between clients."""

    usual: float
    young: float
    others: float | None = None


FLOORS = {
    "rows": Floor(0.22, 0.69),
    "nulls": Floor(0.03, 0.15, 0.3),
    "level": Floor(0.30, 1.0, 2.1),
    "signs": Floor(0.08, 0.25, 0.3),
    "looks": Floor(0.05, 0.2, 0.25),
    "encoding": Floor(0.02, 0.05, 0.1),
    "lengths": Floor(0.10, 0.4, 1.1),
    "distinct": Floor(0.02, 0.1),
    "new": Floor(0.06, 0.2),
    "vanished": Floor(0.06, 0.2),
    "filled": Floor(0.10, 0.25),
    "categories": Floor(0.25, 0.6),
    "distribution": Floor(0.10, 0.25),
}


# The columns that have the distances of pairs, beside those of their profiles.
GAP = {kind: f"gap_{kind}" for kind in KINDS}


def strictness(tests: pl.Series) -> pl.Series:
    """Give the standard deviations that a distance needs among so many tests, by Bonferroni."""
    normal = NormalDist()
    return tests.map_elements(
        lambda count: normal.inv_cdf(1 - ALARMS / (2 * max(count, 1))), return_dtype=pl.Float64
    )


def noise() -> list[pl.Expr]:
    """Give what pairs of `measured` profiles differ by if they are two samples of the same.

    For each of `KINDS`; the column `z` is how many standard deviations.
    """
    z = pl.col("z")
    values = _both("filled")
    given = {
        "rows": z * _both("rows").sqrt(),
        "nulls": _share_noise("null_share", "rows"),
        "level": z * 0.93 * _greater("spread") * values.sqrt(),
        "signs": _share_noise("negative_share"),
        "looks": pl.max_horizontal(
            *(_share_noise(f"{name}_share") for name in ("number", "date", "blank"))
        ),
        "encoding": _share_noise("broken_share"),
        "lengths": z * _greater("length_spread") * values.sqrt(),
        "distinct": _distinct_noise() + 5 * _greater("distinct_error"),
        "new": z * (_half("new") * values).sqrt(),
        "vanished": z * (_half("vanished") * values).sqrt(),
        "filled": z * (0.25 * values).sqrt(),
        "categories": 1.4 * values * _tail(_greater("listed"), z),
        "distribution": 0.6 * z * values.sqrt() + 0.04,
    }
    return [given[kind].alias(f"noise_{kind}") for kind in KINDS]


def _both(name: str) -> pl.Expr:
    """Give the sum of the inverse sizes of two samples."""
    return 1 / (pl.col(name) + 1) + 1 / (pl.col(f"{name}{BEFORE}") + 1)


def _greater(name: str) -> pl.Expr:
    return pl.max_horizontal(name, f"{name}{BEFORE}").fill_null(1.0)


def _half(kind: str) -> pl.Expr:
    """Give the variance of a value that a share has in one sample and none in the other."""
    return pl.col(GAP[kind]) / 2 * (1 - pl.col(GAP[kind]) / 2)


def _share_noise(name: str, size: str = "filled") -> pl.Expr:
    """Give what a share differs by: of a few rows, one more is nothing, even if there was none."""
    sizes = pl.col(size), pl.col(f"{size}{BEFORE}")
    rows = pl.col(name) * sizes[0] + pl.col(f"{name}{BEFORE}") * sizes[1]
    share = (rows + 1) / (sizes[0] + sizes[1] + 2)
    return pl.col("z") * (share * (1 - share) * _both(size)).sqrt()


def _distinct_noise() -> pl.Expr:
    """Give what shares of distinct values differ by: of keys, whose share is 1, by a few rows."""
    least = pl.min_horizontal("filled", f"filled{BEFORE}")
    is_key = _greater("distinct_share") >= 1
    return pl.when(is_key).then(_FEW_ROWS / (least + 1)).otherwise(_share_noise("distinct_share"))


def _tail(categories: pl.Expr, z: pl.Expr) -> pl.Expr:
    """Give a quantile of the chi-squared distribution, from above."""
    return categories + z * (2 * categories).sqrt() + z * z


def learned(past: pl.DataFrame) -> pl.DataFrame:
    """Add the margins to tests: `kind, distance, noise, is_more, earlier, days`.

    `is_more` tells whether there are more rows now, `earlier` are the distances of earlier
    publications, and `days` is how long the past is that is known.
    """
    kinds = list(FLOORS)
    usual, young = (
        pl.col("kind").replace_strict(kinds, [getattr(FLOORS[k], n) for k in kinds])
        for n in ("usual", "young")
    )
    ordered = pl.col("earlier").list.sort(descending=True)
    second = ordered.list.get(1, null_on_oob=True).fill_null(0.0)
    taught = pl.max_horizontal(usual, "noise", MEDIANS * ordered.list.median(), SECONDS * second)
    days = pl.col("days").fill_null(0)
    is_young = (pl.col("earlier").list.len().fill_null(0) < ENOUGH) | (days < TWO_WEEKS)
    unseen_month = (pl.col("kind") == "rows") & pl.col("is_more") & (days < MONTH)
    margin = (
        pl.when(is_young).then(pl.max_horizontal(young, _YOUNG * pl.col("noise"), taught))
        .when(unseen_month).then(pl.max_horizontal(taught, _ROWS_OF_MONTH))
        .otherwise(taught)
    )  # fmt: skip
    return past.with_columns(margin.alias("margin")).with_columns(
        (pl.col("distance") / pl.col("margin")).alias("score")
    )
