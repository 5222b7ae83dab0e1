"""The plan: one job per partition that can run; for every other partition, what holds it back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import polars as pl

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.planning.coverage import Coverage
from ai_dataflow.sources.schemas import Look
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.survey import Survey
from ai_dataflow.tables.locations import Location, files_of


@dataclass(frozen=True)
class Plan:
    """What a run does.

    `jobs` and `held` share no partition and together are all partitions of the active control
    rows. `columns` and `coverage` are by module. `diagnostics` are all problems, in the order of
    the tables.
    """

    jobs: dict[PartitionKey, PartitionJob]
    held: dict[PartitionKey, tuple[Diagnostic, ...]]
    columns: dict[str, tuple[AiColumn, ...]]
    coverage: dict[str, Coverage]
    diagnostics: tuple[Diagnostic, ...]

    @property
    def partitions(self) -> list[PartitionKey]:
        """All partitions, those that are held back too."""
        return sorted((*self.jobs, *self.held))

    @property
    def errors(self) -> list[Diagnostic]:
        """The problems that are errors."""
        return [problem for problem in self.diagnostics if problem.severity == "error"]

    def only(self, keys: Collection[PartitionKey]) -> Plan:
        """Give the same of some partitions only, with their problems and those of no partition."""
        modules = {key.module for key in keys}
        return Plan(
            {key: job for key, job in self.jobs.items() if key in keys},
            {key: problems for key, problems in self.held.items() if key in keys},
            {module: columns for module, columns in self.columns.items() if module in modules},
            {module: matrix for module, matrix in self.coverage.items() if module in modules},
            tuple(p for p in self.diagnostics if not p.partitions or {*p.partitions} & {*keys}),
        )

    def locations(self, only: Collection[PartitionKey] | None = None) -> dict[Location, str]:
        """Give the locations of the jobs, of some partitions only if asked, with a cell each."""
        jobs = (job for key, job in self.jobs.items() if only is None or key in only)
        places: dict[Location, str] = {}
        for source in (source for job in jobs for source in job.sources):
            places.setdefault(source.location, source.place)
        return places

    def as_seen(
        self, seen: Survey, schemas: Mapping[Location, Look] = MappingProxyType({})
    ) -> dict[PartitionKey, PartitionJob]:
        """Give the jobs with what a survey saw at their sources, and the columns found there."""

        def looked_at(source: SourceJob) -> SourceJob:
            look = schemas.get(files_of(source.location))
            schema = look if isinstance(look, pl.Schema) else None
            return replace(source, seen=seen.get(source.location), schema=schema)

        return {
            key: replace(job, sources=tuple(map(looked_at, job.sources)))
            for key, job in self.jobs.items()
        }

    def unknown(self, keys: Iterable[str]) -> list[Diagnostic]:
        """Give a diagnostic for each key that is no partition of an active control row."""
        partitions = set(self.partitions)
        return [
            Diagnostic(
                "RUN-001",
                f"no active row of the control table makes `{key}`{did_you_mean(key, partitions)}",
                fix="a partition is called 'module|client'",
            )
            for key in keys
            if key not in partitions
        ]
