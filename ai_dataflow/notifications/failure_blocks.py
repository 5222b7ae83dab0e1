"""What a failure mail says: causes and cures, partitions, what readers see, the command. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from ai_dataflow.config.grouped import grouped
from ai_dataflow.notifications.history import History, Recovery, Streak
from ai_dataflow.notifications.model import (
    Block,
    Cause,
    Cell,
    Column,
    Command,
    Paragraph,
    Table,
    Tone,
    cells,
    table,
)
from ai_dataflow.notifications.routing import Problem, Recipient
from ai_dataflow.notifications.wording import counted, day, some, when
from ai_dataflow.workstation.statuses import PartitionStatus

_FEW_PARTITIONS = 5
_CAUSES = 10


def cause_blocks(
    problems: Sequence[Problem], history: History, recipients: Mapping[str, Recipient]
) -> list[Block]:
    """Give each cause once, the new ones and the large ones first."""
    streaks = {id(p): history.streak(p, recipients) for p in problems}
    causes = sorted(
        grouped(problems, lambda problem: problem.error.identity).values(),
        key=lambda alike: (not any(streaks[id(p)].is_new for p in alike), -len(alike)),
    )
    more = len(causes) - _CAUSES
    left_out = [Paragraph(f"and {more:,} more; all are in the report", "dim")] if more > 0 else []
    return [
        *(_cause(alike, [streaks[id(p)] for p in alike]) for alike in causes[:_CAUSES]),
        *left_out,
    ]


def _cause(problems: Sequence[Problem], streaks: Sequence[Streak]) -> Cause:
    error = problems[0].error
    partitions = [p.partition.partition for p in problems if p.partition]
    is_new = any(streak.is_new for streak in streaks)
    lines = (
        ("", error.message),
        ("where", error.place),
        ("cause", error.cause),
        ("do", error.fix),
        ("partitions", some(partitions)),
        ("owner", "nobody owns this: it came to you as the platform team"
         if problems[0].is_unowned else ""),
    )  # fmt: skip
    return Cause(
        error.code,
        error.title,
        _note(streaks),
        "bad" if is_new else "warn",
        tuple((label, text) for label, text in lines if text),
    )


def _note(streaks: Sequence[Streak]) -> str:
    """Say how long: since the first of these began, for as many runs."""
    longest = max(streaks, key=lambda streak: streak.runs)
    if longest.is_new:
        return "new"
    new = sum(streak.is_new for streak in streaks)
    also = f"; new in {counted(new, 'partition')}" if new else ""
    about = "" if longest.is_whole else "at least "
    return f"still failing since {about}{when(longest.since)}, {longest.runs} runs{also}"


def recovery_blocks(recoveries: Sequence[Recovery]) -> list[Block]:
    """Tell what is well again."""
    errors = grouped(recoveries, lambda r: (r.problem.error.code, r.problem.error.title))
    return [_recovered(code, title, alike) for (code, title), alike in errors.items()]


def _recovered(code: str, title: str, recoveries: Sequence[Recovery]) -> Cause:
    partitions = [r.problem.partition.partition for r in recoveries if r.problem.partition]
    longest = max((r.streak for r in recoveries), key=lambda streak: streak.runs)
    note = f"recovered, after failing since {when(longest.since)}"
    return Cause(
        code,
        title,
        f"{note} ({counted(longest.runs, 'run')})",
        "good",
        (("partitions", some(list(dict.fromkeys(partitions)))),),
    )


def partition_table(problems: Iterable[Problem]) -> Table:
    """Give the failed partitions: what is wrong with each, its rows, the cell to look at."""
    columns = [
        Column("partition"),
        Column("code"),
        Column("cause", is_wide=True),
        *(Column(name, is_number=True) for name in ("read", "accepted", "rejected")),
        Column("cell", is_wide=True),
    ]
    rows = []
    failed = [p for p in problems if p.partition]
    for _, together in groupby(failed, key=lambda problem: problem.about):
        for i, problem in enumerate(together):
            rows.append(_partition_row(problem, is_first=i == 0))
    return table(columns, rows)


def _partition_row(problem: Problem, *, is_first: bool) -> tuple[Cell, ...]:
    partition, error = problem.partition, problem.error
    assert partition is not None  # noqa: S101 - the caller's filter
    read, rejected = partition.rows_read, partition.rows_rejected
    counts = (f"{read:,}", f"{read - rejected:,}", f"{rejected:,}") if is_first else ("", "", "")
    return cells(
        partition.partition if is_first else "",
        Cell(error.code, "bad"),
        error.title + (" (held back)" if partition.status == "held" else ""),
        *counts,
        Cell(error.place, "dim"),
    )


def readers_table(
    partitions: Sequence[str], statuses: Mapping[str, PartitionStatus], *, is_whole: bool
) -> Table:
    """Say what readers of the failed partitions see now, as far as reports tell."""
    columns = [Column("partition"), Column("readers see now", is_wide=True)]
    return table(
        columns, [cells(key, _seen(statuses.get(key), is_whole=is_whole)) for key in partitions]
    )


def _seen(status: PartitionStatus | None, *, is_whole: bool) -> Cell:
    if status is None or status.published is None:
        if not is_whole:
            return Cell("what was published before the last 300 runs, if anything was", "warn")
        return Cell("nothing: it was never published", "warn")
    rows = f", {counted(status.rows, 'row')}" if status.rows is not None else ""
    version = f" (Delta version {status.version}{rows})" if status.version is not None else ""
    return Cell(f"the version of {day(status.published)} is still being served{version}")


def retry_command(partitions: Sequence[str], run_id: str, team: str) -> Command:
    """Give the command that runs just these again."""
    if len(partitions) <= _FEW_PARTITIONS:
        chosen = " ".join(f"-p {shlex.quote(key)}" for key in partitions)
        return Command(f"ai-dataflow run {chosen}")
    return Command(f"ai-dataflow retry --run {shlex.quote(run_id)} --owner {shlex.quote(team)}")


def headline(new: int, still: int, recovered: int) -> str:
    """Say in a line how things stand."""
    parts = [
        f"{counted(new, 'new failure')}" if new else "",
        f"{still:,} still failing" if still else "",
        f"{recovered:,} recovered" if recovered else "",
    ]
    return " · ".join(filter(None, parts))


def tone_of(new: int) -> Tone:
    """Give the colour of a failure mail: red for what is new."""
    return "bad" if new else "warn"
