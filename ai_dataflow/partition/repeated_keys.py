"""Keys of the dictionary: values that may be in one row only of a client's product.

Rows that fail another check are not published, so they repeat nothing. Nulls are not compared. In a
replay what is published stays: a late row that repeats a key of it does not pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.partition.clients import CLIENT

_TIMES, _OF_BEFORE, _HASH = "\ue000times", "\ue000of before", "\ue000hash"
IS_BEFORE = "\ue000before"


@dataclass(frozen=True)
class Before:
    """What a replay finds published of a product: the first rows of each part, or other rows."""

    ends: Sequence[int] = ()
    rows: pl.LazyFrame | None = None

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return any(self.ends) or self.rows is not None

    def marked(self, rows: pl.LazyFrame, numbers: Sequence[str]) -> pl.LazyFrame:
        """Mark merged rows that were made of the first rows of parts alone."""
        present = rows.collect_schema()  # rows of lookups are not numbered
        ends = {n: e for n, e in zip(numbers, self.ends, strict=False) if n in present}
        are_first = (pl.col(n).is_null() | (pl.col(n) < end) for n, end in ends.items())
        is_before = pl.all_horizontal(are_first) if ends else pl.lit(value=False)
        return rows.with_columns(is_before.alias(IS_BEFORE))


NOTHING = Before()


def hashes(name: str, by: Sequence[str]) -> pl.Expr:
    """Hash the values of a column, of all clients; equal values have equal hashes.

    So where there are as many different ones as there are values, none is repeated.
    """
    hashed = pl.col(name).hash(0)
    for column in by:
        hashed ^= pl.col(column).hash(1)
    return hashed.filter(pl.col(name).is_not_null())


def count_different(rows: pl.LazyFrame, hashed: pl.Expr) -> int:
    """Count different hashes of many rows: to sort them in place takes less memory than a set."""
    column = rows.select(hashed.alias(_HASH)).collect(engine="streaming")[_HASH]
    ordered = np.empty(column.len(), dtype=np.uint64)
    begin = 0
    for chunk in column.get_chunks():
        ordered[begin : begin + chunk.len()] = chunk.to_numpy()
        begin += chunk.len()
    del column
    ordered.sort()
    return int(np.count_nonzero(ordered[1:] != ordered[:-1])) + min(ordered.size, 1)


def repeats(
    rows: pl.LazyFrame, name: str, by: Sequence[str], before: Before = NOTHING
) -> pl.DataFrame:
    """Give the values that several rows have, each with its client, and how many rows.

    Args:
        rows: those that could be published, marked (see `Before`).
        name: the column.
        by: the column of the clients, where there are several.
        before: what is published beside them.
    """
    values = rows.filter(pl.col(name).is_not_null()).select(*by, name, IS_BEFORE)
    if before.rows is not None and name in before.rows.collect_schema():
        others = before.rows.select(name, pl.lit(value=True).alias(IS_BEFORE)).drop_nulls(name)
        values = pl.concat([values, others])
    times = values.group_by(*by, name).agg(
        pl.len().alias(_TIMES), pl.col(IS_BEFORE).sum().alias(_OF_BEFORE)
    )
    return times.filter(pl.col(_TIMES) > 1).collect(engine="streaming")


def repeating(rows: pl.LazyFrame, repeated: pl.DataFrame, name: str, flag: pl.Expr) -> pl.LazyFrame:
    """Flag the rows that have a repeated value; not the one that is published with it."""
    on = [column for column in repeated.columns if column not in (_TIMES, _OF_BEFORE)]
    beside = repeated.lazy().select(*on, _OF_BEFORE)
    stays = pl.col(IS_BEFORE) & (pl.col(_OF_BEFORE) == 1)
    flagged = rows.join(beside, on=on, how="left", maintain_order="left")
    fails = pl.col(_OF_BEFORE).is_not_null() & ~stays
    return flagged.with_columns(pl.when(fails).then(flag).alias(f"{IS_BEFORE}{name}")).drop(
        _OF_BEFORE
    )


def repeated_problems(
    repeated: pl.DataFrame, name: str, cell: str, product: str
) -> dict[int, Diagnostic]:
    """Tell of each client that its rows repeat keys, by the numbers alone."""
    of_client = (
        repeated
        if CLIENT in repeated.columns
        else repeated.with_columns(pl.lit(0, pl.UInt32()).alias(CLIENT))
    )
    counts = of_client.group_by(CLIENT).agg(pl.len(), pl.col(_TIMES).sum()).sort(CLIENT)
    return {
        client: Diagnostic(
            "DAT-034",
            f"{product}: {keys} values of the key {name} are there more than once, in {times} rows",
            place=cell,
            fix="deliver each once, or clear `is_key`, and run the partition again; or let such "
            'rows be rejected: duplicate_keys = "reject"',
            product=product,
            ai_column=name,
        )
        for client, keys, times in counts.rows()
    }
