"""Merging: a product's submodules into one frame, the products into one partition.

Within a product, submodules that map key columns are full-outer-joined, in the order in which
they are planned, on the keys that they share. Those without keys are appended. Across products
the rows are unioned by AI column; what a product does not map is null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce

import numpy as np
import polars as pl

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.partition import requiring
from ai_dataflow.partition.clients import (
    CLIENT,
    Counts,
    Filled,
    by_client,
    filled,
    heights,
    nothing,
    occurrences,
    summed,
)
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
    """Rows of AI columns, with their number and the values of each column in them, by client."""

    frame: pl.LazyFrame
    height: Counts
    filled: Filled


@dataclass(frozen=True)
class Part:
    """The good rows of one source, or of several already joined.

    `height` counts the rows, `filled` the values of each AI column in them; `merged` the rows that
    the join made a part of another row; all by client. `broken` are clients that cannot be joined,
    and why; they have no rows.
    """

    source: SourceJob
    keys: tuple[str, ...]
    rows: pl.LazyFrame
    height: Counts
    filled: Filled
    merged: Counts | None = None
    broken: Mapping[int, Diagnostic] = field(default_factory=dict)

    @property
    def good(self) -> Rows:
        """Its rows alone."""
        return Rows(self.rows, self.height, self.filled)

    @property
    def by(self) -> list[str]:
        """The column of the clients, where there are several."""
        return by_client(len(self.height))


@dataclass(frozen=True)
class Merged:
    """A product's rows, how many of them the join merged, and the values of each AI column.

    `left_out` has for each part the rows that are in no row of the product, since all that they
    are a part of lack a required value (see `requiring`); it is empty where none does. `broken` are
    the clients that cannot be joined, and why.
    """

    rows: pl.LazyFrame
    rows_merged: Counts
    filled: Filled
    left_out: tuple[pl.DataFrame, ...] = ()
    broken: Mapping[int, Diagnostic] = field(default_factory=dict)


def merge_product(parts: Sequence[Part], needed: Sequence[str], space: Scratch) -> Merged:
    """Merge the sources of one product.

    Args:
        parts: the sources, in the order in which they are planned.
        needed: the AI columns that must not be null in the product's rows.
        space: where a join that is too large for memory is done piece by piece.

    Raises:
        DataflowError: MAP-013 where there is no shared key; DAT-001 where a join is many-to-many,
            and it is the only client.
    """
    merged = _merged(parts, space)
    if merged.broken and len(parts[0].height) == 1:
        raise DataflowError(*merged.broken.values())
    height = sum(part.height for part in parts) - merged.rows_merged
    if not requiring.is_open(needed, merged.filled, height):
        return merged
    # Joined once more, with numbers: only then it can be told which rows lose what they brought.
    numbers = [replace(part, rows=requiring.numbered(part.rows, i)) for i, part in enumerate(parts)]
    rows = _merged(numbers, space).rows
    rows = space.hold(rows, int(bytes_per_row(rows) * height.sum()))
    by, clients = parts[0].by, len(parts[0].height)
    good, left_out = requiring.divided(rows, needed, len(parts), by)
    published = counted(good, clients)
    lost = sum((heights(rows, clients) for rows in left_out), nothing(clients))
    return Merged(
        good,
        sum(part.height for part in parts) - lost - published.height,
        published.filled,
        tuple(left_out),
        merged.broken,
    )


def counted(frame: pl.LazyFrame, clients: int) -> Rows:
    """Count rows and their values by client."""
    names = [name for name in frame.collect_schema() if name != CLIENT]
    if clients > 1:
        rows = frame.collect()
        height = heights(rows, clients)
        return Rows(rows.lazy(), height, filled(rows, names, height))
    total, *values = frame.select(pl.len(), pl.col(names).count()).collect().row(0)
    return Rows(
        frame, np.array([total]), {n: np.array([v]) for n, v in zip(names, values, strict=True)}
    )


def _merged(parts: Sequence[Part], space: Scratch) -> Merged:
    keyed = [part for part in parts if part.keys]
    together = [reduce(partial(_join, space), keyed)] if keyed else []
    together += [part for part in parts if not part.keys]
    values: dict[str, Counts] = {}
    broken: dict[int, Diagnostic] = {}
    for part in together:
        for name, count in part.filled.items():
            values[name] = values[name] + count if name in values else count
        broken.update(part.broken)
    clients = len(parts[0].height)
    merged = sum((_merged_in(part) for part in together), nothing(clients))
    rows = _append([part.rows for part in together])
    if clients > 1 and len(together) > 1:
        rows = rows.sort(CLIENT, maintain_order=True)
    return Merged(rows, merged, values, broken=broken)


def _merged_in(part: Part) -> Counts:
    return nothing(len(part.height)) if part.merged is None else part.merged


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
    return counted(requiring.without(part.rows, left_out), len(part.height))


def union_products(
    products: dict[str, pl.LazyFrame], columns: Sequence[AiColumn]
) -> list[pl.LazyFrame]:
    """Give products the same columns: all AI columns in sheet order, then the product's code."""
    return [_conform(rows, columns, product) for product, rows in products.items()]


