"""Groups of rows that lie together, and what is computed of each at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Array = npt.NDArray[Any]


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
        return self.spread(np.arange(self.sizes.size))

    @property
    def within(self) -> Array:
        """The place of each row in its group."""
        return np.arange(self.sizes.sum()) - self.spread(self.starts)

    def spread(self, values: Array) -> Array:
        """Give each row its group's value."""
        return np.repeat(values, self.sizes)

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

    def parts(self, rows: int) -> Iterator[tuple[int, int, Groups]]:
        """Divide them into parts of about so many rows: where each begins and ends, and of whom."""
        number = self.ends // rows
        if not number.size:
            return
        cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), number.size]
        for begin, end in pairwise(cuts):
            part = Groups(self.sizes[begin:end])
            yield int(self.starts[begin]), int(self.ends[end - 1]), part

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


def least(values: Array, groups: Groups, most: int, limit: int) -> tuple[Array, Groups]:
    """Give the least of each group's values, sorted; they are spread evenly below the limit."""
    share = 2 * most / np.maximum(groups.sizes, 2 * most)
    marks = values <= groups.spread((share * float(limit)).astype(np.uint64))
    some = groups.of(marks)
    if (some.sizes < np.minimum(groups.sizes, most)).any():  # by a rare chance
        marks, some = np.ones_like(marks), groups
    ordered = some.each_sorted(values[marks])
    return ordered[some.within < most], Groups(np.minimum(some.sizes, most))
