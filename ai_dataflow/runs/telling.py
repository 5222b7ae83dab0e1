"""Telling what became of partitions: the records for runs to come, and whoever wants to hear."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ai_dataflow.extracts.stages import EXTRACTS
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.planning.inputs import content_read, content_seen, inputs_of
from ai_dataflow.runs.outcome import Run
from ai_dataflow.runs.publishing import ModuleOutcome
from ai_dataflow.workstation.records import Attempt, Record, updated_records

_AT_ONCE = 1000


def keep_records(run: Run, module: str, outcome: ModuleOutcome) -> None:
    """Note what each partition was made from, or that it failed, for runs to come.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    settings = run.project.settings
    failed = {
        result.job.client: Attempt(
            run_id=run.run_id,
            at=datetime.now(UTC),
            code=result.failures[0].diagnostic.code,
            inputs=inputs_of(result.job, settings, content_seen),
        )
        for result in outcome.results
        if result.failures
    }
    waits_for = None if outcome.version is None else outcome.blocking
    with updated_records(run.workstation, module, failed, waits_for) as records:
        for result in outcome.results:
            if outcome.version is not None and result.data and not result.failures:
                records.put(result.job.client, _made(run, result, outcome))


def _made(run: Run, result: PartitionResult, outcome: ModuleOutcome) -> Record:
    return Record(
        inputs=inputs_of(result.job, run.project.settings, content_read(result)),
        publication=result.publication,
        run_id=run.run_id,
        at=datetime.now(UTC),
        version=outcome.version,
        rows=result.total("rows_published"),
        waits_for=dict(outcome.blocking),
    )


def tell(run: Run, results: Sequence[PartitionResult], version: int | None) -> None:
    """Tell the recorder of partitions, some at a time; `version` is that of their module."""
    ordered = sorted(results, key=lambda result: result.partition)
    for first in range(0, len(ordered), _AT_ONCE):
        _tell(run, ordered[first : first + _AT_ONCE], version)


def _tell(run: Run, results: Sequence[PartitionResult], version: int | None) -> None:
    """Tell the recorder; where it cannot hear, the others are made and reported as well.

    What is published is published, whether or not there is an event of it.
    """
    heard = []
    for result in results:
        try:
            _hear(run, result, version)
        except Exception as error:
            run.untold[result.partition] = error
        else:
            heard.append(result.partition)
    try:
        run.recorder.tell()
    except Exception as error:
        run.untold |= dict.fromkeys(heard, error)


def _hear(run: Run, result: PartitionResult, version: int | None) -> None:
    failed = result.failed_stages
    for stage in EXTRACTS:
        if stage in run.stages and stage not in failed:
            run.recorder.extracted(result, stage)
    if version is not None and not failed and result.data:
        run.recorder.published(result, version, run.plan.coverage[result.job.module])
