"""A partition's job and its result: plain data that can be sent to any machine and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.sources.extracts import Extract
from ai_dataflow.sources.files.finding import Found
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.locations import Location
from ai_dataflow.workstation.data_files import DataFile, new_publication

Stage = Literal["adls_extract", "azure_sql_extract", "ai_dataset"]
EXTRACTS: tuple[Stage, ...] = ("adls_extract", "azure_sql_extract")
STAGES: tuple[Stage, ...] = (*EXTRACTS, "ai_dataset")


@dataclass(frozen=True)
class AiColumn:
    """A column of a module's AI dataset."""

    name: str
    ai_type: str
    description: str = ""


@dataclass(frozen=True)
class SourceJob:
    """One source of a partition and what is mapped from it. `place` is its control table cell.

    `seen` is what a survey saw there: files as they were listed, what tells a SQL table's state, or
    what is wrong. Unless it is files, the source is looked at when it is extracted.
    `append_by` is the column whose values only grow, by which new rows of a SQL table join those
    that were copied before.
    """

    product: str
    submodule: str
    location: Location
    place: str
    mappings: tuple[MappingRow, ...]
    append_by: str = ""
    seen: Found | str | tuple[Diagnostic, ...] | None = None

    @property
    def name(self) -> str:
        """What people call the source within its partition."""
        return f"{self.product} · {self.submodule}"

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The AI columns that this source is joined on, in sheet order."""
        return tuple(row.ai_column for row in self.mappings if row.is_key)


@dataclass(frozen=True)
class PartitionJob:
    """All that it takes to make one partition. Holds no secrets: those stay in the settings."""

    module: str
    client: str
    columns: tuple[AiColumn, ...]
    sources: tuple[SourceJob, ...]

    @property
    def partition(self) -> str:
        """The partition's key: `module|client`."""
        return f"{self.module}|{self.client}"

    def by_product(self) -> dict[str, tuple[SourceJob, ...]]:
        """Give the sources of each product; products by name, submodules as planned."""
        ordered = sorted(self.sources, key=lambda source: source.product)
        return {p: tuple(own) for p, own in groupby(ordered, key=lambda source: source.product)}


def largest_first(jobs: Iterable[PartitionJob]) -> list[PartitionJob]:
    """Sort jobs by the size of their files, as far as a survey has seen them."""

    def size(job: PartitionJob) -> int:
        found = [source.seen for source in job.sources if isinstance(source.seen, Found)]
        return sum(file.size for own in found for file in own.files)

    return sorted(jobs, key=size, reverse=True)


@dataclass
class SourceCounts:
    """How many rows of a source were read, and how many rejected for each reason's code."""

    rows_read: int = 0
    rejected: dict[str, int] = field(default_factory=dict)


@dataclass
class ProductCounts:
    """Where a product's rows went: read = rejected + merged + published.

    `rows_replayed` are rejects that passed in a replay; they are no longer among the rejected.
    A row is *merged* where the join made it a part of another row. `filled` counts, for each AI
    column, the published rows that have a value; `sources` are the counts of each submodule.
    """

    rows_read: int = 0
    rows_rejected: int = 0
    rows_merged: int = 0
    rows_published: int = 0
    rows_replayed: int = 0
    filled: dict[str, int] = field(default_factory=dict)
    sources: dict[str, SourceCounts] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """A diagnostic that ended a stage of a partition."""

    stage: Stage
    diagnostic: Diagnostic


@dataclass(frozen=True)
class Origin:
    """A source column that feeds an AI column."""

    stage: Stage
    product: str
    submodule: str
    column: str


@dataclass
class PartitionResult:
    """What a partition's job came to: counts and files to commit, or classified failures.

    `origins` are the source columns of each AI column, as they were read; `publication` is what its
    files are named by. A partition that rejected too much has failures and rejects. `replaces` are
    the published files that it was made from, if it was; `superseded` the copies of SQL tables in
    its staging that nothing needs any more. `work` are seconds by kind of work.
    """

    job: PartitionJob
    publication: str = field(default_factory=new_publication)
    extracts: list[Extract] = field(default_factory=list)
    counts: dict[str, ProductCounts] = field(default_factory=dict)
    origins: dict[str, list[Origin]] = field(default_factory=dict)
    data: tuple[DataFile, ...] = ()
    rejects: tuple[DataFile, ...] = ()
    replaces: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0
    work: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Note the seconds of a piece of work."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.work[kind] = self.work.get(kind, 0.0) + time.perf_counter() - begun

    @property
    def partition(self) -> str:
        """The partition's key."""
        return self.job.partition

    @property
    def failed_stages(self) -> set[Stage]:
        """The stages that failed; without its extracts the dataset has failed too."""
        failed = {failure.stage for failure in self.failures}
        return failed | {"ai_dataset"} if failed else failed

    @property
    def bytes(self) -> int:
        """The size of its data files."""
        return sum(file.size for file in self.data)

    def total(self, count: str) -> int:
        """Sum a count, such as `rows_read`, over the products."""
        return sum(getattr(counts, count) for counts in self.counts.values())


# What makes one partition, wherever it is called. It can be pickled.
Task = Callable[[], PartitionResult]
