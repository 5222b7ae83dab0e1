"""Reading an extract's rows: only the mapped columns, with the lines that are no rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ai_dataflow.engine.scratch import Scratch
from ai_dataflow.sources.adls import Files
from ai_dataflow.sources.csv_files import ahead


@dataclass(frozen=True)
class Read:
    """A source's rows, and the raw lines of a CSV that are no rows.

    `height` is how many rows there are, where somebody else has counted them: the reader of the
    CSV, or the database's cursor.
    """

    rows: pl.LazyFrame
    malformed: list[str]
    height: int | None = None


def read_rows(files: Files, columns: list[str], space: Scratch) -> Read:
    """Read the columns of an extract, in an order that the same data always has.

    Files are read in the order of their paths. A database promises no order, so its copy is
    sorted by all columns.
    """
    if files.extract.file_format == "csv":
        return _read_csv(files, columns, space)
    frame = files.frame()
    # A source that only feeds literals is still read, by any column: its rows count.
    wanted = frame.select(columns or list(frame.collect_schema())[:1])
    rows = wanted.sort(pl.all()) if files.extract.staged else wanted
    return Read(rows, [], files.extract.rows)


def _read_csv(source: Files, columns: list[str], space: Scratch) -> Read:
    files = source.csv_files
    wanted = columns or files[0].header()[:1]
    schema = pl.Schema(dict.fromkeys(wanted, pl.String()))
    heights: list[int] = []

    def batches() -> Iterator[pl.DataFrame]:
        for file in ahead(files):
            for batch in file.batches(wanted):
                heights.append(batch.height)
                yield batch

    rows = space.hold_batches(batches(), schema, source.extract.size)
    malformed = [line for file in files for line in file.malformed]
    return Read(rows, malformed, sum(heights))
