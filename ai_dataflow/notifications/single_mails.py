"""The front door: what the sensors and the commands ask for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from ai_dataflow.config.diagnostics import (
    DataflowError,
    Diagnostic,
    did_you_mean,
    listing,
    redacted,
)
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.faults import Fault
from ai_dataflow.notifications.dead_runs import DeadRun, message_of
from ai_dataflow.notifications.delivery import connect_to
from ai_dataflow.notifications.mail_places import Places
from ai_dataflow.notifications.messages import subject
from ai_dataflow.notifications.mime import letter_of, to_mime
from ai_dataflow.notifications.model import Facts, Message, Paragraph
from ai_dataflow.notifications.outbox import Queued, utc_now
from ai_dataflow.notifications.queueing import lasts, queue, sender_of, where
from ai_dataflow.notifications.routing import Recipient, recipients
from ai_dataflow.notifications.smtp import Outcome
from ai_dataflow.notifications.wording import when
from ai_dataflow.tables.teams import Team
from ai_dataflow.workstation.reports import RunReport

_LOOKED_AT = 100  # runs


def queue_dead_run(places: Places, teams: Sequence[Team], run: DeadRun) -> Queued:
    """Queue the message about a run without a report, unless that was done."""
    if (queued := places.outbox.queued(run.run_id)) is not None:
        return queued
    messages, problems = message_of(run, teams, where(places.settings))
    return queue(places, run.run_id, messages, problems)


def team_named(name: str, teams: Sequence[Team]) -> Recipient:
    """Find a team that can be mailed.

    Raises:
        DataflowError: NTF-005.
    """
    by_name = recipients(teams)
    if name not in by_name:
        raise DataflowError(_not_mailed(name, teams))
    return by_name[name]


def _not_mailed(name: str, teams: Sequence[Team]) -> Diagnostic:
    """Say that a team is not in the table, or that it is and has no address."""
    names = list(dict.fromkeys(team.name for team in teams if team.name))
    if name in names:
        message = f"team `{name}` has no address in the teams table that a mail can be sent to"
        fix = "correct its `email` in the teams table; `ai-dataflow validate` tells what is wrong"
    else:
        there = did_you_mean(name, names) or f"; there are {listing(names) or 'none'}"
        message, fix = f"there is no team `{name[:80]}`{there}", "name a team of the teams table"
    return Diagnostic("NTF-005", message, place="teams", fix=fix)


def report_named(places: Places, run_id: str) -> RunReport:
    """Find a run's report, the last one where none is named.

    Raises:
        DataflowError: NTF-005; where the workstation cannot be asked, why.
    """
    runs = (report for report in places.reports() if report.kind == "run")
    report = places.report(run_id) if run_id else next(runs, None)
    if report is None:
        raise places.unreached or DataflowError(_no_report(run_id, places))
    return report


def _no_report(run_id: str, places: Places) -> Diagnostic:
    """Say that no run has left a report, or that this one has not."""
    if not run_id:
        return Diagnostic(
            "NTF-005", "no run has left a report yet", fix="start one: `ai-dataflow run`"
        )
    runs = [report.run_id for report in islice(places.reports(), _LOOKED_AT)]
    there = did_you_mean(run_id, runs) or (
        f"; the last ones are {listing(runs, 3)}" if runs else ""
    )
    message = f"there is no report of a run `{run_id[:80]}`{there}"
    fix = "name a run that has left one; `ai-dataflow status --json` has their ids"
    return Diagnostic("NTF-005", message, place=run_id[:80], fix=fix)


def send_test(settings: Settings, team: Recipient) -> tuple[Outcome, list[Diagnostic]]:
    """Send a team a test mail at once, around the outbox; give what became of it."""
    now = utc_now()
    environment = where(settings)["environment"]
    title = "TEST of the mails"
    message = Message(
        f"test-{now:%Y%m%d%H%M%S}", team.name, "test", subject(environment, title, team.name),
        title, "good", (
            Paragraph("If you read this, the mails of ai_dataflow reach your team."),
            Facts((("team", team.name), ("notify", team.notify), ("remind", team.remind),
                   ("sent", when(now)))),
        ), "", team.to, team.cc,
    )  # fmt: skip
    letter = letter_of(message, str(settings.folder), sender_of(settings), now, lasts(settings))
    try:
        with connect_to(settings)() as session:
            mail = to_mime(letter, sender_of(settings))
            outcome = session.send(mail, [*letter.to, *letter.cc])
    except Fault as error:
        return Outcome(), [_down(settings, redacted(error))]
    return outcome, [_refused(r, reason) for r, reason in (outcome.refused | outcome.later).items()]


def _down(settings: Settings, reason: str) -> Diagnostic:
    host, port = settings.mail.server if settings.mail else (str(settings.folder), 0)
    return Diagnostic(
        "NTF-001",
        f"{host}:{port} cannot be used: {reason}",
        place=f"{settings.file_name}:mail",
        fix="check host, port, tls, user and password under [mail]",
    )


def _refused(recipient: str, reason: str) -> Diagnostic:
    return Diagnostic(
        "NTF-002",
        f"{recipient} was refused: {reason}",
        place="teams",
        fix="correct the address in the teams table, or ask whoever runs the mail server",
    )
