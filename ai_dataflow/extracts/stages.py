"""The stages of a partition: two extract, one makes the dataset; and what ends one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.locations import FileLocation

Stage = Literal["adls_extract", "azure_sql_extract", "ai_dataset"]
EXTRACTS: tuple[Stage, ...] = ("adls_extract", "azure_sql_extract")
STAGES: tuple[Stage, ...] = (*EXTRACTS, "ai_dataset")


@dataclass(frozen=True)
class Failure:
    """A diagnostic that ended a stage of a partition."""

    stage: Stage
    diagnostic: Diagnostic


def stage_of(source: SourceJob) -> Stage:
    """Tell which stage extracts a source."""
    return "adls_extract" if isinstance(source.location, FileLocation) else "azure_sql_extract"
