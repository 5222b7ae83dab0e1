"""What a run would do, and what feeds the AI columns."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ai_dataflow.cli.show.texts import aligned, figures, number, some
from ai_dataflow.cli.show.whole_tables import WholeTable
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.notifications.wording import counted, local, printable

if TYPE_CHECKING:
    from ai_dataflow.planning.changes import Changes
    from ai_dataflow.planning.coverage import Coverage
    from ai_dataflow.planning.explain import Feed
    from ai_dataflow.runs.prospect import Prospect
    from ai_dataflow.runs.trial import Trial

_SHOWN = 20


def show_plan(console: Console, ahead: Prospect) -> None:
    """Show, per module, what a run would do now, and why; and what the products map."""
    plan, changes = ahead.plan, ahead.changes
    named: dict[str, Collection[PartitionKey]] = {
        "run": changes.due, "unchanged": changes.unchanged, "waiting": changes.waiting,
        "held back": plan.held, "removed": ahead.removed,
    }  # fmt: skip
    columns = [name for name, group in named.items() if group or name != "waiting"]
    table, groups = figures("module", *columns), [named[name] for name in columns]
    for module in sorted({key.module for group in groups for key in group}):
        counts = (sum(key.module == module for key in group) for group in groups)
        table.add_row(module, *map(str, counts))
    console.print(table)
    _show_reasons(console, changes)
    for key, shown in changes.waiting.items():
        accept = f"`ai-dataflow accept {shlex.quote(key)}` publishes it"
        _line(console, f"waiting: {key}, since {local(shown.at)}: {accept}")
    for key, problems in plan.held.items():
        _line(console, f"held back: {key}: {problems[0].code} at {problems[0].place}")
    for key in ahead.removed:
        _line(console, f"removed: {key} is not in the control table; its data stays")
    for coverage in plan.coverage.values():
        _line(console, f"\n{coverage.module}: {coverage.ratio:.0%} covered")
        console.print(_coverage(coverage))


def show_trial(console: Console, trial: Trial) -> None:
    """Show the products whose rows or rejects would change, before and after a run."""
    table = figures("rows", "now", "then", "rejected now", "rejected then")
    others = [each for each in trial.products if each.is_as_before]
    for each in (each for each in trial.products if not each.is_as_before):
        figures_of = (each.rows_before, each.rows, each.rejected_before, each.rejected)
        name = f"{each.partition} · {each.product}{' would wait' if each.waits else ''}"
        table.add_row(
            Text(printable(name), "yellow" if each.waits else ""), *map(number, figures_of)
        )
    console.print()
    if len(others) < len(trial.products):
        console.print(table)
    for key, problem in trial.failed.items():
        _line(console, f"would fail: {key}: {problem.code} {problem.message}")
    if others:
        _line(console, f"the same number of rows as now: {counted(len(others), 'product')}")
    _line(console, "It was made aside: nothing was published.")


def show_unchanged(console: Console, ahead: Prospect) -> None:
    """Say that there is nothing to run, and since when."""
    unchanged = ahead.changes.unchanged
    last = max((record.at for record in unchanged.values() if record.at), default=None)
    since = f" since {last.astimezone():%Y-%m-%d %H:%M}" if last else ""
    _line(console, f"Nothing changed{since}: {counted(len(unchanged), 'partition')} unchanged.")
    _line(console, "To make them all the same: ai-dataflow run --full")


def _show_reasons(console: Console, changes: Changes) -> None:
    """Show each reason once, with its partitions: an edit of the sheet touches many."""
    pairs = [(key, str(reason)) for key, reasons in changes.due.items() for reason in reasons]
    most_first = sorted(grouped(pairs, lambda pair: pair[1]).items(), key=lambda it: -len(it[1]))
    for text, alike in most_first[:_SHOWN]:
        _line(console, f"run: {some([key for key, _ in alike])}: {text}")
    if len(most_first) > _SHOWN:
        _line(console, f"run: … and {len(most_first) - _SHOWN} more reasons: `plan --json` has all")
    if changes.unchanged:
        since = max((r.at for r in changes.unchanged.values() if r.at), default=None)
        when = f", the last since {since.astimezone():%Y-%m-%d %H:%M}" if since else ""
        _line(console, f"unchanged: {counted(len(changes.unchanged), 'partition')}{when}")


def _line(console: Console, text: str) -> None:
    console.print(Text(printable(text, "\n")), soft_wrap=True)


def show_feeds(console: Console, feeds: Sequence[Feed]) -> None:
    """Show where an AI column comes from, in every product; lines do not wrap within a cell."""
    rows = [
        (
            f"{feed.module} · {feed.product} · {feed.submodule or 'computed'}",
            f"{feed.source}{f': {feed.source_type}' if feed.source_type else ''} → {feed.ai_type}",
            feed.cell,
            f"filled for {feed.filled} of {counted(feed.clients, 'client')}",
        )
        for feed in feeds
    ]
    for line in aligned(rows):
        _line(console, line)
    for module, holds in {feed.module: feed.holds for feed in feeds if feed.holds}.items():
        _line(console, f"{module}: must hold: {', '.join(holds)}")


def _coverage(coverage: Coverage) -> WholeTable:
    table = WholeTable("AI column", *map(printable, coverage.products))
    styles = {"mapped": "green", "missing": "dim", "required-missing": "red"}
    for column, cells in coverage.cells.items():
        covers = (cells[product] for product in coverage.products)
        table.add_row(column, *(Text(cover, styles[cover]) for cover in covers))
    return table
