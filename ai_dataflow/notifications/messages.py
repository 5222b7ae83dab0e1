"""Who gets which message about a run. Pure: reports and teams in, messages out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict
from urllib.parse import urlencode

from ai_dataflow.config.codes import INTERRUPTED
from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.notifications import failure_blocks
from ai_dataflow.notifications.history import History, Recovery
from ai_dataflow.notifications.left_out import NOT_PUBLISHED, LeftOut, left_out_blocks
from ai_dataflow.notifications.model import Block, Heading, Kind, Links, Message, Paragraph, Tone
from ai_dataflow.notifications.routing import (
    Problem,
    Recipient,
    mailed_problems,
    platform_team,
    recipients,
)
from ai_dataflow.notifications.stale_blocks import stale_blocks, stale_for
from ai_dataflow.notifications.success_blocks import counts_of, good_partitions, success_blocks
from ai_dataflow.notifications.unusual_blocks import unusual_blocks, unusual_of_runs
from ai_dataflow.notifications.wording import counted, when
from ai_dataflow.tables.teams import Remind, Team
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow.workstation.statuses import PartitionStatus

# A little less than the period: a nightly run is a few minutes early now and then.
_REMIND: dict[Remind, timedelta | None] = {
    "always": timedelta(0),
    "daily": timedelta(hours=20),
    "weekly": timedelta(days=6, hours=20),
    "never": None,
}
_PAGES = 5
Heard = Mapping[str, Mapping[str, datetime]]


class Where(TypedDict):
    """What messages say of the place that they come from."""

    environment: str
    ui_url: str


@dataclass(frozen=True)
class Surroundings:
    """What a message needs beside the reports.

    `heard` is when a team last heard of an error, by team and the problem's key; `is_whole` tells
    that the statuses were made from all reports that there are. `next_run` is when the schedule
    runs next, and `left_out` are the rows for which partitions were not published.
    """

    environment: str = ""
    ui_url: str = ""
    report_url: str = ""
    statuses: Mapping[str, PartitionStatus] = field(default_factory=dict)
    heard: Heard = field(default_factory=dict)
    is_whole: bool = True
    next_run: datetime | None = None
    left_out: Sequence[LeftOut] = ()


@dataclass(frozen=True)
class _Run:
    """A run with everything that its messages are made of."""

    report: RunReport
    history: History
    recipients: Mapping[str, Recipient]
    around: Surroundings


def messages_of(
    report: RunReport, earlier: Sequence[RunReport], teams: Sequence[Team], around: Surroundings
) -> tuple[list[Message], list[Diagnostic]]:
    """Give the messages of a run, and what nobody can be told.

    Args:
        report: what the run did.
        earlier: the reports of runs before it, newest first.
        teams: the teams table.
        around: where the run was, and who heard of what already.
    """
    by_name = recipients(teams)
    run = _Run(report, History(report, earlier), by_name, around)
    problems = mailed_problems(report, by_name)
    recoveries = list(run.history.recoveries(by_name))
    messages = []
    for team in by_name.values():
        theirs = [p for p in problems if p.team == team.name]
        healed = [r for r in recoveries if r.problem.team == team.name]
        if message := _message(run, team, theirs, healed):
            messages.append(message)
    return messages, _nobody([p for p in problems if not p.team])


def _message(
    run: _Run, team: Recipient, problems: Sequence[Problem], healed: Sequence[Recovery]
) -> Message | None:
    """Give the one message that a team gets about a run, if any."""
    if team.hears_failures and problems and _is_due(run, team, problems):
        return _failure(run, team, problems, healed)
    if team.hears_successes and good_partitions(run.report, team):
        return _success(run, team, healed)
    if team.hears_failures and healed:
        return _recovery(run, team, problems, healed)
    return None


def _is_due(run: _Run, team: Recipient, problems: Sequence[Problem]) -> bool:
    """Tell whether a failure is new to the team, or was told long enough ago."""
    heard = run.around.heard.get(team.name, {})
    period = _REMIND[team.remind]
    for problem in problems:
        last = heard.get(problem.key)
        # Who was stopped between telling and noting it does it again, and makes the same message.
        is_again = last == run.report.finished
        if last is None or is_again or run.history.streak(problem, run.recipients).is_new:
            return True
        # `last` may be ahead by another machine's clock: then nobody would hear until it is past.
        if period is not None and abs(run.report.finished - last) >= period:
            return True
    return False


def _failure(
    run: _Run, team: Recipient, problems: Sequence[Problem], healed: Sequence[Recovery]
) -> Message:
    lasting = [problem for problem in problems if problem.error.kind != INTERRUPTED]
    partitions = list(dict.fromkeys(p.partition.partition for p in lasting if p.partition))
    causes = failure_blocks.causes_of(lasting)
    new = sum(any(run.history.streak(p, run.recipients).is_new for p in alike) for alike in causes)
    title = _interrupted(run, problems) or _failed(run, team, problems)
    blocks: list[Block] = [
        Paragraph(_about(run), "dim"),
        *failure_blocks.cause_blocks(problems, run.history, run.recipients, team),
        *failure_blocks.recovery_blocks(healed),
        *unusual_blocks(unusual_of_runs([run.report], team)),
        *left_out_blocks(
            [rows for rows in run.around.left_out if rows.team == team.name],
            NOT_PUBLISHED,
        ),
        *stale_blocks(stale_for(run.report, team, run.recipients)),
    ]
    if partitions:
        blocks += [
            Heading("Partitions"),
            failure_blocks.partition_table(lasting, team),
            Heading("What readers see now"),
            failure_blocks.readers_table(
                partitions, run.around.statuses, is_whole=run.around.is_whole
            ),
            *_again(run, team, partitions),
        ]
    return _made(
        run, team, "failure", title, failure_blocks.tone_of(new), blocks,
        preview=failure_blocks.headline(causes, new, len(healed)),
        errors=tuple(p.key for p in problems), healed=tuple(r.problem.key for r in healed),
        pages=partitions,
    )  # fmt: skip


def _interrupted(run: _Run, problems: Sequence[Problem]) -> str:
    """Say how far the run came, to the team that hears that it was ended early."""
    if not any(problem.error.kind == INTERRUPTED for problem in problems):
        return ""
    published, total = run.report.statuses()["ok"], len(run.report.partitions)
    done = f"{published:,} of {counted(total, 'partition')}" if total else "nothing"
    return f"INTERRUPTED: {done} published"


def _failed(run: _Run, team: Recipient, problems: Sequence[Problem]) -> str:
    """Say how much of the run failed, and how much only waits for somebody to accept it."""
    about = [problem for problem in problems if problem.partition]
    if not about:
        return "FAILED: the run as a whole"
    waits = [problem for problem in about if problem.waits]
    fails = [problem for problem in about if not problem.waits]
    if team.only_delivers:
        parts = [(word, len({p.error.delivery or p.about for p in some}))
                 for word, some in (("FAILED", fails), ("WAITING", waits))]  # fmt: skip
        counts = [f"{w} {counted(n, 'delivery', 'deliveries')}" for w, n in parts if n]
        return ", ".join(counts)
    numbers = (("FAILED", {p.about for p in fails}), ("WAITING", {p.about for p in waits}))
    counts = [f"{word} {len(keys):,}" for word, keys in numbers if keys]
    return f"{', '.join(counts)} of {counted(len(run.report.partitions), 'partition')}"


def _again(run: _Run, team: Recipient, partitions: Sequence[str]) -> list[Block]:
    """Say how the partitions come to be run again: by a command, where the team can give one."""
    if team.runs_commands:
        return [
            Heading("Run just these again, when the cause is mended"),
            failure_blocks.retry_command(partitions, run.report.run_id, team.name),
        ]
    done, at = "delivered" if team.only_delivers else "mended", run.around.next_run
    begins = f"The next run begins {when(at)} and takes" if at else "The next run takes"
    platform = platform_team(run.recipients)
    ask = f" Questions: team {platform.name}, {', '.join(platform.to)}." if platform else ""
    return [Heading("What comes next"), Paragraph(f"{begins} what is {done} by then.{ask}")]


def _success(run: _Run, team: Recipient, healed: Sequence[Recovery]) -> Message:
    good = good_partitions(run.report, team)
    blocks: list[Block] = [
        Paragraph(_about(run), "dim"),
        *success_blocks(run.report, run.history, team),
        *stale_blocks(stale_for(run.report, team, run.recipients)),
        *([Heading("Well again"), *failure_blocks.recovery_blocks(healed)] if healed else []),
    ]
    published = sum(counts.rows_published for p in good if (counts := counts_of(p, team)))
    title = f"OK {len(good):,} of {counted(len(run.report.partitions), 'partition')}"
    return _made(
        run, team, "success", title, "good", blocks,
        preview=f"{published:,} rows published",
        healed=tuple(r.problem.key for r in healed),
    )  # fmt: skip


def _recovery(
    run: _Run, team: Recipient, problems: Sequence[Problem], healed: Sequence[Recovery]
) -> Message:
    partitions = {r.problem.partition.partition for r in healed if r.problem.partition}
    still = len({p.partition.partition for p in problems if p.partition})
    blocks: list[Block] = [
        Paragraph(_about(run), "dim"),
        *failure_blocks.recovery_blocks(healed),
    ]
    if still:
        text = f"{counted(still, 'other partition')} of yours still failed, as you were told."
        blocks.append(Paragraph(text, "warn"))
    return _made(
        run, team, "recovery", f"RECOVERED {counted(len(partitions), 'partition')}", "good", blocks,
        preview="what failed before is published again",
        healed=tuple(r.problem.key for r in healed),
    )  # fmt: skip


def _about(run: _Run) -> str:
    report = run.report
    statuses = report.statuses()
    parts = [f"{count:,} {status}" for status, count in sorted(statuses.items())]
    return f"Run of {when(report.started)}: {', '.join(parts) or 'no partition'}."


def _made(  # noqa: PLR0913
    run: _Run, team: Recipient, kind: Kind, title: str, tone: Tone, blocks: Sequence[Block],
    *, preview: str, errors: tuple[str, ...] = (), healed: tuple[str, ...] = (),
    pages: Sequence[str] = (),
) -> Message:  # fmt: skip
    ui_url = run.around.ui_url
    about = [partition_link(ui_url, key) for key in pages[:_PAGES]] if ui_url else []
    report = () if team.only_delivers else _report_link(run)
    links = Links((*about, run_link(ui_url, run.report.run_id), *report))
    return Message(
        run.report.run_id, team.name, kind, subject(run.around.environment, title, team.name),
        title, tone, (*blocks, links), preview, team.to, team.cc, errors, healed,
    )  # fmt: skip


def subject(environment: str, title: str, team: str) -> str:
    """Give a subject: who writes, from where, what, to whom."""
    place = f"[{environment}]" if environment else ""
    return f"[ai_dataflow]{place} {title} · team {team}"


def run_link(ui_url: str, run_id: str) -> tuple[str, str]:
    """Link to a run in Dagster, or name it where nobody said where that is."""
    return "Dagster run", f"{ui_url}/runs/{run_id}" if ui_url else run_id


def partition_link(ui_url: str, partition: str) -> tuple[str, str]:
    """Link to a partition's page in Dagster."""
    asked = urlencode({"view": "partitions", "partition": partition})
    return partition, f"{ui_url}/assets/ai_dataset?{asked}"


def _report_link(run: _Run) -> tuple[tuple[str, str], ...]:
    return (("Report", run.around.report_url),) if run.around.report_url else ()


def _nobody(problems: Sequence[Problem]) -> list[Diagnostic]:
    """Say which errors no mail tells of."""
    if not problems:
        return []
    codes = ", ".join(dict.fromkeys(p.error.code for p in problems))
    errors = counted(len(problems), "error")
    return [unheard(f"{errors} ({codes}) found no owner and no platform team")]


def unheard(message: str) -> Diagnostic:
    """Tell of what no mail tells, since there is no team for it."""
    fix = "add a last row with the concern * for the platform team"
    return Diagnostic("NTF-004", message, place="teams", fix=fix, severity="warning")
