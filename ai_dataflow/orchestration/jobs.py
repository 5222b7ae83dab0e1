"""The jobs beside the assets' own: replay, acceptance, cleanup; and the schedule of the last."""

import dagster as dg
from pydantic import Field

from ai_dataflow.orchestration.dagster_names import (
    ACCEPT_JOB,
    ACCEPT_STEP,
    REPLAY_JOB,
    REPLAY_STEP,
)
from ai_dataflow.orchestration.recorder import DagsterRecorder, end
from ai_dataflow.orchestration.resources import ProjectResource, as_failure, ended_in_order
from ai_dataflow.runs.acceptance import Accepted, execute_acceptance
from ai_dataflow.runs.cleanup import clean
from ai_dataflow.runs.progress import Watcher
from ai_dataflow.runs.replay import Chosen, execute_replay
from ai_dataflow.workstation.layout import open_workstation


@dg.op(description="Removes what no version of a table and no manifest names.")
def remove_left_over_files(context: dg.OpExecutionContext, project: ProjectResource) -> None:
    """Clean the workstation; a module that is just being made waits for the next time."""
    with as_failure():
        cleaned = clean(open_workstation(project.settings()), context.run.run_id)
    for module, result in cleaned.items():
        context.log.info(f"{module}: {len(result.files)} files, {result.bytes / 1e6:,.1f} MB")
        for problem in result.problems:
            context.log.warning(str(problem))


@dg.job(description="Removes what killed and failed runs left in the workstation.")
def cleanup() -> None:
    """Clean the workstation."""
    remove_left_over_files()


class ReplayConfig(dg.Config):
    """Whose rejects to replay: of one module, one client, some partitions; by default all."""

    module: str = ""
    client: str = ""
    partitions: list[str] = Field(default=[])


def build_replay_job(watcher: Watcher | None = None) -> dg.JobDefinition:
    """Build the job that replays rejects. `watcher` hears of its progress."""

    @dg.op(name=REPLAY_STEP, description="Publishes the open rejects that pass, once.")
    def step(
        context: dg.OpExecutionContext, config: ReplayConfig, project: ProjectResource
    ) -> None:
        draft = project.draft()
        recorder = DagsterRecorder(context, draft.project)
        chosen = Chosen(config.module, config.client, tuple(config.partitions))
        watch = watcher or recorder.log
        with as_failure(), ended_in_order():
            report = execute_replay(draft, chosen, context.run.run_id, recorder, watch)
        end(context, report)

    @dg.job(name=REPLAY_JOB, description="Maps the open rejects again and publishes what passes.")
    def replay_rejects() -> None:
        step()

    return replay_rejects


class AcceptConfig(dg.Config):
    """What to accept: partitions, all of some modules, or what the present sheet does anywhere."""

    partitions: list[str] = Field(default=[], description="As `module|client`.")
    modules: list[str] = Field(default=[], description="All that waits or changed in these.")
    sheet: bool = Field(default=False, description="What the sheet does, in all modules or one.")


def build_accept_job(watcher: Watcher | None = None) -> dg.JobDefinition:
    """Build the job that publishes what waits. `watcher` hears of its progress."""

    @dg.op(name=ACCEPT_STEP, description="Publishes what waits, exactly as it was made.")
    def step(
        context: dg.OpExecutionContext, config: AcceptConfig, project: ProjectResource
    ) -> None:
        draft = project.draft()
        recorder = DagsterRecorder(context, draft.project)
        accepted = Accepted(tuple(config.partitions), tuple(config.modules), config.sheet)
        watch = watcher or recorder.log
        with as_failure(), ended_in_order():
            report = execute_acceptance(draft, accepted, context.run.run_id, recorder, watch)
        end(context, report)

    @dg.job(name=ACCEPT_JOB, description="Publishes partitions that wait to be accepted.")
    def accept_waiting() -> None:
        step()

    return accept_waiting


weekly_cleanup = dg.ScheduleDefinition(
    name="weekly_cleanup",
    job=cleanup,
    cron_schedule="0 12 * * 0",
    description="Cleans the workstation on Sundays. Off until it is switched on.",
)
