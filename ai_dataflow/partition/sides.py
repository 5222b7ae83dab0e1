"""One side of a join: how often each of its rows is in what was joined, and what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ai_dataflow.partition.clients import Counts, Filled, filled, heights, nothing, summed
from ai_dataflow.partition.parts import Part
from ai_dataflow.workstation.list_elements import column_of, elements

Times = NDArray[np.integer]  # how often each row is there; bytes, if none is there twice


@dataclass(frozen=True)
class Alone:
    """Rows without a partner, and the values of each column in them, by client."""

    height: Counts
    filled: Filled


@dataclass(frozen=True)
class Joined:
    """Joined rows, and what the pairs tell of which they were made.

    By client, `vanished` counts the rows that became a part of others: of each key value that both
    sides have one does. `repeated` are, by AI column, the values that the join wrote once more than
    they are; `alone` the rows of either side that it left out.
    """

    rows: pl.LazyFrame
    vanished: Counts
    repeated: Filled
    alone: tuple[Alone, Alone]


@dataclass(frozen=True)
class Side:
    """One side of a join, and how often each of its rows is in what was joined."""

    part: Part
    rows: pl.DataFrame
    times: Times

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
        columns = unkeyed(self.part, keys)
        if self._is_once:
            return dict.fromkeys(columns, nothing(clients))
        more = {}
        of_lists = elements(self.rows.schema)
        for column in columns:  # one by one: there may be many rows
            number = of_lists.get(column, pl.col(column).is_not_null())
            rows = self._rows([number.alias(column)])
            more[column] = summed(
                rows, np.maximum(self.times - 1, 0) * rows[column].to_numpy(), clients
            )
        return more

    def alone(self, numbers: pl.Series) -> Alone:
        """Count rows, given by their numbers, and their values."""
        rows = self.rows.select(*self.part.by, *_columns(self.part))[numbers]
        height = heights(rows, len(self.part.height))
        return Alone(height, filled(rows, height))

    def _rows(self, columns: Sequence[pl.Expr]) -> pl.DataFrame:
        return self.rows.select(*self.part.by, *columns)


def none_alone(part: Part) -> Alone:
    """Count no rows."""
    clients = len(part.height)
    return Alone(nothing(clients), dict.fromkeys(part.filled, nothing(clients)))


def unkeyed(part: Part, keys: Sequence[str]) -> list[str]:
    """Give what is counted of the columns beside the keys."""
    return [name for name in part.filled if column_of(name) not in keys]


def _columns(part: Part) -> list[str]:
    """Give the AI columns; beside them rows may have numbers."""
    return [name for name in part.filled if name == column_of(name)]
