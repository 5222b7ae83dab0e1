"""What a run did, what was cleaned up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ai_dataflow.cli.show.blocks import show_cause
from ai_dataflow.cli.show.problems import show_diagnostics
from ai_dataflow.cli.show.texts import figures, number, some
from ai_dataflow.cli.show.whole_tables import WholeTable
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.notifications.status_blocks import terminal_cause
from ai_dataflow.notifications.wording import counted, printable
from ai_dataflow.workstation.reports import (
    COUNTS,
    FURTHER,
    PartitionReport,
    RunReport,
    Status,
    report_name,
)
from ai_dataflow.workstation.stale_reports import StaleReport

if TYPE_CHECKING:  # their imports are for those who do something
    from ai_dataflow.runs.cleanup import Cleaned
    from ai_dataflow.workstation.layout import Folders


def show_summary(
    console: Console, report: RunReport, workstation: Folders, kept: str, ui: str
) -> None:
    """Show what a run did: a row per module, the causes of what failed, where to look.

    `kept` is where the report is if the workstation could not take it, `ui` the command that opens
    the Dagster UI.
    """
    console.print(_modules(report))
    _show_first(console, report)
    _show_not_found(console, report)
    _show_orphans(console, report)
    _show_breaches(console, report)
    show_unusual(console, report)
    show_stale(console, report.stale)
    show_causes(console, report)
    _show_places(console, report, workstation, kept, ui)


def _modules(report: RunReport) -> WholeTable:
    """Give the figures by module; the last row's colour says how the run went."""
    waiting: list[Status] = ["waiting"] if report.statuses()["waiting"] else []
    ok = [p for p in report.partitions if p.status == "ok"]
    further = [name for name in FURTHER if any(getattr(p, name) for p in ok)]
    counts = ("rows read", "rejected", "merged", "written")
    more = (name.removeprefix("rows_") for name in further)
    table = figures(
        "module", "clients ok", "unchanged", *waiting, "failed", *counts, *more, "seconds"
    )
    for module, partitions in groupby(report.partitions, key=lambda partition: partition.module):
        table.add_row(module, *_row(list(partitions), waiting, further))
    total = _row(report.partitions, waiting, further)
    total[-1] = f"{(report.finished - report.started).total_seconds():.1f}"
    table.add_row("all", *total, style=f"bold {_colour(report)}".strip())
    return table


def _colour(report: RunReport) -> str:
    """Give the colour of a run: red where something failed, green where something was published."""
    if report.exit_code:
        return "red"
    return "green" if report.statuses()["ok"] else ""


def _row(
    partitions: Sequence[PartitionReport], also: Sequence[Status], further: Sequence[str]
) -> list[str | Text]:
    """Give a module's figures; rows are those of its published partitions, so that they add up.

    `also` are statuses, and `further` counts, that only some runs have.
    """
    ok = [p for p in partitions if p.status == "ok"]
    statuses = Counter(partition.status for partition in partitions)
    failed = statuses["failed"] + statuses["held"]
    return [
        str(len(ok)),
        str(statuses["unchanged"]),
        *(Text(str(statuses[status]), "yellow") for status in also),
        Text(str(failed), "bold red" if failed else ""),
        *(number(sum(getattr(p, name) for p in ok)) for name in (*COUNTS, *further)),
        f"{sum(p.seconds for p in partitions):.1f}",
    ]


def _show_first(console: Console, report: RunReport) -> None:
    """Say what share of the rows is rejected where nothing was published before to compare with."""
    for module, partitions in groupby(report.partitions, key=lambda partition: partition.module):
        first = [partition for partition in partitions if partition.is_first]
        read, rejected = (
            sum(getattr(p, n) for p in first) for n in ("rows_mapped", "rows_rejected")
        )
        if rejected:
            share = f"{rejected:,} of {read:,} rows rejected ({rejected / read:.1%})"
            clients = f"\n{module}: {counted(len(first), 'client')} published for the first time"
            console.print(Text(f"{clients}, {share}"), soft_wrap=True)


