"""Merging: a product's submodules into one frame, the products into one partition.

Within a product, submodules that map key columns are full-outer-joined, in the order in which
they are planned, on the keys that they share. Those without keys are appended. Across products
the rows are unioned by AI column; what a product does not map is null.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import polars as pl

from ai_dataflow.config import ai_types
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.engine.job import AiColumn, SourceJob
from ai_dataflow.workstation.paths import PRODUCT_COLUMN


@dataclass(frozen=True)
class Part:
    """The good rows of one source, or of several already joined."""

    source: SourceJob
    keys: tuple[str, ...]
    rows: pl.LazyFrame
    merged: int = 0


@dataclass(frozen=True)
class Merged:
    """A product's rows, and how many of them the join made a part of another row."""

    rows: pl.LazyFrame
    rows_merged: int


def merge_product(parts: Sequence[Part]) -> Merged:
    """Merge the sources of one product.

    Raises:
        DataflowError: DAT-001 where a join is many-to-many, MAP-013 where there is no shared key.
    """
    keyed = [part for part in parts if part.keys]
    frames = [part.rows for part in parts if not part.keys]
    if keyed:
        joined = reduce(_join, keyed)
        return Merged(_append([joined.rows, *frames]), joined.merged)
    return Merged(_append(frames), 0)


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
    matched, exploding = _matches(left.rows, right.rows, shared)
    if exploding:
        raise DataflowError(_many_to_many(left, right, shared, exploding))
    rows = left.rows.join(
        right.rows, on=shared, how="full", coalesce=True, maintain_order="left_right"
    )
    keys = tuple(dict.fromkeys((*left.keys, *right.keys)))
    return Part(right.source, keys, rows, left.merged + right.merged + matched)


def _matches(left: pl.LazyFrame, right: pl.LazyFrame, keys: list[str]) -> tuple[int, int]:
    """Count the key values on both sides, and those that are repeated on both sides.

    Where no key is repeated on both sides, each matched key makes exactly one row vanish into
    others: the one on the side that has it once. Null keys match nothing.
    """
    counted = (
        left.group_by(keys)
        .agg(pl.len().alias("__left"))
        .join(right.group_by(keys).agg(pl.len().alias("__right")), on=keys, how="inner")
    )
    both = (pl.col("__left") > 1) & (pl.col("__right") > 1)
    matched, exploding = counted.select(pl.len(), both.sum().alias("both")).collect().row(0)
    return int(matched), int(exploding)


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
