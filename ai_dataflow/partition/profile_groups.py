"""Groups of rows that lie together, and what is computed of each at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Array = npt.NDArray[Any]
_BITS = 24  # of a number of rows


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of rows, one behind the other, by how many rows each has; some may have none."""

    sizes: Array

    @cached_property
    def ends(self) -> Array:
        """Where each ends."""
        return np.cumsum(self.sizes)

    @cached_property
    def starts(self) -> Array:
        """Where each begins."""
        return self.ends - self.sizes

    @cached_property
    def filled(self) -> Array:
        """Those that have rows."""
        return np.flatnonzero(self.sizes)

    @cached_property
    def numbers(self) -> Array:
        """The number of each row's group."""
        return np.repeat(np.arange(self.sizes.size), self.sizes)

    def reduced(self, how: np.ufunc, values: Array) -> Array:
        """Reduce the values of each group to one; of a group without rows that is 0."""
        result = np.zeros(self.sizes.size, dtype=values.dtype)
        if self.filled.size:
            result[self.filled] = how.reduceat(values, self.starts[self.filled])
        return result

    def counted(self, marks: Array) -> Array:
        """Count the marked rows of each group."""
        return self.places(np.flatnonzero(marks))

    def places(self, rows: Array) -> Array:
        """Count how many of these rows, in their order, are in each group."""
        before = np.searchsorted(rows, np.append(0, self.ends))
        return np.diff(before)

    def of(self, marks: Array) -> Groups:
        """Give the groups of the marked rows alone."""
        return Groups(self.counted(marks))

    def each_sorted(self, values: Array) -> Array:
        """Sort the values of each group."""
        ordered = values.copy()
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            ordered[start:end].sort()
        return ordered

    def without_nulls(self, column: pl.Series) -> tuple[pl.Series, Groups]:
        """Give a column's values, and their groups."""
        if not column.null_count():
            return column, self
        return column.drop_nulls(), self.of(column.is_not_null().to_numpy())


@dataclass(frozen=True, eq=False)
class Distinct:
    """The distinct values of groups, in their order, and how often each is there."""

    groups: Groups
    values: Array
    rows: Array

    @classmethod
    def of(cls, ordered: Array, groups: Groups) -> Distinct:
        """Give those of values that are sorted in each group."""
        is_first = np.empty(ordered.size, dtype=np.bool_)
        is_first[:1] = True
        np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
        is_first[groups.starts[groups.filled]] = True
        first = np.flatnonzero(is_first)
        sizes, rows = groups.places(first), np.diff(np.append(first, ordered.size))
        return cls(Groups(sizes), ordered[first], rows)

    def only(self, marks: Array) -> Distinct:
        """Give the marked ones alone."""
        return Distinct(self.groups.of(marks), self.values[marks], self.rows[marks])

    def most_frequent(self, most: int) -> Distinct:
        """Give the most frequent ones, the least of equally frequent ones.

        Where there are more than so many, what is there once is not frequent.
        """
        is_some = (self.rows > 1) | (self.groups.sizes <= most)[self.groups.numbers]
        some = self if is_some.all() else self.only(is_some)
        sizes = np.minimum(some.groups.sizes, most)
        order = some.by_rows()
        place = np.arange(order.size) - some.groups.starts[some.groups.numbers]
        order = order[place < most]
        return Distinct(Groups(sizes), some.values[order], some.rows[order])

    def by_rows(self) -> Array:
        """Give the order in which the most frequent ones of each group come first."""
        numbers, places = self.groups.numbers, np.arange(self.rows.size)
        if self.rows.size >= 1 << _BITS or self.rows.max(initial=0) >= 1 << _BITS:
            return np.lexsort((places, -self.rows, numbers))
        if self.groups.sizes.size >= 1 << (63 - 2 * _BITS):
            return np.lexsort((places, -self.rows, numbers))
        # One number that says all three is sorted ten times as fast.
        less = (1 << _BITS) - 1 - self.rows
        packed = (((numbers << _BITS) | less) << _BITS) | places
        packed.sort()
        return np.asarray(packed & ((1 << _BITS) - 1))


def least(values: Array, groups: Groups, most: int, limit: int) -> tuple[Array, Groups]:
    """Give the least of each group's values, sorted; they are spread evenly below the limit."""
    share = 2 * most / np.maximum(groups.sizes, 2 * most)
    marks = values <= (share * float(limit))[groups.numbers]
    some = groups.of(marks)
    if (some.sizes < np.minimum(groups.sizes, most)).any():  # by a rare chance
        marks, some = np.ones_like(marks), groups
    ordered = some.each_sorted(values[marks])
    place = np.arange(ordered.size) - some.starts[some.numbers]
    return ordered[place < most], Groups(np.minimum(some.sizes, most))