def _append(frames: list[pl.LazyFrame]) -> pl.LazyFrame:
    return pl.concat(frames, how="diagonal") if len(frames) > 1 else frames[0]


def _join(space: Scratch, left: Part, right: Part) -> Part:
    shared = [key for key in left.keys if key in right.keys]
    if not shared:
        raise DataflowError(_no_shared_key(left, right))
    left, right = _joinable(left, right, shared)
    pieces = [
        _joined(a, b, left.by + shared, space) for a, b in _pieces(left, right, shared, space)
    ]
    rows = [piece.rows.drop(_LEFT, _RIGHT) for piece in pieces]
    matched = sum((piece.matched for piece in pieces), nothing(len(left.height)))
    return Part(
        right.source,
        tuple(dict.fromkeys((*left.keys, *right.keys))),
        rows[0] if len(rows) == 1 else pl.concat(rows),
        left.height + right.height - matched,
        _filled(left, right, shared, matched, pieces),
        _merged_in(left) + _merged_in(right) + matched,
        {**left.broken, **right.broken},
    )


def _joinable(left: Part, right: Part, keys: list[str]) -> tuple[Part, Part]:
    """Take the clients out whose rows the join would multiply."""
    if _has_once(left, keys) or _has_once(right, keys):
        return left, right
    on = [*left.by, *keys]
    often = [part.rows.group_by(on).len().filter(pl.col("len") > 1) for part in (left, right)]
    exploding = often[0].join(often[1], on=on, how="inner").collect()
    numbers = heights(exploding, len(left.height))
    broken = {
        int(client): _many_to_many(left, right, keys, int(numbers[client]))
        for client in np.flatnonzero(numbers)
    }
    return _but_for(left, broken), _but_for(right, broken)


def _has_once(part: Part, keys: list[str]) -> bool:
    """Tell whether no key is repeated. Null keys match nothing."""
    rows = part.rows.select(*part.by, *keys).drop_nulls()
    total, different = rows.select(pl.len(), pl.struct(pl.all()).n_unique()).collect().row(0)
    return bool(total == different)


