"""Launching jobs from the CLI: one Dagster run, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg
from dagster._core.definitions.job_definition import (
    default_job_io_manager_with_fs_io_manager_schema as default_io_manager,
)
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.connections.stores import Folder
from ai_dataflow.orchestration.dagster_names import (
    ACCEPT_JOB,
    ACCEPT_STEP,
    JOB,
    REPLAY_JOB,
    REPLAY_STEP,
    STEP,
)
from ai_dataflow.orchestration.mailing import tags_of
from ai_dataflow.orchestration.one_run import definitions_of_run
from ai_dataflow.orchestration.partitions import add_partitions
from ai_dataflow.planning.active import active_partitions
from ai_dataflow.runs.progress import Watcher
from ai_dataflow.runs.prospect import Prospect
from ai_dataflow.tables.project import Project
from ai_dataflow.workstation.layout import open_workstation, spare_reports
from ai_dataflow.workstation.reports import RunReport, has_report, read_report

if TYPE_CHECKING:
    from ai_dataflow.runs.acceptance import Accepted
    from ai_dataflow.runs.replay import Chosen

_CODE_LOCATION = "ai_dataflow.definitions"  # as `dagster dev -m` names it
_LOOK_SECONDS = 0.2
# Nothing goes through Dagster's own, whose library takes half as long to import as Polars. Its
# description and schema are the same, and so is the snapshot of the run's job.
_UNUSED = dg.IOManagerDefinition(
    dg.mem_io_manager.resource_fn, default_io_manager.config_schema, default_io_manager.description
)
Answer = TypeVar("Answer")


def launch(
    prospect: Prospect, instance: dg.DagsterInstance, watcher: Watcher | None = None
) -> RunReport:
    """Run what a prospect is about through a Dagster job, and give the report.

    The job's config names the partitions, for whoever runs it again in Dagster. `watcher` hears of
    the run's progress.

    Raises:
        DataflowError: RUN-002 where the run ended without a report.
    """
    add_partitions(instance, prospect.plan.partitions)
    keys = list(prospect.partitions) if prospect.named else []
    ops = {STEP: {"config": {"partition_keys": keys}}}
    reports: list[RunReport] = []
    config = str(prospect.project.settings.file)
    definitions = definitions_of_run(config, watcher, prospect, reports.append)
    result = _execute(definitions, prospect.project, JOB, ops, instance)
    # That of very many partitions is long: what is there is not read again.
    is_there = any(has_report(place, result.run_id) for place in _places(prospect.project))
    return reports[0] if reports and is_there else _reported(prospect.project, result)


def launch_replay(
    definitions: dg.Definitions, project: Project, chosen: Chosen, instance: dg.DagsterInstance
) -> RunReport:
    """Replay rejects through the Dagster job of these definitions and give the report.

    Raises:
        DataflowError: RUN-002 where the run ended without a report.
    """
    add_partitions(instance, active_partitions(project))
    whose = asdict(chosen) | {"partitions": list(chosen.partitions)}
    config = {REPLAY_STEP: {"config": whose}}
    return _reported(project, _execute(definitions, project, REPLAY_JOB, config, instance))


def launch_acceptance(
    definitions: dg.Definitions, project: Project, accepted: Accepted, instance: dg.DagsterInstance
) -> RunReport:
    """Publish what waits through the Dagster job of these definitions and give the report.

    Raises:
        DataflowError: RUN-002 where the run ended without a report.
    """
    add_partitions(instance, active_partitions(project))
    names = {"partitions": list(accepted.partitions), "modules": list(accepted.modules)}
    chosen = asdict(accepted) | names
    config = {ACCEPT_STEP: {"config": chosen}}
    return _reported(project, _execute(definitions, project, ACCEPT_JOB, config, instance))


def _execute(
    definitions: dg.Definitions,
    project: Project,
    job: str,
    ops: Mapping[str, object],
    instance: dg.DagsterInstance,
) -> dg.ExecuteInProcessResult:
    with _adapted(instance, job):
        return _beside_signals(
            partial(
                definitions.resolve_job_def(job).execute_in_process,
                instance=instance,
                run_config={
                    "ops": ops,
                    "resources": {"project": {"config": {"config": str(project.settings.file)}}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
                raise_on_error=False,
                tags=tags_of(project.settings),
                resources={"io_manager": _UNUSED},
            )
        )


def _beside_signals(call: Callable[[], Answer]) -> Answer:
    """Call in another thread: in the main one Dagster would take Ctrl-C and SIGTERM for itself.

    The main one looks up now and then: Polars has waits go on that a signal interrupts.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="run") as pool:
        answer = pool.submit(call)
        while wait([answer], _LOOK_SECONDS).not_done:
            pass
        return answer.result()


@contextmanager
def _adapted(instance: dg.DagsterInstance, job: str) -> Iterator[None]:
    """Let the run have the origin that one of the web page has, and leave the terminal alone.

    By its origin Dagster's timeline, the job's history and the sensors know whose run it is; what
    runs in this process could do without, so `execute_in_process` takes none. What is printed goes
    where the command's output goes: Dagster would take it into files, and start four processes.
    """
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=_CODE_LOCATION)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, _CODE_LOCATION)
    repository = RemoteRepositoryOrigin(location, SINGLETON_REPOSITORY_NAME)
    adapted: Any = instance
    create, logs = adapted.create_run_for_job, adapted._compute_log_manager
    origin = RemoteJobOrigin(repository, job)
    adapted.create_run_for_job = partial(create, remote_job_origin=origin)
    adapted._compute_log_manager = NoOpComputeLogManager()
    try:
        yield
    finally:
        adapted.create_run_for_job, adapted._compute_log_manager = create, logs


def _places(project: Project) -> tuple[Folder, Folder]:
    """Give where a run's report may be: beside the project if the workstation could not take it."""
    return spare_reports(project.settings), open_workstation(project.settings).reports()


def _reported(project: Project, result: dg.ExecuteInProcessResult) -> RunReport:
    reports = (read_report(place, result.run_id) for place in _places(project))
    report = next(filter(None, reports), None)
    if report is None:
        raise DataflowError(_no_report(result))
    return report


def _no_report(result: dg.ExecuteInProcessResult) -> Diagnostic:
    """Say why a run ended without a report, as far as Dagster knows."""
    failures = [event.step_failure_data.error for event in result.get_step_failure_events()]
    error = next(filter(None, failures), None)
    while error is not None and error.cause is not None:
        error = error.cause
    cause = redacted(error.message) if error else ""
    return Diagnostic(
        "RUN-002",
        f"run {result.run_id} ended without a report",
        fix="look at the run in Dagster",
        cause=cause,
    )
