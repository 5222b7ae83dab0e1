"""What a failure mail says: causes and cures, partitions, what readers see, the command. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
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
_MESSAGES = 3
_IF_RIGHT = "if the delivery is right, say so to the platform team; else deliver it again"
_STATES = {"held": " (held back)", "waiting": " (waiting)"}


def cause_blocks(
    problems: Sequence[Problem],
    history: History,
    recipients: Mapping[str, Recipient],
    reader: Recipient,
) -> list[Block]:
    """Give each cause once, as its reader can act on it; the new ones and the large ones first."""
    streaks = {id(p): history.streak(p, recipients) for p in problems}
    causes = sorted(
        causes_of(problems),
        key=lambda alike: (not any(streaks[id(p)].is_new for p in alike), -len(alike)),
    )
    more = len(causes) - _CAUSES
    left_out = [Paragraph(f"and {more:,} more; all are in the report", "dim")] if more > 0 else []
    return [
        *(_cause(alike, [streaks[id(p)] for p in alike], reader) for alike in causes[:_CAUSES]),
        *left_out,
    ]


def causes_of(problems: Sequence[Problem]) -> list[list[Problem]]:
    """Group problems by what is one and the same cause, in however many partitions."""
    return list(grouped(problems, _cause_of).values())


def _cause_of(problem: Problem) -> tuple[str, ...]:
    """Tell what is one cause: a cell of the sheet; what a product's deliveries have in common."""
    error = problem.error
    if error.concern == "source":
        return error.code, error.product
    return error.code, error.place if error.concern == "mapping" else error.fix


def _cause(problems: Sequence[Problem], streaks: Sequence[Streak], reader: Recipient) -> Cause:
    error = problems[0].error
    is_new = any(streak.is_new for streak in streaks)
    lines = _for_deliverer(problems) if reader.only_delivers else _lines(problems)
    return Cause(
        error.code,
        error.title,
        _note(streaks),
        "bad" if is_new else "warn",
        tuple((label, text) for label, text in lines if text),
    )


def _lines(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    unowned = "nobody owns this: it came to you as the platform team"
    return [
        *_messages(problems),
        ("where", _each(p.error.place for p in problems)),
        ("cause", problems[0].error.cause),
        ("do", problems[0].error.fix),
        ("partitions", _each(p.about for p in problems)),
        ("owner", unowned if problems[0].is_unowned else ""),
    ]


def _for_deliverer(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    """Say which deliveries, as their team spells them, and what is wrong; name no cell of ours."""
    error = problems[0].error
    clients = (PartitionKey(p.about).client for p in problems if p.partition)
    for_us = (
        _IF_RIGHT if any(p.waits for p in problems) else "correct the rows and deliver them again"
    )
    return [
        ("delivery", _each(p.error.delivery or p.error.place for p in problems)),
        *_messages(problems),
        ("cause", error.cause),
        ("do", for_us if "`ai-dataflow" in error.fix else error.fix),
        ("clients", _each(clients)),
    ]


def _messages(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    messages = list(dict.fromkeys(p.error.message for p in problems))
    more = len(messages) - _MESSAGES
    rest = [f"and {more:,} more like these"] if more > 0 else []
    return [("", message) for message in (*messages[:_MESSAGES], *rest)]


def _each(names: Iterable[str]) -> str:
    return some(list(dict.fromkeys(filter(None, names))))


def _first(places: Sequence[str]) -> str:
    more = len(dict.fromkeys(places)) - 1
    return places[0] + (f" and {more:,} more" if more else "")


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


def partition_table(problems: Iterable[Problem], reader: Recipient) -> Table:
    """Give the failed partitions: what is wrong with each, its rows, the place to look at."""
    columns = [
        Column("partition"),
        Column("code"),
        Column("cause", is_wide=True),
        *(Column(name, is_number=True) for name in ("read", "accepted", "rejected")),
        Column("delivery" if reader.only_delivers else "cell", is_wide=True),
    ]
    rows = []
    failed = [p for p in problems if p.partition]
    for _, together in groupby(failed, key=lambda problem: problem.about):
        alike = grouped(together, lambda problem: problem.error.code)
        for i, several in enumerate(alike.values()):
            rows.append(_partition_row(several, reader, is_first=i == 0))
    return table(columns, rows)


def _partition_row(
    problems: Sequence[Problem], reader: Recipient, *, is_first: bool
) -> tuple[Cell, ...]:
    partition, error = problems[0].partition, problems[0].error
    assert partition is not None  # noqa: S101 - the caller's filter
    errors = [p.error for p in problems]
    places = [e.delivery or e.place if reader.only_delivers else e.place for e in errors]
    read, rejected = partition.rows_read, partition.rows_rejected
    taken = partition.rows_mapped
    counts = (f"{read:,}", f"{taken - rejected:,}", f"{rejected:,}") if is_first else ("", "", "")
    return cells(
        partition.partition if is_first else "",
        Cell(error.code, "bad"),
        error.title + _STATES.get(partition.status, ""),
        *counts,
        Cell(_first(places), "dim"),
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


def headline(causes: Sequence[Sequence[Problem]], new: int, recovered: int) -> str:
    """Say in a line how things stand, of so many causes new ones."""
    waits, still = all(p.waits for alike in causes for p in alike), len(causes) - new
    what, lasts = ("new cause", "waiting") if waits else ("new failure", "failing")
    parts = [
        f"{counted(new, what)}" if new else "",
        f"{still:,} still {lasts}" if still else "",
        f"{recovered:,} recovered" if recovered else "",
    ]
    return " · ".join(filter(None, parts))


def tone_of(new: int) -> Tone:
    """Give the colour of a failure mail: red for what is new."""
    return "bad" if new else "warn"
