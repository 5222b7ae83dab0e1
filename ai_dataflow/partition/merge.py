"""Merging: a product's submodules into one frame, the products into one partition.

Within a product, submodules that map key columns are joined, each as its rule says, in the order in
which they are planned, on the keys that they share. Those without keys are appended. Across
products the rows are unioned by AI column; what a product does not map is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.partition import row_checks
from ai_dataflow.partition.clients import (
    CLIENT,
    Counts,
    Filled,
    by_client,
    heights,
    nothing,
    total,
)
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.joining import join
from ai_dataflow.partition.parts import BySource, Part, Rows, counted
from ai_dataflow.partition.repeated_keys import NOTHING, Before
from ai_dataflow.partition.row_checks import RowCheck
from ai_dataflow.partition.scratch import Scratch, bytes_per_row
from ai_dataflow.partition.second_stage import SecondStage, unmarked
from ai_dataflow.partition.values import Further, Term
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.layout import PRODUCT_COLUMN

_MANY_ROWS = 100_000


@dataclass(frozen=True)
class Merged:
    """A product's rows, how many of them the join merged, and the values of each AI column.

    `height` counts the rows; `further`, by source, those that a join left unmatched or produced,
    `not_found` those that found nothing in a lookup.
    `left_out` has for each part the rows that are in no row of the product, since all that they
    are a part of fail a check (see `row_checks`); it is empty where none does. `broken` are the
    clients that cannot be joined, or repeat a key of the dictionary, and why.
    """

    rows: pl.LazyFrame
    height: Counts
    rows_merged: Counts
    filled: Filled
    further: Mapping[SourceKey, Further] = field(default_factory=dict)
    not_found: BySource = field(default_factory=dict)
    left_out: tuple[pl.DataFrame, ...] = ()
    broken: Mapping[int, Diagnostic] = field(default_factory=dict)


def merge_product(
    parts: Sequence[Part],
    checks: Sequence[RowCheck],
    space: Scratch,
    before: Before = NOTHING,
    second: SecondStage | None = None,
) -> Merged:
    """Merge the sources of one product.

    Args:
        parts: the sources, in the order in which they are planned.
        checks: what must hold for the product's rows, and for what is computed of them.
        space: where a join that is too large for memory is done piece by piece.
        before: what a replay finds published of the product.
        second: what is computed of the merged rows.

    Raises:
        DataflowError: MAP-013 where there is no shared key; DAT-001 where a join is many-to-many,
            and it is the only client.
    """
    looks = bool(second) or any(check.looks for check in checks)
    together = _together(_numbered(parts) if looks else parts, space)
    merged = _merged(parts, together)
    if merged.broken and len(parts[0].height) == 1:
        raise DataflowError(*merged.broken.values())
    if second:
        merged = _with_second(merged, second, space)
    elif looks:
        merged = replace(merged, rows=_held_if_small(merged.rows, merged.height, space))
    divides = any(part.is_mixed for part in together) or bool(before)
    if not divides and not row_checks.may_fail(checks, merged.rows, merged.filled, merged.height):
        return replace(merged, rows=unmarked(row_checks.unnumbered(merged.rows, len(parts))))
    if not looks:
        # Joined once more, with numbers: only then it can be told which rows lose what they
        # brought. Whoever looks at rows has numbered them before.
        again = _merged(parts, _together(_numbered(parts), space))
        merged = replace(merged, rows=again.rows)
    return _divided(parts, merged, checks, space, before)


def _with_second(merged: Merged, second: SecondStage, space: Scratch) -> Merged:
    """Compute the second stage of merged rows once, and count what it gives."""
    rows, clients, many = second.of(merged.rows), len(merged.height), int(merged.height.sum())
    held = space.hold(rows, int(bytes_per_row(rows) * many) if many >= _MANY_ROWS else 0)
    values = counted(held.select(*by_client(clients), *second.names), clients)
    return replace(merged, rows=held, filled={**merged.filled, **values.filled})


def _numbered(parts: Sequence[Part]) -> list[Part]:
    """Number the rows of parts, but of lookups: they are accounted for where they are looked up."""
    return [
        part if part.source.join_kind == "lookup"
        else replace(part, rows=row_checks.numbered(part.rows, i))
        for i, part in enumerate(parts)
    ]  # fmt: skip


def _held_if_small(rows: pl.LazyFrame, height: Counts, space: Scratch) -> pl.LazyFrame:
    """Compute rows that are looked at and then written; what is too many is computed twice."""
    many = height.sum() >= _MANY_ROWS
    if many and bytes_per_row(rows) * height.sum() >= space.spill_bytes:
        return rows
    return rows.collect().lazy()


def _divided(
    parts: Sequence[Part],
    merged: Merged,
    checks: Sequence[RowCheck],
    space: Scratch,
    before: Before,
) -> Merged:
    """Leave out numbered rows that fail a check, and tell of which source what is left out is."""
    rows = space.hold(merged.rows, int(bytes_per_row(merged.rows) * merged.height.sum()))
    by, clients, product = parts[0].by, len(parts[0].height), parts[0].source.product
    done = row_checks.divided(rows, checks, len(parts), by, before, product)
    further = dict(merged.further)
    if any(part.source.join_kind in ("left", "inner") for part in parts):
        there = row_checks.taking_part(rows, len(parts), by)
        for i, counts in there.items():
            lacking: Further = {"unmatched": parts[i].height - heights(counts, clients)}
            further[parts[i].source.key] = {**further.get(parts[i].source.key, {}), **lacking}
    good = unmarked(done.good)
    published = counted(good, clients)
    lost = sum((heights(rows, clients) for rows in done.left_out), nothing(clients))
    balance = sum((part.height for part in parts), nothing(clients)) - lost - published.height
    return replace(
        merged,
        rows=good,
        height=published.height,
        rows_merged=balance + _total(further, "produced", clients)
        - _total(further, "unmatched", clients),
        filled=published.filled,
        further=further,
        left_out=tuple(done.left_out),
        broken={**merged.broken, **done.broken},
    )  # fmt: skip


def _total(further: Mapping[SourceKey, Further], term: Term, clients: int) -> Counts:
    return total([of[term] for of in further.values() if term in of], clients)


def _together(parts: Sequence[Part], space: Scratch) -> list[Part]:
    """Join the sources that have keys; what it gives, and the others, are put under each other."""
    keyed = [part for part in parts if part.keys]
    together = [reduce(partial(join, space), keyed)] if keyed else []
    return together + [part for part in parts if not part.keys]


def _merged(parts: Sequence[Part], together: Sequence[Part]) -> Merged:
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
    height = sum((part.height for part in together), nothing(clients))
    further: dict[SourceKey, dict[Term, Counts]] = {}
    not_found: dict[SourceKey, Counts] = {}
    for part in together:
        for key, count in part.unmatched.items():
            further.setdefault(key, {})["unmatched"] = count
        for key, count in part.produced.items():
            further.setdefault(key, {})["produced"] = count
        not_found.update(part.not_found)
    return Merged(rows, height, merged, values, further, not_found, broken=broken)


def are_joined(sources: Sequence[SourceJob]) -> bool:
    """Tell whether merging these sources joins some of them."""
    return sum(bool(source.key_columns) for source in sources) > 1


def kept_rows(parts: Sequence[Part], merged: Merged) -> dict[str, Rows]:
    """Give what a later replay needs of a joined product: each submodule's rows that are in it."""
    if not merged.left_out:
        return {part.source.submodule: part.good for part in parts}
    return {
        part.source.submodule: _without(part, left_out)
        for part, left_out in zip(parts, merged.left_out, strict=True)
    }


def _without(part: Part, left_out: pl.DataFrame) -> Rows:
    if not left_out.height:
        return part.good
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
