"""One run over some partitions: what a prospect is about is made, published and reported.

This is the spine of the product. It knows of Dagster only that somebody wants to hear, per
partition, what was materialized and, in the end, what was not.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace

from ai_dataflow.engine.shares import share
from ai_dataflow.extracts.stages import STAGES, Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import Task
from ai_dataflow.partition.tasks import Making
from ai_dataflow.runs.copying import with_manifests
from ai_dataflow.runs.modules import make_and_report
from ai_dataflow.runs.outcome import (
    NOBODY,
    Recorder,
    Run,
    not_run,
    report,
    still_waiting,
    unchanged,
)
from ai_dataflow.runs.progress import Watcher, unwatched
from ai_dataflow.runs.prospect import Prospect, look_at, read_draft
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.lease import Lease
from ai_dataflow.workstation.reports import RunReport


def execute(
    prospect: Prospect,
    stages: Sequence[Stage],
    run_id: str,
    recorder: Recorder,
    watcher: Watcher = unwatched,
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
    place = open_workstation(project.settings)
    run = Run(project, plan, place, run_id, stages, recorder, leases=prospect.leases)
    run.seen = prospect.changes.unchanged
    run.timings["planning"] = prospect.seconds
    run.partitions += [unchanged(run, *same) for same in prospect.changes.unchanged.items()]
    waiting = prospect.changes.waiting
    run.partitions += [still_waiting(run, *shown) for shown in waiting.items()]
    run.partitions += [not_run(run, key) for key in prospect.partitions if key not in plan.jobs]
    wanted = sorted(key for key in prospect.partitions if key not in waiting)
    jobs = [plan.jobs[key] for key in wanted if key in plan.jobs]

    def tasks_of(jobs: list[PartitionJob], held: Lease) -> list[tuple[PartitionJob, Task]]:
        if held.number != prospect.leases.get(jobs[0].module, 0) + 1:
            jobs = planned_anew(run, jobs)
        settings, made = share(run.project.settings), tuple(stages)
        leased = [replace(job, lease=held.number) for job in jobs]
        leased = with_manifests(leased, run.workstation)
        return [(job, Making(job, settings, run_id, made)) for job in leased]

    return make_and_report(run, jobs, tasks_of, watcher)


def planned_anew(
    run: Run, jobs: list[PartitionJob], stages: Sequence[Stage] = ()
) -> list[PartitionJob]:
    """Plan a module's jobs again, as its tables and sources are now that the lease is there.

    Another run has been there since the plan was made, and may have published what is newer. The
    sources are looked at as for the run's stages, or for others.
    """
    keys = [job.partition for job in jobs]
    fresh = look_at(read_draft(run.project.settings.file), keys, stages or run.stages)
    module, plan = jobs[0].module, fresh.plan
    columns = run.plan.columns | {module: plan.columns.get(module, ())}
    run.project, run.leases = fresh.project, {**run.leases, **fresh.leases}
    run.plan = replace(run.plan, held={**run.plan.held, **plan.held}, columns=columns)
    run.partitions += [not_run(run, key) for key in keys if key not in plan.jobs]
    return [plan.jobs[key] for key in keys if key in plan.jobs]


def unchanged_report(prospect: Prospect) -> RunReport:
    """Report that there is nothing to run; it is not a run, and stays nowhere."""
    project = prospect.project
    workstation = open_workstation(project.settings)
    run = Run(project, prospect.plan, workstation, str(uuid.uuid4()), STAGES, NOBODY)
    run.seen = prospect.changes.unchanged
    run.partitions += [unchanged(run, *same) for same in prospect.changes.unchanged.items()]
    return report(run, store=False)
