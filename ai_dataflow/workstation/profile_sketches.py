"""Distinct values of many profiles, counted in their sketches: the least hashes of each.

A sketch that is cut off has all hashes below its greatest one. So below the least of these ends
all hashes of all profiles are there: how many there are, and how far the end is, tells how many
values there are in all. Where no sketch is cut off, all are there, and the count is exact.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ai_dataflow.workstation.profiles import HASH_BITS

KEPT = 1024  # hashes of a merged sketch: an error of 3 %
_MANY, _FIRST, _ENOUGH = 128, 8, 400  # of more profiles, so few of each give so many of all
_AT_ONCE = 1 << (64 - HASH_BITS)  # groups whose numbers fit beside a hash
_ROWS_AT_ONCE = 1 << 14


def distinct(rows: pl.DataFrame, group: str) -> pl.DataFrame:
    """Count distinct values in sketches: below the least end of those cut off, all are there."""
    some = pl.col("distinct") > 0
    bare = some & (pl.col("hashes").list.len().fill_null(0) == 0)
    counts = rows.group_by(group).agg(
        pl.col("distinct").is_null().any().alias("unknown"),
        bare.any().alias("bare"),
        some.sum().alias("of"),
        pl.col("distinct").max().alias("most"),
        pl.col("distinct").sum().alias("sum"),
        pl.col("distinct_error").max().alias("error"),
    )
    is_only = some & (some.sum().over(group) == 1)
    only = rows.select(group, "distinct", only="hashes").filter(is_only).drop("distinct")
    both = counts.join(_sketches(rows, group), on=group, how="left")
    both = both.join(only, on=group, how="left")
    is_cut, alone = pl.col("end") < 1 << HASH_BITS, pl.col("of") <= 1
    guess = pl.col("held") * float(1 << HASH_BITS) / pl.col("end").clip(1)
    near = guess.round().clip(pl.col("most"), pl.col("sum")).cast(pl.Int64)
    lost = pl.col("unknown") | (pl.col("bare") & ~alone)
    number = pl.when(alone).then(pl.col("most")).when(is_cut).then(near).otherwise(pl.col("held"))
    rough = pl.when(is_cut).then(pl.col("held").cast(pl.Float64).pow(-0.5)).otherwise(0.0)
    error = pl.when(alone).then(pl.col("error")).otherwise(rough)
    sketch = pl.when(alone).then(pl.col("only")).otherwise(pl.col("below"))
    return both.select(
        group,
        pl.when(~lost).then(number).alias("distinct"),
        pl.when(~lost).then(error).alias("distinct_error"),
        pl.when(~lost).then(sketch.fill_null([])).alias("hashes"),
    )


def _sketches(rows: pl.DataFrame, group: str) -> pl.DataFrame:
    """Merge the sketches of groups.

    Where there are many profiles, some of them cut off, the first hashes of each are mostly enough.
    """
    here = rows.select(group, "distinct", "hashes")
    is_many = pl.len().over(group) > _MANY
    # Cut before they are chosen: to choose among whole lists is to copy these.
    heads = here.with_columns(
        pl.col("hashes").list.head(_FIRST), (is_many & _is_cut().any().over(group)).alias("chosen")
    )
    many = heads.filter("chosen").drop("chosen")
    few = _merged(many, group)
    enough = few.filter(pl.col("held") >= _ENOUGH)
    return pl.concat([enough, _merged(here.join(enough, on=group, how="anti"), group)])


def _merged(rows: pl.DataFrame, group: str) -> pl.DataFrame:
    """Give the end of each group, how many hashes there are below it, and the least of these."""
    end = pl.col("hashes").list.max().filter(_is_cut()).min().fill_null(1 << HASH_BITS)
    ends = rows.group_by(group).agg(end.alias("end")).sort(group)
    below = _below(rows, ends, group)
    return ends.join(below, on=group, how="left").with_columns(pl.col("held").fill_null(0))


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
