"""A run as a catalogue of lineage wants to know it: plain data, whatever library sends it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.tables.project import Project
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reports import PartitionReport, RunReport

JOB = "ai_dataflow"
Made = dict[PartitionKey, tuple[PartitionResult, datetime]]


@dataclass(frozen=True)
class Traced:
    """A run, as far as a catalogue of lineage wants to know it.

    `made` are the results of partitions, and when they came; `columns` those of each module.
    """

    project: Project
    place: Folders
    report: RunReport
    made: Made
    columns: Mapping[str, tuple[AiColumn, ...]]
    namespace: str

    @property
    def partitions(self) -> list[PartitionReport]:
        """What the run was about: what it saw unchanged was not run."""
        return [p for p in self.report.partitions if p.status != "unchanged"]

    @property
    def run_id(self) -> str:
        """The run's id as a UUID, as OpenLineage wants it."""
        try:
            return str(uuid.UUID(self.report.run_id))
        except ValueError:
            return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{JOB}:{self.report.run_id}"))
