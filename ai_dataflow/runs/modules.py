"""Making modules: each under its lease, its partitions published in one commit, then told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass, field, replace
from itertools import groupby

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.interrupts import Interrupted, asked, check
from ai_dataflow.engine.choice import Engine, open_engine
from ai_dataflow.extracts.stages import Failure, Stage
from ai_dataflow.extracts.staging import drop_copies
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task
from ai_dataflow.runs.copying import copied_first, drop_replaced
from ai_dataflow.runs.lineage.after_run import kept_for_lineage
from ai_dataflow.runs.outcome import Run, interrupted, partition_report, report
from ai_dataflow.runs.packed_profiles import PackedProfiles
from ai_dataflow.runs.progress import MAKING, Progress, Watcher
from ai_dataflow.runs.publishing import ModuleOutcome, note_blocking, publish_module
from ai_dataflow.runs.telling import keep_arrivals, keep_records, tell
from ai_dataflow.runs.unusual import note_unusual
from ai_dataflow.workstation.lease import Lease, LeaseError, lease
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow.workstation.under_way import forget_dead_runs, under_way

# Gives what makes the partitions of jobs of one module, under its lease.
Tasks = Callable[[list[PartitionJob], Lease], list[tuple[PartitionJob, Task]]]


@dataclass(frozen=True)
class _Came:
    """What came of making a module's partitions: results, their profiles, copies for all."""

    results: list[PartitionResult] = field(default_factory=list)
    profiles: PackedProfiles = field(default_factory=PackedProfiles)
    copied: list[PartitionResult] = field(default_factory=list)


def make_and_report(
    run: Run,
    jobs: list[PartitionJob],
    tasks_of: Tasks,
    watcher: Watcher,
    engine: Engine | None = None,
) -> RunReport:
    """Make partitions as `make` does, and report the run; it is under way in between."""
    modules = {job.module for job in jobs}
    with under_way(run.workstation, run.run_id, modules) if jobs else nullcontext():
        make(run, jobs, tasks_of, watcher, engine)
        reported = report(run)
    if run.kind == "run":
        forget_dead_runs(run.workstation, {seen.module for seen in reported.partitions})
    return reported


def make(
    run: Run,
    jobs: list[PartitionJob],
    tasks_of: Tasks,
    watcher: Watcher,
    engine: Engine | None = None,
) -> None:
    """Make partitions, module by module, each module under its lease; publish what is well.

    Where somebody asks for the end, what is done is published, and the others are left.

    Args:
        run: what it is for.
        jobs: the partitions.
        tasks_of: gives what makes them.
        watcher: hears of progress.
        engine: what carries the tasks out; by default the one of the settings.
    """
    if not jobs:
        return
    try:
        engine = engine or open_engine(run.project.settings, run.stages)
    except DataflowError as error:
        for module, group in groupby(jobs, key=lambda job: job.module):
            _finish_module(run, module, _Came([_refused(run, job, error) for job in group]), None)
        return
    done = 0

    def watch(doing: str = MAKING, note: str = "") -> None:
        watcher(Progress(done, len(jobs), doing, note))

    watch()
    for module, group in groupby(jobs, key=lambda job: job.module):
        if asked():
            _leave(run, group)
            continue
        for _ in _make_module(run, module, list(group), tasks_of, engine, watch):
            done += 1
            watch()


