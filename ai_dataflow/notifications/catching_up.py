"""Queueing what nobody queued: the mails of runs that ended unseen, and the digests of days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

from ai_dataflow.notifications.digest import Day, digest_of
from ai_dataflow.notifications.history import DEPTH
from ai_dataflow.notifications.mail_places import Places
from ai_dataflow.notifications.outbox import Queued
from ai_dataflow.notifications.queueing import lasts, queue, queue_report, where
from ai_dataflow.notifications.rejects_of_runs import (
    still_left_out,
    still_not_published,
)
from ai_dataflow.notifications.routing import recipients
from ai_dataflow.tables.teams import Team
from ai_dataflow.workstation.layout import spare_reports
from ai_dataflow.workstation.report_order import run_ids
from ai_dataflow.workstation.reports import RunReport

_DIGEST = "digest-"
_CATCH_UP = 50  # runs at once: the rest comes with the next look


def catch_up(
    places: Places, teams: Callable[[], Sequence[Team]], now: datetime, digest_hour: int
) -> list[str]:
    """Queue what nobody queued: runs whose report is there, digests that are due. Give the names.

    Runs of before the outbox was first used are left alone, and so is what has expired. `teams`
    reads the teams table, which is not asked for where there is nothing to queue. The digests of
    a day are due from `digest_hour` (UTC) of the next on.
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
    return names + _digests(places, teams, now, digest_hour)


def _is_before(report: RunReport, number: int, began: Queued) -> bool:
    """Tell whether a report was there before the outbox was first used."""
    if began.last is None:  # first used by an older version, whose reports have no number
        return not number and report.finished < began.at
    return number <= began.last


def due_digest(places: Places, now: datetime, digest_hour: int) -> datetime | None:
    """Give the beginning of the day whose digests are to be queued; None where none is."""
    moment = now.astimezone(UTC)
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=1)
    is_early = moment.hour < digest_hour
    return None if is_early or places.outbox.queued(_name_of(start)) else start


def _name_of(start: datetime) -> str:
    return f"{_DIGEST}{start.date()}"


def _digests(
    places: Places, teams: Callable[[], Sequence[Team]], now: datetime, digest_hour: int
) -> list[str]:
    """Queue yesterday's digests, where that is due."""
    if (start := due_digest(places, now, digest_hour)) is None:
        return []
    by_name, last = recipients(teams()), places.newest_number()
    reports = list(_reports_of(places, start, _digested(places), last))
    rows = still_left_out(places, reports, by_name)
    kept = still_not_published(places, reports, by_name)
    about = Day(_name_of(start), start, reports, by_name, where(places.settings), rows, kept)
    made = (digest_of(about, team) for team in by_name.values())
    messages = [message for message in made if message is not None]
    queue(places, about.name, messages, last=last)
    return [about.name] if messages else []


def _digested(places: Places) -> int | None:
    """Give the number of the newest report that the last digest knew; None where none tells."""
    names = places.outbox.queued_names()
    digests = sorted(name for name in names if name.startswith(_DIGEST))
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
