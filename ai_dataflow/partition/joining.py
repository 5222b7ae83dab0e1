"""Joining two sources of a product, of all clients at once, proved by pairs of rows.

Submodules are full-outer-joined on the keys that they share. Null keys match nothing. What is
joined are numbers of rows (see `pairs`): all of both sides have to be in the pairs, and none of a
pair may be there more often on both sides. From the pairs follows how many rows vanished into
others, and how many values the join wrote once more.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.partition.clients import (
    CLIENT,
    Counts,
    Filled,
    elements_of,
    heights,
    nothing,
    occurrences,
    summed,
)
from ai_dataflow.partition.pairs import LEFT, RIGHT, gathered, paired
from ai_dataflow.partition.parts import Part
from ai_dataflow.partition.scratch import Scratch, bytes_per_row
from ai_dataflow.workstation.list_elements import column_of, elements

_FEW_ROWS = 100_000


def join(space: Scratch, left: Part, right: Part) -> Part:
    """Join what was joined so far with the next source.

    Raises:
        DataflowError: MAP-013 where there is no shared key; DAT-002 where the join loses rows.
    """
    shared = [key for key in left.keys if key in right.keys]
    if not shared:
        raise DataflowError(_no_shared_key(left, right))
    left, right = _joinable(_computed(left, space), right, shared)
    joined = list(_joined_pieces(left, right, shared, space))
    matched = sum((piece.matched for piece in joined), nothing(len(left.height)))
    return Part(
        right.source,
        tuple(dict.fromkeys((*left.keys, *right.keys))),
        joined[0].rows if len(joined) == 1 else pl.concat(piece.rows for piece in joined),
        left.height + right.height - matched,
        _filled(left, right, shared, matched, joined),
        left.rows_merged + right.rows_merged + matched,
        {**left.broken, **right.broken},
    )


def _computed(part: Part, space: Scratch) -> Part:
    """Compute joined rows that are joined further: they are looked at several times."""
    if part.merged is None:
        return part
    return replace(part, rows=space.hold(part.rows, int(_bytes(part))))


def _joined_pieces(left: Part, right: Part, keys: list[str], space: Scratch) -> Iterator[_Joined]:
    """Join piece by piece; one alone stays as it is, of several each is put aside."""
    on, pieces = left.by + keys, _pieces(left, right, keys, space)
    if len(pieces) == 1:
        yield _side_by_side(left, right, on) or _joined(left, right, on)
        return
    size = int(_bytes(left) + _bytes(right))
    for a, b in pieces:
        joined = _joined(a, b, on)
        yield replace(joined, rows=space.hold(joined.rows, size))


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
    # Equal keys have equal hashes, and these are compared three times as fast.
    for value in (_hashed([*part.by, *keys]), pl.struct(pl.all())):
        total, different = rows.select(pl.len(), value.n_unique()).collect().row(0)
        if total == different:
            return True
    return False


def _hashed(columns: Sequence[str]) -> pl.Expr:
    hashes = (pl.col(name).hash(seed) for seed, name in enumerate(columns))
    return reduce(operator.xor, hashes)


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
        merged=part.rows_merged * stays,
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
    """Joined rows, and what the pairs tell of which they were made.

    `matched` counts, by client, the key values that both sides have: each makes one row vanish into
    others. `repeated` are, by AI column, the values that the join wrote once more than they are.
    """

    rows: pl.LazyFrame
    matched: Counts
    repeated: Filled


def _side_by_side(left: Part, right: Part, on: list[str]) -> _Joined | None:
    """Join rows whose keys are the same on both sides, in the same order; None where they are not.

    So they mostly are where one system wrote both files, and then nothing has to be looked up. No
    key is null or there more than once, which `_joinable` has seen to: either side has it once.
    """
    if not np.array_equal(left.height, right.height):
        return None
    keys, others = (part.rows.select(on).collect() for part in (left, right))
    if any(keys.null_count().row(0)) or not keys.equals(others):
        return None
    rows = pl.concat([left.rows, right.rows.drop(on)], how="horizontal")
    names = [*_unkeyed(left, on), *_unkeyed(right, on)]
    return _Joined(rows, left.height, dict.fromkeys(names, nothing(len(left.height))))


def _joined(left: Part, right: Part, on: list[str]) -> _Joined:
    """Join rows, and prove by their numbers that each of both sides is there.

    Raises:
        DataflowError: DAT-002 where one is not, or was multiplied.
    """
    a, b = left.rows.collect(), right.rows.collect()
    pairs = paired(a, b, on)
    sides = [_Side(left, a, _times(pairs[LEFT], a)), _Side(right, b, _times(pairs[RIGHT], b))]
    both = pairs.drop_nulls()
    once = [side.once(both[number]) for side, number in zip(sides, (LEFT, RIGHT), strict=True)]
    if not all(side.times.all() for side in sides) or not (once[0] | once[1]).all():
        raise DataflowError(_lost(right))
    # A key makes a row vanish into others: the one on the side that has it once.
    matched = heights(both.filter(pl.Series(once[0] & once[1])), len(left.height))
    matched = matched + sides[0].taking_part_often() + sides[1].taking_part_often()
    repeated = {**sides[0].repeated(on), **sides[1].repeated(on)}
    return _Joined(gathered(pairs, a, b, on), matched, repeated)


def _times(numbers: pl.Series, rows: pl.DataFrame) -> Counts:
    return occurrences(numbers.drop_nulls(), rows.height)


@dataclass(frozen=True)
class _Side:
    """One side of a join, and how often each of its rows is in what was joined."""

    part: Part
    rows: pl.DataFrame
    times: Counts

    @property
    def _is_once(self) -> bool:
        return not len(self.times) or bool(self.times.max() <= 1)

    def once(self, numbers: pl.Series) -> NDArray[np.bool_]:
        """Tell of rows, by their numbers, which are a part of one joined row alone."""
        if self._is_once:
            return np.ones(len(numbers), np.bool_)
        is_alone: NDArray[np.bool_] = self.times[numbers.to_numpy()] == 1
        return is_alone

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
        of_lists = elements(self.rows.schema)
        for column in columns:  # one by one: there may be many rows
            number = of_lists.get(column, pl.col(column).is_not_null())
            rows = self._rows([number.alias(column)])
            more[column] = summed(rows, (self.times - 1) * rows[column].to_numpy(), clients)
        return more

    def _rows(self, columns: Sequence[pl.Expr]) -> pl.DataFrame:
        return self.rows.select(*self.part.by, *columns)


def _unkeyed(part: Part, keys: Sequence[str]) -> list[str]:
    """Give what is counted of the columns beside the keys."""
    return [name for name in part.filled if column_of(name) not in keys]


def _filled(
    left: Part, right: Part, keys: list[str], matched: Counts, pieces: Sequence[_Joined]
) -> dict[str, Counts]:
    """Count the values after a join: a matched key is coalesced into one.

    Keys that are lists are rare: their elements are counted in what was joined.
    """
    shared = {key: left.filled[key] + right.filled[key] - matched for key in keys}
    if elements(types := {key: left.rows.collect_schema()[key] for key in keys}):
        rows = pl.concat(piece.rows.select(*left.by, *types) for piece in pieces)
        shared |= elements_of(rows.collect(), len(left.height))
    others = {
        column: part.filled[column] + sum(piece.repeated[column] for piece in pieces)
        for part in (left, right)
        for column in _unkeyed(part, keys)
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
