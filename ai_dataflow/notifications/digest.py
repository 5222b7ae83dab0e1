"""The digest: one mail a day, of a day's runs, what still fails, and what is well again. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ai_dataflow.notifications import failure_blocks
from ai_dataflow.notifications.history import History
from ai_dataflow.notifications.left_out import (
    NOT_PUBLISHED,
    PUBLISHED,
    LeftOut,
    left_out_blocks,
    total,
)
from ai_dataflow.notifications.messages import Where, run_link, subject
from ai_dataflow.notifications.model import (
    Block,
    Cell,
    Column,
    Heading,
    Links,
    Message,
    Paragraph,
    Table,
    Tone,
    cells,
    table,
)
from ai_dataflow.notifications.routing import Problem, Recipient, mailed_problems
from ai_dataflow.notifications.stale_blocks import is_due as is_late
from ai_dataflow.notifications.stale_blocks import stale_blocks, stale_for
from ai_dataflow.notifications.success_blocks import counts_of, good_partitions
from ai_dataflow.notifications.unusual_blocks import unusual_blocks, unusual_of_runs
from ai_dataflow.notifications.wording import counted, day, seconds, when
from ai_dataflow.workstation.reports import RunReport, UnusualReport
from ai_dataflow.workstation.stale_reports import StaleReport


@dataclass(frozen=True)
class Day:
    """A day of runs.

    `name` is what its digests are called instead of by a run, `start` its beginning; `reports` are
    of its runs, newest first; `recipients` all teams that can be mailed; `where` has `environment`
    and `ui_url`; `rows` are what its runs left out, of all teams, and `kept_back` those for which
    partitions are not published.
    """

    name: str
    start: datetime
    reports: Sequence[RunReport]
    recipients: Mapping[str, Recipient]
    where: Where
    rows: Sequence[LeftOut] = ()
    kept_back: Sequence[LeftOut] = ()


def digest_of(about: Day, team: Recipient) -> Message | None:
    """Give a team's digest of a day; None where the day had nothing that it asked to hear.

    Who chose digests gets one for each day with a run. Who hears of failures gets one where rows
    of what the team delivers were left out, something of it is unusual, or nothing new came: no
    failure tells of these.
    """
    stale = stale_for(about.reports[0], team, about.recipients) if about.reports else []
    rows, kept = ([r for r in every if r.team == team.name]
                  for every in (about.rows, about.kept_back))  # fmt: skip
    unusual = unusual_of_runs(about.reports, team)
    is_due = team.notify == "digest" or (
        team.hears_failures and (rows or kept or unusual or is_late(stale, team, about.start))
    )
    if not (about.reports and is_due):
        return None
    return _digest(about, team, (rows, kept), unusual, stale)


def _digest(
    about: Day,
    team: Recipient,
    left_out: tuple[Sequence[LeftOut], Sequence[LeftOut]],
    unusual: Sequence[UnusualReport],
    stale: Sequence[StaleReport],
) -> Message:
    reports, where = about.reports, about.where
    (rows, kept_back), still = left_out, _still_failing(reports, team, about.recipients)
    state = _state(still, total((*rows, *kept_back)), len(unusual), len(stale))
    title = f"DIGEST of {day(about.start)}: {state}"
    blocks: list[Block] = [
        Paragraph(f"{counted(len(reports), 'run')} on {day(about.start)} (UTC).", "dim"),
        *left_out_blocks(rows, PUBLISHED),
        *left_out_blocks(kept_back, NOT_PUBLISHED),
        *stale_blocks(stale),
        *_failing(about, still, team),
        *unusual_blocks(unusual),
        Heading("Runs"),
        _runs(reports, team, about.recipients),
        Links((run_link(where["ui_url"], reports[0].run_id),)),
    ]
    tone: Tone = "warn" if still or rows or kept_back or unusual else "good"
    return Message(
        about.name, team.name, "digest",
        subject(where["environment"], title, team.name), title,
        tone, tuple(blocks), counted(len(reports), "run"),
        team.to, team.cc,
    )  # fmt: skip


def _state(still: Sequence[Problem], rows: int, unusual: int, stale: int) -> str:
    fails, waits = ({p.about for p in still if p.partition and p.waits is w} for w in (False, True))
    parts = [
        f"{counted(len(fails), 'partition')} failing" if fails else "",
        f"{counted(len(waits), 'partition')} waiting" if waits else "",
        "a run failed" if still and not (fails or waits) else "",
        f"{counted(rows, 'row')} left out" if rows else "",
        f"{unusual:,} unusual" if unusual else "",
        f"{counted(stale, 'source')} overdue" if stale else "",
    ]
    return ", ".join(filter(None, parts)) or "all is well"


def _still_failing(
    reports: Sequence[RunReport], team: Recipient, recipients: Mapping[str, Recipient]
) -> list[Problem]:
    """Give the team's errors as of the last run of each partition."""
    seen: set[str] = set()
    failing = []
    for i, report in enumerate(reports):
        for problem in mailed_problems(report, dict(recipients)):
            is_last = problem.about not in seen if problem.partition else i == 0
            if is_last and problem.team == team.name:
                failing.append(problem)
        seen |= {partition.partition for partition in report.partitions}
    return failing


def _failing(about: Day, still: Sequence[Problem], team: Recipient) -> list[Block]:
    if not still:
        return []
    history = History(about.reports[0], about.reports[1:])
    return [
        Heading("Still failing at the end of the day"),
        *failure_blocks.cause_blocks(still, history, about.recipients, team),
        failure_blocks.partition_table(still, team),
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
            for p in mailed_problems(report, dict(recipients))
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
