"""What a run did, what was cleaned up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from ai_dataflow.cli.show.blocks import show_cause
from ai_dataflow.cli.show.problems import show_diagnostics
from ai_dataflow.cli.show.texts import figures, number, some
from ai_dataflow.cli.show.whole_tables import WholeTable
from ai_dataflow.config.grouped import grouped
from ai_dataflow.notifications.status_blocks import terminal_cause
from ai_dataflow.notifications.wording import printable
from ai_dataflow.workstation.reports import (
    COUNTS,
    PartitionReport,
    RunReport,
    report_name,
)

if TYPE_CHECKING:  # their imports are for those who do something
    from ai_dataflow.runs import modules
    from ai_dataflow.runs.cleanup import Cleaned
    from ai_dataflow.workstation.layout import Workstation


@contextmanager
def watching(console: Console) -> Iterator[modules.Watcher]:
    """Show how many partitions are done as long as the block goes on; nothing stays behind."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("partitions", total=None)

        def show(now: modules.Progress) -> None:
            said = now.note or "partitions"
            bar.update(task, completed=now.done, total=now.total, description=said)

        yield show


def show_summary(
    console: Console, report: RunReport, workstation: Workstation, kept: str, ui: str
) -> None:
    """Show what a run did: a row per module, the causes of what failed, where to look.

    `kept` is where the report is if the workstation could not take it, `ui` the command that opens
    the Dagster UI.
    """
    console.print(_modules(report))
    if report.removed:
        gone = f"\nno longer in the control table, still published: {some(report.removed)}"
        console.print(Text(printable(gone, "\n")), soft_wrap=True)
    show_causes(console, report)
    _show_places(console, report, workstation, kept, ui)


def _modules(report: RunReport) -> WholeTable:
    """Give the figures by module; the last row's colour says how the run went."""
    counts = ("clients ok", "unchanged", "failed", "rows read", "rejected", "merged", "written")
    table = figures("module", *counts, "seconds")
    for module, partitions in groupby(report.partitions, key=lambda partition: partition.module):
        table.add_row(module, *_row(list(partitions)))
    total = _row(report.partitions)
    total[-1] = f"{(report.finished - report.started).total_seconds():.1f}"
    table.add_row("all", *total, style=f"bold {_colour(report)}".strip())
    return table


def _colour(report: RunReport) -> str:
    """Give the colour of a run: red where something failed, green where something was published."""
    if report.exit_code:
        return "red"
    return "green" if report.statuses()["ok"] else ""


def _row(partitions: Sequence[PartitionReport]) -> list[str | Text]:
    """Give a module's figures; rows are those of its published partitions, so that they add up."""
    ok = [p for p in partitions if p.status == "ok"]
    unchanged = sum(p.status == "unchanged" for p in partitions)
    failed = len(partitions) - len(ok) - unchanged
    return [
        str(len(ok)),
        str(unchanged),
        Text(str(failed), "bold red" if failed else ""),
        *(number(sum(getattr(p, name) for p in ok)) for name in COUNTS),
        f"{sum(p.seconds for p in partitions):.1f}",
    ]


def show_causes(console: Console, report: RunReport) -> None:
    """Show each cause once, with the partitions that it ended."""
    errors = [(error, partition) for partition in report.failed for error in partition.errors]
    for alike in grouped(errors, lambda pair: pair[0].identity).values():
        error, first = alike[0]
        console.print()
        ended = some([partition.partition for _, partition in alike])
        show_cause(console, terminal_cause(first.status, error, ended))


def show_cleanup(console: Console, cleaned: Mapping[str, Cleaned], *, dry_run: bool) -> None:
    """Show what was left over in each module's folders."""
    table = figures("module", "left-over files", "MB")
    for module, left in cleaned.items():
        table.add_row(module, number(len(left.files)), f"{left.bytes / 1e6:,.1f}")
    console.print(table)
    if dry_run:
        console.print("\nNothing was removed: without --dry-run it is.")
    show_diagnostics(console, [p for left in cleaned.values() for p in left.problems])


def _show_places(
    console: Console, report: RunReport, workstation: Workstation, kept: str, ui: str
) -> None:
    places = [
        ("dataset", workstation.root.url),
        ("rejects", workstation.rejects("").url.rstrip("/")),
        ("report", kept or workstation.reports().join(report_name(report.run_id))),
        *(("", f"not delivered yet: {why}") for why in report.unreported[-1:] if kept),
        ("Dagster UI", ui),
        *(("", why) for why in report.untold),
    ]
    console.print()
    for name, place in places:
        console.print(Text(printable(f"{name:<11} {place}")), soft_wrap=True)