def _show_not_found(console: Console, report: RunReport) -> None:
    """Say of each lookup how many published rows found nothing in it."""
    lookups: Counter[tuple[str, str, str]] = Counter()
    for partition in (partition for partition in report.partitions if partition.status == "ok"):
        for product, counts in partition.products.items():
            for submodule, source in counts.sources.items():
                lookups[partition.module, product, submodule] += source.rows_not_found
    for (module, product, submodule), rows in lookups.items():
        if rows:
            looked_up = (
                f"\n{module}: {counted(rows, 'row')} found nothing in {product} · {submodule}"
            )
            console.print(Text(printable(looked_up, "\n")), soft_wrap=True)


def _show_orphans(console: Console, report: RunReport) -> None:
    """Say of which references the values are not all there."""
    for check in (check for check in report.references if check.orphans):
        text = (
            f"\n{check.module}.{check.column}: {check.orphans:,} of {check.rows_checked:,} rows "
            f"refer to no {check.references}, of {some(check.clients_with_orphans)} "
            f"({check.place})"
        )
        console.print(Text(printable(text, "\n"), "yellow"), soft_wrap=True)


def _show_breaches(console: Console, report: RunReport) -> None:
    """Say of which checks published rows break them; what held partitions back is told as that."""
    orphans = {check.place for check in report.references}
    for check in report.checks:
        if not check.number or check.place in orphans:
            continue
        text = (
            f"\n{check.module}.{check.column}: {check.number:,} of {check.rows:,} rows break "
            f"`{check.asks}`, of {some(check.clients_failed)} ({check.place})"
        )
        colour = "yellow" if check.severity == "warn" else "red"
        console.print(Text(printable(text, "\n"), colour), soft_wrap=True)


def show_unusual(console: Console, report: RunReport) -> None:
    """Say of how many partitions something is unusual; the report and the mails say what."""
    if partitions := list(dict.fromkeys(one.partition for one in report.unusual)):
        text = f"\nunusual against what was before: {some(partitions)}"
        console.print(Text(printable(text, "\n"), "yellow"), soft_wrap=True)


def show_stale(console: Console, stale: Sequence[StaleReport]) -> None:
    """Say of which sources nothing new comes, though it usually does."""
    for alike in grouped(stale, lambda s: (s.module, s.product, s.submodule)).values():
        first = max(alike, key=lambda source: source.age)
        clients = some([PartitionKey(source.partition).client for source in alike])
        text = (
            f"\n{first.module}: {first.product} · {first.submodule}: {first.message}, "
            f"of {clients} ({first.place})"
        )
        console.print(Text(printable(text, "\n"), "yellow"), soft_wrap=True)


def show_causes(console: Console, report: RunReport) -> None:
    """Show each cause once, with the partitions that it ended."""
    errors = [(error, partition) for partition in report.failed for error in partition.errors]
    for alike in grouped(errors, lambda pair: pair[0].identity).values():
        error, first = alike[0]
        console.print()
        ended = some([partition.partition for _, partition in alike])
        show_cause(console, terminal_cause(first.status, error, ended))


def show_accepted(console: Console, report: RunReport) -> None:
    """Show what an acceptance published, what it could not, and what may shrink when it is made."""
    published = [p for p in report.partitions if p.status == "ok"]
    before = [p.partition for p in report.partitions if p.status == "unchanged"]
    if published:
        table = figures("published", "rows", "rejected", "version")
        for partition in published:
            counts = (partition.rows_published, partition.rows_rejected, partition.version)
            table.add_row(partition.partition, *map(number, counts))
        console.print(table)
    show_unusual(console, report)
    show_causes(console, report)
    lines = {
        "nothing waits any more, readers see what would be made": before,
        "accepted in advance, the next run publishes it": report.accepted,
    }
    for text, partitions in lines.items():
        if partitions:
            console.print(Text(printable(f"{text}: {some(partitions)}")), soft_wrap=True)
    if not (report.partitions or report.accepted):
        console.print("Nothing waits.")
    for why in report.unreported:
        console.print(Text(printable(f"the report could not be written: {why}")), soft_wrap=True)


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
    console: Console, report: RunReport, workstation: Folders, kept: str, ui: str
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
