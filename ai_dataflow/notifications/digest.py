"""The digest: one mail a day, of a day's runs, what still fails, and what is well again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ai_dataflow.notifications import failure_blocks
from ai_dataflow.notifications.history import History
from ai_dataflow.notifications.messages import run_link, subject
from ai_dataflow.notifications.model import (
    Block,
    Cell,
    Column,
    Heading,
    Links,
    Message,
    Paragraph,
    Table,
    cells,
    table,
)
from ai_dataflow.notifications.routing import Problem, Recipient, problems_of
from ai_dataflow.notifications.success_blocks import counts_of, good_partitions
from ai_dataflow.notifications.wording import counted, day, seconds, when
from ai_dataflow.workstation.reports import RunReport


def digest_of(
    name: str,
    start: datetime,
    reports: Sequence[RunReport],
    team: Recipient,
    recipients: Mapping[str, Recipient],
    where: Mapping[str, str],
) -> Message | None:
    """Give a team's digest of a day; None where the day had no run.

    Args:
        name: what the message is called instead of by a run.
        start: the day's beginning.
        reports: the day's runs, newest first.
        team: who gets it.
        recipients: all teams that can be mailed.
        where: `environment` and `ui_url`.
    """
    if not reports:
        return None
    still = _still_failing(reports, team, recipients)
    title = f"DIGEST of {day(start)}: {_state(still)}"
    blocks: list[Block] = [
        Paragraph(f"{counted(len(reports), 'run')} on {day(start)} (UTC).", "dim"),
        *_failing(reports, still, recipients),
        Heading("Runs"),
        _runs(reports, team, recipients),
        Links((run_link(where.get("ui_url", ""), reports[0].run_id),)),
    ]
    return Message(
        name, team.name, "digest", subject(where.get("environment", ""), title, team.name), title,
        "warn" if still else "good", tuple(blocks), counted(len(reports), "run"), team.to, team.cc,
    )  # fmt: skip


def _state(still: Sequence[Problem]) -> str:
    partitions = {p.partition.partition for p in still if p.partition}
    if not still:
        return "all is well"
    return f"{counted(len(partitions), 'partition')} failing" if partitions else "a run failed"


def _still_failing(
    reports: Sequence[RunReport], team: Recipient, recipients: Mapping[str, Recipient]
) -> list[Problem]:
    """Give the team's errors as of the last run of each partition."""
    seen: set[str] = set()
    failing = []
    for i, report in enumerate(reports):
        for problem in problems_of(report, dict(recipients)):
            is_last = problem.about not in seen if problem.partition else i == 0
            if is_last and problem.team == team.name:
                failing.append(problem)
        seen |= {partition.partition for partition in report.partitions}
    return failing


def _failing(
    reports: Sequence[RunReport], still: Sequence[Problem], recipients: Mapping[str, Recipient]
) -> list[Block]:
    if not still:
        return []
    history = History(reports[0], reports[1:])
    return [
        Heading("Still failing at the end of the day"),
        *failure_blocks.cause_blocks(still, history, recipients),
        failure_blocks.partition_table(still),
    ]


def _runs(
    reports: Sequence[RunReport], team: Recipient, recipients: Mapping[str, Recipient]
) -> Table:
    """Give a row per run: what of the team's went well, and what did not."""
    numbers = ("published", "failed", "rows published", "rows rejected", "duration")
    columns = [Column("run of"), *(Column(name, is_number=True) for name in numbers)]
    rows = []
    for report in reversed(reports):
        good = good_partitions(report, team)
        failed = {
            p.partition.partition
            for p in problems_of(report, dict(recipients))
            if p.partition and p.team == team.name
        }
        counts = [c for p in good if (c := counts_of(p, team))]
        rows.append(
            cells(
                when(report.started),
                f"{len(good):,}",
                Cell(f"{len(failed):,}", "bad" if failed else ""),
                f"{sum(c.rows_published for c in counts):,}",
                f"{sum(c.rows_rejected for c in counts):,}",
                seconds((report.finished - report.started).total_seconds()),
            )
        )
    return table(columns, rows)
