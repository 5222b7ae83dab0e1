"""Shapes: what partitions have in common that can be made together."""

from __future__ import annotations

import polars as pl

from ai_dataflow.config.numbering import Numbering
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import MappingRow

Shape = tuple[object, ...]


class Shapes:
    """Tells the shape of jobs: all but their clients and locations.

    Mappings and schemas are mostly the same objects for all clients, so each is compared but once.
    """

    def __init__(self) -> None:
        self._columns = Numbering[tuple[AiColumn, ...]](lambda columns: columns)
        self._mappings = Numbering[tuple[MappingRow, ...]](lambda rows: rows)
        self._schemas = Numbering[pl.Schema](lambda schema: tuple(schema.items()))

    def of(self, job: PartitionJob) -> Shape | None:
        """Give a job's shape; None where nobody has looked at what it reads."""
        sources = [self._of_source(source) for source in job.sources]
        if None in sources:
            return None
        return job.module, self._columns.number(job.columns), job.lease, *sources

    def _of_source(self, source: SourceJob) -> Shape | None:
        seen, schema = source.seen, source.schema
        if not isinstance(seen, Listing) or schema is None:
            return None
        columns = self._schemas.number(schema)
        mappings = self._mappings.number(source.mappings)
        return source.product, source.submodule, seen.file_format, columns, mappings
