"""One run over some partitions: plan, engine, workstation, report. Events go to a recorder.

This is the spine of the product. It knows of Dagster only that somebody wants to hear, per
partition, what was materialized and, in the end, what was not.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Protocol

from ai_dataflow.config import ai_types
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing, redacted
from ai_dataflow.config.project import Project
from ai_dataflow.config.teams import with_owner
from ai_dataflow.engine.job import EXTRACTS, Failure, PartitionJob, PartitionResult, Stage
from ai_dataflow.engine.local import run_jobs
from ai_dataflow.engine.run import run as run_partition
from ai_dataflow.planning.coverage import Coverage
from ai_dataflow.planning.plan import Plan, make_live_plan, make_plan
from ai_dataflow.workstation import rejects
from ai_dataflow.workstation.commit import TableColumn, commit, open_table
from ai_dataflow.workstation.lease import Lease, lease
from ai_dataflow.workstation.paths import (
    PRODUCT_COLUMN,
    Workstation,
    open_workstation,
    spare_reports,
)
from ai_dataflow.workstation.readers import Published, partitions_of, published
from ai_dataflow.workstation.reports import (
    COUNTS,
    ErrorReport,
    PartitionReport,
    ProductReport,
    RunReport,
    store_report,
)


class Recorder(Protocol):
    """Hears what a run did to a partition, as soon as it is certain."""

    def extracted(self, result: PartitionResult, stage: Stage) -> None:
        """An extract of a partition is there."""

    def published(self, result: PartitionResult, version: int, coverage: Coverage) -> None:
        """A partition of the dataset is visible to readers."""


@dataclass
class Progress:
    """What a watcher is told: so many of so many partitions are done; why it does not go on."""

    done: int
    total: int
    note: str = ""


Watcher = Callable[[Progress], None]


@dataclass
class _Run:
    project: Project
    plan: Plan
    workstation: Workstation
    run_id: str
    stages: Sequence[Stage]
    recorder: Recorder
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    partitions: list[PartitionReport] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    timings: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    untold: dict[str, Exception] = field(default_factory=dict)

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Add the time of a piece of work to the report."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.timings[kind] += time.perf_counter() - begun


def execute(
    project: Project,
    partitions: Collection[str],
    stages: Sequence[Stage],
    run_id: str,
    recorder: Recorder,
    watcher: Watcher = lambda _: None,
) -> RunReport:
    """Run the partitions; publish what is well, report everything, write the report.

    Nothing that a user can cause raises; a report that the workstation cannot take says so itself,
    and is kept beside the project.
    """
    begun = time.perf_counter()
    # A run that merges the last extracts must not touch the sources.
    live = set(EXTRACTS) & set(stages)
    plan = make_live_plan(project, set(partitions)) if live else make_plan(project)
    run = _Run(project, plan, open_workstation(project.settings), run_id, stages, recorder)
    run.timings["planning"] = time.perf_counter() - begun
    run.partitions += [_not_run(run, key) for key in partitions if key not in plan.jobs]
    jobs = sorted((plan.jobs[k] for k in partitions if k in plan.jobs), key=lambda j: j.partition)
    done = 0

    def told(note: str = "") -> None:
        watcher(Progress(done, len(jobs), note))

    for module, own in groupby(jobs, key=lambda job: job.module):
        for _ in _make_module(run, module, list(own), told):
            done += 1
            told()
    return _report(run)


def _make_module(
    run: _Run, module: str, jobs: list[PartitionJob], told: Callable[[str], None]
) -> Iterator[PartitionResult]:
    """Make a module's partitions under its lease; give each as it is done, and publish them all."""
    results: list[PartitionResult] = []
    with ExitStack() as stack:
        try:
            held = stack.enter_context(
                lease(run.workstation.leases(module), module, run.run_id, told)
            )
        except DataflowError as error:
            results += [_refused(run, job, error) for job in jobs]
            yield from results
            _finish_module(run, module, results, None)
            return
        for result in _results(run, jobs):
            results.append(result)
            yield result
        _finish_module(run, module, results, held)


def _refused(run: _Run, job: PartitionJob, error: DataflowError) -> PartitionResult:
    failures = [Failure(stage, problem) for stage in run.stages for problem in error.diagnostics]
    return PartitionResult(job, failures=failures)


def _results(run: _Run, jobs: list[PartitionJob]) -> Iterator[PartitionResult]:
    settings = run.project.settings
    with run.timed("data"):
        yield from run_jobs(
            jobs,
            lambda job: run_partition(job, settings, run.run_id, run.stages),
            settings.execution.workers,
        )


def _finish_module(
    run: _Run, module: str, results: list[PartitionResult], held: Lease | None
) -> None:
    """Publish a module's finished partitions in one commit, then tell the recorder."""
    good = [result for result in results if not result.failures]
    version = None
    if "ai_dataset" in run.stages and good and held:
        try:
            with run.timed("commits"):
                held.check()
                version = run.versions[module] = _publish(run, module, good)
        except DataflowError as error:
            for result in good:
                result.failures += [Failure("ai_dataset", p) for p in error.diagnostics]
    with run.timed("events"):
        for result in sorted(results, key=lambda result: result.partition):
            _record(run, result, version)
    run.partitions += [_partition_report(run, result, version) for result in results]


