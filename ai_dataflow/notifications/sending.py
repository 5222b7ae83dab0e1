"""A round of the mails: queue what nobody queued, deliver what waits. It knows no Dagster."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ai_dataflow.config.settings import Settings
from ai_dataflow.notifications.catching_up import catch_up
from ai_dataflow.notifications.delivery import Delivery, deliver
from ai_dataflow.notifications.mail_places import Places, open_places
from ai_dataflow.notifications.outbox import utc_now
from ai_dataflow.notifications.queueing import queue_report
from ai_dataflow.notifications.single_mails import report_named
from ai_dataflow.tables.single import load_teams
from ai_dataflow.tables.teams import Team

Bury = Callable[[Places], list[str]]


def queue_named(settings: Settings, run_id: str) -> list[str]:
    """Queue the mails of a run, unless that was done; give what nobody can be told.

    Raises:
        DataflowError: NTF-005; or no outbox can be written to.
    """
    places = open_places(settings)
    report = report_named(places, run_id)
    return queue_report(places, load_teams(settings), report).problems


def send_round(
    settings: Settings, *, seconds: float, is_daemon: bool = False, bury: Bury | None = None
) -> tuple[Delivery, list[str]]:
    """Queue what nobody queued, deliver what waits; give that, and the runs that were found.

    Args:
        settings: of the project.
        seconds: after so many it stops.
        is_daemon: a daemon comes again, so it tries what is due alone.
        bury: queues the mails of runs that died, where there may be such runs.
    """
    places, now = open_places(settings), utc_now()

    def teams() -> Sequence[Team]:
        return load_teams(settings)

    if is_daemon and places.main:
        places.main.note_daemon(now)
    # A daemon comes again at the hour; nobody knows when a command does.
    hour = settings.mail.digest_hour if is_daemon and settings.mail else 0
    names = catch_up(places, teams, now, hour)
    names += bury(places) if bury else []
    return deliver(places, only_due=is_daemon, seconds=seconds), names
