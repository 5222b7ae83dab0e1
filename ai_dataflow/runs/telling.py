"""Telling what became of partitions: the records for runs to come, and whoever wants to hear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ai_dataflow.config.digests import digest
from ai_dataflow.extracts.stages import EXTRACTS
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.planning.inputs import content_read, content_seen, inputs_of
from ai_dataflow.runs.outcome import Run
from ai_dataflow.runs.publishing import ModuleOutcome
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.workstation.arrivals import Sources, note_arrivals
from ai_dataflow.workstation.records import (
    Attempt,
    ProductRows,
    Record,
    accepted_record,
    updated_records,
)

_AT_ONCE = 1000


def keep_records(run: Run, module: str, outcome: ModuleOutcome) -> None:
    """Note what each partition was made from, or that it failed, for runs to come.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    is_new = outcome.version is not None
    made = [r for r in outcome.results if is_new and r.data and not r.failures]
    if run.kind == "replay":
        _keep_counts(run, module, made)
        return
    changed = dict(_not_published(run, outcome))
    waits_for = outcome.blocking if is_new else None
    if not (made or changed or run.kind == "run"):
        return
    with updated_records(run.workstation, module, changed, waits_for) as records:
        for result in made:
            records.put(result.job.client, _made(run, result, outcome))


def keep_arrivals(run: Run, module: str, results: Iterable[PartitionResult]) -> None:
    """Note what a run saw at the sources; before anybody reads it, so nothing new is called late.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    if run.kind == "run":
        note_arrivals(run.workstation, module, arrivals_of(results, datetime.now(UTC)))


def arrivals_of(results: Iterable[PartitionResult], now: datetime) -> dict[str, Sources]:
    """Give what a run saw at the sources of partitions: their content, and when it changed."""
    return {result.job.client: dict(_of_result(result, now)) for result in results}


def _of_result(result: PartitionResult, now: datetime) -> Iterator[tuple[str, tuple[str, int]]]:
    extracts = {extract.key: extract for extract in result.extracts}
    for source in result.job.sources:
        extract, content = extracts.get(source.key), ""
        if extract:
            copied = [extract.rows, [file.size for file in extract.files]]
            content = extract.fingerprint or digest(copied)
        elif isinstance(source.seen, Listing):
            content = content_seen(source)
        if content:
            yield str(source.key), (content[:12], int(_changed(source, now).timestamp()))


def _changed(source: SourceJob, now: datetime) -> datetime:
    """Tell when a source changed; of a table it is known only when it was seen."""
    changed = source.seen.changed if isinstance(source.seen, Listing) else None
    return min(changed, now) if changed else now


def _keep_counts(run: Run, module: str, made: Sequence[PartitionResult]) -> None:
    """Note how many rows readers see after a replay: the next run is judged by them."""
    changed = {result.job.client: {"products": _rows_of(result)} for result in made}
    if changed:
        with updated_records(run.workstation, module, changed):
            pass


def _not_published(run: Run, outcome: ModuleOutcome) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give what the records note of each client that a run did not publish.

    What an acceptance refused goes on waiting.
    """
    for result in outcome.results if run.kind == "run" else ():
        client = result.job.client
        if shown := outcome.judged.waiting.get(client):
            yield client, {"waiting": shown, "failed": None}
        elif result.failures:
            failed = Attempt(
                run_id=run.run_id,
                at=datetime.now(UTC),
                code=result.failures[0].diagnostic.code,
                inputs=inputs_of(result.job, run.project.settings, content_seen),
            )
            yield client, {"failed": failed, "waiting": None}


def _rows_of(result: PartitionResult) -> dict[str, ProductRows]:
    return {product: ProductRows.of(counts) for product, counts in result.counts.items()}


def _made(run: Run, result: PartitionResult, outcome: ModuleOutcome) -> Record:
    if shown := run.shown.get(result.partition):
        return accepted_record(shown, outcome.blocking, outcome.version)
    return Record(
        inputs=inputs_of(result.job, run.project.settings, content_read(result)),
        publication=result.publication,
        run_id=run.run_id,
        at=datetime.now(UTC),
        version=outcome.version,
        rows=result.total("rows_published"),
        products=_rows_of(result),
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
        coverage, unusual = run.plan.coverage[result.job.module], run.unusual.get(result.partition)
        run.recorder.published(result, version, coverage, unusual or ())
