"""Values in their order: whole numbers that are ordered as the values of a column are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_groups import Array
from ai_dataflow.partition.value_hashes import Hashes, of_bits, of_texts

FULL_DIGITS = 18  # of a decimal that surely is a 64-bit number
_SECOND = 1e6  # microseconds
_NOT_SIGN = np.int64(0x7FFFFFFFFFFFFFFF)
_NAN = np.float64("nan").view(np.int64)


@dataclass(frozen=True, eq=False)
class InOrder:
    """A column's values as whole numbers, the keys, and what leads back.

    `numbers` gives the values of keys as floats, `texts` as they are in the table, `hashes` what
    sketches are made of. `is_frequent`: the most frequent ones are told.
    """

    keys: Array
    numbers: Callable[[Array], Array]
    texts: Callable[[pl.Series], pl.Series]
    hashes: Callable[[Array], Hashes]
    is_frequent: bool = False
    is_float: bool = False

    def is_nan(self, keys: Array) -> Array:
        """Tell which keys are of no number."""
        return keys == _NAN if self.is_float else np.zeros(keys.size, dtype=np.bool_)


def in_order(values: pl.Series) -> InOrder:
    """Give the keys of a column without nulls: of numbers, dates, timestamps, booleans."""
    dtype = values.dtype
    if dtype.is_float():
        return _floats(values)
    if isinstance(dtype, pl.Decimal):
        return _decimals(values, dtype)
    keys = values.to_physical().cast(pl.Int64).to_numpy()
    unit = _SECOND if isinstance(dtype, pl.Datetime) else 1.0

    def numbers(some: Array) -> Array:
        return some.astype(np.float64) / unit

    def texts(some: pl.Series) -> pl.Series:
        physical = pl.Boolean() if dtype == pl.Boolean() else dtype
        return some.cast(pl.Int64).cast(physical).cast(pl.String)

    is_frequent = not isinstance(dtype, pl.Datetime)
    return InOrder(keys, numbers, texts, _of_keys, is_frequent)


def _of_keys(keys: Array) -> Hashes:
    return of_bits(keys.view(np.uint64))


def _floats(values: pl.Series) -> InOrder:
    """Give the bits of floats, so turned that their order is that of the floats, NaN at the end."""
    dtype = values.dtype
    floats = values.cast(pl.Float64).to_numpy() + 0.0  # -0.0 is 0.0
    floats[np.isnan(floats)] = np.nan
    bits = floats.view(np.int64)

    def numbers(some: Array) -> Array:
        return np.asarray(_turned(some).view(np.float64))

    def texts(some: pl.Series) -> pl.Series:
        back = pl.Series(numbers(some.fill_null(0).to_numpy()), dtype=pl.Float64())
        shown = back.cast(dtype).cast(pl.String)
        return shown.to_frame("text").select(
            pl.when(pl.lit(some).is_not_null()).then("text").alias("text")
        )["text"]

    return InOrder(_turned(bits), numbers, texts, _of_keys, is_float=True)


def _turned(bits: Array) -> Array:
    turned = bits >> np.int64(63)
    turned &= _NOT_SIGN
    turned ^= bits
    return np.asarray(turned)


def _decimals(values: pl.Series, dtype: pl.Decimal) -> InOrder:
    if dtype.precision > FULL_DIGITS:
        return _by_rank(values)
    scale = dtype.scale

    def numbers(some: Array) -> Array:
        return some.astype(np.float64) / 10.0**scale

    def texts(some: pl.Series) -> pl.Series:
        each = [None if key is None else f"{Decimal(key).scaleb(-scale):f}" for key in some]
        return pl.Series(each, dtype=pl.String())

    keys = values.to_physical().cast(pl.Int64).to_numpy()
    return InOrder(keys, numbers, texts, _of_keys)


def _by_rank(values: pl.Series) -> InOrder:
    """Give the places of values among the distinct ones."""
    each = values.unique().sort()
    floats, names = each.cast(pl.Float64).to_numpy(), each.cast(pl.String)
    hashed = of_texts(names)
    keys = (values.rank("dense").cast(pl.Int64) - 1).to_numpy()
    return InOrder(keys, lambda some: floats[some], names.gather, lambda some: hashed[some])
