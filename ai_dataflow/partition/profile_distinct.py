"""Distinct values of groups of rows: which there are, in their order, and how often.

To sort the values of each group would be enough, and is the slowest way. Whole numbers that lie
close together are counted, in a counter for each that there could be. So are the numbers of values
of which there are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_groups import Array, Groups
from ai_dataflow.partition.value_hashes import Hashes

_COUNTERS = 4  # for each row, at most
_BUCKET_BITS = 2  # fewer than the number of rows has: there are a quarter to a half as many buckets
_CLASHES = 8  # rows for each whose bucket another value has, at least
_AT_ONCE = 1 << 14  # rows: what is computed of so many stays in a core's cache


@dataclass(frozen=True, eq=False)
class Few:
    """Values of which there are few: a row of each, in their order; and the place of each row's."""

    rows: Array
    places: Array

    @classmethod
    def of(cls, values: Array, hashed: Hashes, order: Callable[[Array], Array]) -> Few | None:
        """Find them; None where they are not few.

        Each value has a bucket by its hash. Those whose bucket another one has are few, and sorted.

        Args:
            values: of each row.
            hashed: their hashes.
            order: sorts rows of different values.
        """
        buckets = _Buckets(hashed)
        rows = buckets.rows()
        others = buckets.others(values, values[rows]) if values.size else rows
        if others.size * _CLASHES > values.size:
            return None
        _, first, number = np.unique(values[others], return_index=True, return_inverse=True)
        taken = np.flatnonzero(rows >= 0)
        rows = np.concatenate([rows[taken], others[first]])
        in_order = order(rows)
        place = np.empty_like(rows)
        place[in_order] = np.arange(rows.size)
        place_of = np.empty(buckets.number, dtype=np.int64)
        place_of[taken] = place[: taken.size]
        places = buckets.gathered(place_of)
        places[others] = place[taken.size + number]
        return cls(rows[in_order], places)


class _Buckets:
    """Buckets of rows, by the first bits of their hashes."""

    def __init__(self, hashed: Hashes) -> None:
        bits = max(hashed.size.bit_length() - _BUCKET_BITS, 1)
        self.number, self._hashed, self._shift = 1 << bits, hashed, np.uint64(64 - bits)

    def rows(self) -> Array:
        """Give a row of each; -1 of one that has none."""
        rows = np.full(self.number, -1)
        for begin, bucket in self._each():
            rows[bucket] = np.arange(begin, begin + bucket.size)
        return rows

    def others(self, values: Array, of_bucket: Array) -> Array:
        """Give the rows that have another value than that of their bucket."""
        parts = [
            begin + np.flatnonzero(of_bucket[bucket] != values[begin : begin + bucket.size])
            for begin, bucket in self._each()
        ]
        return np.concatenate(parts)

    def gathered(self, of_bucket: Array) -> Array:
        """Give each row the number of its bucket."""
        numbers = np.empty(self._hashed.size, dtype=np.int64)
        for begin, bucket in self._each():
            numbers[begin : begin + bucket.size] = of_bucket[bucket]
        return numbers

    def _each(self) -> Iterator[tuple[int, Array]]:
        for begin in range(0, self._hashed.size, _AT_ONCE):
            yield begin, (self._hashed[begin : begin + _AT_ONCE] >> self._shift).view(np.int64)


@dataclass(frozen=True, eq=False)
class Distinct:
    """The distinct values of groups, in their order, and how often each is there.

    `codes` are the values; or, where there are few values in all, their places in `each`.
    """

    groups: Groups
    codes: Array
    rows: Array
    each: Array | None = None

    @classmethod
    def of(cls, numbers: Array, groups: Groups, each: Array | None = None) -> Distinct:
        """Give those of whole numbers; or of values, by their places in `each`."""
        return replace(_counted(numbers, groups) or _sorted(numbers, groups), each=each)

    def mapped(self, how: Callable[[Array], Array]) -> Array:
        """Map the values to others; few of them once."""
        return how(self.codes) if self.each is None else how(self.each)[self.codes]

    @property
    def values(self) -> Array:
        """The values."""
        return self.mapped(lambda values: values)

    def only(self, marks: Array) -> Distinct:
        """Give the marked ones alone."""
        return Distinct(self.groups.of(marks), self.codes[marks], self.rows[marks], self.each)

    def repeated(self, most: int) -> Distinct:
        """Give those that may be frequent: where there are more than so many, repeated ones."""
        is_some = (self.rows > 1) | self.groups.spread(self.groups.sizes <= most)
        return self if is_some.all() else self.only(is_some)

    def most_frequent(self, most: int) -> Distinct:
        """Give the most frequent ones, the least of equally frequent ones."""
        some = self.repeated(most)
        best = most_frequent(Distinct(some.groups, some.groups.within, some.rows), most)
        places = best.codes + best.groups.spread(some.groups.starts)
        return Distinct(best.groups, some.codes[places], best.rows, self.each)


