"""Scratch space: small intermediate frames stay in memory, large ones go to a local file."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from polars.exceptions import PolarsError

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.workstation.reaching import is_full

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetWriter

# In memory, at most; and the part of all that is allowed.
SPILL_BYTES, _SPILL_PART = 1 << 30, 8
PIECE_BYTES, _PIECE_PART = 1 << 30, 16
PREFIX = "ai_dataflow-"
_PART = "part"
_SAMPLE = 10_000
_BATCH = 500_000  # rows


def bytes_per_row(frame: pl.LazyFrame) -> float:
    """Estimate how much memory a row takes, from the first of them."""
    sample = frame.head(_SAMPLE).collect()
    return sample.estimated_size() / max(sample.height, 1)


class Scratch:
    """Holds what one partition's job computed, so that it is computed once.

    Frames of more than `spill_bytes` are kept in files; what is joined is split into pieces of
    about `piece_bytes`.
    """

    def __init__(self, folder: Callable[[], Path], memory: int) -> None:
        self._folder = folder
        self.spill_bytes = min(SPILL_BYTES, memory // _SPILL_PART)
        self.piece_bytes = min(PIECE_BYTES, memory // _PIECE_PART)

    def hold(self, frame: pl.LazyFrame, size: int) -> pl.LazyFrame:
        """Compute a frame once. `size` is about the bytes that it takes in memory."""
        if size < self.spill_bytes:
            return frame.collect().lazy()
        path = self._path()
        with _spilling():
            frame.sink_parquet(path, compression="lz4")
        return pl.scan_parquet(path)

    def hold_batches(
        self, batches: Iterable[pl.DataFrame], schema: pl.Schema, *, in_one: bool = False
    ) -> pl.LazyFrame:
        """Keep batches of the given schema as one frame; in one piece, if it is in memory."""
        pile = self.pile()
        pile.add(pl.DataFrame(schema=schema))
        for batch in batches:
            pile.add(batch)
        return pile.rows(in_one=in_one)

    def pile(self) -> Pile:
        """Begin to pile frames of one schema."""
        return Pile(self.spill_bytes, self._path)

    def split(self, frame: pl.LazyFrame, keys: list[str], parts: int) -> list[pl.LazyFrame]:
        """Split a frame by its keys: rows of equal keys come into the same part."""
        folder = self._path().with_suffix("")
        number = (pl.struct(keys).hash() % parts).alias(_PART)
        into = pl.PartitionBy(folder, key=number, include_key=False)
        schema = frame.collect_schema()
        with _spilling():
            frame.sink_parquet(into, compression="lz4", mkdir=True)
        written = [sorted((folder / f"{_PART}={part}").glob("*.parquet")) for part in range(parts)]
        return [
            pl.scan_parquet(files, hive_partitioning=False) if files
            else pl.LazyFrame(schema=schema)
            for files in written
        ]  # fmt: skip

    def _path(self) -> Path:
        return self._folder() / f"{uuid.uuid4().hex}.parquet"


class Pile:
    """Frames of one schema, one under the other: in memory, in a file once they are too many."""

    def __init__(self, spill_bytes: int, path: Callable[[], Path]) -> None:
        self._spill_bytes, self._new_path = spill_bytes, path
        self._frames: list[pl.DataFrame] = []
        self._size, self.height = 0.0, 0
        self._path: Path | None = None
        self._writer: ParquetWriter | None = None

    def add(self, frame: pl.DataFrame) -> None:
        """Put a frame on the pile."""
        self._frames.append(frame)
        self._size += frame.estimated_size()
        self.height += frame.height
        if self._size >= self._spill_bytes and self.height:
            self._spill()

    @property
    def bytes(self) -> float:
        """About what all of it takes in memory."""
        return self._size

    def rows(self, *, in_one: bool = False) -> pl.LazyFrame:
        """Give all rows; nothing is added any more. At least one frame was.

        Rows in memory that are in one piece are taken out one by one five times as fast.
        """
        if self._writer is None or self._path is None:
            return pl.concat(self._frames, rechunk=in_one).lazy()
        self._spill()
        with _spilling():
            self._writer.close()
        return pl.scan_parquet(self._path)

    def batches(self) -> Iterator[pl.DataFrame]:
        """Give all rows as frames that memory can hold; nothing is added any more."""
        if self._writer is None:
            yield from self._frames
        else:
            yield from self.rows().collect_batches(chunk_size=_BATCH)

    def _spill(self) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - its import is for what is large

        frames, self._frames = self._frames, []
        with _spilling():
            for frame in filter(pl.DataFrame.__len__, frames):
                table = frame.to_arrow()
                if self._writer is None:
                    self._path = self._new_path()
                    self._writer = pq.ParquetWriter(self._path, table.schema, compression="lz4")
                self._writer.write_table(table)


@contextmanager
def _spilling() -> Iterator[None]:
    """Tell a full disk apart from data that cannot be computed.

    Raises:
        DataflowError: RUN-002.
    """
    try:
        yield
    except (OSError, PolarsError) as error:
        if is_full(error):
            raise DataflowError(_no_space()) from None
        raise


def _no_space() -> Diagnostic:
    folder = Path(tempfile.gettempdir())
    # A worker process has a folder of its own there, which nobody chose.
    where = str(folder.parent if folder.name.startswith(PREFIX) else folder)
    return Diagnostic(
        "RUN-002",
        f"no space is left in {where}, where sources too large for memory are kept meanwhile",
        place=where,
        fix="make space there or let TMPDIR name another folder, then run the partition again",
    )


@contextmanager
def scratch(memory: int) -> Iterator[Scratch]:
    """Give scratch space; its folder is made when first needed and removed at the end.

    `memory` is what all partitions of this process may take together, in bytes.
    """
    made: list[tempfile.TemporaryDirectory[str]] = []

    def folder() -> Path:
        if not made:
            made.append(tempfile.TemporaryDirectory(prefix=PREFIX))
        return Path(made[0].name)

    try:
        yield Scratch(folder, memory)
    finally:
        for directory in made:
            directory.cleanup()
