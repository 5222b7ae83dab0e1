"""The lineage of a run: what is kept of it while it goes on, and sent when it is reported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.runs.lineage.emitting import is_wanted, send_lineage
from ai_dataflow.runs.lineage.traced import Made, Traced
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.teams import with_owner
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reports import RunReport

_NAMESPACE, _USUAL = "OPENLINEAGE_NAMESPACE", "ai_dataflow"


def kept_for_lineage(results: Iterable[PartitionResult]) -> Made:
    """Give what lineage needs of results that came just now; nothing where nobody wants it."""
    if not is_wanted():
        return {}
    now = datetime.now(UTC)
    return {result.partition: (_without_values(result), now) for result in results}


def _without_values(result: PartitionResult) -> PartitionResult:
    """Take the statistics of files from a result: they have row values, and are long."""
    files = tuple(replace(file, statistics="") for file in result.data)
    return replace(result, data=files, rejects=())


def lineage_of(
    project: Project,
    place: Folders,
    report: RunReport,
    made: Made,
    columns: Mapping[str, tuple[AiColumn, ...]],
) -> Diagnostic | None:
    """Send the lineage of a run, where OpenLineage is configured; give what hindered it."""
    if not is_wanted():
        return None
    namespace = project.settings.openlineage.namespace or os.environ.get(_NAMESPACE, _USUAL)
    problem = send_lineage(Traced(project, place, report, made, columns, namespace))
    return with_owner(project.teams, problem) if problem else None
