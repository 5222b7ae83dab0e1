"""Merging: a product's submodules into one frame, the products into one partition.

Within a product, submodules that map key columns are full-outer-joined, in the order in which
they are planned, on the keys that they share. Those without keys are appended. Across products
the rows are unioned by AI column; what a product does not map is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.partition import row_checks
from ai_dataflow.partition.clients import (
    CLIENT,
    Counts,
    Filled,
    heights,
    nothing,
)
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.joining import join
from ai_dataflow.partition.parts import Part, Rows, counted
from ai_dataflow.partition.row_checks import RowCheck
from ai_dataflow.partition.scratch import Scratch, bytes_per_row
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.layout import PRODUCT_COLUMN


@dataclass(frozen=True)
class Merged:
    """A product's rows, how many of them the join merged, and the values of each AI column.

    `left_out` has for each part the rows that are in no row of the product, since all that they
    are a part of fail a check (see `row_checks`); it is empty where none does. `broken` are
    the clients that cannot be joined, and why.
    """

    rows: pl.LazyFrame
    rows_merged: Counts
    filled: Filled
    left_out: tuple[pl.DataFrame, ...] = ()
    broken: Mapping[int, Diagnostic] = field(default_factory=dict)


def merge_product(parts: Sequence[Part], checks: Sequence[RowCheck], space: Scratch) -> Merged:
    """Merge the sources of one product.

    Args:
        parts: the sources, in the order in which they are planned.
        checks: what must hold for the product's rows.
        space: where a join that is too large for memory is done piece by piece.

    Raises:
        DataflowError: MAP-013 where there is no shared key; DAT-001 where a join is many-to-many,
            and it is the only client.
    """
    merged = _merged(parts, space)
    if merged.broken and len(parts[0].height) == 1:
        raise DataflowError(*merged.broken.values())
    height = sum(part.height for part in parts) - merged.rows_merged
    if not row_checks.may_fail(checks, merged.rows, merged.filled, height):
        return merged
    # Joined once more, with numbers: only then it can be told which rows lose what they brought.
    numbered = [
        replace(part, rows=row_checks.numbered(part.rows, i)) for i, part in enumerate(parts)
    ]
    rows = _merged(numbered, space).rows
    rows = space.hold(rows, int(bytes_per_row(rows) * height.sum()))
    by, clients = parts[0].by, len(parts[0].height)
    good, left_out = row_checks.divided(rows, checks, len(parts), by)
    published = counted(good, clients)
    lost = sum((heights(rows, clients) for rows in left_out), nothing(clients))
    return Merged(
        good,
        sum(part.height for part in parts) - lost - published.height,
        published.filled,
        tuple(left_out),
        merged.broken,
    )


def _merged(parts: Sequence[Part], space: Scratch) -> Merged:
    keyed = [part for part in parts if part.keys]
    together = [reduce(partial(join, space), keyed)] if keyed else []
    together += [part for part in parts if not part.keys]
    values: dict[str, Counts] = {}
    broken: dict[int, Diagnostic] = {}
    for part in together:
        for name, count in part.filled.items():
            values[name] = values[name] + count if name in values else count
        broken.update(part.broken)
    clients = len(parts[0].height)
    merged = sum((part.rows_merged for part in together), nothing(clients))
    rows = _append([part.rows for part in together])
    if clients > 1 and len(together) > 1:
        rows = rows.sort(CLIENT, maintain_order=True)
    return Merged(rows, merged, values, broken=broken)


def is_joined(parts: Sequence[Part]) -> bool:
    """Tell whether merging these sources joins some of them."""
    return sum(bool(part.keys) for part in parts) > 1


def kept_rows(parts: Sequence[Part], merged: Merged) -> dict[str, Rows]:
    """Give what a later replay needs of a joined product: each submodule's rows that are in it."""
    if not merged.left_out:
        return {part.source.submodule: part.good for part in parts}
    return {
        part.source.submodule: _without(part, left_out)
        for part, left_out in zip(parts, merged.left_out, strict=True)
    }


def _without(part: Part, left_out: pl.DataFrame) -> Rows:
    return counted(row_checks.without(part.rows, left_out), len(part.height))


def union_products(
    products: dict[str, pl.LazyFrame], columns: Sequence[AiColumn]
) -> list[pl.LazyFrame]:
    """Give products the same columns: all AI columns in sheet order, then the product's code."""
    return [_conform(rows, columns, product) for product, rows in products.items()]


def _append(frames: list[pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(frames, how="diagonal") if len(frames) > 1 else frames[0]


def _conform(rows: pl.LazyFrame, columns: Sequence[AiColumn], product: str) -> pl.LazyFrame:
    present = set(rows.collect_schema())
    return rows.select(
        *([CLIENT] if CLIENT in present else []),
        *(
            pl.col(column.name)
            if column.name in present
            else pl.lit(None, dtype=ai_types.to_polars(column.ai_type)).alias(column.name)
            for column in columns
        ),
        pl.lit(product).alias(PRODUCT_COLUMN),
    )
