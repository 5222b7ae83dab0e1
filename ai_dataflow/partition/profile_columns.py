"""What one column is like in each group of rows: of numbers, of texts, of all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_distinct import Distinct, numbered
from ai_dataflow.partition.profile_groups import Array, Groups, least
from ai_dataflow.partition.profile_once import distinct_sizes, distinct_texts
from ai_dataflow.partition.profile_order import InOrder, in_order
from ai_dataflow.partition.profile_texts import Ends, Texts, ends_of
from ai_dataflow.workstation.file_statistics import ends_in
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


def describe(
    column: pl.Series, groups: Groups, fineness: Fineness | None, ends: Ends | None = None
) -> Described:
    """Describe a column in each group.

    Args:
        column: its values; those of a group lie together.
        groups: how many rows each has.
        fineness: how much is kept; None for counts and ends alone.
        ends: the least and the greatest value of each group, if they are known.
    """
    values, of_values = groups.without_nulls(column)
    done = Described({"nulls": pl.Series(groups.sizes - of_values.sizes)})
    dtype = column.dtype
    if dtype == pl.String():
        if fineness:
            _describe_texts(done, Texts.of(values, of_values), fineness, ends)
        else:
            sizes = pl.Series(distinct_texts(values, of_values))
            done.values |= {"distinct": sizes, **(ends or ends_of(values, of_values))}
    elif isinstance(dtype, pl.List):
        if fineness:
            _describe_lengths(done, values.list.len().to_numpy().astype(np.int64), of_values)
    elif not isinstance(dtype, pl.Struct | pl.Binary):
        _describe_ordered(done, in_order(values), of_values, fineness, ends)
    return done


def ends_in_tallies(tallied: pl.DataFrame, names: Sequence[str]) -> dict[str, Ends]:
    """Give the ends of columns in each group as profiles have them; of some they are not known."""
    ends_of_each = {
        name: ends
        for name in names
        if (ends := ends_in(tallied, name)) and not any(map(_has_nan, ends))
    }
    if not ends_of_each:
        return {}
    least, greatest = zip(*ends_of_each.values(), strict=True)
    of_each = [
        pl.DataFrame([end.alias(name) for name, end in zip(ends_of_each, ends, strict=True)])
        .select(_end_text(name, ends[0].dtype) for name, ends in ends_of_each.items())
        .get_columns()
        for ends in (least, greatest)
    ]
    return {low.name: {"least": low, "greatest": high} for low, high in zip(*of_each, strict=True)}


def _has_nan(end: pl.Series) -> bool:
    """Tell whether a NaN is among the ends: to a profile it is none."""
    return end.dtype.is_float() and bool(end.is_nan().any())


def _end_text(name: str, dtype: pl.DataType) -> pl.Expr:
    end = pl.col(name)
    if dtype.is_float():  # -0.0 is 0.0; Polars leaves out an addition of zero
        end = pl.when(end == 0).then(end.abs()).otherwise(end)
    return end.cast(pl.String).str.slice(0, LONGEST).alias(name)


def _describe_texts(
    done: Described, texts: Texts, fineness: Fineness | None, ends: Ends | None = None
) -> None:
    done.values |= {"distinct": pl.Series(texts.sizes()), **(ends or texts.ends())}
    if not fineness:
        return
    lengths = texts.lengths()
    distinct = texts.distinct
    _describe_lengths(done, lengths[distinct.codes], distinct.groups, distinct.rows)
    done.values["looks"] = texts.looks()
    _add_hashes(done, texts.stable(), fineness)
    done.frequent = _pairs(*texts.most_frequent(lengths <= LONGEST, fineness.frequent))


def describe_few_texts(texts: pl.Series, rows: Array, fineness: Fineness | None) -> Described:
    """Describe a column of one group by its distinct texts, and how many rows have each."""
    order, groups = texts.arg_sort().to_numpy(), Groups(np.array([texts.len()]))
    done = Described()
    some = Texts(texts.gather(order), np.arange(texts.len()), groups, rows=rows[order])
    _describe_texts(done, some, fineness)
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


def describe_few_keys(
    column: InOrder, keys: Array, rows: Array, fineness: Fineness | None
) -> Described:
    """Describe a column of one group by its distinct keys, and how many rows have each."""
    order, groups = np.argsort(keys), Groups(np.array([keys.size]))
    done = Described({"distinct": pl.Series(groups.sizes), **_ends(column, keys, groups)})
    if fineness:
        _describe_values(done, column, Distinct(groups, keys[order], rows[order]), fineness)
    return done


def _describe_ordered(
    done: Described,
    column: InOrder,
    groups: Groups,
    fineness: Fineness | None,
    ends: Ends | None,
) -> None:
    """Describe what has an order: numbers, dates, timestamps, booleans."""
    done.values |= ends or _ends(column, column.keys, groups)
    if not fineness:
        done.values["distinct"] = pl.Series(distinct_sizes(column.keys, groups))
        return
    numbers, each = numbered(column.keys, groups)
    distinct = Distinct.of(numbers, groups, each)
    done.values["distinct"] = pl.Series(distinct.groups.sizes)
    _describe_values(done, column, distinct, fineness)


def _describe_values(
    done: Described, column: InOrder, distinct: Distinct, fineness: Fineness
) -> None:
    numbers = distinct.mapped(column.numbers)
    is_finite = np.isfinite(numbers)
    frequent, curve = distinct, distinct
    if not is_finite.all():
        curve, numbers = distinct.only(is_finite), numbers[is_finite]
    if column.is_float:
        frequent = distinct.only(~is_finite)
    _describe_curve(done, curve.groups, numbers, curve.rows, fineness)
    hashes = replace(distinct, codes=distinct.mapped(column.hashes), each=None)
    _add_hashes(done, hashes, fineness)
    if column.is_frequent or column.is_float:
        best = frequent.most_frequent(fineness.frequent)
        texts = column.texts(pl.Series(best.values))
        done.frequent = _pairs(best, texts, is_whole=column.is_frequent)


def _ends(column: InOrder, keys: Array, groups: Groups) -> dict[str, pl.Series]:
    """Give the least and the greatest value of each group; NaN is neither."""
    if (is_nan := column.is_nan(keys)).any():
        keys, groups = keys[~is_nan], groups.of(~is_nan)
    some = groups.sizes > 0
    ends = [_where(some, groups.reduced(how, keys)) for how in (np.minimum, np.maximum)]
    return dict(zip(("least", "greatest"), map(column.texts, ends), strict=True))


def _describe_curve(
    done: Described, groups: Groups, numbers: Array, rows: Array, fineness: Fineness
) -> None:
    """Give mean, deviation and quantiles of finite numbers, sorted, each of so many rows."""
    sizes = groups.reduced(np.add, rows)
    some = sizes > 0
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers beyond 1e150, say
        mean = _over(groups.reduced(np.add, numbers * rows), sizes)
        apart = numbers - groups.spread(mean)
        spread = _over(groups.reduced(np.add, apart * apart * rows), sizes)
    places = places_of(fineness.points, sizes[:, None]) + (np.cumsum(sizes) - sizes)[:, None]
    points = np.cumsum(rows).searchsorted(places, side="right")
    # Of a group without numbers that is a number of the next one, or none.
    curve = numbers[np.where(some[:, None], points, 0)] if numbers.size else np.zeros(points.shape)
    lists = pl.Series(curve).cast(pl.List(pl.Float64()))
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


def _add_hashes(done: Described, hashed: Distinct, fineness: Fineness) -> None:
    limit = 1 << HASH_BITS
    some, of = least(hashed.codes >> _SHIFT, hashed.groups, fineness.hashes, limit)
    done.hashes = Lists(of, pl.Series(some))


def _over(sums: Array, sizes: Array) -> Array:
    return np.asarray(sums / np.maximum(sizes, 1))


def _where(some: Array, values: Array) -> pl.Series:
    """Give the values of groups that have some, else null."""
    series = pl.Series(values)
    return series if some.all() else series.scatter(np.flatnonzero(~some), None)
