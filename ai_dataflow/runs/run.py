"""One run over some partitions: plan, engine, workstation, report. Events go to a recorder.

This is the spine of the product. It knows of Dagster only that somebody wants to hear, per
partition, what was materialized and, in the end, what was not.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby, starmap

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.engine.choice import Engine, open_engine
from ai_dataflow.extracts.stages import EXTRACTS, STAGES, Failure, Stage
from ai_dataflow.extracts.staging import drop_copies
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.making import run as run_partition
from ai_dataflow.partition.result import PartitionResult, Task
from ai_dataflow.planning.inputs import content_read, content_seen, inputs_of
from ai_dataflow.runs.outcome import (
    NOBODY,
    Recorder,
    Run,
    not_run,
    partition_report,
    report,
    unchanged,
)
from ai_dataflow.runs.prospect import Prospect
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.commit import TableColumn
from ai_dataflow.workstation.layout import PRODUCT_COLUMN, open_workstation
from ai_dataflow.workstation.lease import Lease, lease
from ai_dataflow.workstation.publish import Made, publish
from ai_dataflow.workstation.records import Attempt, Record, update_records
from ai_dataflow.workstation.reports import RunReport


@dataclass
class Progress:
    """What a watcher is told: so many of so many partitions are done; why it does not go on."""

    done: int
    total: int
    note: str = ""


Watcher = Callable[[Progress], None]
Work = Callable[[PartitionJob], Task]
_TOLD_AT_ONCE = 100


def execute(
    prospect: Prospect,
    stages: Sequence[Stage],
    run_id: str,
    recorder: Recorder,
    watcher: Watcher = lambda _: None,
) -> RunReport:
    """Run what a prospect is about; publish what is well, report everything, write the report.

    Nothing that a user can cause raises; a report that the workstation cannot take says so itself,
    and is kept beside the project.

    Args:
        prospect: what to run, as it was seen.
        stages: the assets that are made.
        run_id: the run.
        recorder: hears what was made.
        watcher: hears of progress.
    """
    project, plan = prospect.project, prospect.plan
    run = Run(project, plan, open_workstation(project.settings), run_id, stages, recorder)
    run.timings["planning"] = prospect.seconds
    run.partitions += starmap(unchanged, prospect.changes.unchanged.items())
    run.partitions += [not_run(run, key) for key in prospect.partitions if key not in plan.jobs]
    jobs = [plan.jobs[key] for key in sorted(prospect.partitions) if key in plan.jobs]

    def work(job: PartitionJob) -> Task:
        return partial(run_partition, job, project.settings, run_id, tuple(stages))

    make(run, jobs, lambda _: work, watcher)
    return report(run)


def unchanged_report(prospect: Prospect) -> RunReport:
    """Report that there is nothing to run; it is not a run, and stays nowhere."""
    project = prospect.project
    workstation = open_workstation(project.settings)
    run = Run(project, prospect.plan, workstation, str(uuid.uuid4()), STAGES, NOBODY)
    run.partitions += starmap(unchanged, prospect.changes.unchanged.items())
    return report(run, store=False)


def make(
    run: Run, jobs: list[PartitionJob], works: Callable[[str], Work], watcher: Watcher
) -> None:
    """Make partitions, module by module, each module under its lease; publish what is well.

    `works` gives what makes a module's partitions; it is asked once the lease is there.
    """
    if not jobs:
        return
    try:
        engine = open_engine(run.project.settings, run.stages)
    except DataflowError as error:
        for module, own in groupby(jobs, key=lambda job: job.module):
            _finish_module(run, module, [_refused(run, job, error) for job in own], None)
        return
    done = 0

    def told(note: str = "") -> None:
        watcher(Progress(done, len(jobs), note))

    for module, own in groupby(jobs, key=lambda job: job.module):
        for _ in _make_module(run, module, list(own), works, engine, told):
            done += 1
            told()


def _make_module(
    run: Run,
    module: str,
    jobs: list[PartitionJob],
    works: Callable[[str], Work],
    engine: Engine,
    told: Callable[[str], None],
) -> Iterator[PartitionResult]:
    """Make a module's partitions; give each as it is done, and publish them all."""
    results: list[PartitionResult] = []
    with ExitStack() as stack:
        try:
            folder = run.workstation.leases(module)
            held = stack.enter_context(lease(folder, module, run.run_id, told))
            work = works(module)
        except DataflowError as error:
            results += [_refused(run, job, error) for job in jobs]
            yield from results
            _finish_module(run, module, results, None)
            return
        with run.timed("data"):
            for result in engine(jobs, work):
                results.append(result)
                run.work.update(result.work)
                yield result
        _finish_module(run, module, results, held)


def _refused(run: Run, job: PartitionJob, error: DataflowError) -> PartitionResult:
    failures = [Failure(stage, problem) for stage in run.stages for problem in error.diagnostics]
    return PartitionResult(job, failures=failures)


def _finish_module(
    run: Run, module: str, results: list[PartitionResult], held: Lease | None
) -> None:
    """Publish a module's finished partitions in one commit, then tell the recorder."""
    version = None
    if "ai_dataset" in run.stages and held:
        try:
            with run.timed("commits"):
                version = _publish(run, module, results, held)
        except DataflowError as error:
            for result in results:
                if not result.failures:
                    result.failures += [Failure("ai_dataset", p) for p in error.diagnostics]
        if run.kind == "run":
            with suppress(DataflowError):  # the partitions are made again, which costs but time
                held.check()
                _keep_records(run, module, results, version)
    for result in results if held else ():
        if result.superseded:
            drop_copies(run.workstation.staging(module, result.job.client), result.superseded)
    with run.timed("events"):
        ordered = sorted(results, key=lambda result: result.partition)
        for first in range(0, len(ordered), _TOLD_AT_ONCE):
            _record(run, ordered[first : first + _TOLD_AT_ONCE], version)
    run.partitions += [partition_report(run, result, version) for result in results]


def _publish(run: Run, module: str, results: list[PartitionResult], held: Lease) -> int | None:
    columns = [
        *(
            TableColumn(column.name, ai_types.to_delta(column.ai_type), column.description)
            for column in run.plan.columns[module]
        ),
        TableColumn(PRODUCT_COLUMN, "string", "the product that the row comes from"),
    ]
    made = [Made(r.job.client, r.data, r.rejects, r.replaces) for r in results]
    version = publish(run.workstation, module, columns, made, held)
    if version is not None:
        run.versions[module] = version
    return version


def _keep_records(
    run: Run, module: str, results: list[PartitionResult], version: int | None
) -> None:
    """Note what each partition was made from, or that it failed, for runs to come."""
    at, settings = datetime.now(UTC), run.project.settings
    made: dict[str, Record] = {}
    failed: dict[str, Attempt] = {}
    for result in results:
        client = result.job.client
        if result.failures:
            code = result.failures[0].diagnostic.code
            tried = inputs_of(result.job, settings, content_seen)
            failed[client] = Attempt(run_id=run.run_id, at=at, code=code, inputs=tried)
        elif version is not None and result.data:
            made[client] = Record(
                inputs=inputs_of(result.job, settings, content_read(result)),
                publication=result.publication,
                run_id=run.run_id,
                at=at,
                version=version,
                rows=result.total("rows_published"),
            )
    update_records(run.workstation, module, made, failed)


def _record(run: Run, results: list[PartitionResult], version: int | None) -> None:
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
