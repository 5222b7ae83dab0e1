"""Putting the messages of runs and days into the outbox, once, whoever does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.mail_settings import MailSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.notifications.digest import digest_of
from ai_dataflow.notifications.history import DEPTH
from ai_dataflow.notifications.mail_places import Places
from ai_dataflow.notifications.messages import Surroundings, messages_of
from ai_dataflow.notifications.mime import NO_SERVER, letter_of
from ai_dataflow.notifications.model import Message
from ai_dataflow.notifications.outbox import Queued, utc_now
from ai_dataflow.notifications.routing import recipients
from ai_dataflow.tables.teams import Team
from ai_dataflow.workstation.layout import spare_reports
from ai_dataflow.workstation.reports import RunReport, report_name
from ai_dataflow.workstation.statuses import partition_statuses

_LASTS = timedelta(days=3)
_FURTHER = 300  # reports that are read to find what readers of a failed partition see
_CATCH_UP = 50  # runs at once: the rest comes with the next look


def messages_for(
    places: Places, teams: Sequence[Team], report: RunReport, *, is_preview: bool = False
) -> tuple[list[Message], list[Diagnostic]]:
    """Make the messages of a run; a preview has what a team would not be reminded of yet, too."""
    reports = (
        r for r in places.reports() if r.run_id != report.run_id and r.finished <= report.finished
    )
    earlier = sorted(islice(reports, DEPTH), key=lambda r: r.started, reverse=True)
    partitions = [p.partition for p in report.failed]
    statuses = partition_statuses(partitions, chain((report, *earlier), islice(reports, _FURTHER)))
    heard = {}
    for name in recipients(teams):
        heard[name] = places.outbox.heard(name) if report.exit_code and not is_preview else {}
    around = Surroundings(
        **where(places.settings.mail),
        report_url=places.report_url(report.run_id),
        statuses={status.partition: status for status in statuses},
        heard=heard,
        is_whole=next(reports, None) is None,
    )
    return messages_of(report, earlier, teams, around)


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
) -> Queued:
    """Queue messages, then note that it was done: who is interrupted does it again."""
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
    queued = Queued(at=utc_now(), keys=keys, problems=[p.message for p in problems])
    outbox.mark_queued(name, queued)
    return queued


def catch_up(places: Places, teams: Callable[[], Sequence[Team]], now: datetime) -> list[str]:
    """Queue what nobody queued: runs whose report is there, digests that are due. Give the names.

    Runs of before the outbox was first used are left alone, and so is what has expired. `teams`
    reads the teams table, which is not asked for where there is nothing to queue.
    """
    outbox = places.outbox
    began = max(outbox.began(now), now - lasts(places.settings))
    done = outbox.queued_names()
    names = []
    for name in islice(sorted(_report_names(places) - done), _CATCH_UP):
        report = places.report(name)
        if report is None:
            continue
        if report.finished < began:
            outbox.mark_queued(name, Queued(at=now))
        else:
            queue_report(places, teams(), report)
            names.append(name)
    return names + _digests(places, teams, now, done)


def _report_names(places: Places) -> set[str]:
    folders = [spare_reports(places.settings)]
    folders += [places.workstation.reports()] if places.main else []
    suffix = report_name("")
    return {
        file.path.removesuffix(suffix)
        for folder in folders
        for file in folder.files()
        if file.path.endswith(suffix)
    }


def _digests(
    places: Places, teams: Callable[[], Sequence[Team]], now: datetime, done: set[str]
) -> list[str]:
    """Queue yesterday's digests, when their hour has come."""
    hour = places.settings.mail.digest_hour if places.settings.mail else 0
    moment = now.astimezone(UTC)
    start = (moment - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"digest-{start.date()}"
    if moment.hour < hour or name in done:
        return []
    by_name = recipients(teams())
    readers = [team for team in by_name.values() if team.notify == "digest"]
    reports = list(_reports_of(places, start)) if readers else []
    around = where(places.settings.mail)
    made = (digest_of(name, start, reports, team, by_name, around) for team in readers)
    messages = [message for message in made if message is not None]
    queue(places, name, messages)
    return [name] if messages else []


def _reports_of(places: Places, start: datetime) -> Iterator[RunReport]:
    """Give the reports of a day, newest first."""
    older = 0
    for report in places.reports():  # by their files' age, which may be another order
        older += report.finished < start
        if older > DEPTH:
            return
        if start <= report.finished < start + timedelta(days=1) and report.kind == "run":
            yield report


def where(mail: MailSettings | None) -> dict[str, str]:
    """Give what messages say of this place."""
    return {"environment": mail.environment, "ui_url": mail.ui_url} if mail else {}


def sender_of(settings: Settings) -> str:
    """Give who writes the mails."""
    return settings.mail.sender if settings.mail else NO_SERVER


def lasts(settings: Settings) -> timedelta:
    """Give how long a mail is tried."""
    return timedelta(days=settings.mail.expire_days) if settings.mail else _LASTS
