"""One replay over the partitions that have open rejects: the spine of a run, with other work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.replaying import replay
from ai_dataflow.partition.result import Task
from ai_dataflow.planning.draft import make_plan
from ai_dataflow.runs.modules import Watcher, Work, make
from ai_dataflow.runs.outcome import (
    NOBODY,
    Recorder,
    Run,
    not_run,
    partition_report,
    report,
)
from ai_dataflow.tables.project import Project
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.layout import Workstation, open_workstation
from ai_dataflow.workstation.reject_tables import Current
from ai_dataflow.workstation.reports import RunReport


@dataclass(frozen=True)
class Chosen:
    """Whose rejects: of one module, of one client, or all."""

    module: str = ""
    client: str = ""

    def has(self, module: str, client: str) -> bool:
        """Tell whether a partition is chosen."""
        return self.module in ("", module) and self.client in ("", client)


def execute_replay(
    project: Project,
    chosen: Chosen,
    run_id: str,
    recorder: Recorder,
    watcher: Watcher = lambda _: None,
) -> RunReport:
    """Replay the open rejects of the chosen partitions; publish what passes, report everything.

    Sources are not looked at. Nothing that a user can cause raises, but for:

    Raises:
        DataflowError: WST-001, WST-004 or WST-005: it cannot be seen which rejects are open.
    """
    run, jobs = _prepared(project, chosen, run_id, recorder)

    def works(module: str) -> Work:
        return _work(run, reject_tables.current(run.workstation, module), dry_run=False)

    make(run, jobs, works, watcher)
    return report(run)


def dry_replay(project: Project, chosen: Chosen, run_id: str) -> RunReport:
    """Tell what a replay would do; nothing is written.

    Raises:
        DataflowError: as `execute_replay`.
    """
    run, jobs = _prepared(project, chosen, run_id, NOBODY)
    current = {
        module: reject_tables.current(run.workstation, module)
        for module in {j.module for j in jobs}
    }
    for job in jobs:
        work = _work(run, current[job.module], dry_run=True)
        run.partitions.append(partition_report(run, work(job)(), None))
    return report(run, store=False)


def _prepared(
    project: Project, chosen: Chosen, run_id: str, recorder: Recorder
) -> tuple[Run, list[PartitionJob]]:
    plan = make_plan(project)
    workstation = open_workstation(project.settings)
    run = Run(project, plan, workstation, run_id, ("ai_dataset",), recorder, kind="replay")
    found = _with_rejects(workstation, chosen)
    # One that has left the control table is passed over, unless it is asked for.
    keys = [key for key in found if key in plan.partitions or chosen.client]
    run.partitions += [not_run(run, key) for key in keys if key not in plan.jobs]
    return run, [plan.jobs[key] for key in keys if key in plan.jobs]


def _with_rejects(workstation: Workstation, chosen: Chosen) -> list[PartitionKey]:
    """Give the partitions that are published with rejects."""
    return [
        PartitionKey.of(module, client)
        for module in reject_tables.modules(workstation)
        if chosen.module in ("", module)
        for client, current in reject_tables.current(workstation, module).items()
        if chosen.has(module, client) and current.rejects
    ]


def _work(run: Run, current: dict[str, Current], *, dry_run: bool) -> Work:
    settings = run.project.settings

    def work(job: PartitionJob) -> Task:
        own = current.get(job.client, Current())
        return partial(replay, job, own, settings, run.run_id, dry_run=dry_run)

    return work
