"""Merging: a product's submodules into one frame, the products into one partition.

Within a product, submodules that map key columns are full-outer-joined, in the order in which
they are planned, on the keys that they share. Those without keys are appended. Across products
the rows are unioned by AI column; what a product does not map is null.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.partition import requiring
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.scratch import Scratch, bytes_per_row
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.layout import PRODUCT_COLUMN

# Beside AI columns, none of which begins so.
_LEFT, _RIGHT = "\ue000left", "\ue000right"
_FEW_ROWS = 100_000


@dataclass(frozen=True)
class Rows:
    """Rows of AI columns, with their number and the values of each column in them."""

    frame: pl.LazyFrame
    height: int
    filled: Mapping[str, int]


@dataclass(frozen=True)
class Part:
    """The good rows of one source, or of several already joined.

    `height` counts the rows, `filled` the values of each AI column in them; `merged` the rows that
    the join made a part of another row.
    """

    source: SourceJob
    keys: tuple[str, ...]
    rows: pl.LazyFrame
    height: int
    filled: Mapping[str, int]
    merged: int = 0

    @property
    def good(self) -> Rows:
        """Its rows alone."""
        return Rows(self.rows, self.height, self.filled)


@dataclass(frozen=True)
class Merged:
    """A product's rows, how many of them the join merged, and the values of each AI column.

    `left_out` has for each part the rows that are in no row of the product, since all that they
    are a part of lack a required value (see `requiring`); it is empty where none does.
    """

    rows: pl.LazyFrame
    rows_merged: int
    filled: Mapping[str, int]
    left_out: tuple[pl.DataFrame, ...] = ()


def merge_product(parts: Sequence[Part], needed: Sequence[str], space: Scratch) -> Merged:
    """Merge the sources of one product.

    Args:
        parts: the sources, in the order in which they are planned.
        needed: the AI columns that must not be null in the product's rows.
        space: where a join that is too large for memory is done piece by piece.

    Raises:
        DataflowError: DAT-001 where a join is many-to-many, MAP-013 where there is no shared key.
    """
    merged = _merged(parts, space)
    height = sum(part.height for part in parts) - merged.rows_merged
    if not requiring.is_open(needed, merged.filled, height):
        return merged
    # Joined once more, with numbers: only then it can be told which rows lose what they brought.
    numbers = [replace(part, rows=requiring.numbered(part.rows, i)) for i, part in enumerate(parts)]
    rows = _merged(numbers, space).rows
    rows = space.hold(rows, int(bytes_per_row(rows) * height))
    good, left_out = requiring.divided(rows, needed, len(parts))
    published, *filled = good.select(pl.len(), pl.all().count()).collect().row(0)
    lost = sum(part.height for part in left_out)
    return Merged(
        good,
        sum(part.height for part in parts) - lost - published,
        dict(zip(good.collect_schema(), filled, strict=True)),
        tuple(left_out),
    )


def _merged(parts: Sequence[Part], space: Scratch) -> Merged:
    keyed = [part for part in parts if part.keys]
    together = [reduce(partial(_join, space), keyed)] if keyed else []
    together += [part for part in parts if not part.keys]
    filled: Counter[str] = Counter()
    for part in together:
        filled.update(part.filled)
    merged = sum(part.merged for part in together)
    return Merged(_append([part.rows for part in together]), merged, filled)


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
    rows = requiring.without(part.rows, left_out)
    filled = rows.select(pl.col(list(part.filled)).count()).collect().row(0, named=True)
    return Rows(rows, part.height - left_out.height, filled)


def union_products(products: dict[str, pl.LazyFrame], columns: Sequence[AiColumn]) -> pl.LazyFrame:
    """Put products under each other: all AI columns in sheet order, then the product's code."""
    return pl.concat(
        [_conform(rows, columns, product) for product, rows in products.items()], how="vertical"
    )


