"""What keeps Dagster up with the tables and the sources: two sensors and a schedule.

`control_table` keeps the partitions in step. `changes` and `nightly` ask for one run over what
changed, as soon as it does or at a set time; the run itself finds out again what that is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterRunStatus, RunsFilter

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.config.digests import digest
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.config.settings import Settings
from ai_dataflow.notifications.wording import counted
from ai_dataflow.orchestration.assets import ai_dataflow_job
from ai_dataflow.orchestration.dagster_names import JOB
from ai_dataflow.orchestration.mailing import queue_mails, quietly
from ai_dataflow.orchestration.partitions import add_partitions, drop_partitions
from ai_dataflow.orchestration.resources import ProjectResource, as_failure
from ai_dataflow.planning.changes import Kind
from ai_dataflow.planning.draft import Draft, make_draft
from ai_dataflow.runs.prospect import Prospect, look_ahead
from ai_dataflow.runs.table_reports import table_report

WHY_TAG = "ai_dataflow/why"
_SECONDS = 60
_SHOWN = 20
_PAUSE = timedelta(minutes=10)
_UNDER_WAY = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
_WORDS: dict[Kind, str] = {
    "new": "new",
    "source": "source changed",
    "always": "made always",
    "mapping": "mapping changed",
    "control": "control row changed",
    "settings": "settings changed",
    "code": "code changed",
    "failed": "failed before",
    "published": "published data changed",
}
_NIGHTLY = "0 2 * * *"


@dg.sensor(
    name="control_table",
    minimum_interval_seconds=_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps the partitions in step with the control table; an error in the tables "
    "fails its tick and is mailed to its owner.",
)
def control_table_sensor(
    context: dg.SensorEvaluationContext, project: ProjectResource
) -> dg.SkipReason:
    """Add and drop partitions; what is published is never touched."""
    settings = project.settings()
    try:
        loaded = project.read()
    except DataflowError as error:
        _mail(context, settings, None, error.diagnostics)
        with as_failure():
            raise
    draft = make_draft(loaded)
    plan = draft.plan
    new = add_partitions(context.instance, plan.partitions)
    if plan.errors:  # a row that is not understood might be that of any partition
        _mail(context, settings, draft, ())
        with as_failure():
            raise DataflowError(*plan.errors)
    gone = drop_partitions(context.instance, plan.partitions)
    if not new and not gone:
        count = counted(len(plan.partitions), "partition")
        return dg.SkipReason(f"{count} in the control table, none new")
    parts = [f"{counted(len(new), 'new partition')}: {listing(new, 10)}" if new else ""]
    parts += [f"{len(gone)} deactivated, their data stays: {listing(gone, 10)}" if gone else ""]
    return dg.SkipReason("; ".join(filter(None, parts)))


def _mail(
    context: dg.SensorEvaluationContext,
    settings: Settings,
    draft: Draft | None,
    problems: tuple[Diagnostic, ...],
) -> None:
    """Mail errors of the tables, each once; the tick fails because of them, not of the mails."""
    try:
        context.log.info(queue_mails(settings, table_report(settings, draft, problems)))
    except Exception as error:
        quietly(context, error)


@dg.sensor(
    name="changes",
    job=ai_dataflow_job,
    minimum_interval_seconds=_SECONDS,
    description="Asks for one run over what changed, as soon as it does. Off until it is "
    "switched on.",
)
def changes_sensor(
    context: dg.SensorEvaluationContext, project: ProjectResource
) -> dg.SensorResult | dg.SkipReason:
    """Ask for a run where something changed since the partitions were last tried."""
    under_way = context.instance.get_runs(RunsFilter(job_name=JOB, statuses=_UNDER_WAY), limit=1)
    if under_way:
        return dg.SkipReason(f"run {under_way[0].run_id} is under way")
    with as_failure():
        ahead = look_ahead(make_draft(project.read()))
    tried, resting = ahead.changes.in_vain, _resting(ahead)
    due = sorted(
        key
        for key, reasons in ahead.changes.due.items()
        # What is made always, the schedule makes: else a run would follow the other.
        if key not in tried | resting and any(reason.kind != "always" for reason in reasons)
    )
    if not due:
        notes = (
            [f"{len(tried)} failed with these very inputs: `ai-dataflow retry`"] if tried else []
        )
        if rests := len(resting - tried):
            notes.append(f"{rests} failed in the last {_PAUSE.seconds // 60} minutes, and changed")
        return dg.SkipReason("; ".join((why(ahead), *notes)))
    asked = _digest(ahead, due)
    if asked == context.cursor:
        return dg.SkipReason(
            f"{counted(len(due), 'partition')}: a run was asked for once, and did not get there. "
            "The schedule or `ai-dataflow run` makes them"
        )
    _log(context, ahead)
    # The key is the same if a daemon dies amid this tick and another evaluates it again.
    request = dg.RunRequest(run_key=asked, tags={WHY_TAG: why(ahead)})
    return dg.SensorResult(run_requests=[request], cursor=asked)


def _resting(ahead: Prospect) -> frozenset[str]:
    """Give what failed a moment ago: a source that changes all the time is not tried each time."""
    now = datetime.now(UTC)
    # What is to fail tomorrow, by the clock of the machine that it failed on, does not rest.
    return frozenset(key for key, at in ahead.changes.failed.items() if abs(now - at) < _PAUSE)


def nightly_schedule(settings: Settings | None) -> dg.ScheduleDefinition:
    """Build the schedule: on, where the settings have one; else every night, and off."""
    section = settings.schedule if settings else None
    status = dg.DefaultScheduleStatus

    @dg.schedule(
        name="nightly",
        job=ai_dataflow_job,
        cron_schedule=section.cron if section else _NIGHTLY,
        execution_timezone=section.timezone if section else "UTC",
        default_status=status.RUNNING if section else status.STOPPED,
        description="Asks for one run over what changed or failed, at the times of [schedule]. "
        "Off without that section until it is switched on.",
    )
    def nightly(
        context: dg.ScheduleEvaluationContext, project: ProjectResource
    ) -> dg.RunRequest | dg.SkipReason:
        """Ask for a run where there is something to run, or to tell."""
        with as_failure():
            ahead = look_ahead(make_draft(project.read()))
        if not ahead.partitions:
            return dg.SkipReason(why(ahead))
        _log(context, ahead)
        return dg.RunRequest(tags={WHY_TAG: why(ahead)})

    return nightly


def why(ahead: Prospect) -> str:
    """Say in a line what there is to run."""
    kinds: dict[Kind, int] = {}
    for reasons in ahead.changes.due.values():
        kinds[reasons[0].kind] = kinds.get(reasons[0].kind, 0) + 1
    counts = [f"{count} {_WORDS[kind]}" for kind, count in sorted(kinds.items())]
    due = f"{len(ahead.changes.due)} to run" + (f" ({', '.join(counts)})" if counts else "")
    waiting = f", {len(ahead.changes.waiting)} waiting" if ahead.changes.waiting else ""
    held = f", {len(ahead.plan.held)} held back" if ahead.plan.held else ""
    return f"{due}{waiting}{held}, {len(ahead.changes.unchanged)} unchanged"


def _log(
    context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext, ahead: Prospect
) -> None:
    """Tell in the tick's log why each partition is to run."""
    for line in _lines(ahead):
        context.log.info(line)


def _lines(ahead: Prospect) -> Iterator[str]:
    due = ahead.changes.due
    for key, reasons in list(due.items())[:_SHOWN]:
        yield f"{key}: {'; '.join(map(str, reasons))}"
    if len(due) > _SHOWN:
        yield f"… and {len(due) - _SHOWN} more partitions: `ai-dataflow plan` has all"


def _digest(ahead: Prospect, due: list[PartitionKey]) -> str:
    """Digest which partitions are to run and why, down to what is at their sources."""
    parts = [(key, ahead.changes.states[key]) for key in due]
    return digest(parts)
