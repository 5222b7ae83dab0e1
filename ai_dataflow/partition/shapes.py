"""Shapes: what partitions have in common that can be made together, and how many are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import polars as pl

from ai_dataflow.config.numbering import Numbering
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.united import content
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.tables.source_rules import SourceRule

Shape = tuple[object, ...]
_BYTES = 32_000_000  # of files
_PART = 30  # of the memory: files are some ten times as large there, and are joined
_COPIES = 4_000_000  # bytes that are supposed of tables of SQL, until they are copied


def is_copied(job: PartitionJob) -> bool:
    """Tell whether a job copies tables of SQL, of which nobody knows how large they are."""
    tables = (source for source in job.sources if isinstance(source.location, SqlLocation))
    return any(table.key not in job.common for table in tables)


def supposed_bytes(job: PartitionJob) -> int:
    """Give how many bytes of files, and of copies that are yet to be made, a job may read."""
    return job.size + _COPIES * is_copied(job)


def more_bytes(jobs: Sequence[PartitionJob]) -> list[int]:
    """Give how many bytes each job reads that the one before it does not read with it."""
    sizes = [supposed_bytes(job) for job in jobs]
    for sources in zip(*(job.sources for job in jobs), strict=True):
        if _may_be_read_once(sources):
            for i, (source, before) in enumerate(pairwise(sources), start=1):
                sizes[i] -= _bytes(source) if source.seen == before.seen else 0
    return sizes


def _may_be_read_once(sources: Sequence[SourceJob]) -> bool:
    """Tell whether files of several jobs are read once: shared ones, or a lookup of all alike."""
    first = sources[0]
    is_lookup = first.join_kind == "lookup"
    return bool(first.location.client_column) or (
        is_lookup and all(source.seen == first.seen for source in sources)
    )


def _bytes(source: SourceJob) -> int:
    return sum(file.size for file in source.seen.files) if isinstance(source.seen, Listing) else 0


def most_bytes(memory: int) -> int:
    """Give how many bytes of files are read together by whom so much memory is allowed."""
    return min(_BYTES, memory // _PART)


def runs(sizes: Sequence[int], most: int, limit: int) -> Iterator[slice]:
    """Cut what is alike, of such sizes, into runs: `most` of them each, or fewer of many bytes."""
    first = size = 0
    for i, more in enumerate(sizes):
        if i > first and (i - first == most or size + more > limit):
            yield slice(first, i)
            first, size = i, 0
        size += more
    if sizes:
        yield slice(first, len(sizes))


class Shapes:
    """Tells the shape of jobs: all but their clients and locations.

    Which columns a table of SQL has only its copy tells, see `alike`. Mappings and schemas are
    mostly the same objects for all clients, so each is compared but once.
    """

    def __init__(self) -> None:
        self._columns = Numbering[tuple[AiColumn, ...]](lambda columns: columns)
        self._mappings = Numbering[tuple[MappingRow, ...]](lambda rows: rows)
        self._rules = Numbering[SourceRule | None](lambda rule: rule)
        self._schemas = Numbering[pl.Schema](content)

    def of(self, job: PartitionJob) -> Shape | None:
        """Give a job's shape; None where nobody has looked at what it reads."""
        sources = [self._of_source(source) for source in job.sources]
        if None in sources:
            return None
        rows = ((name, self._mappings.number(rows)) for name, rows in job.computed.items())
        return job.module, self._columns.number(job.columns), job.lease, *sources, *rows

    def _of_source(self, source: SourceJob) -> Shape | None:
        seen, schema = source.seen, source.schema
        said = self._mappings.number(source.mappings), self._rules.number(source.rule)
        if isinstance(source.location, SqlLocation):
            return source.product, source.submodule, "sql", *said
        if not isinstance(seen, Listing) or schema is None:
            return None
        columns = self._schemas.number(schema)
        by, how = source.location.client_column, source.location.written
        return source.product, source.submodule, seen.file_format, how, by, columns, *said
