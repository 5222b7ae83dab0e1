"""Putting the messages of runs and days into the outbox, once, whoever does it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

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
from ai_dataflow.workstation.report_order import run_ids
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow.workstation.statuses import PartitionStatus, partition_statuses

_DIGEST = "digest-"
_LASTS = timedelta(days=3)
_FURTHER = 300  # reports that are read to find what readers of a failed partition see
_CATCH_UP = 50  # runs at once: the rest comes with the next look


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
        **where(places.settings.mail),
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


def catch_up(places: Places, teams: Callable[[], Sequence[Team]], now: datetime) -> list[str]:
    """Queue what nobody queued: runs whose report is there, digests that are due. Give the names.

    Runs of before the outbox was first used are left alone, and so is what has expired. `teams`
    reads the teams table, which is not asked for where there is nothing to queue.
    """
    outbox = places.outbox
    began, done = outbox.began(now, places.newest_number), outbox.queued_names()
    spare = run_ids(spare_reports(places.settings))
    main = run_ids(places.workstation.reports()) if places.main else []
    numbers, names = places.report_numbers(), []
    in_order = dict.fromkeys((*reversed(main), *reversed(spare)))
    for name in islice((name for name in in_order if name not in done), _CATCH_UP):
        report = places.report(name)
        if report is None:
            continue
        is_before = name not in spare and _is_before(report, numbers.get(name, 0), began)
        if is_before or report.finished < now - lasts(places.settings):
            outbox.mark_queued(name, Queued(at=now))
        else:
            queue_report(places, teams(), report)
            names.append(name)
    return names + _digests(places, teams, now, done)


def _is_before(report: RunReport, number: int, began: Queued) -> bool:
    """Tell whether a report was there before the outbox was first used."""
    if began.last is None:  # first used by an older version, whose reports have no number
        return not number and report.finished < began.at
    return number <= began.last


def _digests(
    places: Places, teams: Callable[[], Sequence[Team]], now: datetime, done: set[str]
) -> list[str]:
    """Queue yesterday's digests, when their hour has come."""
    hour = places.settings.mail.digest_hour if places.settings.mail else 0
    moment = now.astimezone(UTC)
    start = (moment - timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"{_DIGEST}{start.date()}"
    if moment.hour < hour or name in done:
        return []
    by_name = recipients(teams())
    readers = [team for team in by_name.values() if team.notify == "digest"]
    last = places.newest_number()
    reports = list(_reports_of(places, start, _digested(places, done), last)) if readers else []
    around = where(places.settings.mail)
    made = (digest_of(name, start, reports, team, by_name, around) for team in readers)
    messages = [message for message in made if message is not None]
    queue(places, name, messages, last=last)
    return [name] if messages else []


def _digested(places: Places, done: set[str]) -> int | None:
    """Give the number of the newest report that the last digest knew; None where none tells."""
    digests = sorted(name for name in done if name.startswith(_DIGEST))
    queued = places.outbox.queued(digests[-1]) if digests else None
    return queued.last if queued else None


def _reports_of(
    places: Places, start: datetime, digested: int | None, last: int
) -> Iterator[RunReport]:
    """Give the reports of a day, newest first, and those that came too late for their own.

    A run on a machine whose clock is behind is of a day whose digest is queued already.
    """
    numbers, end, older = places.report_numbers(), start + timedelta(days=1), 0
    for report in places.reports():
        number = numbers.get(report.run_id, 0)
        is_late = digested is not None and number > digested
        is_older = report.finished < start and not is_late
        older += is_older
        if older > DEPTH:
            return
        if not is_older and report.finished < end and number <= last and report.kind == "run":
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