def _append(frames: list[pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(frames, how="diagonal") if len(frames) > 1 else frames[0]


def _join(space: Scratch, left: Part, right: Part) -> Part:
    shared = [key for key in left.keys if key in right.keys]
    if not shared:
        raise DataflowError(_no_shared_key(left, right))
    pieces = _pieces(left, right, shared, space)
    matches = _summed([_matches(a, b, shared) for a, b in pieces])
    if matches.exploding:
        raise DataflowError(_many_to_many(left, right, shared, matches.exploding))
    joined = [
        a.rows.join(b.rows, on=shared, how="full", coalesce=True, maintain_order="left_right")
        for a, b in pieces
    ]
    rows = joined[0] if len(joined) == 1 else space.hold_pieces(joined)
    return Part(
        right.source,
        tuple(dict.fromkeys((*left.keys, *right.keys))),
        rows,
        left.height + right.height - matches.keys,
        _filled(left, right, shared, matches),
        left.merged + right.merged + matches.keys,
    )


def _pieces(left: Part, right: Part, keys: list[str], space: Scratch) -> list[tuple[Part, Part]]:
    """Split what is to be joined into pieces that memory can hold, by the keys; mostly it is one.

    Which rows share a piece depends on their keys alone, so pieces are joined one by one.
    """
    number = math.ceil((_bytes(left) + _bytes(right)) / space.piece_bytes)
    if number <= 1:
        return [(left, right)]
    sides = ([replace(part, rows=rows) for rows in space.split(part.rows, keys, number)]
             for part in (left, right))  # fmt: skip
    return list(zip(*sides, strict=True))


def _bytes(part: Part) -> float:
    """Estimate how much memory rows take, where there are many."""
    if part.height < _FEW_ROWS:
        return 0
    return bytes_per_row(part.rows) * part.height


@dataclass(frozen=True)
class _Matches:
    """Key values that are on both sides, those that are repeated on both, and repeated values.

    `repeated` counts, by AI column, the values that the join writes once more than they are.
    """

    keys: int
    exploding: int
    repeated: Mapping[str, int]


def _summed(pieces: Sequence[_Matches]) -> _Matches:
    repeated: Counter[str] = Counter()
    for piece in pieces:
        repeated.update(piece.repeated)
    keys = sum(piece.keys for piece in pieces)
    return _Matches(keys, sum(piece.exploding for piece in pieces), repeated)


def _matches(left: Part, right: Part, keys: list[str]) -> _Matches:
    """Count what a join will do, without joining the rows.

    Where no key is repeated on both sides, each matched key makes exactly one row vanish into
    others: the one on the side that has it once, whose values are repeated. Null keys match
    nothing.
    """
    counted = [
        part.rows.group_by(keys).agg(pl.len().alias(side))
        for side, part in ((_LEFT, left), (_RIGHT, right))
    ]
    matched = counted[0].join(counted[1], on=keys, how="inner").collect()
    often = matched.filter((pl.col(_LEFT) > 1) | (pl.col(_RIGHT) > 1))
    exploding = often.filter((pl.col(_LEFT) > 1) & (pl.col(_RIGHT) > 1)).height
    repeated = {**_repeated(left, often, keys, _RIGHT), **_repeated(right, often, keys, _LEFT)}
    return _Matches(matched.height, exploding, repeated)


def _repeated(part: Part, often: pl.DataFrame, keys: list[str], times: str) -> dict[str, int]:
    """Count the values that rows bring along beyond once, by how many `times` they are matched."""
    columns = _unkeyed(part, keys)
    if not often.height or not columns:
        return dict.fromkeys(columns, 0)
    more = often.lazy().filter(pl.col(times) > 1).select(*keys, pl.col(times).cast(pl.Int64) - 1)
    values = [pl.col(times).filter(pl.col(column).is_not_null()).sum().alias(column)
              for column in columns]  # fmt: skip
    return part.rows.join(more, on=keys, how="inner").select(values).collect().row(0, named=True)


def _unkeyed(part: Part, keys: Sequence[str]) -> list[str]:
    return [column for column in part.filled if column not in keys]


def _filled(left: Part, right: Part, keys: list[str], matches: _Matches) -> dict[str, int]:
    """Count the values after a join: a matched key is coalesced into one."""
    shared = {key: left.filled[key] + right.filled[key] - matches.keys for key in keys}
    others = {
        column: part.filled[column] + matches.repeated[column]
        for part in (left, right)
        for column in _unkeyed(part, keys)
    }
    return shared | others


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
