"""Pieces: parts that are too large to be joined in memory, cut into what it can hold."""

from __future__ import annotations

import math
from dataclasses import replace

import polars as pl

from ai_dataflow.partition.parts import Part
from ai_dataflow.partition.scratch import Scratch, bytes_per_row

_FEW_ROWS = 100_000


def size_of(part: Part) -> float:
    """Estimate how many bytes of memory rows take, where there are many."""
    rows = part.height.max() if part.is_common else part.height.sum()
    return bytes_per_row(part.rows) * float(rows) if rows >= _FEW_ROWS else 0


def by_keys(left: Part, right: Part, keys: list[str], space: Scratch) -> list[tuple[Part, Part]]:
    """Split what is to be joined by its keys; mostly it is one piece.

    Which rows share a piece depends on their keys alone, so pieces are joined one by one.
    """
    number = math.ceil((size_of(left) + size_of(right)) / space.piece_bytes)
    if number <= 1:
        return [(left, right)]
    sides = ([replace(part, rows=rows) for rows in space.split(part.rows, keys, number)]
             for part in (left, right))  # fmt: skip
    return list(zip(*sides, strict=True))


def in_order(part: Part, space: Scratch) -> list[pl.LazyFrame]:
    """Cut rows in their order, whatever their keys: most of them may have the same."""
    number = math.ceil(size_of(part) / space.piece_bytes)
    if number <= 1:
        return [part.rows]
    height = math.ceil(int(part.height.sum()) / number)
    return [part.rows.slice(piece * height, height) for piece in range(number)]