def _but_for(part: Part, broken: Mapping[int, Diagnostic]) -> Part:
    if not broken:
        return part
    if len(part.height) == 1:  # nothing is left of it
        return replace(part, rows=part.rows.clear(), broken={**part.broken, **broken})
    well = ~pl.col(CLIENT).is_in(list(broken))
    stays = np.array([client not in broken for client in range(len(part.height))])
    return replace(
        part,
        rows=part.rows.filter(well).collect().lazy(),
        height=part.height * stays,
        filled={name: count * stays for name, count in part.filled.items()},
        merged=_merged_in(part) * stays,
        broken={**part.broken, **broken},
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
    if part.height.sum() < _FEW_ROWS:
        return 0
    return bytes_per_row(part.rows) * float(part.height.sum())


@dataclass(frozen=True)
class _Joined:
    """Joined rows, with the marks of the rows that they were made of, and what these tell.

    `matched` counts, by client, the key values that both sides have: each makes one row vanish into
    others. `repeated` are, by AI column, the values that the join wrote once more than they are.
    """

    rows: pl.LazyFrame
    matched: Counts
    repeated: Filled


def _joined(left: Part, right: Part, on: list[str], space: Scratch) -> _Joined:
    """Join rows, and prove by their marks that each of both sides is there.

    Raises:
        DataflowError: DAT-002 where one is not, or was multiplied.
    """
    a, b = left.rows.with_row_index(_LEFT), right.rows.with_row_index(_RIGHT)
    joined = a.join(b, on=on, how="full", coalesce=True, maintain_order="left_right")
    rows = space.hold(joined, int(_bytes(left) + _bytes(right)))
    marks = rows.select(*left.by, _LEFT, _RIGHT).collect()
    sides = [_Side(left, _times(marks, _LEFT, left)), _Side(right, _times(marks, _RIGHT, right))]
    pairs = marks.drop_nulls()
    once = [
        side.times[pairs[mark].to_numpy()] == 1
        for side, mark in zip(sides, (_LEFT, _RIGHT), strict=True)
    ]
    if (
        any(len(side.times) and not side.times.all() for side in sides)
        or not (once[0] | once[1]).all()
    ):
        raise DataflowError(_lost(right))
    # A key makes a row vanish into others: the one on the side that has it once.
    matched = heights(pairs.filter(pl.Series(once[0] & once[1])), len(left.height))
    matched = matched + sides[0].taking_part_often() + sides[1].taking_part_often()
    if left.by and not marks[CLIENT].is_sorted():
        rows = rows.sort(CLIENT, maintain_order=True).collect().lazy()
    return _Joined(rows, matched, {**sides[0].repeated(on), **sides[1].repeated(on)})


def _times(marks: pl.DataFrame, mark: str, part: Part) -> Counts:
    height = part.rows.select(pl.len()).collect().item()
    return occurrences(marks[mark].drop_nulls(), height)


@dataclass(frozen=True)
class _Side:
    """One side of a join, and how often each of its rows is in what was joined."""

    part: Part
    times: Counts

    @property
    def _is_once(self) -> bool:
        return not len(self.times) or bool(self.times.max() <= 1)

    def taking_part_often(self) -> Counts:
        """Count, by client, the rows that are a part of several others."""
        clients = len(self.part.height)
        if self._is_once:
            return nothing(clients)
        return summed(self._rows(()), (self.times > 1).astype(np.int64), clients)

    def repeated(self, keys: Sequence[str]) -> dict[str, Counts]:
        """Count, by client, the values beside the keys that are there beyond once."""
        clients = len(self.part.height)
        columns = _unkeyed(self.part, keys)
        if self._is_once:
            return dict.fromkeys(columns, nothing(clients))
        more = {}
        for column in columns:  # one by one: there may be many rows
            rows = self._rows([pl.col(column).is_not_null()])
            more[column] = summed(rows, (self.times - 1) * rows[column].to_numpy(), clients)
        return more

    def _rows(self, columns: Sequence[pl.Expr]) -> pl.DataFrame:
        return self.part.rows.select(*self.part.by, *columns).collect()


def _unkeyed(part: Part, keys: Sequence[str]) -> list[str]:
    return [column for column in part.filled if column not in keys]


def _filled(
    left: Part, right: Part, keys: list[str], matched: Counts, pieces: Sequence[_Joined]
) -> dict[str, Counts]:
    """Count the values after a join: a matched key is coalesced into one."""
    shared = {key: left.filled[key] + right.filled[key] - matched for key in keys}
    others = {
        column: part.filled[column] + sum(piece.repeated[column] for piece in pieces)
        for part in (left, right)
        for column in _unkeyed(part, keys)
    }
    return shared | others


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


def _lost(right: Part) -> Diagnostic:
    return Diagnostic(
        "DAT-002",
        f"{right.source.product}: the join of `{right.source.submodule}` lost or multiplied rows",
        fix="the partition was not published; please report this",
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
