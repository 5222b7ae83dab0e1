"""Reading the extracts of a source: only the mapped columns, of all clients in one frame.

Files are read in the order of their paths, clients in their own. A database promises no order, so
its copy is sorted by all columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import polars as pl
from polars.exceptions import PolarsError

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.connections.foreign_errors import FOREIGN
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.partition.clients import CLIENT, Counts, numbered, occurrences
from ai_dataflow.partition.scratch import Scratch
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.sources.files.parquet_physical import is_inexact
from ai_dataflow.sources.files.parquet_together import FILE_NUMBER, plain_parquet, whole_parquet
from ai_dataflow.sources.united import Wanted

CHUNK_ROWS = 500_000
WHOLE_BYTES = 32 << 20  # in memory; what takes less is not worth chunks
# How many rows of a source are before a file's, and whether numbers within it say anything.
BEFORE, NUMBERED = "\ue000\ue000before", "\ue000\ue000numbered"


@dataclass
class Reading:
    """The extracts of a source, one for each client, and what reading them finds.

    `wanted` are the columns to read. `size` is about what the rows take in memory. `faults` are the
    clients whose files cannot be read, and why; `heights` the rows of each file, of those clients
    that have several and where reading counts them.
    """

    files: Sequence[Files]
    wanted: Wanted
    space: Scratch
    size: int
    faults: dict[int, DataflowError] = field(default_factory=dict)
    heights: dict[int, dict[str, int]] = field(default_factory=dict)

    def chunks(self) -> Iterator[pl.DataFrame]:
        """Read the rows, each with its client where there are several; anew each time.

        Raises:
            DataflowError: what hinders reading, where there is but one client.
        """
        together = self._whole() if self.wanted.is_plain else None
        if together is None and len(self.files) == 1:
            yield from self._of(0)
            return
        if together is None:
            together = self._together()
        yield from [together] if together is not None else self._one_by_one()

    def again(self) -> pl.LazyFrame:
        """Read the rows once more, as one frame."""
        pile = self.space.pile()
        for chunk in self.chunks():
            pile.add(chunk)
        return pile.rows()

    def malformed(self, client: int) -> Mapping[str, list[str]]:
        """Give the raw lines of a client's files that are no rows, by file."""
        files = self.files[client]
        if client in self.faults:
            return {}
        return files.malformed

    def counted_before(self, client: int) -> int | None:
        """Give how many rows a client has, where somebody else has counted them."""
        if self.files[client].is_scanned:
            return self.files[client].pinned.rows
        return sum(self.heights[client].values())

    def by_file(self, client: int) -> Mapping[str, int]:
        """Count the rows of each of several files of a client; nothing where nobody can tell."""
        files = self.files[client]
        paths = [file.path for file in files.pinned.files]
        if len(paths) == 1 or (files.is_scanned and files.pinned.file_format != "parquet"):
            return {}
        if client not in self.heights:

            def rows(path: str) -> int:  # in its footer
                return int(scan_parquet(files.root, [path]).select(pl.len()).collect().item())

            self.heights[client] = dict(zip(paths, at_once(rows, paths), strict=True))
        return self.heights[client]

    def starts(self, height: Counts, names: Sequence[str]) -> pl.DataFrame:
        """Tell at which of the source's rows each file's begin, from 0, and what it is called.

        Args:
            height: the rows of each client.
            names: what each client's location is called.
        """
        files, at = [], 0
        for client, rows in enumerate(map(int, height)):
            # Of a copy, numbers would say nothing.
            has_numbers = not self.files[client].pinned.staged
            for path, several in (self.by_file(client) if rows else {}).items() or [("", rows)]:
                called = f"{names[client]} ({path})" if path else names[client]
                files += [(at, called, has_numbers)] if several else []
                at += several
        schema = {BEFORE: pl.Int64(), "source": pl.String(), NUMBERED: pl.Boolean()}
        return pl.DataFrame(files, schema, orient="row")

    def _together(self) -> pl.DataFrame | None:
        """Read plain Parquet files in one scan; None where they are none, or one is broken."""
        if not self.wanted.is_plain or (scanned := plain_parquet(self.files)) is None:
            return None
        frame, numbers = scanned
        try:
            with panics_as_errors():
                columns = self.wanted.plain()
                rows = frame.select(FILE_NUMBER, *columns).collect()
        except (PolarsError, OSError, PanicError):
            return None
        if is_inexact(rows.schema, self.wanted.schema):
            return None
        self._count(rows[FILE_NUMBER], numbers)
        self._note_changes()
        clients = numbered(numbers).gather(rows[FILE_NUMBER])  # of each row's own file
        return self._in_order(rows.drop(FILE_NUMBER).insert_column(0, clients))

    def _whole(self) -> pl.DataFrame | None:
        """Read small files of storage accounts, each whole; None where they are none, or broken."""
        if self.size >= self.space.spill_bytes:
            return None
        try:
            with panics_as_errors():
                frames = whole_parquet(self.files, [*self.wanted.schema])
                if frames is None:
                    return None
                rows = pl.concat(pl.concat(of_client) for of_client in frames)
        except (*FOREIGN, PolarsError, PanicError):
            return None  # who reads them one by one tells of it
        if is_inexact(rows.schema, self.wanted.schema):
            return None
        for client, (files, of_client) in enumerate(zip(self.files, frames, strict=True)):
            paths = [file.path for file in files.pinned.files]
            self.heights[client] = dict(zip(paths, map(len, of_client), strict=True))
        if len(frames) > 1:
            heights = [sum(self.heights[client].values()) for client in range(len(frames))]
            rows = rows.insert_column(0, numbered(heights))
        return self._in_order(rows)

    def _in_order(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Sort copies, each client's by all columns."""
        return rows.sort(pl.all()) if self.files[0].pinned.staged else rows

    def _count(self, files: pl.Series, numbers: Sequence[int]) -> None:
        rows = occurrences(files, sum(numbers))
        for client, (end, number) in enumerate(zip(accumulate(numbers), numbers, strict=True)):
            paths = (file.path for file in self.files[client].pinned.files)
            counts = map(int, rows[end - number : end])
            self.heights[client] = dict(zip(paths, counts, strict=True))

    def _note_changes(self) -> None:
        def fault(files: Files) -> DataflowError | None:
            try:
                files.check_unchanged()
            except DataflowError as error:
                return error
            return None

        faults = at_once(fault, self.files, self.files[0].root.requests)
        self.faults.update({client: e for client, e in enumerate(faults) if e is not None})

    def _one_by_one(self) -> Iterator[pl.DataFrame]:
        frames: list[pl.DataFrame] = []
        for client in range(len(self.files)):
            try:
                rows = pl.concat(self._of(client))
            except DataflowError as error:
                self.faults[client] = error
            else:
                number = pl.lit(client, pl.UInt32()).alias(CLIENT)
                frames.append(rows.with_columns(number).select(CLIENT, pl.exclude(CLIENT)))
        if frames:
            yield pl.concat(frames)

    def _of(self, client: int) -> Iterator[pl.DataFrame]:
        files = self.files[client]
        with files.reading():
            if not files.is_scanned:
                yield from self._file_by_file(client)
            elif self.size < min(WHOLE_BYTES, self.space.spill_bytes):
                yield self._scan(files).collect()
            else:
                yield from self._scan(files).collect_batches(chunk_size=CHUNK_ROWS)
        files.check_unchanged()

    def _scan(self, files: Files) -> pl.LazyFrame:
        rows = files.rows(self.wanted)
        return rows.sort(pl.all()) if files.pinned.staged else rows

    def _file_by_file(self, client: int) -> Iterator[pl.DataFrame]:
        files = self.files[client]
        heights = self.heights[client] = {file.path: 0 for file in files.pinned.files}
        yield self.wanted.none()
        for path, rows in files.rows_by_file(self.wanted):
            heights[path] += rows.height
            yield rows
