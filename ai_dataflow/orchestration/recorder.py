"""What Dagster hears of a run: materializations as they become certain, and how it ended."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import dagster as dg
from dagster import EventLogEntry

from ai_dataflow.extracts.stages import STAGES, Stage
from ai_dataflow.orchestration.events import Context, materialized, observed, store
from ai_dataflow.orchestration.metadata import (
    dataset_metadata,
    extract_metadata,
    failure_metadata,
    unusual_table,
    version_tags,
)
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.planning.coverage import Coverage
from ai_dataflow.runs.outcome import Recorder
from ai_dataflow.runs.progress import MAKING, Progress
from ai_dataflow.tables.project import Project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import RunReport, UnusualReport, report_name

_SHOWN_CAUSES = 20
_EXPLAINED = 100  # the causes are the same, mostly, and the report has all


class DagsterRecorder(Recorder):
    """Turns what a run did into materializations."""

    def __init__(self, context: Context, project: Project) -> None:
        self._context = context
        self._heard: list[EventLogEntry] = []
        self._workstation = open_workstation(project.settings)
        self._coverage: dict[str, dg.MarkdownMetadataValue] = {}
        self._note = ""
        self._report = self._workstation.reports().join(report_name(context.run.run_id))

    def extracted(self, result: PartitionResult, stage: Stage) -> None:
        """Note the extract of a partition."""
        self._materialized(stage, result, dict(extract_metadata(result, stage)))

    def published(
        self,
        result: PartitionResult,
        version: int,
        coverage: Coverage,
        unusual: Sequence[UnusualReport] = (),
    ) -> None:
        """Note the dataset of a partition."""
        metadata = dataset_metadata(result, version, self._workstation, self._report)
        if unusual:
            metadata["unusual"] = unusual_table(unusual)
        if coverage.module not in self._coverage:
            self._coverage[coverage.module] = dg.MetadataValue.md(coverage.to_markdown())
        metadata["coverage"] = self._coverage[coverage.module]
        self._materialized("ai_dataset", result, metadata)

    def tell(self) -> None:
        """Store what was noted in Dagster."""
        heard, self._heard = self._heard, []
        store(self._context.instance, heard)

    def log(self, progress: Progress) -> None:
        """Log progress about ten times a run: each line is an event that costs."""
        if progress.note:
            self._waits(progress.note)
            return
        if progress.doing != MAKING or not progress.done:
            return
        if progress.done * 10 // progress.total > (progress.done - 1) * 10 // progress.total:
            self._context.log.info(f"{progress.done} of {progress.total} partitions")

    def _waits(self, note: str) -> None:
        """Log once what the run waits for."""
        if note != self._note:
            self._note = note
            self._context.log.info(note)

    def _materialized(self, stage: Stage, result: PartitionResult, metadata: Any) -> None:
        made = dg.AssetMaterialization(
            stage,
            partition=result.partition,
            metadata=metadata,
            tags=version_tags(result, stage),
        )
        self._heard.append(materialized(self._context, made))


def end(context: Context, report: RunReport) -> None:
    """End the step in a `Failure` that tells what failed, if anything did."""
    is_left = report.interrupted and not report.partitions
    if not (report.failed or report.unreported or report.untold or is_left):
        context.log.info(f"{report.statuses()['ok']} partitions are well")
        return
    causes = [
        *report.unreported,
        *report.untold,
        *(f"{p.partition}: {p.error.code} {p.error.message}" for p in report.failed if p.error),
    ]
    hidden = len(causes) - _SHOWN_CAUSES
    more = f"\n… and {hidden} more" if hidden > 0 else ""
    ended = f"ended by {report.interrupted}: " if report.interrupted else ""
    verb = "not made" if report.interrupted else _verb(report)
    raise dg.Failure(
        f"{ended}{len(report.failed)} of {len(report.partitions)} partitions {verb}\n"
        + "\n".join(causes[:_SHOWN_CAUSES])
        + more,
        metadata=cast(Any, {"failed": _failed_table(report)}),
        allow_retries=False,
    )


def _verb(report: RunReport) -> str:
    return "failed or wait" if report.statuses()["waiting"] else "failed"


def _failed_table(report: RunReport) -> dg.TableMetadataValue:
    """Give the failed partitions, few columns wide: Dagster's log has little room for a table."""
    rows = [
        dg.TableRecord({"partition": p.partition, **failure_metadata(p.error)})
        for p in report.failed
        if p.error
    ]
    return dg.MetadataValue.table(rows)


def explain(context: Context, report: RunReport) -> None:
    """Tell at the failed partitions themselves why they are: an observation for each asset.

    Dagster shows there only which run failed, and that one has the causes of all of them.
    """
    failed = [
        (stage, partition, partition.error)
        for stage in reversed(STAGES)  # the dataset first: it is where people look
        for partition in report.failed
        if partition.error and stage in partition.failed_stages
    ]
    # The run's own failure tells it as well, and must be told whatever hinders this.
    with suppress(Exception):
        observations = (
            dg.AssetObservation(
                stage,
                partition=partition.partition,
                description=f"{partition.status}: {error.code} {error.message}",
                metadata=failure_metadata(error),
            )
            for stage, partition, error in failed[:_EXPLAINED]
        )
        store(context.instance, [observed(context, seen) for seen in observations])