def _make_module(
    run: Run,
    module: str,
    jobs: list[PartitionJob],
    tasks_of: Tasks,
    engine: Engine,
    watch: Callable[[str, str], None],
) -> Iterator[PartitionResult]:
    """Make a module's partitions; give each as it is done, and publish them all."""
    came = _Came()
    results = came.results

    def wait(note: str) -> None:
        watch(MAKING, note)
        check()

    with ExitStack() as stack:
        try:
            folder = run.workstation.leases(module)
            held = stack.enter_context(lease(folder, module, run.run_id, wait))
            tasks = tasks_of(jobs, held)
        except Interrupted:
            _leave(run, jobs)
            return
        except DataflowError as error:
            results += [_refused(run, job, error) for job in jobs]
            yield from results
            _finish_module(run, module, came, None)
            return
        with run.timings.timed("data"):
            try:
                tasks, copied = copied_first(tasks, engine)
                came.copied.extend(copied)
                for result in engine(tasks):
                    results.append(came.profiles.taken_from(result))
                    run.work.update(result.work)
                    yield result
            except DataflowError as error:  # nothing makes the others
                done = {result.partition for result in results}
                rest = [_refused(run, job, error) for job, _ in tasks if job.partition not in done]
                results += rest
                yield from rest
            except Interrupted:
                done = {result.partition for result in results}
                _leave(run, [job for job, _ in tasks if job.partition not in done])
        if results:
            watch(f"publishing {module}", "")
            _finish_module(run, module, came, held)


def _leave(run: Run, jobs: Iterable[PartitionJob]) -> None:
    run.partitions += [interrupted(run, job.partition) for job in jobs]


def _refused(run: Run, job: PartitionJob, error: DataflowError) -> PartitionResult:
    return PartitionResult(job, failures=_failures(run.stages, error))


def _failures(stages: Iterable[Stage], error: DataflowError) -> tuple[Failure, ...]:
    return tuple(Failure(stage, problem) for stage in stages for problem in error.diagnostics)


def _finish_module(run: Run, module: str, came: _Came, held: Lease | None) -> None:
    """Publish a module's finished partitions in one commit, then tell of them."""
    results = came.results
    outcome = ModuleOutcome(results)
    if "ai_dataset" in run.stages and held:
        is_noted = _note_arrivals(run, module, results, held)
        try:
            with run.timings.timed("commits"):
                outcome = publish_module(run, module, results, held, came.profiles)
        except LeaseError as error:
            outcome = ModuleOutcome([_overtaken(result, error) for result in results])
        except DataflowError as error:
            lost = _failures(["ai_dataset"], error)
            outcome = ModuleOutcome(
                [r if r.failures else replace(r, failures=lost) for r in results]
            )
        with suppress(DataflowError):  # the partitions are made again, which costs but time
            held.check()
            if is_noted:
                keep_records(run, module, outcome)
    note_unusual(run, module, outcome)
    if held:
        _drop_superseded(run, module, outcome.results, came.copied, held)
    with run.timings.timed("events"):
        tell(run, outcome.results, outcome.version)
    run.made |= kept_for_lineage(outcome.results)
    run.partitions += [
        partition_report(run, r, outcome.version, held, outcome.judged) for r in outcome.results
    ]
    note_blocking(run, module, outcome)


def _note_arrivals(run: Run, module: str, results: Iterable[PartitionResult], held: Lease) -> bool:
    """Note what arrived; where it cannot be, the next run makes the partitions again, and does."""
    with suppress(DataflowError):
        held.check()
        keep_arrivals(run, module, results)
        return True
    return False


def _drop_superseded(
    run: Run,
    module: str,
    results: Sequence[PartitionResult],
    copied: Iterable[PartitionResult],
    held: Lease,
) -> None:
    """Remove copies that newer ones replace; a run that was overtaken leaves them to `cleanup`."""
    with suppress(DataflowError):
        held.check()
        for result in results:
            if result.superseded:
                drop_copies(run.workstation.staging(module, result.job.client), result.superseded)
        for table in (table for table in copied if table.superseded):
            drop_replaced(run, table, results)


def _overtaken(result: PartitionResult, error: LeaseError) -> PartitionResult:
    """Fail a partition whose run has lost its lease, for nothing else.

    What failed while it was made may be what the other run has tidied away: a copy, kept rows.
    """
    return replace(result, failures=_failures({*result.failed_stages, "ai_dataset"}, error))