def _publish(run: _Run, module: str, good: list[PartitionResult]) -> int:
    """Commit rejects, then data: a row is never left out without being listed."""
    left_out = {result.job.client: result.rejects for result in good}
    table = run.workstation.rejects(module)
    if any(left_out.values()) or open_table(table) is not None:
        commit(table, rejects.COLUMNS, left_out, run.run_id)
    columns = [
        *(
            TableColumn(column.name, ai_types.to_delta(column.ai_type), column.description)
            for column in run.plan.columns[module]
        ),
        TableColumn(PRODUCT_COLUMN, "string", "the product that the row comes from"),
    ]
    files = {result.job.client: result.data for result in good}
    return commit(run.workstation.dataset(module), columns, files, run.run_id)


def _record(run: _Run, result: PartitionResult, version: int | None) -> None:
    """Tell the recorder; where it cannot hear, the other modules are made and reported as well.

    What is published is published, whether or not there is an event of it.
    """
    failed = result.failed_stages
    try:
        for stage in EXTRACTS:
            if stage in run.stages and stage not in failed:
                run.recorder.extracted(result, stage)
        if version is not None and not failed:
            run.recorder.published(result, version, run.plan.coverage[result.job.module])
    except Exception as error:
        run.untold[result.partition] = error


def _partition_report(run: _Run, result: PartitionResult, version: int | None) -> PartitionReport:
    # What ends several stages, such as a lease that another run has, is one error.
    causes = dict.fromkeys(failure.diagnostic for failure in result.failures)
    errors = _errors(run, result.job.module, causes)
    published = not errors
    return PartitionReport(
        partition=result.partition,
        status="failed" if errors else "ok",
        version=version if published else None,
        seconds=round(result.seconds, 4),
        bytes=result.bytes if published else 0,
        products={p: ProductReport(**asdict(counts)) for p, counts in result.counts.items()},
        failed_stages=sorted(result.failed_stages & set(run.stages)),
        error=errors[0] if errors else None,
        errors=errors,
        **({name: result.total(name) for name in COUNTS}),
    )


def _not_run(run: _Run, key: str) -> PartitionReport:
    """Report a partition that is held back, or that the control table does not have."""
    problems = run.plan.held.get(key) or run.plan.unknown([key])
    errors = _errors(run, key.partition("|")[0], problems)
    return PartitionReport(
        partition=key,
        status="held" if key in run.plan.held else "failed",
        failed_stages=list(run.stages),
        error=errors[0],
        errors=errors,
    )


def _errors(run: _Run, module: str, problems: Iterable[Diagnostic]) -> list[ErrorReport]:
    """Give problems their owners, by concern, product and module."""
    return [
        ErrorReport(**with_owner(run.project.teams, replace(p, module=module)).to_error())
        for p in problems
    ]


def _report(run: _Run) -> RunReport:
    modules, problems = _published(run)
    removed = sorted(partitions_of(modules) - set(run.plan.partitions))
    told = [*run.plan.diagnostics, *problems, *_untold(run), *_removed(run, removed)]
    report = RunReport(
        run_id=run.run_id,
        started=run.started,
        finished=datetime.now(UTC),
        stages=list(run.stages),
        partitions=sorted(run.partitions, key=lambda partition: partition.partition),
        versions={name: module.version for name, module in modules.items()} | run.versions,
        removed=removed,
        diagnostics=[problem.to_json() for problem in told],
        coverage={m: coverage.to_json() for m, coverage in run.plan.coverage.items()},
        timings={kind: round(seconds, 4) for kind, seconds in run.timings.items()},
    )
    store_report(run.workstation.reports(), report, spare_reports(run.project.settings))
    return report


def _published(run: _Run) -> tuple[dict[str, Published], list[Diagnostic]]:
    """Look at what readers see now; what hinders it is a problem of the report."""
    try:
        return published(run.workstation), []
    except DataflowError as error:
        return {}, [with_owner(run.project.teams, problem) for problem in error.diagnostics]


def _untold(run: _Run) -> list[Diagnostic]:
    """Mention the partitions of which there is no event."""
    if not run.untold:
        return []
    first = next(iter(run.untold.values()))
    problem = Diagnostic(
        "RUN-010",
        f"Dagster was not told of {listing(run.untold, 5)}; the data is as this report says",
        place="Dagster",
        fix="see that the instance's storage has space and answers, then run these again",
        cause=redacted(first),
    )
    return [with_owner(run.project.teams, problem)]


def _removed(run: _Run, partitions: list[str]) -> list[Diagnostic]:
    """Mention published partitions that the control table no longer has."""
    if not partitions:
        return []
    problem = Diagnostic(
        "RUN-003",
        f"{listing(partitions, 5)} is published and no longer in the control table; "
        "readers still see it",
        place=run.project.settings.control_table,
        fix="add the rows again, or remove the data from the workstation",
        severity="warning",
    )
    return [with_owner(run.project.teams, problem)]
