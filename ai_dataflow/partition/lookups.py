"""Looking up: each row gets the columns of the row of a lookup that has its keys, or nulls.

No row is added, left out or moved. So all that has to be found is the number of the row that each
row meets, and what is counted follows from the numbers. A lookup that all clients have alike is
there once, for all of them. Rows too many for memory look up piece by piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.clients import CLIENT, Counts, by_client, heights, nothing, summed, total
from ai_dataflow.partition.moments import last_before
from ai_dataflow.partition.pairs import LEFT, RIGHT, lost
from ai_dataflow.partition.parts import Part
from ai_dataflow.partition.pieces import by_keys, in_order, size_of
from ai_dataflow.partition.scratch import Scratch
from ai_dataflow.partition.sides import unkeyed
from ai_dataflow.workstation.list_elements import elements


def looked_up(left: Part, lookup: Part, keys: list[str], space: Scratch) -> Part:
    """Look rows up by some keys, none of which the lookup has twice.

    Raises:
        DataflowError: DAT-002 where a row is lost, or was multiplied.
    """
    pieces = _pieces(left, lookup, keys, space)
    is_whole = len(pieces) == len(pieces[0][1]) == 1
    tables, rows = list[_LookupTable](), list[pl.LazyFrame]()
    for table, some in pieces:
        tables.append(_LookupTable(lookup, table.collect(), keys))
        for piece in some:
            joined = tables[-1].beside(piece.collect())
            rows.append(joined if is_whole else space.hold(joined, space.spill_bytes))
    clients, key = len(left.height), lookup.source.key
    met, used = (total([getattr(t, name) for t in tables], clients) for name in ("met", "used"))
    values = {name: total([t.filled[name] for t in tables], clients) for name in tables[0].filled}
    return replace(
        left,
        source=lookup.source,
        keys=tuple(dict.fromkeys((*left.keys, *lookup.keys))),
        rows=pl.concat(rows),
        filled={**left.filled, **values},
        merged=left.rows_merged + met,  # a row of a lookup is merged each time that it is found
        broken={**lookup.broken, **left.broken},
        made_of=left.sources,
        unmatched={**left.unmatched, key: lookup.height - used},
        produced={**left.produced, key: met - used},
        not_found={**left.not_found, key: left.height - met},
    )


def _pieces(
    left: Part, lookup: Part, keys: list[str], space: Scratch
) -> list[tuple[pl.LazyFrame, list[pl.LazyFrame]]]:
    """Give each piece of a lookup with the pieces that look up in it; mostly each is one."""
    if size_of(lookup) <= space.piece_bytes:
        return [(lookup.rows, in_order(left, space))]
    return [(table.rows, [some.rows]) for some, table in by_keys(left, lookup, keys, space)]


class _LookupTable:
    """A lookup's rows, and what was found in them so far; counted by client.

    `met` counts the rows that found one, `filled` the values that they got.
    """

    def __init__(self, lookup: Part, rows: pl.DataFrame, keys: Sequence[str]) -> None:
        self._lookup, self._rows, self._on = lookup, rows, [*lookup.by, *keys]
        self._others = rows.drop(self._on)
        self._clients = len(lookup.height)
        self.met = nothing(self._clients)
        self.filled = dict.fromkeys(unkeyed(lookup, keys), self.met)
        # Of each row whether it was found; of one that is all clients' for each of them.
        self._is_used = np.zeros((self._clients if lookup.is_common else 1, rows.height), np.bool_)

    @property
    def used(self) -> Counts:
        """How many of its rows were found."""
        if self._lookup.is_common:
            used: Counts = self._is_used.sum(axis=1, dtype=np.int64)
            return used
        return summed(self._rows, self._is_used[0].astype(np.int64), self._clients)

    def beside(self, rows: pl.DataFrame) -> pl.LazyFrame:
        """Give rows with the columns of what they find, each time they are asked for; count it.

        Raises:
            DataflowError: DAT-002.
        """
        holds = self._lookup.source.holds
        pairs = (
            last_before(rows, self._rows, self._on, holds)
            if holds
            else _equal(rows, self._rows, self._on)
        )
        if not np.array_equal(pairs[LEFT], np.arange(rows.height)):
            raise DataflowError(lost(self._lookup.source))
        self._count(rows, pairs[RIGHT])
        return self._gathered(rows.with_columns(pairs[RIGHT]))

    def _count(self, rows: pl.DataFrame, numbers: pl.Series) -> None:
        met = rows.select(*by_client(self._clients), numbers).drop_nulls(RIGHT)
        self._is_used[met[CLIENT] if self._lookup.is_common else 0, met[RIGHT]] = True
        height = heights(met, self._clients)
        self.met = self.met + height
        for name, before in self.filled.items():  # one by one: there may be many rows
            self.filled[name] = before + self._values(name, met, height)

    def _values(self, name: str, met: pl.DataFrame, height: Counts) -> Counts:
        """Count the values of a column, or elements of its lists, in the rows that were found."""
        number = elements(self._rows.schema).get(name)
        if number is None and not self._rows[name].null_count():
            return height
        values = self._rows.select(pl.col(name).is_not_null() if number is None else number)
        return summed(met, values.to_series()[met[RIGHT]].to_numpy(), self._clients)

    def _gathered(self, numbered: pl.DataFrame) -> pl.LazyFrame:
        others = self._others
        return numbered.lazy().map_batches(
            lambda some: some.drop(RIGHT).hstack(others[some[RIGHT]]),
            schema={**numbered.drop(RIGHT).schema, **others.schema},
            predicate_pushdown=False,
            projection_pushdown=False,
            streamable=True,
        )


def _equal(rows: pl.DataFrame, table: pl.DataFrame, on: Sequence[str]) -> pl.DataFrame:
    """Pair the number of each row with that of the row of equal keys; null keys match nothing."""
    sides = (
        frame.lazy().select(on).with_row_index(number)
        for frame, number in ((rows, LEFT), (table, RIGHT))
    )
    pairs = next(sides).join(next(sides), on=on, how="left", maintain_order="left")
    return pairs.select(LEFT, RIGHT).collect()
