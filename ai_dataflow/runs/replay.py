"""One replay over the partitions that have open rejects: the spine of a run, with other work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.engine.choice import open_engine
from ai_dataflow.engine.shares import share
from ai_dataflow.partition.job import MadeAs, PartitionJob
from ai_dataflow.partition.result import Task
from ai_dataflow.planning.draft import Draft, make_draft
from ai_dataflow.planning.inputs import inputs_of
from ai_dataflow.runs.modules import make_and_report
from ai_dataflow.runs.outcome import (
    NOBODY,
    Recorder,
    Run,
    not_run,
    partition_report,
    report,
)
from ai_dataflow.runs.progress import Watcher, unwatched
from ai_dataflow.runs.prospect import read_draft
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.source_rules import TAKES
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.lease import Lease
from ai_dataflow.workstation.records import Record, SourceInputs, read_records
from ai_dataflow.workstation.reject_tables import Current
from ai_dataflow.workstation.reports import RunReport


@dataclass(frozen=True)
class Chosen:
    """Whose rejects: of one module, of one client, of some partitions, or all."""

    module: str = ""
    client: str = ""
    partitions: tuple[str, ...] = ()

    def has(self, module: str, client: str) -> bool:
        """Tell whether a partition is chosen."""
        is_named = not self.partitions or PartitionKey.of(module, client) in self.partitions
        return is_named and self.module in ("", module) and self.client in ("", client)


def execute_replay(
    draft: Draft,
    chosen: Chosen,
    run_id: str,
    recorder: Recorder,
    watcher: Watcher = unwatched,
) -> RunReport:
    """Replay the open rejects of the chosen partitions; publish what passes, report everything.

    Sources are not looked at. Nothing that a user can cause raises, but for:

    Raises:
        DataflowError: WST-001, WST-004 or WST-005: it cannot be seen which rejects are open.
    """
    run, jobs = _prepared(draft, chosen, run_id, recorder)

    def tasks_of(jobs: list[PartitionJob], held: Lease) -> list[tuple[PartitionJob, Task]]:
        if held.number != draft.leases.get(jobs[0].module, 0) + 1:
            jobs = _planned_anew(run, jobs)
        return _tasks(run, jobs, dry_run=False)

    return make_and_report(run, jobs, tasks_of, watcher)


def dry_replay(project: Project, chosen: Chosen, run_id: str) -> RunReport:
    """Tell what a replay would do; nothing is written.

    Raises:
        DataflowError: as `execute_replay`; RUN-020, where the engine is Spark and there is none.
    """
    run, jobs = _prepared(make_draft(project), chosen, run_id, NOBODY)
    engine = open_engine(project.settings, run.stages)
    for _, group in groupby(jobs, key=lambda job: job.module):
        results = engine(_tasks(run, list(group), dry_run=True))
        run.partitions += [partition_report(run, result, None) for result in results]
    return report(run, store=False)


def _planned_anew(run: Run, jobs: list[PartitionJob]) -> list[PartitionJob]:
    """Plan a module's jobs again, as its tables are now: another run may have read newer ones."""
    draft = read_draft(run.project.settings.file)
    plan, run.leases = draft.plan, {**run.leases, **draft.leases}
    keys = [job.partition for job in jobs]
    module = jobs[0].module
    columns = run.plan.columns | {module: plan.columns.get(module, ())}
    run.plan = replace(run.plan, held={**run.plan.held, **plan.held}, columns=columns)
    run.partitions += [not_run(run, key) for key in keys if key not in plan.jobs]
    return [plan.jobs[key] for key in keys if key in plan.jobs]


def _prepared(
    draft: Draft, chosen: Chosen, run_id: str, recorder: Recorder
) -> tuple[Run, list[PartitionJob]]:
    project, plan = draft.project, draft.plan
    workstation = open_workstation(project.settings)
    run = Run(project, plan, workstation, run_id, ("ai_dataset",), recorder, "replay", draft.leases)
    with_rejects = _with_rejects(workstation, chosen)
    is_asked = bool(chosen.client or chosen.partitions)
    # One that has left the control table is passed over, unless it is asked for.
    keys = [key for key in with_rejects if key in plan.partitions or is_asked]
    run.partitions += [not_run(run, key) for key in keys if key not in plan.jobs]
    return run, [plan.jobs[key] for key in keys if key in plan.jobs]


def _with_rejects(workstation: Folders, chosen: Chosen) -> list[PartitionKey]:
    """Give the partitions that are published with rejects."""
    return [
        PartitionKey.of(module, client)
        for module in reject_tables.modules(workstation)
        if chosen.module in ("", module)
        for client, current in reject_tables.current(workstation, module).items()
        if chosen.has(module, client) and current.rejects
    ]


def _tasks(run: Run, jobs: list[PartitionJob], *, dry_run: bool) -> list[tuple[PartitionJob, Task]]:
    """Give what replays jobs of one module."""
    from ai_dataflow.partition.replaying import replay  # noqa: PLC0415 - for who replays

    current = reject_tables.current(run.workstation, jobs[0].module)
    records = read_records(run.workstation, [jobs[0].module])
    settings = share(run.project.settings)

    def task(job: PartitionJob) -> Task:
        present = current.get(job.client, Current())
        record = records.get(job.partition, Record()).settled(present.publication)
        made = _made_as(run, job, record, present)
        return partial(replay, job, present, settings, run.run_id, made_as=made, dry_run=dry_run)

    return [(job, task(job)) for job in jobs]


def _taken_by(source: SourceInputs) -> tuple[object, ...]:
    """Give what tells which rows of a source are taken."""
    return source.location, *(source.rules.get(name) for name in TAKES)


def _made_as(run: Run, job: PartitionJob, record: Record, present: Current) -> MadeAs:
    """Give what is known of how a partition was made, by the record of its last run."""
    if record.inputs is None:
        return MadeAs()
    now = inputs_of(job, run.project.settings, lambda _: "").sources
    then = record.inputs.sources
    alike = frozenset(
        source.key
        for source in job.sources
        for name in [str(source.key)]
        if name in then and _taken_by(now[name]) == _taken_by(then[name])
    )
    is_of_present = record.publication == present.publication
    return MadeAs(record.inputs.columns if is_of_present else {}, record.run_id, alike)
