"""What one column is like in each group of rows: of numbers, of texts, of all else."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_groups import Array, Distinct, Groups, least
from ai_dataflow.partition.profile_moments import Moments
from ai_dataflow.partition.profile_order import InOrder, in_order
from ai_dataflow.partition.profile_texts import Texts
from ai_dataflow.partition.value_hashes import Hashes, of_texts
from ai_dataflow.workstation.profiles import HASH_BITS, LONGEST, Fineness

_SHIFT = np.uint64(64 - HASH_BITS)


@dataclass(frozen=True, eq=False)
class Lists:
    """A list for each group, one behind the other; `is_whole`: those without values are empty."""

    groups: Groups
    values: pl.Series
    is_whole: bool = True


@dataclass
class Described:
    """What a column is like in each group: a value or a list for each."""

    values: dict[str, pl.Series] = field(default_factory=dict)
    frequent: Lists | None = None
    hashes: Lists | None = None


def describe(column: pl.Series, groups: Groups, fineness: Fineness | None) -> Described:
    """Describe a column in each group.

    Args:
        column: its values; those of a group lie together.
        groups: how many rows each has.
        fineness: how much is kept; None for counts and ends alone.
    """
    values, of_values = groups.without_nulls(column)
    done = Described({"nulls": pl.Series(groups.sizes - of_values.sizes)})
    dtype = column.dtype
    if dtype == pl.String():
        _describe_texts(done, values, of_values, fineness)
    elif isinstance(dtype, pl.List):
        if fineness:
            _describe_lengths(done, values.list.len().to_numpy().astype(np.int64), of_values)
    elif not isinstance(dtype, pl.Struct | pl.Binary):
        _describe_ordered(done, in_order(values), of_values, fineness)
    return done


def _describe_texts(
    done: Described, values: pl.Series, groups: Groups, fineness: Fineness | None
) -> None:
    hashed = values.hash().to_numpy()
    distinct = Distinct.of(groups.each_sorted(hashed), groups)
    done.values["distinct"] = pl.Series(distinct.groups.sizes)
    _describe_each(done, Texts.of(values, groups, distinct, hashed), fineness)


def _describe_each(done: Described, texts: Texts, fineness: Fineness | None) -> None:
    done.values |= texts.ends()
    if not fineness:
        return
    lengths = texts.lengths()
    _describe_lengths(done, lengths[texts.places], texts.groups, texts.rows)
    done.values["looks"] = texts.looks()
    stable, of = of_texts(texts.texts)[texts.places], texts.groups
    if not texts.is_distinct:
        once = Distinct.of(of.each_sorted(stable), of)
        stable, of = once.values, once.groups
    _add_hashes(done, stable, of, fineness)
    done.frequent = _pairs(*texts.most_frequent(lengths <= LONGEST, fineness.frequent))


def describe_few_texts(texts: pl.Series, rows: Array, fineness: Fineness | None) -> Described:
    """Describe a column of one group by its distinct texts, and how many rows have each."""
    groups = Groups(np.array([texts.len()]))
    order = texts.arg_sort().to_numpy()
    done = Described({"distinct": pl.Series(groups.sizes)})
    places = np.arange(texts.len())
    _describe_each(done, Texts(texts.gather(order), places, rows[order], groups), fineness)
    return done


def _pairs(of: Distinct, texts: pl.Series, *, is_whole: bool = True) -> Lists:
    both = pl.DataFrame({"value": texts, "rows": of.rows}, {"value": pl.String, "rows": pl.Int64})
    return Lists(of.groups, both.to_struct("frequent"), is_whole)


def _describe_lengths(
    done: Described, lengths: Array, groups: Groups, rows: Array | None = None
) -> None:
    """Describe how long values are; each stands for so many rows, else for one."""
    counts = groups.sizes if rows is None else groups.reduced(np.add, rows)
    some, all_of_them = groups.sizes > 0, lengths if rows is None else lengths * rows
    done.values |= {
        "length_least": _where(some, groups.reduced(np.minimum, lengths)),
        "length_greatest": _where(some, groups.reduced(np.maximum, lengths)),
        "length_mean": _where(some, _over(groups.reduced(np.add, all_of_them), counts)),
    }


def _describe_ordered(
    done: Described, column: InOrder, groups: Groups, fineness: Fineness | None
) -> None:
    """Describe what has an order: numbers, dates, timestamps, booleans."""
    ordered = groups.each_sorted(column.keys)
    _describe_keys(done, column, Distinct.of(ordered, groups), fineness)
    if fineness:
        _describe_curve(done, column, ordered, groups, fineness)


def _describe_keys(
    done: Described, column: InOrder, distinct: Distinct, fineness: Fineness | None
) -> None:
    groups, keys = distinct.groups, distinct.values
    done.values["distinct"] = pl.Series(groups.sizes)
    valued = Groups(groups.sizes - groups.counted(column.is_nan(keys)))
    last = groups.starts + valued.sizes - 1
    done.values |= {
        "least": column.texts(_at(keys, groups.starts, valued)),
        "greatest": column.texts(_at(keys, last, valued)),
    }
    if not fineness:
        return
    _add_hashes(done, column.hashes(keys), groups, fineness)
    if column.is_frequent or column.is_float:
        odd = ~np.isfinite(column.numbers(keys)) if column.is_float else None
        frequent = distinct if odd is None else distinct.only(odd)
        best = frequent.most_frequent(fineness.frequent)
        texts = column.texts(pl.Series(best.values))
        done.frequent = _pairs(best, texts, is_whole=column.is_frequent)


def describe_few_keys(
    column: InOrder, keys: Array, rows: Array, fineness: Fineness | None
) -> Described:
    """Describe a column of one group by its distinct keys, and how many rows have each."""
    order = np.argsort(keys)
    distinct = Distinct(Groups(np.array([keys.size])), keys[order], rows[order])
    done = Described()
    _describe_keys(done, column, distinct, fineness)
    numbers = column.numbers(distinct.values)
    is_finite = np.isfinite(numbers)
    if fineness and is_finite.any():
        numbers, rows = numbers[is_finite], distinct.rows[is_finite]
        before, values = np.cumsum(rows), rows.sum()
        curve = numbers[before.searchsorted(places_of(fineness.points, values), side="right")]
        done.values |= {**Moments.of(numbers, rows).figures(), "quantiles": pl.Series([curve])}
    return done


def _at(ordered: Array, places: Array, groups: Groups) -> pl.Series:
    """Give a value of each group that has some."""
    some = groups.sizes > 0
    values = ordered[np.where(some, places, 0)] if ordered.size else np.zeros(some.size, np.int64)
    return _where(some, values)


def _describe_curve(
    done: Described, column: InOrder, ordered: Array, groups: Groups, fineness: Fineness
) -> None:
    """Give mean, deviation and quantiles of the finite values."""
    numbers = column.numbers(ordered)
    finite = np.isfinite(numbers) if column.is_float else np.ones(0, np.bool_)
    first, curve = groups.starts, groups
    if not finite.all():
        first = first + groups.counted(numbers == -np.inf)
        curve = groups.of(finite)
        of_finite, numbers_of = numbers[finite], curve
    else:
        of_finite, numbers_of = numbers, groups
    some = curve.sizes > 0
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers beyond 1e150, say
        mean = _over(numbers_of.reduced(np.add, of_finite), curve.sizes)
        apart = of_finite - mean[numbers_of.numbers]
        spread = _over(numbers_of.reduced(np.add, apart * apart), curve.sizes)
    places = places_of(fineness.points, curve.sizes[:, None])
    points = np.where(some[:, None], first[:, None] + places, 0)
    quantiles = pl.Series(numbers[points] if numbers.size else np.zeros(points.shape))
    lists = quantiles.cast(pl.List(pl.Float64()))
    if not some.all():
        frame = pl.DataFrame({"some": some, "quantiles": lists})
        lists = frame.select(pl.when("some").then("quantiles"))["quantiles"]
    done.values |= {
        "mean": _where(some & np.isfinite(mean), mean),
        "deviation": _where(some & np.isfinite(spread), np.sqrt(spread)),
        "quantiles": lists,
    }


def places_of(points: int, sizes: Array | int) -> Array:
    """Give which of so many sorted values are quantiles, evenly spaced in rank."""
    places = np.linspace(0, 1, points) * np.maximum(sizes - 1, 0)
    return np.asarray(np.floor(places + 0.5).astype(np.int64))


def _add_hashes(done: Described, hashed: Hashes, groups: Groups, fineness: Fineness) -> None:
    some, of = least(hashed >> _SHIFT, groups, fineness.hashes, 1 << HASH_BITS)
    done.hashes = Lists(of, pl.Series(some))


def _over(sums: Array, sizes: Array) -> Array:
    return np.asarray(sums / np.maximum(sizes, 1))


def _where(some: Array, values: Array) -> pl.Series:
    """Give the values of groups that have some, else null."""
    series = pl.Series(values)
    return series if some.all() else series.scatter(np.flatnonzero(~some), None)
