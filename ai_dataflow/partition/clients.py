"""Several partitions of one shape, made together: their rows in one frame, counted by client.

A row's client is a number beside its columns: which of the partitions that are made together it is
of, from 0. Where one partition is made alone, there is no such column, and all rows are its own.
So a count is an array, of one number for each client.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ai_dataflow.workstation.list_elements import elements

CLIENT = "\ue000\ue000client"  # no column of a source is called so, and no AI column
Counts = NDArray[np.int64]
Filled = Mapping[str, Counts]


def by_client(clients: int) -> list[str]:
    """Give the column of the clients; none where there is but one."""
    return [CLIENT] if clients > 1 else []


def one(count: int) -> Counts:
    """Give what was counted of one client."""
    return np.array([count], np.int64)


def nothing(clients: int) -> Counts:
    """Count nothing."""
    return np.zeros(clients, np.int64)


def total(counts: Sequence[Counts], clients: int) -> Counts:
    """Add up what was counted of each client."""
    return sum(counts, start=nothing(clients))


def numbered(heights: Sequence[int]) -> pl.Series:
    """Give the column of the clients for rows that are in their order; so many are of each."""
    return pl.Series(CLIENT, np.repeat(np.arange(len(heights), dtype=np.uint32), heights))


def of_each(rows: pl.LazyFrame, clients: int) -> pl.LazyFrame:
    """Give rows that all clients have to each of them, in the order of the clients."""
    each = numbered([1] * clients).to_frame().lazy()
    return each.join(rows, how="cross", maintain_order="left_right")


def occurrences(numbers: pl.Series, kinds: int) -> Counts:
    """Count how often each of the numbers below `kinds` occurs."""
    return np.bincount(numbers.to_numpy(), minlength=kinds).astype(np.int64, copy=False)


def heights(rows: pl.DataFrame, clients: int) -> Counts:
    """Count each client's rows."""
    if clients == 1:
        return np.array([rows.height])
    return occurrences(rows[CLIENT], clients)


def filled(rows: pl.DataFrame, height: Counts) -> dict[str, Counts]:
    """Count each client's values in all columns, and the elements of lists; `height` are its rows.

    See `list_elements` for the names.
    """
    names = [name for name in rows.columns if name != CLIENT]
    values = {name: height - _nulls(rows, name, len(height)) for name in names}
    return values | elements_of(rows, len(height))


def elements_of(rows: pl.DataFrame, clients: int) -> dict[str, Counts]:
    """Count the elements of each client's lists."""
    counted = rows.select(**elements(rows.schema))
    return {each.name: summed(rows, each.to_numpy(), clients) for each in counted}


def _nulls(rows: pl.DataFrame, name: str, clients: int) -> Counts:
    column = rows[name]
    if clients == 1:
        return one(column.null_count())
    if not column.null_count():
        return nothing(clients)
    return occurrences(rows[CLIENT].filter(column.is_null()), clients)


def summed(rows: pl.DataFrame, weights: Counts, clients: int) -> Counts:
    """Sum a weight of each row by client."""
    if clients == 1:
        return np.array([weights.sum()])
    summed = np.bincount(rows[CLIENT].to_numpy(), weights=weights, minlength=clients)
    return summed.astype(np.int64)  # exact below 2**53
