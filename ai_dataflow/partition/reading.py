"""Reading an extract's rows: only the mapped columns, with the lines that are no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from ai_dataflow.config.at_once import at_once
from ai_dataflow.connections.stores import scan_parquet
from ai_dataflow.partition.scratch import Scratch
from ai_dataflow.sources.files.csv_files import ahead
from ai_dataflow.sources.files.open_files import Files


@dataclass(frozen=True)
class Read:
    """A source's rows, and the raw lines of a CSV that are no rows, by file.

    `height` is how many rows there are, where somebody else has counted them: the reader of the
    CSV, or the database's cursor. `heights` are those of each file, where there are several.
    """

    rows: pl.LazyFrame
    malformed: dict[str, list[str]] = field(default_factory=dict)
    height: int | None = None
    heights: Callable[[], dict[str, int]] = dict


def read_rows(files: Files, columns: list[str], space: Scratch, size: int) -> Read:
    """Read the columns of an extract, in an order that the same data always has.

    Files are read in the order of their paths. A database promises no order, so its copy is
    sorted by all columns. `size` is about what the rows take in memory.
    """
    if files.pinned.file_format == "csv":
        return _read_csv(files, columns, space, size)
    frame = files.frame
    # A source that only feeds literals is still read, by any column: its rows count.
    wanted = frame.select(columns or list(frame.collect_schema())[:1])
    rows = wanted.sort(pl.all()) if files.pinned.staged else wanted
    return Read(rows, height=files.pinned.rows, heights=partial(_heights, files))


def _heights(files: Files) -> dict[str, int]:
    """Count the rows of each of several files, in their footers; only Parquet has them."""
    paths = [file.path for file in files.pinned.files]
    if files.pinned.file_format != "parquet" or len(paths) == 1:
        return {}

    def rows(path: str) -> int:
        return int(scan_parquet(files.root, [path]).select(pl.len()).collect().item())

    return dict(zip(paths, at_once(rows, paths), strict=True))


def _read_csv(source: Files, columns: list[str], space: Scratch, size: int) -> Read:
    files = source.csv_files
    wanted = columns or files[0].header()[:1]
    schema = pl.Schema(dict.fromkeys(wanted, pl.String()))
    heights = dict.fromkeys((file.file.path for file in files), 0)

    def batches() -> Iterator[pl.DataFrame]:
        for file in ahead(files):
            for batch in file.batches(wanted):
                heights[file.file.path] += batch.height
                yield batch

    rows = space.hold_batches(batches(), schema, size)
    malformed = {file.file.path: file.malformed for file in files if file.malformed}
    several = heights if len(files) > 1 else {}
    return Read(rows, malformed, sum(heights.values()), lambda: several)
