"""Merging: a product's submodules into one frame, the products into one partition.

Within a product, submodules that map key columns are full-outer-joined, in the order in which
they are planned, on the keys that they share. Those without keys are appended. Across products
the rows are unioned by AI column; what a product does not map is null.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import polars as pl

from ai_dataflow.config import ai_types
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.engine.job import AiColumn, SourceJob
from ai_dataflow.workstation.paths import PRODUCT_COLUMN

# Beside AI columns, none of which begins so.
_LEFT, _RIGHT = "\ue000left", "\ue000right"


@dataclass(frozen=True)
class Part:
    """The good rows of one source, or of several already joined.

    `filled` counts the values of each AI column in `rows`; `merged` the rows that the join made a
    part of another row.
    """

    source: SourceJob
    keys: tuple[str, ...]
    rows: pl.LazyFrame
    filled: Mapping[str, int]
    merged: int = 0


@dataclass(frozen=True)
class Merged:
    """A product's rows, how many of them the join merged, and the values of each AI column."""

    rows: pl.LazyFrame
    rows_merged: int
    filled: Mapping[str, int]


def merge_product(parts: Sequence[Part]) -> Merged:
    """Merge the sources of one product.

    Raises:
        DataflowError: DAT-001 where a join is many-to-many, MAP-013 where there is no shared key.
    """
    keyed = [part for part in parts if part.keys]
    together = [reduce(_join, keyed)] if keyed else []
    together += [part for part in parts if not part.keys]
    filled: Counter[str] = Counter()
    for part in together:
        filled.update(part.filled)
    merged = sum(part.merged for part in together)
    return Merged(_append([part.rows for part in together]), merged, filled)


def union_products(products: dict[str, pl.LazyFrame], columns: Sequence[AiColumn]) -> pl.LazyFrame:
    """Put products under each other: all AI columns in sheet order, then the product's code."""
    return pl.concat(
        [_conform(rows, columns, product) for product, rows in products.items()], how="vertical"
    )


def _append(frames: list[pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(frames, how="diagonal") if len(frames) > 1 else frames[0]


def _join(left: Part, right: Part) -> Part:
    shared = [key for key in left.keys if key in right.keys]
    if not shared:
        raise DataflowError(_no_shared_key(left, right))
    matches = _matches(left, right, shared)
    if matches.exploding:
        raise DataflowError(_many_to_many(left, right, shared, matches.exploding))
    rows = left.rows.join(
        right.rows, on=shared, how="full", coalesce=True, maintain_order="left_right"
    )
    keys = tuple(dict.fromkeys((*left.keys, *right.keys)))
    filled = _filled(left, right, shared, matches)
    return Part(right.source, keys, rows, filled, left.merged + right.merged + matches.keys)


@dataclass(frozen=True)
class _Matches:
    """Key values that are on both sides, those that are repeated on both, and repeated values.

    `repeated` counts, by AI column, the values that the join writes once more than they are.
    """

    keys: int
    exploding: int
    repeated: dict[str, int]


def _matches(left: Part, right: Part, keys: list[str]) -> _Matches:
    """Count what a join will do, without joining the rows.

    Where no key is repeated on both sides, each matched key makes exactly one row vanish into
    others: the one on the side that has it once, whose values are repeated. Null keys match
    nothing.
    """
    sides = {_LEFT: left, _RIGHT: right}
    counted = [
        part.rows.group_by(keys).agg(
            pl.len().alias(side), *(pl.col(c).count().alias(side + c) for c in _own(part, keys))
        )
        for side, part in sides.items()
    ]
    matched = counted[0].join(counted[1], on=keys, how="inner")
    both = (pl.col(_LEFT) > 1) & (pl.col(_RIGHT) > 1)
    repeated = [
        (pl.col(side + column) * (pl.col(_RIGHT if side == _LEFT else _LEFT) - 1))
        .sum()
        .alias(column)
        for side, part in sides.items()
        for column in _own(part, keys)
    ]
    summed = matched.select(pl.len().alias(_LEFT), both.sum().alias(_RIGHT), *repeated)
    (row,) = summed.collect().to_dicts()
    return _Matches(row.pop(_LEFT), row.pop(_RIGHT), row)


def _own(part: Part, keys: Sequence[str]) -> list[str]:
    return [column for column in part.filled if column not in keys]


def _filled(left: Part, right: Part, keys: list[str], matches: _Matches) -> dict[str, int]:
    """Count the values after a join: a matched key is coalesced into one."""
    shared = {key: left.filled[key] + right.filled[key] - matches.keys for key in keys}
    own = {
        column: part.filled[column] + matches.repeated[column]
        for part in (left, right)
        for column in _own(part, keys)
    }
    return shared | own


def _conform(rows: pl.LazyFrame, columns: Sequence[AiColumn], product: str) -> pl.LazyFrame:
    present = set(rows.collect_schema())
    return rows.select(
        *(
            pl.col(column.name)
            if column.name in present
            else pl.lit(None, dtype=ai_types.to_polars(column.ai_type)).alias(column.name)
            for column in columns
        ),
        pl.lit(product).alias(PRODUCT_COLUMN),
    )


def _no_shared_key(left: Part, right: Part) -> Diagnostic:
    return Diagnostic(
        "MAP-013",
        f"`{right.source.submodule}` has the keys {listing(right.keys)}; what it is joined to has "
        f"{listing(left.keys)}",
        place=next(row.place("is_key") for row in right.source.mappings if row.is_key),
        fix="mark a key that both have, or no key to append the rows",
        product=right.source.product,
        submodule=right.source.submodule,
    )


def _many_to_many(left: Part, right: Part, keys: list[str], exploding: int) -> Diagnostic:
    return Diagnostic(
        "DAT-001",
        f"{exploding} values of {listing(keys)} are repeated in `{right.source.submodule}` and in "
        f"what it is joined to (up to `{left.source.submodule}`): the join would multiply rows",
        place=right.source.place,
        fix="add the key column that tells the rows apart, or deliver the data without duplicates",
        product=right.source.product,
        submodule=right.source.submodule,
    )
