"""Putting the messages of runs and days into the outbox, once, whoever does it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.sections import ScheduleSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.notifications.history import DEPTH
from ai_dataflow.notifications.mail_places import Places
from ai_dataflow.notifications.messages import Surroundings, Where, messages_of
from ai_dataflow.notifications.mime import NO_SERVER, letter_of
from ai_dataflow.notifications.model import Message
from ai_dataflow.notifications.outbox import Queued, utc_now
from ai_dataflow.notifications.rejects_of_runs import not_published
from ai_dataflow.notifications.routing import recipients
from ai_dataflow.tables.teams import Team
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow.workstation.statuses import PartitionStatus, partition_statuses

_LASTS = timedelta(days=3)
_FURTHER = 300  # reports that are read to find what readers of a failed partition see


def messages_for(
    places: Places, teams: Sequence[Team], report: RunReport, *, is_preview: bool = False
) -> tuple[list[Message], list[Diagnostic]]:
    """Make the messages of a run; a preview has what a team would not be reminded of yet, too."""
    reports = (r for r in places.reports(report.run_id) if r.run_id != report.run_id)
    earlier = list(islice(reports, DEPTH))
    statuses = _statuses(report, earlier, reports)
    heard = {}
    for name in recipients(teams):
        heard[name] = places.outbox.heard(name) if report.exit_code and not is_preview else {}
    around = Surroundings(
        **where(places.settings),
        next_run=next_run(places.settings.schedule, report.finished),
        left_out=not_published(places, report, recipients(teams)),
        report_url=places.report_url(report.run_id),
        statuses={status.partition: status for status in statuses},
        heard=heard,
        is_whole=next(reports, None) is None,
    )
    return messages_of(report, earlier, teams, around)


def _statuses(
    report: RunReport, earlier: Sequence[RunReport], further: Iterator[RunReport]
) -> list[PartitionStatus]:
    """Tell what readers see of what failed; further reports are read where the earlier do not."""
    partitions = [p.partition for p in report.failed]
    statuses = partition_statuses(partitions, [report, *earlier])
    if all(status.published for status in statuses):
        return statuses
    return partition_statuses(partitions, [report, *earlier, *islice(further, _FURTHER)])


def queue_report(places: Places, teams: Sequence[Team], report: RunReport) -> Queued:
    """Queue the messages of a run, unless that was done.

    Raises:
        DataflowError: no outbox can be written to.
    """
    if (queued := places.outbox.queued(report.run_id)) is not None:
        return queued
    # Who replays rejects is told at once: nobody is mailed about it.
    is_run = report.kind == "run"
    messages, problems = messages_for(places, teams, report) if is_run else ([], [])
    return queue(places, report.run_id, messages, problems, report.finished)


def queue(
    places: Places,
    name: str,
    messages: Iterable[Message],
    problems: Iterable[Diagnostic] = (),
    at: datetime | None = None,
    last: int | None = None,
) -> Queued:
    """Queue messages, then note that it was done: who is interrupted does it again.

    Args:
        places: where.
        name: the run or the day.
        messages: about it.
        problems: what nobody can be told.
        at: when the teams hear of it; by default now.
        last: the number of the newest report that a digest knows.
    """
    outbox, keys = places.outbox, []
    for message in messages:
        letter = letter_of(
            message, places.workstation.root.url, sender_of(places.settings), utc_now(),
            lasts(places.settings),
        )  # fmt: skip
        outbox.put(letter)
        keys.append(letter.key)
        if message.errors or message.healed:
            outbox.tell(message.team, message.errors, message.healed, at or utc_now())
    texts = [p.message for p in problems]
    queued = Queued(at=utc_now(), keys=keys, problems=texts, last=last)
    outbox.mark_queued(name, queued)
    return queued


def where(settings: Settings) -> Where:
    """Give what messages say of this place."""
    environment = settings.mail.environment if settings.mail else ""
    return {"environment": environment, "ui_url": settings.ui_url}


def next_run(schedule: ScheduleSettings | None, after: datetime) -> datetime | None:
    """Give when the schedule runs next; None without one, or where its expression says never."""
    if schedule is None:
        return None
    from cronsim import CronSim, CronSimError  # noqa: PLC0415 - most runs have nothing to mail

    try:
        return next(CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.timezone))), None)
    except CronSimError:
        return None


def sender_of(settings: Settings) -> str:
    """Give who writes the mails."""
    return settings.mail.sender if settings.mail else NO_SERVER


def lasts(settings: Settings) -> timedelta:
    """Give how long a mail is tried."""
    return timedelta(days=settings.mail.expire_days) if settings.mail else _LASTS
