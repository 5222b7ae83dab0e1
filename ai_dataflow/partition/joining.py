"""Joining two sources of a product, of all clients at once, proved by pairs of rows.

Submodules are joined on the keys that they share, each as its rule says. Null keys match nothing.
What is joined are numbers of rows (see `pairs`). Whatever the kind of join, all rows are paired
first: all of both sides have to be in the pairs, and none of a pair may be there more often on both
sides. Then the pairs are left out that the kind of join makes no rows of. So each row is there, or
was counted as left out. From the pairs follows how many rows vanished into others, too, and how
many values the join wrote once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.partition.clients import (
    Counts,
    Filled,
    elements_of,
    heights,
    nothing,
    occurrences,
    total,
)
from ai_dataflow.partition.lookups import looked_up
from ai_dataflow.partition.pairs import LEFT, RIGHT, gathered, lost, paired, staying
from ai_dataflow.partition.parts import BySource, Part
from ai_dataflow.partition.pieces import by_keys, size_of
from ai_dataflow.partition.repeating import joinable
from ai_dataflow.partition.scratch import Scratch
from ai_dataflow.partition.sides import Alone, Joined, Side, Times, none_alone, unkeyed
from ai_dataflow.workstation.list_elements import elements

_AT_ONCE = 1 << 20  # rows


def join(space: Scratch, left: Part, right: Part) -> Part:
    """Join what was joined so far with the next source, as its rule says.

    Raises:
        DataflowError: MAP-013 where there is no shared key; DAT-002 where the join loses rows.
    """
    shared = [key for key in left.keys if key in right.keys]
    if not shared:
        raise DataflowError(_no_shared_key(left, right))
    left, right = joinable(_computed(left, space), right, shared)
    if right.source.join_kind == "lookup":
        return looked_up(left, right, shared, space)
    joined = _summed(list(_joined_pieces(left, right, shared, space)))
    alone = joined.alone
    return Part(
        right.source,
        tuple(dict.fromkeys((*left.keys, *right.keys))),
        joined.rows,
        left.height + right.height - joined.vanished - alone[0].height - alone[1].height,
        _filled(left, right, shared, joined),
        left.rows_merged + joined.vanished,
        {**right.broken, **left.broken},
        (*left.sources, right.source.key),
        _unmatched(left, right, joined),
        left.produced,
        left.not_found,
        left.is_mixed or bool(len(left.sources) > 1 and alone[0].height.any()),
    )


def _unmatched(left: Part, right: Part, joined: Joined) -> BySource:
    """Count the rows that the join left out, each at its source.

    Those of the left count there if they are of one. Of which sources mixed ones are is told later.
    """
    counts = dict(left.unmatched)
    (first, *others), key = left.sources, right.source.key
    if not others and joined.alone[0].height.any():
        counts[first] = counts.get(first, 0) + joined.alone[0].height
    if right.source.join_kind != "full":
        counts[key] = joined.alone[1].height
    return counts


def _computed(part: Part, space: Scratch) -> Part:
    """Compute joined rows that are joined further: they are looked at several times."""
    if part.merged is None:
        return part
    return replace(part, rows=space.hold(part.rows, int(size_of(part))))


def _joined_pieces(left: Part, right: Part, keys: list[str], space: Scratch) -> Iterator[Joined]:
    """Join piece by piece; one alone stays as it is, of several each is put aside."""
    on = left.by + keys
    pieces = by_keys(left, right, keys, space)
    if len(pieces) == 1:
        yield _side_by_side(left, right, on) or _joined(left, right, on)
        return
    size = int(size_of(left) + size_of(right))
    for a, b in pieces:
        joined = _joined(a, b, on)
        yield replace(joined, rows=space.hold(joined.rows, size))


def _summed(pieces: Sequence[Joined]) -> Joined:
    """Put pieces together."""
    first, *others = pieces
    if not others:
        return first
    clients = len(first.vanished)

    def added(counts: Sequence[Filled]) -> Filled:
        return {name: total([each[name] for each in counts], clients) for name in counts[0]}

    a, b = (
        Alone(
            total([piece.alone[side].height for piece in pieces], clients),
            added([piece.alone[side].filled for piece in pieces]),
        )
        for side in (0, 1)
    )
    return Joined(
        pl.concat(piece.rows for piece in pieces),
        total([piece.vanished for piece in pieces], clients),
        added([piece.repeated for piece in pieces]),
        (a, b),
    )


def _side_by_side(left: Part, right: Part, on: list[str]) -> Joined | None:
    """Join rows whose keys are the same on both sides, in the same order; None where they are not.

    So they mostly are where one system wrote both files, and then nothing has to be looked up. No
    key is null or there more than once, which `joinable` has seen to: either side has it once. So
    all kinds of joins are one.
    """
    if not np.array_equal(left.height, right.height):
        return None
    keys, others = (part.rows.select(on).collect() for part in (left, right))
    if any(keys.null_count().row(0)) or not keys.equals(others):
        return None
    rows = pl.concat([left.rows, right.rows.drop(on)], how="horizontal")
    names = [*unkeyed(left, on), *unkeyed(right, on)]
    repeated = dict.fromkeys(names, nothing(len(left.height)))
    alone = none_alone(left), none_alone(right)
    return Joined(rows, left.height, repeated, alone)


def _joined(left: Part, right: Part, on: list[str]) -> Joined:
    """Join rows, and prove by their numbers that each of both sides is there, or left out.

    Raises:
        DataflowError: DAT-002 where one is not, or was multiplied.
    """
    a, b, kind = left.rows.collect(), right.rows.collect(), right.source.join_kind
    pairs = paired(a, b, on)
    sides = [Side(left, a, _times(pairs[LEFT], a)), Side(right, b, _times(pairs[RIGHT], b))]
    both = pairs.drop_nulls()
    once = [side.once(both[number]) for side, number in zip(sides, (LEFT, RIGHT), strict=True)]
    if not all(side.times.all() for side in sides) or not (once[0] | once[1]).all():
        raise DataflowError(lost(right.source))
    # A key makes a row vanish into others: the one on the side that has it once.
    vanished = heights(both.filter(pl.Series(once[0] & once[1])), len(left.height))
    vanished = vanished + sides[0].taking_part_often() + sides[1].taking_part_often()
    repeated = {**sides[0].repeated(on), **sides[1].repeated(on)}
    alone = (
        sides[0].alone(_without(pairs, RIGHT, LEFT)) if kind == "inner" else none_alone(left),
        sides[1].alone(_without(pairs, LEFT, RIGHT)) if kind != "full" else none_alone(right),
    )
    rows = gathered(staying(pairs, kind), a, b, on)
    return Joined(rows, vanished, repeated, alone)


def _without(pairs: pl.DataFrame, partner: str, number: str) -> pl.Series:
    """Give the numbers of the rows that have no partner."""
    return pairs.filter(pl.col(partner).is_null())[number]


def _times(numbers: pl.Series, rows: pl.DataFrame) -> Times:
    """Count how often each row is there. It is mostly once, which a byte for each row can tell."""
    numbers = numbers.drop_nulls()
    if len(numbers) <= rows.height:
        is_there = np.zeros(rows.height, np.uint8)
        for some in numbers.to_frame().iter_slices(_AT_ONCE):
            is_there[some.to_series().to_numpy()] = 1
        if np.count_nonzero(is_there) == len(numbers):
            return is_there
    return occurrences(numbers, rows.height)


def _filled(left: Part, right: Part, keys: list[str], joined: Joined) -> dict[str, Counts]:
    """Count the values after a join: a matched key is coalesced into one.

    Keys that are lists are rare: their elements are counted in what was joined.
    """
    gone = [alone.filled for alone in joined.alone]
    shared = {
        key: left.filled[key] + right.filled[key] - joined.vanished - gone[0][key] - gone[1][key]
        for key in keys
    }
    if elements(types := {key: left.rows.collect_schema()[key] for key in keys}):
        rows = joined.rows.select(*left.by, *types)
        shared |= elements_of(rows.collect(), len(left.height))
    others = {
        column: part.filled[column] + joined.repeated[column] - of_part[column]
        for part, of_part in zip((left, right), gone, strict=True)
        for column in unkeyed(part, keys)
    }
    return shared | others


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
