"""Distinct values of many profiles, counted in their sketches: the least hashes of each.

A sketch that is cut off has all hashes below its greatest one. So below the least of these ends
all hashes of all profiles are there: how many there are, and how far the end is, tells how many
values there are in all. Where no sketch is cut off, all are there, and the count is exact.

Where one profile has most of the values below the end, its own count tells more than the end does:
all values are as many times its own as all hashes below the end are times its own there.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ai_dataflow.workstation.profiles import HASH_BITS

KEPT = 1024  # hashes of a merged sketch: an error of 3 %
_MANY, _FIRST, _ENOUGH = 128, 8, 400  # of more profiles, so few of each give so many of all
_AT_ONCE = 1 << (64 - HASH_BITS)  # groups whose numbers fit beside a hash
_ROWS_AT_ONCE = 1 << 14
_ALL = 1 << HASH_BITS  # the end of a sketch that has all hashes
_UNSEEN = 2.0  # values that may be outside of a profile where none were seen
_ROW = "\ue000row"


def distinct(rows: pl.DataFrame, sketches: pl.LazyFrame, group: str) -> pl.DataFrame:
    """Count distinct values in sketches: below the least end of those cut off, all are there.

    Args:
        rows: profiles: their group, `distinct`, `distinct_error`.
        sketches: `distinct` and `hashes` of the same profiles, in the same order. They are the
            largest part of profiles, and rarely needed whole.
        group: the column of the group's number.
    """
    some = pl.col("distinct") > 0
    counts = rows.group_by(group).agg(
        pl.col("distinct").is_null().any().alias("unknown"),
        some.sum().alias("of"),
        pl.col("distinct").max().alias("most"),
        pl.col("distinct").sum().alias("sum"),
        pl.col("distinct_error").max().alias("error"),
        pl.col("distinct_error").get(pl.col("distinct").arg_max()).alias("error_of_most"),
    )
    both = counts.join(_sketches(rows.select(group), sketches, group), on=group, how="left")
    is_cut, alone = pl.col("end") < _ALL, pl.col("of") <= 1
    lost = pl.col("unknown") | (pl.col("bare") & ~alone)
    number, rough = _estimate()
    near = number.round().clip(pl.col("most"), pl.col("sum")).cast(pl.Int64)
    number = pl.when(alone).then("most").when(is_cut).then(near).otherwise("held")
    error = pl.when(alone).then("error").when(is_cut).then(rough).otherwise(0.0)
    sketch = pl.when(alone).then("of_most").otherwise("below")
    return both.select(
        group,
        pl.when(~lost).then(number).alias("distinct"),
        pl.when(~lost).then(error).alias("distinct_error"),
        pl.when(~lost).then(sketch.fill_null([])).alias("hashes"),
    )


def _estimate() -> tuple[pl.Expr, pl.Expr]:
    """Give the number of values of a group whose sketches are cut off, and its relative error.

    By the end, or by the share of the profile that has most: what has the lesser error. The share
    is taken as if two values more were outside of it: that none was seen does not say that none is
    there, and with two the true number is within two errors in 95 of 100 cases.
    """
    by_end = pl.col("held") * float(_ALL) / pl.col("end").clip(1)
    error_by_end = pl.col("held").cast(pl.Float64).pow(-0.5)
    share = pl.col("held_by_most") / (pl.col("held") + _UNSEEN)
    spread = (1 - share) / share / pl.col("held")
    error_by_most = (spread + pl.col("error_of_most").pow(2)).sqrt()
    by_most = pl.col("most") * pl.col("held") / pl.col("held_by_most")
    is_better = error_by_most < error_by_end
    return (
        pl.when(is_better).then(by_most).otherwise(by_end),
        pl.when(is_better).then(error_by_most).otherwise(error_by_end),
    )


def _sketches(rows: pl.DataFrame, sketches: pl.LazyFrame, group: str) -> pl.DataFrame:
    """Merge the sketches of groups.

    Where there are many profiles, some of them cut off, the first hashes of each are mostly enough.
    """
    sizes = rows.group_by(group).len()["len"]
    is_many = sizes.gt(_MANY).any()
    if not is_many:
        return _merged(rows.hstack(sketches.collect()), group)
    head = pl.when(_is_cut()).then(pl.col("hashes").list.head(_FIRST)).otherwise("hashes")
    heads = rows.hstack(sketches.with_columns(head.alias("hashes")).collect())
    few = _merged(heads, group)
    enough = few.filter((pl.col("held") >= _ENOUGH) | (pl.col("end") == _ALL))
    if enough.height == few.height:
        return enough
    lacking = rows.with_row_index(_ROW).join(enough, on=group, how="anti", maintain_order="left")
    whole = sketches.with_row_index(_ROW).filter(pl.col(_ROW).is_in([*lacking[_ROW]]))
    more = lacking.drop(_ROW).hstack(whole.drop(_ROW).collect())
    return pl.concat([enough, _merged(more, group)])


def _merged(rows: pl.DataFrame, group: str) -> pl.DataFrame:
    """Merge sketches, by group.

    Returns:
        Of each group its `end`, `held`: how many hashes there are below it, and `below`: the least
        of these. `of_most` is the sketch of the profile that has most values, `held_by_most` how
        many of its hashes are below the end; `bare` tells whether a profile lacks its sketch.
    """
    hashes = pl.col("hashes")
    ends = rows.group_by(group).agg(
        hashes.list.max().filter(_is_cut()).min().fill_null(_ALL).alias("end"),
        ((pl.col("distinct") > 0) & (hashes.list.len().fill_null(0) == 0)).any().alias("bare"),
        hashes.get(pl.col("distinct").arg_max()).alias("of_most"),
    )
    ends = ends.sort(group)
    of_most = ends.select(group, "end", "of_most").explode("of_most")
    of_most = of_most.group_by(group).agg((pl.col("of_most") < pl.col("end")).sum())
    below = _below(rows, ends, group)
    return (
        ends.join(below, on=group, how="left")
        .join(of_most.rename({"of_most": "held_by_most"}), on=group, how="left")
        .with_columns(pl.col("held").fill_null(0))
    )


def _is_cut() -> pl.Expr:
    """Tell whether a sketch has some of the hashes alone: those below its greatest."""
    held = pl.col("hashes").list.len().fill_null(0)
    return (held > 0) & (held < pl.col("distinct"))


def _below(rows: pl.DataFrame, ends: pl.DataFrame, group: str) -> pl.DataFrame:
    """Count the hashes of each group below its end, each once; give the least of them in order."""
    held = rows.filter(pl.col("hashes").list.len() > 0).select(group, "hashes").sort(group)
    schema = {group: rows.schema[group], "held": pl.Int64(), "below": pl.List(pl.UInt64())}
    parts, first = [pl.DataFrame(schema=schema)], 0
    while first < held.height:
        start = int(held[group][first])
        last = int(held[group].search_sorted(start + _AT_ONCE))
        parts.append(_once(held.slice(first, last - first), ends, start, group))
        first = last
    return pl.concat(parts)


def _once(held: pl.DataFrame, ends: pl.DataFrame, start: int, group: str) -> pl.DataFrame:
    """Do so for groups of which all numbers, counted from a start, fit beside a hash."""
    limits = np.zeros(_AT_ONCE, dtype=np.uint64)
    few = ends.filter(pl.col(group).is_between(start, start + _AT_ONCE - 1))
    limits[few[group].to_numpy() - start] = few["end"].to_numpy()
    parts = []
    for part in held.iter_slices(_ROWS_AT_ONCE):
        sizes = part["hashes"].list.len().to_numpy()
        number = np.repeat(part[group].to_numpy().astype(np.uint64) - np.uint64(start), sizes)
        hashes = part["hashes"].explode().to_numpy()
        low = hashes < limits[number]
        parts.append(number[low] << np.uint64(HASH_BITS) | hashes[low])
    packed = np.concatenate(parts)
    packed.sort()  # faster by far than `np.unique`, which hashes
    packed = packed[np.diff(packed, prepend=~np.uint64(0)) != 0]
    number = (packed >> np.uint64(HASH_BITS)).astype(np.int64)
    place = np.flatnonzero(np.diff(number, prepend=-1))
    groups, counts = number[place], np.diff(place, append=packed.size)
    is_kept = np.arange(packed.size) - np.repeat(place, counts) < KEPT
    kept = np.minimum(counts, KEPT)
    least = pl.Series(packed[is_kept] & np.uint64((1 << HASH_BITS) - 1))
    owner = np.repeat(groups + start, kept)
    lists = pl.DataFrame({group: owner, "below": least}).group_by(group, maintain_order=True)
    return lists.agg("below").select(
        pl.col(group).cast(held.schema[group]), pl.Series("held", counts), "below"
    )
