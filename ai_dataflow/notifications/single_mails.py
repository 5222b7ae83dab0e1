"""The front door: what the sensors and the commands ask for."""

from __future__ import annotations

from collections.abc import Sequence

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, redacted
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
        raise DataflowError(
            Diagnostic(
                "NTF-005",
                f"there is no team `{name[:80]}` with an address{did_you_mean(name, by_name)}",
                place="teams",
                fix="name a team of the teams table",
            )
        )
    return by_name[name]


def report_named(places: Places, run_id: str) -> RunReport:
    """Find a run's report, the last one where none is named.

    Raises:
        DataflowError: NTF-005.
    """
    runs = (report for report in places.reports() if report.kind == "run")
    report = places.report(run_id) if run_id else next(runs, None)
    if report is None:
        about = f"run `{run_id[:80]}` has" if run_id else "no run has"
        raise DataflowError(
            Diagnostic(
                "NTF-005",
                f"{about} left a report",
                place=run_id,
                fix="`ai-dataflow status --json` has the ids of runs",
            )
        )
    return report


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
