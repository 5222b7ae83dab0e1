"""Samples of many values: of each block of them one, chosen by a hash of the block's number.

So a sample depends on how many values there are, and on nothing else: not on the pieces in which
they are seen, on threads or on time. Each value of a block is as likely as the others to be the
one, so a share of the sample is as near to that of all as if it were drawn at random, or nearer.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_groups import Array
from ai_dataflow.partition.value_hashes import of_bits

SAMPLE = 1 << 16  # values at most; of more of them at least half as many
_LEVEL_BITS = np.uint64(6)
_COLUMNS = 16  # that have equally many values mostly ask for the same


def level_of(values: int) -> int:
    """Give the level of the sample of so many: its blocks have two to the power of it."""
    return (max(values - 1, 0) // SAMPLE).bit_length()


@lru_cache(_COLUMNS)
def places(begin: int, end: int, level: int) -> Array:
    """Give the numbers, from `begin` and below `end`, that are in the sample of a level."""
    blocks = np.arange(begin >> level, -(-end >> level), dtype=np.int64)
    for lower in range(level, 0, -1):
        blocks = blocks * 2 + _half(blocks, lower)
    return blocks[(blocks >= begin) & (blocks < end)]


@lru_cache(_COLUMNS)
def stays(values: int, level: int) -> pl.Series:
    """Tell of the sample of a level, of so many values, which are in that of the next as well."""
    numbers, above = places(0, values, level), level + 1
    return pl.Series((numbers >> level) & 1 == _half(numbers >> above, above))


def _half(blocks: Array, level: int) -> Array:
    """Choose for each block which half of it, the first or the second, its value is in."""
    numbers = (blocks.astype(np.uint64) << _LEVEL_BITS) | np.uint64(level)
    return (of_bits(numbers) & np.uint64(1)).astype(np.int64)


class ValueSample:
    """The sample of a column's values that are seen piece by piece; few values are all in it."""

    def __init__(self, dtype: pl.DataType) -> None:
        self.seen = 0
        self.values = pl.Series([], dtype=dtype)
        self._level = 0

    @property
    def has_all(self) -> bool:
        """Whether all values that were seen are in it."""
        return not self._level

    def add(self, values: pl.Series) -> None:
        """See values, none of them null."""
        before, self.seen = self.seen, self.seen + values.len()
        while self._level < level_of(self.seen):
            self.values = self.values.filter(stays(before, self._level))
            self._level += 1
        some = values[places(before, self.seen, self._level) - before]
        self.values = self.values.append(compact(some))


def compact(values: pl.Series) -> pl.Series:
    """Give a few of many values without what holds the others."""
    if not isinstance(values.dtype, pl.String | pl.Binary | pl.List | pl.Struct):
        return values
    return pl.Series(values.name, values.to_arrow(), dtype=values.dtype)
