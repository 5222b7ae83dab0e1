"""One source of a partition: where it is, what is mapped from it, what a survey saw there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.config.sent import Sent
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.joins import AsOf, JoinKind
from ai_dataflow.tables.locations import Location
from ai_dataflow.tables.source_rules import SourceRule

Strays = Literal["fail", "reject", "leave"]


@dataclass(frozen=True, slots=True)
class SourceJob(Sent):
    """One source of a partition and what is mapped from it. `place` is its control table cell.

    `seen` is what a survey saw there: files as they were listed, what tells a SQL table's state, or
    what is wrong. Unless it is files, the source is looked at when it is extracted.
    `schema` are the columns that planning found there, where it looked.
    `append_by` is the column whose values only grow, by which new rows of a SQL table join those
    that were copied before.
    `columns_read` are the source columns that the sheet names, of files.
    Where clients share the files, `strays` tells what becomes of rows that are nobody's: the
    partition fails, rejects them, or leaves them to another that does; `shared_at` is the first
    control table cell that names the files. `rule` says how its rows are taken and joined.
    `of_every` tells that its control row is for every client. `variants` are the same source for
    clients that have rows of the sheet for themselves: one copy has the columns of all of them.
    """

    product: str
    submodule: str
    location: Location
    place: str
    mappings: tuple[MappingRow, ...]
    append_by: str = ""
    columns_read: tuple[str, ...] = ()
    strays: Strays = "fail"
    shared_at: str = ""
    rule: SourceRule | None = None
    seen: Listing | str | tuple[Diagnostic, ...] | None = None
    schema: pl.Schema | None = None
    of_every: bool = False
    variants: tuple[SourceJob, ...] = ()

    @property
    def key(self) -> SourceKey:
        """Which source of its partition it is."""
        return SourceKey(self.product, self.submodule)

    @property
    def join_kind(self) -> JoinKind:
        """How it is joined to what was joined before it."""
        return self.rule.join_kind if self.rule else "full"

    @property
    def holds(self) -> AsOf | None:
        """Which of its rows holds, where it is a lookup with some for one key."""
        return self.rule.holds if self.rule else None

    @property
    def without_reshaping(self) -> SourceJob:
        """The same source for rows that were made of source rows already."""
        if self.rule is None or not (self.rule.unpivot or self.rule.explode):
            return self
        return replace(self, rule=replace(self.rule, unpivot="", explode=""))

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The AI columns that this source is joined on, in sheet order."""
        return tuple(row.ai_column for row in self.mappings if row.is_key)