def numbered(keys: Array, groups: Groups) -> tuple[Array, Array | None]:
    """Give keys as they are; or, if they are far from each other and few, their places in these."""
    if not int(_spans(keys, groups)[1].max(initial=0)) >> 32:
        return keys, None
    hashed = pl.Series(keys).hash().to_numpy()
    few = Few.of(keys, hashed, lambda rows: keys[rows].argsort())
    return (few.places, keys[few.rows]) if few else (keys, None)


def most_frequent(numbers: Distinct, most: int) -> Distinct:
    """Give the most frequent ones of numbers that are in no order, and none of them large."""
    # One number that says both, and is as short as can be, is sorted many times as fast.
    greatest, bits = numbers.rows.max(initial=0), int(numbers.codes.max(initial=0)).bit_length()
    packed = ((greatest - numbers.rows) << bits) | numbers.codes
    ordered = numbers.groups.each_sorted(_short(packed, int(greatest) << bits))
    best = ordered[numbers.groups.within < most].astype(np.int64)
    sizes = np.minimum(numbers.groups.sizes, most)
    return Distinct(Groups(sizes), best & ((1 << bits) - 1), greatest - (best >> bits))


def _spans(keys: Array, groups: Groups) -> tuple[Array, Array]:
    """Give the least of each group, and how far the greatest is from it."""
    low, high = (groups.reduced(how, keys) for how in (np.minimum, np.maximum))
    return low, high.view(np.uint64) - low.view(np.uint64)


def counters(keys: Array, groups: Groups, most: int) -> tuple[Groups, Array, Array] | None:
    """Give each group a counter for each number from its least key to its greatest.

    Args:
        keys: the keys of each row.
        groups: the rows.
        most: so many counters for each row; None is given where there would be more.

    Returns:
        The counters of each group, what added to a key of it is its counter, and that of each row.
    """
    low, apart = _spans(keys, groups)
    if apart.sum(dtype=np.float64) + apart.size > most * keys.size:
        return None
    each = Groups(apart.astype(np.int64) + 1)
    shift = each.starts - low
    places = groups.spread(shift)
    places += keys
    return each, shift, places


def _counted(keys: Array, groups: Groups) -> Distinct | None:
    """Count each number from the least to the greatest of a group, if they are not too many."""
    if (placed := counters(keys, groups, _COUNTERS)) is None:
        return None
    each, shift, places = placed
    counts = np.bincount(places, minlength=int(each.sizes.sum()))
    some = np.flatnonzero(counts)
    of = Groups(each.places(some))
    return Distinct(of, some - of.spread(shift), counts[some])


def _sorted(keys: Array, groups: Groups) -> Distinct:
    low, most = _spans(keys, groups)
    apart = keys.view(np.uint64) - groups.spread(low.view(np.uint64))
    short = of_sorted(groups.each_sorted(_short(apart, int(most.max(initial=0)))), groups)
    codes = short.codes.astype(np.uint64).view(np.int64)
    return replace(short, codes=codes + short.groups.spread(low))


def of_sorted(ordered: Array, groups: Groups) -> Distinct:
    """Give those of values that are sorted in each group."""
    is_first = np.empty(ordered.size, dtype=np.bool_)
    is_first[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    is_first[groups.starts[groups.filled]] = True
    first = np.flatnonzero(is_first)
    sizes, rows = groups.places(first), np.diff(np.append(first, ordered.size))
    return Distinct(Groups(sizes), ordered[first], rows)


def _short(numbers: Array, most: int) -> Array:
    """Give whole numbers, none below zero, in as few bits as are sorted faster."""
    return numbers if most >> 32 else numbers.astype(np.uint32)
