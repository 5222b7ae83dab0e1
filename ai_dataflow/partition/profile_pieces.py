"""Profiles of partitions of many rows, which are seen piece by piece.

What the pieces are matters to nothing but the rounding of means and deviations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.profile_totals import Totals
from ai_dataflow.workstation.layout import PRODUCT_COLUMN
from ai_dataflow.workstation.profiles import SCHEMA, Fineness

_KEYS = (CLIENT, PRODUCT_COLUMN)
_RUN = "\ue000run"


class Pieces:
    """Sees rows that are sorted by client and product, in their order.

    Args:
        columns: the AI columns that are profiled, if the rows have them.
        fineness: how much is kept; None for counts and ends alone.
    """

    def __init__(self, columns: Sequence[AiColumn], fineness: Fineness | None) -> None:
        self._columns, self._fineness = columns, fineness
        self._of: dict[tuple[int, str], _Product] = {}

    def see(self, rows: pl.DataFrame) -> None:
        """See rows, with `CLIENT` and the product."""
        for key, some in _runs(rows):
            if key not in self._of:
                self._of[key] = _Product([c for c in self._columns if c.name in rows.columns], rows)
            self._of[key].add(some)

    def profiles(self) -> pl.DataFrame:
        """Give the profiles of what was seen."""
        rows = [
            {CLIENT: client, PRODUCT_COLUMN: product, **profile}
            for (client, product), of in self._of.items()
            for profile in of.profiles(self._fineness)
        ]
        return pl.DataFrame(rows, {CLIENT: pl.UInt32(), **SCHEMA})


class _Product:
    def __init__(self, columns: Sequence[AiColumn], rows: pl.DataFrame) -> None:
        self._totals = {column: Totals(rows.schema[column.name]) for column in columns}
        self._rows = 0

    def add(self, rows: pl.DataFrame) -> None:
        self._rows += rows.height
        for column, totals in self._totals.items():
            totals.add(rows[column.name])

    def profiles(self, fineness: Fineness | None) -> Iterator[dict[str, object]]:
        yield {"ai_column": "", "ai_type": "", "rows": self._rows, "nulls": 0}
        for column, totals in self._totals.items():
            named = {"ai_column": column.name, "ai_type": column.ai_type, "rows": self._rows}
            yield {**named, **totals.profile(fineness)}


def _runs(rows: pl.DataFrame) -> Iterator[tuple[tuple[int, str], pl.DataFrame]]:
    """Cut rows by client and product; mostly all are of one."""
    if not rows.height:
        return
    keys = rows.select(_KEYS)
    if all((keys[name] == keys[name][0]).all() for name in _KEYS):
        yield keys.row(0), rows
        return
    run = keys.with_columns(pl.struct(_KEYS).rle_id().alias(_RUN))
    begin = 0
    for *key, height in run.group_by(_RUN, maintain_order=True).agg(
        pl.col(_KEYS).first(), pl.len()
    ).drop(_RUN).iter_rows():  # fmt: skip
        yield tuple(key), rows.slice(begin, height)
        begin += height
