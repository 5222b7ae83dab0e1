"""Parts: the good rows of a product's sources, on their way to be merged; counted by client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.partition.clients import (
    CLIENT,
    Counts,
    Filled,
    by_client,
    filled,
    heights,
    nothing,
    of_each,
    one,
)
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.workstation.list_elements import counted_names, elements

BySource = Mapping[SourceKey, Counts]


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

    `made_of` are the sources whose rows these are: not those that were only looked up. By source,
    `unmatched` counts the rows that a join left out, `produced` those that the repeated use of a
    lookup's row added, `not_found` the rows that found nothing in a lookup. `is_mixed` tells that a
    join left out rows that were made of those of several sources. `is_common` tells of a lookup
    that all clients have the same rows, which are there once and have no column of the clients.
    """

    source: SourceJob
    keys: tuple[str, ...]
    rows: pl.LazyFrame
    height: Counts
    filled: Filled
    merged: Counts | None = None
    broken: Mapping[int, Diagnostic] = field(default_factory=dict)
    made_of: tuple[SourceKey, ...] = ()
    unmatched: BySource = field(default_factory=dict)
    produced: BySource = field(default_factory=dict)
    not_found: BySource = field(default_factory=dict)
    is_mixed: bool = False
    is_common: bool = False

    @property
    def good(self) -> Rows:
        """Its rows alone, each with its client where there are several."""
        rows = of_each(self.rows, len(self.height)) if self.is_common else self.rows
        return Rows(rows, self.height, self.filled)

    @property
    def rows_merged(self) -> Counts:
        """How many rows the join made a part of another row."""
        return nothing(len(self.height)) if self.merged is None else self.merged

    @property
    def sources(self) -> tuple[SourceKey, ...]:
        """The sources whose rows these are."""
        return self.made_of or (self.source.key,)

    @property
    def by(self) -> list[str]:
        """The column of the clients, where there are several."""
        return [] if self.is_common else by_client(len(self.height))

    def heights(self, rows: pl.DataFrame) -> Counts:
        """Count each client's of some rows."""
        clients = len(self.height)
        return np.full(clients, rows.height) if self.is_common else heights(rows, clients)


def counted(frame: pl.LazyFrame, clients: int) -> Rows:
    """Count rows and their values by client."""
    schema = {name: dtype for name, dtype in frame.collect_schema().items() if name != CLIENT}
    names = list(schema)
    if clients > 1:
        rows = frame.collect()
        height = heights(rows, clients)
        return Rows(rows.lazy(), height, filled(rows, height))
    numbers = [pl.len(), pl.col(names).count(), *of_lists(schema)]
    total, *values = frame.select(numbers).collect().row(0)
    numbered = zip(counted_names(schema), values, strict=True)
    return Rows(frame, one(total), {name: one(value) for name, value in numbered})


def of_lists(types: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    """Count the elements of lists, in the order of `counted_names`."""
    return [number.sum().alias(name) for name, number in elements(types).items()]
