"""Distinct values of groups of rows, where it is enough to know how many there are.

That is cheaper by half than to know which, in their order, and how often.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_distinct import counters, of_sorted
from ai_dataflow.partition.profile_groups import Array, Groups
from ai_dataflow.partition.value_hashes import Hashes

_AT_ONCE = 1 << 16  # rows: what is computed of so many stays in a core's cache
_MARKS = 8  # for each row, at most
_BITS = 64


def distinct_texts(texts: pl.Series, groups: Groups) -> Array:
    """Count the distinct texts of each group, by their hashes."""
    hashed = texts.hash().to_numpy()
    return distinct_sizes(hashed, groups, hashed)


def distinct_sizes(values: Array, groups: Groups, hashed: Hashes | None = None) -> Array:
    """Count the distinct ones of each group of whole numbers; with their hashes, if they are far.

    Where some are far from each other, all that come after them are taken for that.
    """
    sizes = [np.empty(0, dtype=np.int64)]
    for begin, end, part in groups.parts(_AT_ONCE):
        counted = _marked(values[begin:end], part) if hashed is None else None
        if counted is None:
            hashed = pl.Series(values).hash().to_numpy() if hashed is None else hashed
            counted = _once(values[begin:end], hashed[begin:end], part)
        sizes.append(counted)
    return np.concatenate(sizes)


def _marked(keys: Array, groups: Groups) -> Array | None:
    """Mark each number from the least to the greatest of a group, if they are not too many."""
    if (placed := counters(keys, groups, _MARKS)) is None:
        return None
    each, _, places = placed
    marks = np.zeros(int(each.sizes.sum()), dtype=np.bool_)
    marks[places] = True
    return each.counted(marks)


def _once(values: Array, hashed: Hashes, groups: Groups) -> Array:
    """Give each value a bucket of its group, by its hash: two to four buckets for each row.

    Of the values that share one, one has it. The others are few, and sorted.
    """
    bits = np.frexp(groups.sizes)[1].astype(np.int64) + 1
    number = 1 << bits
    shift = groups.spread((_BITS - bits).view(np.uint64))
    buckets = (hashed >> shift).view(np.int64) + groups.spread(np.cumsum(number) - number)
    row_of = np.empty(int(number.sum()), dtype=np.int32)
    every = np.arange(values.size, dtype=np.int32)
    row_of[buckets] = every
    rows = row_of.take(buckets)
    is_other = values.take(rows) != values
    sizes = groups.counted(rows == every)
    if not is_other.any():
        return sizes
    others = groups.of(is_other)
    return sizes + of_sorted(others.each_sorted(values[is_other]), others).groups.sizes
