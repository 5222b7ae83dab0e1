"""Hashes of values that are the same everywhere and for ever: sketches of years are merged by them.

Those of Polars are the same within one of its versions only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

Hashes = npt.NDArray[np.uint64]
_WORD = 8
_MASKS = np.array([(1 << (8 * n)) - 1 for n in range(_WORD)] + [(1 << 64) - 1], dtype=np.uint64)
# From the fractional parts of the golden ratio and of others, as in SplitMix64.
_STEP, _FIRST, _SECOND = (
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
_AT_ONCE = 1 << 14  # what is computed of so many stays in a core's cache


def of_bits(values: Hashes) -> Hashes:
    """Hash numbers by their bits: the finalizer of SplitMix64, which maps no two to one."""
    mixed = np.empty(values.shape, dtype=np.uint64)
    for begin in range(0, values.size, _AT_ONCE):
        _mix(values[begin : begin + _AT_ONCE], mixed[begin : begin + _AT_ONCE])
    return mixed


def _mix(values: Hashes, mixed: Hashes) -> None:
    np.add(values, _STEP, out=mixed)
    shifted = mixed >> np.uint64(30)
    mixed ^= shifted
    mixed *= _FIRST
    np.right_shift(mixed, np.uint64(27), out=shifted)
    mixed ^= shifted
    mixed *= _SECOND
    np.right_shift(mixed, np.uint64(31), out=shifted)
    mixed ^= shifted


def sorted_once(hashes: Hashes) -> Hashes:
    """Give each hash once, in their order; faster by far than `np.unique`, which hashes them."""
    ordered = np.sort(hashes)
    return np.asarray(ordered[np.diff(ordered, prepend=~ordered[:1]) != 0])


def of_texts(texts: pl.Series) -> Hashes:
    """Hash texts, none of them null, by their bytes: eight at a time."""
    parts = [_of_texts(texts.slice(i, _AT_ONCE)) for i in range(0, texts.len(), _AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _of_texts(texts: pl.Series) -> Hashes:
    sizes = texts.str.len_bytes().to_numpy().astype(np.int64)
    joined = texts.str.join("").cast(pl.Binary).item() + bytes(_WORD)
    here = np.frombuffer(joined, dtype=np.uint8)
    words = np.lib.stride_tricks.as_strided(
        here[:_WORD].view("<u8"), (len(joined) - _WORD + 1,), (1,), writeable=False
    )
    place = np.cumsum(sizes) - sizes
    hashed = of_bits(sizes.astype(np.uint64))
    rows: slice | npt.NDArray[np.intp] = slice(None)
    while sizes.size and (sizes > 0).any():
        if not (sizes > 0).all():
            longer = np.flatnonzero(sizes > 0)
            rows = longer if isinstance(rows, slice) else rows[longer]
            sizes, place = sizes[longer], place[longer]
        word = words[place] & _MASKS[np.minimum(sizes, _WORD)]
        hashed[rows] = of_bits(hashed[rows] ^ word)
        sizes, place = sizes - _WORD, place + _WORD
    return hashed
