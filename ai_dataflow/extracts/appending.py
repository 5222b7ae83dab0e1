"""Appending: the new rows of a SQL table join those that were copied before, where that is exact.

The column of `append_by` only grows: whoever adds or changes a row gives it a value there that is
larger than, or as large as, any before. The copy's largest value is the *watermark*. Rows from it
on are read anew, so one that was added with the same value is not missed. Then the column alone is
read below the watermark: if it holds what the copy holds there, value by value, no row was added
late, changed or deleted, and the copy's rows stay. If not, or where anything is in doubt, the table
is read in full. The copy is thus the whole table each time, and the merge reads nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import polars as pl

from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.sql.queries import Bound, Columns, Database
from ai_dataflow.tables.locations import SqlLocation, identity
from ai_dataflow.workstation.data_files import DataFile

Write = Callable[[Iterable[pl.DataFrame]], DataFile]


@dataclass(frozen=True)
class Appended:
    """A new copy, if one could be made of the last; and what is to be told of it."""

    file: DataFile | None
    note: str


@dataclass(frozen=True)
class Copied:
    """A table that is copied: its database, all its columns, and those that a copy has.

    `origins` tell the database and the computation from others, the present name first.
    """

    location: SqlLocation
    database: Database
    columns: Columns
    wanted: Sequence[str]
    origins: tuple[str, ...] = ()

    @property
    def schema(self) -> pl.Schema:
        """The columns of a copy."""
        return pl.Schema({name: self.columns[name].dtype for name in self.wanted})

    def rows(self, wanted: Sequence[str], bound: Bound, place: str) -> pl.DataFrame | None:
        """Read columns of the rows on one side of a bound."""
        return self.database.rows(self.location, self.columns, wanted, bound, place)


def append(
    source: SourceJob, table: Copied, last: Extract | None, staging: Folder, write: Write
) -> Appended:
    """Make a new copy of the last one and of the rows that are new.

    Args:
        source: the source, with `append_by`.
        table: its table.
        last: its last extract.
        staging: where copies are.
        write: writes a copy.

    Raises:
        DataflowError: the database or the workstation cannot be asked.
    """
    by = source.append_by
    if last is None or last.source != identity(table.location) or not last.staged:
        return Appended(None, "read in full: there is no copy of it yet")
    if last.origin not in table.origins:
        return Appended(None, "read in full: the last copy is of another database, or other code")
    old = scan_parquet(staging, [last.files[0].path])
    if old.collect_schema() != table.schema:
        return Appended(None, "read in full: its columns or the mapping changed")
    seen = old.select(named(by).max().alias("mark"), named(by).null_count().alias("nulls"))
    mark, nulls = seen.collect().row(0)
    if mark is None or nulls:
        return Appended(None, f"read in full: `{by}` is not filled in every row")
    # In this order: a row that moves up in between is then missed below, and all is read.
    new = table.rows(table.wanted, Bound(by, mark, is_below=False), source.place)
    below = table.rows([by], Bound(by, mark, is_below=True), source.place)
    kept = old.filter(named(by) < mark)
    if new is None or below is None or not _same(below[by], kept.select(named(by))):
        return Appended(None, "read in full: older rows changed, came late or left")
    file = write(chain(_batches(kept, new.schema), [new]))
    return Appended(
        file, f"{new.height} rows read, which are new or as young as the youngest; the others kept"
    )


def _same(below: pl.Series, kept: pl.LazyFrame) -> bool:
    """Tell whether two columns have the same values, each as often."""
    copied = kept.collect().to_series()
    return below.len() == copied.len() and below.sort().equals(copied.sort(), null_equal=True)


def _batches(rows: pl.LazyFrame, schema: pl.Schema) -> Iterator[pl.DataFrame]:
    for batch in rows.collect_batches(maintain_order=True):
        yield batch.cast(dict(schema.items()))
