"""What is known of all of a column's values, where too many are distinct to keep each of them.

Ends, mean and deviation; and the least hashes of the values, from which the distinct ones are
counted.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_groups import Array
from ai_dataflow.partition.profile_moments import Moments
from ai_dataflow.partition.profile_order import InOrder
from ai_dataflow.partition.value_hashes import Hashes, sorted_once
from ai_dataflow.workstation.profiles import HASH_BITS

FEW = 10_000  # distinct values, of which each is kept; else so many hashes, an error of 1 %
_SHIFT = np.uint64(64 - HASH_BITS)
_ODD = ("NaN", "inf", "-inf")


class LeastHashes:
    """The least hashes of distinct values, in their order."""

    def __init__(self) -> None:
        self.hashes: Hashes = np.empty(0, dtype=np.uint64)

    def add(self, hashed: Hashes) -> None:
        """See the hashes of values."""
        if self.hashes.size == FEW:
            hashed = hashed[hashed < self.hashes[-1] << _SHIFT]
        if hashed.size:
            self.hashes = sorted_once(np.append(self.hashes, hashed >> _SHIFT))[:FEW]

    def distinct(self, values: int) -> tuple[int, float]:
        """Count the distinct ones of so many values; and give the relative standard error."""
        below = self.hashes.size - 1
        if below + 1 < FEW:
            return below + 1, 0.0
        count = round(below * float(1 << HASH_BITS) / float(self.hashes[-1]))
        return min(count, values), below**-0.5


class ManyKeys:
    """Values that have an order: numbers, dates, timestamps.

    `ends` are the keys of the least and the greatest value, `finite_ends` those of finite ones.
    """

    def __init__(self) -> None:
        self.least = LeastHashes()
        self.moments = Moments()
        self.odd: Counter[str] = Counter()
        self.ends: list[int] = []
        self.finite_ends: list[int] = []

    def add(self, column: InOrder, keys: Array, rows: Array | None = None) -> None:
        """See keys; each is of so many rows, else of one."""
        self.least.add(column.hashes(keys))
        finite, numbers = keys, column.numbers(keys)
        with np.errstate(over="ignore", invalid="ignore"):
            may_be_odd = column.is_float and not np.isfinite(numbers.sum())
        if may_be_odd:
            self._add_odd(numbers, rows)
            self.ends = _ends(self.ends, keys[~column.is_nan(keys)])
            is_finite = np.isfinite(numbers)
            finite, numbers = keys[is_finite], numbers[is_finite]
            rows = rows if rows is None else rows[is_finite]
        self.finite_ends = _ends(self.finite_ends, finite)
        self.ends = _ends(self.ends, np.array(self.finite_ends, dtype=np.int64))
        if numbers.size:
            self.moments += (
                Moments.of_each(pl.Series(numbers)) if rows is None else Moments.of(numbers, rows)
            )

    def _add_odd(self, numbers: Array, rows: Array | None) -> None:
        times = np.ones(numbers.size, dtype=np.int64) if rows is None else rows
        marks = np.isnan(numbers), numbers == np.inf, numbers == -np.inf
        for name, mark in zip(_ODD, marks, strict=True):
            self.odd[name] += int(times[mark].sum())


class ManyTexts:
    """Texts, and what is hashed as its text is."""

    def __init__(self) -> None:
        self.least = LeastHashes()
        self.ends: list[Any] = []

    def add(self, values: pl.Series, hashed: Hashes) -> None:
        """See values, at least one, and the hashes of their texts."""
        self.least.add(hashed)
        both = [*self.ends, values.min(), values.max()]
        self.ends = [min(both), max(both)]


def _ends(before: list[int], keys: Array) -> list[int]:
    """Give the least and the greatest of all, if there are some."""
    both = [*before, int(keys.min()), int(keys.max())] if keys.size else before
    return [min(both), max(both)] if both else []
