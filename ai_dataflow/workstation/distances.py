"""How far two profiles are apart: shares, ratios, and distances of distributions. Pure.

A profile is a row of the profile table. Each distance is 0 for equal profiles and the same in both
directions; shares, `distribution` lie between 0 and 1. They are numbers of a reader who may
see no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Numbers = npt.NDArray[np.float64]

KEYS = ("client_code", "product_code", "ai_column")
BEFORE = "_before"
LISTED = 20  # so many frequent values a profile has at most
# The distances that `apart` gives, and what each is of; null where a profile cannot tell.
KINDS = {
    "rows": "logarithm of the ratio of rows",
    "nulls": "difference of the shares of nulls",
    "level": "logarithm of the ratio of medians, without signs",
    "signs": "difference of the shares below zero",
    "looks": "greatest difference of the shares of texts that look like a number, a date, a blank",
    "encoding": "difference of the shares of frequent values with broken characters",
    "lengths": "logarithm of the ratio of mean lengths",
    "distinct": "difference of the shares of distinct values",
    "new": "greatest share of a frequent value that was not there",
    "vanished": "greatest share of a frequent value that is not there now",
    "filled": "greatest difference of the share of a frequent value that both have",
    "categories": "population stability index of the frequent values and the rest",
    "distribution": "Kolmogorov-Smirnov distance of the quantiles",
}
# UTF-8 read as Windows-1252 or Latin-1, and what decoders put where they fail.
_TAIL = "\u0080-\u00bf" + "".join(
    bytes([code]).decode("cp1252", "ignore") for code in range(128, 160)
)
_BROKEN = f"[ÃÂÐÑ][{_TAIL}]|â€|\ufffd|ï¿½"
_LOOKS = ("number", "date", "blank")
_LEAST = 1e-4  # a share that is never less: what is absent is not infinitely far
_HALF, _NEARLY_ALL = 0.5, 0.9
_PAIR = "_pair"


def measured(profiles: pl.DataFrame) -> pl.DataFrame:
    """Add what distances are made of: shares, a scale, and quantiles that do not move with time.

    Quantiles of dates are counted from the day of the profile: dates of yesterday's rows are as far
    from yesterday as today's are from today.
    """
    filled = pl.col("rows") - pl.col("nulls")
    values = pl.when(filled > 0).then(filled)
    is_time = pl.col("ai_type").is_in(["date", "timestamp"])
    is_date = pl.col("ai_type") == "date"
    at = pl.col("at").dt.epoch("s") / pl.when(is_date).then(86_400.0).otherwise(1.0)
    points = pl.col("quantiles").list.eval(pl.element().fill_nan(None)).list.drop_nulls()
    element = pl.element()
    broken = element.struct.field("value").str.contains(_BROKEN)
    return profiles.with_columns(
        filled.alias("filled"),
        (pl.col("nulls") / pl.when(pl.col("rows") > 0).then(pl.col("rows"))).alias("null_share"),
        (pl.col("distinct") / values).clip(0, 1).alias("distinct_share"),
        pl.when(is_time).then(at).otherwise(0.0).alias("_origin"),
        *((pl.col("looks").struct.field(name) / values).alias(f"{name}_share") for name in _LOOKS),
        pl.when(~is_time).then(points.list.eval(element.abs()).list.median()).alias("scale"),
        pl.when(~is_time).then(points.list.eval(element < 0).list.mean()).alias("negative_share"),
        _quartiles(points).alias("spread"),
        ((pl.col("length_greatest") - pl.col("length_least")) / 4 / pl.col("length_mean")).alias(
            "length_spread"
        ),
        # Dates move on: those of today are no new categories.
        pl.when(~is_time).then("frequent").alias("frequent"),
        pl.col("frequent").list.len().alias("listed"),
        (
            pl.col("frequent").list.eval(element.struct.field("rows").filter(broken)).list.sum()
            / values
        ).alias("broken_share"),
    )


def _quartiles(points: pl.Expr) -> pl.Expr:
    """Give how far the middle half of the values reaches, as a logarithm, without signs."""
    low, high = (pl.element().abs().quantile(q) for q in (0.25, 0.75))
    return points.list.eval(pl.when(low > 0).then((high / low).log())).list.first()


def distances(before: pl.DataFrame, after: pl.DataFrame, by: Sequence[str] = KEYS) -> pl.DataFrame:
    """Give how far the profiles of the same keys are apart: a row per key that both frames have.

    Dates and timestamps have moved by the lesser of two distances: those that stayed as they were
    have not moved, nor have those that moved on as time did.

    Args:
        before: profiles, one per key.
        after: profiles, one per key.
        by: the columns that are the key.
    """
    pairs = measured(after).join(measured(before), on=[*by], suffix=BEFORE)
    gaps = apart(pairs)
    times = (pairs["_origin"] != 0).arg_true()
    as_they_are = pairs[times].with_columns(_origin=0.0, **{f"_origin{BEFORE}": 0.0})
    both = pl.DataFrame([gaps["distribution"].gather(times), _of_quantiles(as_they_are).alias("")])
    lesser = both.select(pl.min_horizontal(pl.all())).to_series()
    gaps = gaps.with_columns(gaps["distribution"].scatter(times, lesser))
    return pairs.select(*by).hstack(gaps)


def apart(pairs: pl.DataFrame) -> pl.DataFrame:
    """Give the distances of pairs: of each column `x` and `x_before` of `measured` profiles.

    A column for each of `KINDS`, a row for each pair, in their order.
    """
    looks = [_difference(f"{name}_share") for name in _LOOKS]
    share = _difference("distinct_share")
    is_whole = pl.col("ai_column") == ""
    scalars = pairs.select(
        pl.when(is_whole).then(_log_ratio("rows", _HALF)).alias("rows"),
        pl.when(~is_whole).then(_difference("null_share")).alias("nulls"),
        _log_ratio("scale").alias("level"),
        _difference("negative_share").alias("signs"),
        pl.max_horizontal(*looks).alias("looks"),
        _difference("broken_share").alias("encoding"),
        _log_ratio("length_mean").alias("lengths"),
        pl.when(_is_mostly_distinct()).then(share).alias("distinct"),
    )
    together = scalars.hstack(_of_frequent(pairs)).hstack([_of_quantiles(pairs)])
    numbers = pairs.select(_is_counted().alias("counted"))
    return together.hstack(numbers).select(
        *(pl.col(kind) for kind in KINDS if kind != "distribution"),
        pl.when(~pl.col("counted")).then("distribution"),
    )


def _difference(name: str) -> pl.Expr:
    return (pl.col(name) - pl.col(f"{name}{BEFORE}")).abs()


def _log_ratio(name: str, add: float = 0.0) -> pl.Expr:
    """Give the logarithm of a ratio without its sign; null where a side is not above zero."""
    now, before = pl.col(name) + add, pl.col(f"{name}{BEFORE}") + add
    return pl.when((now > 0) & (before > 0)).then((now.log() - before.log()).abs())


def _is_mostly_distinct() -> pl.Expr:
    """Tell where a repeated value is news: elsewhere the share depends on the count of rows."""
    shares = pl.max_horizontal("distinct_share", f"distinct_share{BEFORE}")
    return shares > _NEARLY_ALL


def _is_counted() -> pl.Expr:
    """Tell whether integers are numbers given one after the other: they move on, as dates do."""
    shares = pl.min_horizontal("distinct_share", f"distinct_share{BEFORE}").fill_null(0.0)
    return pl.col("ai_type").str.starts_with("int") & (shares > _NEARLY_ALL)


def _of_quantiles(pairs: pl.DataFrame) -> pl.Series:
    """Give the Kolmogorov-Smirnov distances of pairs; null where one has no quantiles."""
    import numpy as np  # noqa: PLC0415 - its import is for who has pairs

    lengths = [pl.col(f"quantiles{side}").list.len() for side in ("", BEFORE)]
    origins = pairs["_origin"], pairs[f"_origin{BEFORE}"]
    indexed = pairs.with_row_index(_PAIR)
    given = np.full(pairs.height, np.nan)
    sizes = indexed.select(_PAIR, size=lengths[0], other=lengths[1]).drop_nulls()
    for (size, other), rows in (
        sizes.filter(pl.min_horizontal("size", "other") > 0)
        .partition_by("size", "other", as_dict=True)
        .items()
    ):
        chosen = rows[_PAIR]
        sides = [
            pairs[f"quantiles{side}"].gather(chosen).list.to_array(width).to_numpy()
            - origin.gather(chosen).to_numpy()[:, None]
            for side, width, origin in (("", size, origins[0]), (BEFORE, other, origins[1]))
        ]
        given[chosen.to_numpy()] = kolmogorov_smirnov(sides[0], sides[1])
    # As a list: of an array, Polars asks parts of numpy whose import takes longer than all this.
    return pl.Series("distribution", given.tolist(), pl.Float64).fill_nan(None)


def kolmogorov_smirnov(left: Numbers, right: Numbers) -> Numbers:
    """Give the distances of samples, row by row: the greatest gap of their distributions.

    Args:
        left: one sample, or its evenly spaced quantiles, per row.
        right: as many rows.
    """
    import numpy as np  # noqa: PLC0415 - as above

    both = np.concatenate([left, right], axis=1)
    order = np.argsort(both, axis=1, kind="stable")
    steps = np.where(order < left.shape[1], 1 / left.shape[1], -1 / right.shape[1])
    gaps = np.abs(np.cumsum(steps, axis=1))
    points = np.take_along_axis(both, order, axis=1)
    is_last = np.ones(points.shape, dtype=bool)  # of equal points: there both sides have them all
    is_last[:, :-1] = points[:, 1:] != points[:, :-1]
    greatest: Numbers = np.where(is_last, gaps, 0.0).max(axis=1, initial=0.0)
    return np.clip(greatest, 0.0, 1.0)


def _of_frequent(pairs: pl.DataFrame) -> pl.DataFrame:
    """Compare the frequent values of pairs; null where one has none of its values listed."""
    indexed = pairs.with_row_index(_PAIR)
    now, before = _listed(indexed, ""), _listed(indexed, BEFORE)
    values = now.join(before, on=[_PAIR, "value"], how="full", coalesce=True)
    sides = [_side(indexed, ""), _side(indexed, BEFORE)]
    there = sides[0].join(sides[1], on=_PAIR)
    joined = values.join(there, on=_PAIR)
    share, share_before = _share("", BEFORE), _share(BEFORE, "")
    shares = joined.select(
        _PAIR,
        share.alias("p"),
        share_before.alias("q"),
        pl.col("count").is_null().alias("is_gone"),
        pl.col(f"count{BEFORE}").is_null().alias("is_new"),
    )
    p, q = pl.col("p"), pl.col("q")
    rest, rest_before = (1 - p.sum()).clip(0, 1), (1 - q.sum()).clip(0, 1)
    is_both = ~(pl.col("is_gone") | pl.col("is_new"))
    counted = shares.group_by(_PAIR).agg(
        (p - q).filter("is_new").max().fill_null(0.0).alias("new"),
        (q - p).filter("is_gone").max().fill_null(0.0).alias("vanished"),
        (p - q).abs().filter(is_both).max().fill_null(0.0).alias("filled"),
        (_stability(p, q).sum() + _stability(rest, rest_before)).alias("categories"),
    )
    return (
        indexed.select(_PAIR).join(counted, on=_PAIR, how="left", maintain_order="left").drop(_PAIR)
    )


def _listed(indexed: pl.DataFrame, side: str) -> pl.DataFrame:
    """Give the frequent values of one side of pairs, a row each."""
    listed = indexed.select(_PAIR, pl.col(f"frequent{side}").alias("one"))
    each = listed.filter(pl.col("one").list.len() > 0).explode("one")
    one = pl.col("one").struct
    return each.select(
        _PAIR, one.field("value").alias("value"), one.field("rows").alias(f"count{side}")
    )


def _side(indexed: pl.DataFrame, side: str) -> pl.DataFrame:
    """Give how many values a side has, and how often one that is not listed can be there."""
    listed = pl.col(f"frequent{side}")
    counts = listed.list.eval(pl.element().struct.field("rows"))
    is_cut = (listed.list.len() >= LISTED) & (counts.list.sum() < pl.col(f"filled{side}"))
    sides = indexed.select(
        _PAIR,
        pl.col(f"filled{side}").alias(f"values{side}"),
        pl.when(is_cut).then(counts.list.min()).otherwise(0).alias(f"hidden{side}"),
        is_there=(listed.list.len() > 0) & (pl.col(f"filled{side}") > 0),
    )
    return sides.filter("is_there").drop("is_there")


def _share(side: str, other: str) -> pl.Expr:
    """Give the share of a value; one that is not listed has as much as it can, like the other."""
    values = pl.col(f"values{side}")
    like = pl.col(f"count{other}") / pl.col(f"values{other}")
    hidden = pl.min_horizontal(like, pl.col(f"hidden{side}") / values)
    return (pl.col(f"count{side}") / values).fill_null(hidden).clip(0, 1)


def _stability(p: pl.Expr, q: pl.Expr) -> pl.Expr:
    """Give the term of one category in the population stability index."""
    return (p - q) * ((p + _LEAST) / (q + _LEAST)).log()
