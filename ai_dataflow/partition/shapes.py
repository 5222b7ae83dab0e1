"""Shapes: what partitions have in common that can be made together."""

from __future__ import annotations

from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.source_job import SourceJob

Shape = tuple[object, ...]


class Shapes:
    """Tells the shape of jobs: all but their clients and locations.

    Mappings and schemas are mostly the same objects for all clients, so each is compared but once.
    """

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}
        self._kept: dict[int, tuple[object, int]] = {}  # with the object, so that it stays

    def of(self, job: PartitionJob) -> Shape | None:
        """Give a job's shape; None where nobody has looked at what it reads."""
        sources = [self._of_source(source) for source in job.sources]
        if None in sources:
            return None
        return job.module, self._number(job.columns, job.columns), job.lease, *sources

    def _of_source(self, source: SourceJob) -> Shape | None:
        seen, schema = source.seen, source.schema
        if not isinstance(seen, Listing) or schema is None:
            return None
        columns = self._number(schema, tuple(schema.items()))
        mappings = self._number(source.mappings, source.mappings)
        return source.product, source.submodule, seen.file_format, columns, mappings

    def _number(self, what: object, content: object) -> int:
        if id(what) not in self._kept:
            number = self._numbers.setdefault(content, len(self._numbers))
            self._kept[id(what)] = what, number
        return self._kept[id(what)][1]
