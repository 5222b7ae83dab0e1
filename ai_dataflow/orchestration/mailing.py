"""Dagster's part in the mails: what it knows of runs that died, and whether a daemon delivers.

Sensors and the CLI call this; no mail problem ever leaves it as an exception of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.notifications.dead_runs import DeadRun
from ai_dataflow.notifications.delivery import Delivery
from ai_dataflow.notifications.mail_places import Places, open_places
from ai_dataflow.notifications.outbox import Queued, utc_now
from ai_dataflow.notifications.queueing import lasts, queue_report
from ai_dataflow.notifications.sending import send_round
from ai_dataflow.notifications.single_mails import queue_dead_run
from ai_dataflow.notifications.wording import counted
from ai_dataflow.orchestration.dagster_names import JOB, STEP
from ai_dataflow.tables.single import load_teams
from ai_dataflow.workstation.lease import Holder
from ai_dataflow.workstation.reports import RunReport

PROJECT_TAG = "ai_dataflow/project"
HOLDER_TAG = ".dagster/ai_dataflow_process"  # for programs: Dagster's pages hide what begins so
_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
_DEAD = (DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)
_ALIVE = timedelta(seconds=90)  # a sensor daemon beats, and our sensor looks, more often than that


def tags_of(settings: Settings) -> dict[str, str]:
    """Give what a run in this process is tagged with, so that its death is noticed."""
    holder = Holder.here("run").model_dump_json()
    return {PROJECT_TAG: str(settings.file), HOLDER_TAG: holder}


def is_ours(run: DagsterRun) -> bool:
    """Tell whether a run makes our assets: the job, a range, a backfill."""
    chosen = {key.to_user_string() for key in run.asset_selection or ()}
    return run.job_name == JOB or bool(chosen & set(STAGES))


def queue_run(instance: DagsterInstance, run: DagsterRun, settings: Settings) -> str:
    """Queue the messages of a run that has ended; say what was done."""
    places, teams = open_places(settings), load_teams(settings)
    report = places.report(run.run_id)
    if report is not None:
        queued = queue_report(places, teams, report)
    elif places.main is None:
        return "the workstation cannot be reached: whether there is a report is seen later"
    elif run.status in _DEAD:
        queued = queue_dead_run(places, teams, _dead_run(instance, run))
    else:
        return f"run {run.run_id} left no report"
    return _said(queued)


def queue_mails(settings: Settings, report: RunReport) -> str:
    """Queue the mails of a report, once for the same one; say what was done."""
    return _said(queue_report(open_places(settings), load_teams(settings), report))


def _said(queued: Queued) -> str:
    return "; ".join((f"{counted(len(queued.keys), 'mail')} queued", *queued.problems))


def look_after(
    instance: DagsterInstance, settings: Settings, *, is_daemon: bool, seconds: float
) -> tuple[Delivery, list[str]]:
    """Send a round of the mails, those about runs that died among them."""
    return send_round(settings, seconds=seconds, is_daemon=is_daemon, bury=partial(bury, instance))


def is_looked_after(instance: DagsterInstance, places: Places) -> bool:
    """Tell whether a Dagster daemon is alive that delivers from this outbox."""
    heartbeat = instance.get_daemon_heartbeats().get("SENSOR")
    seen = places.main.daemon_seen() if places.main else None
    if heartbeat is None or seen is None:
        return False
    now, alive = utc_now().timestamp(), _ALIVE.total_seconds()
    # What is yet to come, another machine's clock says: nobody knows how long ago it was.
    return all(abs(now - beat) < alive for beat in (seen.timestamp(), heartbeat.timestamp))


def bury(instance: DagsterInstance, places: Places) -> list[str]:
    """Queue the mails of the CLI's runs that died; give these runs.

    Dagster's own monitoring knows only what Dagster launched.
    """
    settings, now = places.settings, utc_now()
    buried = []
    for run in _own_runs(instance, settings, [DagsterRunStatus.STARTED], now):
        if Holder.model_validate_json(run.tags[HOLDER_TAG]).is_gone:
            # It may have ended in between.
            again = instance.get_run_by_id(run.run_id)
            if again and again.status == DagsterRunStatus.STARTED:
                instance.report_run_failed(run, "The process of this run is gone.")
    # Where the workstation cannot be reached, a report that is there cannot be seen.
    for run in _own_runs(instance, settings, list(_DEAD), now) if places.main else ():
        settled = places.outbox.queued(run.run_id) or places.report(run.run_id)
        if settled is None:
            queue_dead_run(places, load_teams(settings), _dead_run(instance, run))
            buried.append(run.run_id)
    return buried


def _own_runs(
    instance: DagsterInstance, settings: Settings, statuses: list[DagsterRunStatus], now: datetime
) -> Iterator[DagsterRun]:
    tags = {PROJECT_TAG: str(settings.file)}
    since = now - lasts(settings)
    filters = RunsFilter(tags=tags, statuses=statuses, updated_after=since)
    for record in instance.get_run_records(filters, limit=50):
        if HOLDER_TAG in record.dagster_run.tags and is_ours(record.dagster_run):
            yield record.dagster_run


def _dead_run(instance: DagsterInstance, run: DagsterRun) -> DeadRun:
    record = instance.get_run_record_by_id(run.run_id)
    ended = record.end_time if record and record.end_time else utc_now().timestamp()
    return DeadRun(
        run.run_id,
        datetime.fromtimestamp(ended, utc_now().tzinfo),
        run.status == DagsterRunStatus.CANCELED,
        _reason(instance, run.run_id),
        tuple(_partitions(run)),
        bool(_config(run).get("full")),
    )


def _reason(instance: DagsterInstance, run_id: str) -> str:
    """Give why a run ended, as far as Dagster knows; quotations are left out (P10)."""
    kinds = {
        DagsterEventType.STEP_FAILURE,
        DagsterEventType.RUN_FAILURE,
        DagsterEventType.RUN_CANCELED,
    }
    for record in instance.all_logs(run_id, of_type=kinds):
        event = record.dagster_event
        if event is None:
            continue
        if event.event_type == DagsterEventType.STEP_FAILURE:
            failure = event.step_failure_data.user_failure_data
            if failure and failure.description:  # our own diagnostics
                return " ".join(failure.description.split())[:600]
            error = event.step_failure_data.error
            if error is not None:
                return redacted(error.message)
        elif event.message:
            return redacted(event.message)
    return ""


def _partitions(run: DagsterRun) -> list[str]:
    """Give what a run was to make; nothing where it was about all, or about what changed."""
    if run.tags.get("dagster/partition"):
        return [run.tags["dagster/partition"]]
    if all(tag in run.tags for tag in _RANGE):
        first, last = (run.tags[tag] for tag in _RANGE)
        return [first] if first == last else [f"{first} to {last}"]
    return list(_config(run).get("partition_keys", []))


def _config(run: DagsterRun) -> Mapping[str, Any]:
    """Give the config of the run's step."""
    section = (
        run.run_config.get("ops", {}).get(STEP, {}) if isinstance(run.run_config, dict) else {}
    )
    return dict(section.get("config", {}))


def quietly(
    context: dg.SensorEvaluationContext | dg.RunStatusSensorContext, error: Exception
) -> str:
    """Turn a mail problem into a line of the sensor's log: it is nobody's failed tick."""
    text = redacted(error)
    context.log.warning(f"mails: {text}")
    return text
