"""One source of a partition: opened, read and mapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl
from deltalake.exceptions import DeltaError
from polars.exceptions import PolarsError

from ai_dataflow.compiler.mappings import CompiledSource, compile_source
from ai_dataflow.config.attention import working_on
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.extracts.extracting import owned
from ai_dataflow.partition.classified import failed_on_data
from ai_dataflow.partition.conservation import check_reading
from ai_dataflow.partition.lineage import origins
from ai_dataflow.partition.mapping import (
    MappedCounts,
    count,
    good_rows,
    lacking,
    left_out,
    located,
    malformed_rejects,
    map_rows,
)
from ai_dataflow.partition.memory import held_bytes
from ai_dataflow.partition.merge import Part
from ai_dataflow.partition.reading import Read, read_rows
from ai_dataflow.partition.scratch import Scratch
from ai_dataflow.partition.values import MappedSource, Taken
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.sources.source_job import SourceJob

_REJECT_BYTES = 500  # that a reject takes in memory, about


@dataclass(frozen=True)
class OpenedSource:
    """A source's extract, opened, and about what its mapped rows take in memory, in bytes."""

    source: SourceJob
    files: Files
    held: int


def open_source(source: SourceJob, extract: Extract, settings: Settings) -> OpenedSource:
    """Open a source's extract and estimate its size.

    Raises:
        DataflowError: SRC codes, as `Files.reading`.
    """
    working_on(source)
    files = open_files.opened(extract, source.place, settings)
    try:
        with files.reading():
            return OpenedSource(source, files, held_bytes(source, files))
    except DataflowError as error:
        raise owned(error, source) from None


def map_source(opened: OpenedSource, space: Scratch) -> MappedSource:
    """Read and map a source; count its rows, put its rejects aside.

    Raises:
        DataflowError: what hinders reading or mapping; DAT-002 where rows got lost on the way.
    """
    source = opened.source
    working_on(source)
    try:
        compiled, read, mapped = _read_and_map(opened, space)
        counted = count(mapped, compiled)
        check_reading(source, counted.total, read.height)
    except DataflowError as error:
        raise owned(error, source) from None
    lines = sum(map(len, read.malformed.values()))
    good = good_rows(mapped, compiled, counted)
    return MappedSource(
        source.key,
        Part(source, source.key_columns, good, counted.good, counted.filled),
        counted.total + lines,
        counted.total - counted.good + lines,
        (*_left_out(opened, compiled, read, mapped, counted), *_malformed(opened, read)),
        tuple(origins(source, compiled)),
        taken=Taken(read, compiled, mapped),
    )


def leave_out(
    opened: OpenedSource,
    mapped: MappedSource,
    left_out: pl.DataFrame,
    cells: Mapping[str, str],
    space: Scratch,
) -> MappedSource:
    """Put the rows of a source aside that the joins left without what is required.

    Args:
        opened: the source.
        mapped: its rows, mapped.
        left_out: which of its good rows, and what they lack (see `requiring`).
        cells: the required AI columns, each with the cell that requires it.
        space: where they are kept until they are written.

    Raises:
        DataflowError: SRC codes, as `Files.reading`; SRC-005 where the source is another by now.
    """
    if mapped.taken is None or not left_out.height:
        return mapped
    read = mapped.taken.read
    numbered = not opened.files.pinned.staged
    bad = lacking(mapped.taken, left_out, opened.source, cells, numbered=numbered)
    with opened.files.reading():  # they are read once more: what was mapped is not the row itself
        rejects = located(bad, opened.source, read.heights())
        rejects = space.hold(rejects, left_out.height * _REJECT_BYTES)
    opened.files.check_unchanged()
    return replace(
        mapped,
        rows_left_out=mapped.rows_left_out + left_out.height,
        left_out=(*mapped.left_out, rejects),
    )


def _left_out(
    opened: OpenedSource,
    compiled: CompiledSource,
    read: Read,
    mapped: pl.LazyFrame,
    counted: MappedCounts,
) -> list[pl.LazyFrame]:
    if counted.total == counted.good:
        return []
    bad = left_out(mapped, opened.source, compiled)
    with opened.files.reading():
        rejects = located(bad, opened.source, read.heights())
    opened.files.check_unchanged()
    return [rejects]


def _malformed(opened: OpenedSource, read: Read) -> list[pl.LazyFrame]:
    several = len(opened.files.pinned.files) > 1
    return [
        malformed_rejects(lines, opened.source, path if several else "")
        for path, lines in read.malformed.items()
    ]


def _read_and_map(
    opened: OpenedSource, space: Scratch
) -> tuple[CompiledSource, Read, pl.LazyFrame]:
    source, files = opened.source, opened.files
    with files.reading():
        compiled = compile_source(source, files.schema())
        read = read_rows(files, compiled.needed, space, opened.held)
    try:
        # A copy of a database's rows is sorted: their numbers would say nothing of the source.
        numbered = not files.pinned.staged
        with panics_as_errors():
            mapped = space.hold(map_rows(read.rows, compiled, numbered=numbered), opened.held)
    except (PolarsError, OSError, PanicError, DeltaError) as error:
        # Reading and computing are one pass. If reading alone fails too, that is the cause.
        with files.reading():
            read.rows.select(pl.all().null_count()).collect(engine="streaming")
        files.check_unchanged()
        raise DataflowError(replace(failed_on_data(error), place=source.place)) from None
    files.check_unchanged()
    return compiled, read, mapped
