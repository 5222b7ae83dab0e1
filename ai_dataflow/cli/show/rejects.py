"""Rejects, and what became of them in a replay."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from ai_dataflow.cli.show.run_summary import show_causes, show_unusual
from ai_dataflow.cli.show.texts import aligned, figures, number
from ai_dataflow.notifications.wording import counted, printable

if TYPE_CHECKING:
    from ai_dataflow.workstation.reject_groups import RejectGroup
    from ai_dataflow.workstation.reports import RunReport

_STYLES = {"open": "yellow", "replayed": "green", "not published": "red"}


def show_rejects(console: Console, groups: Sequence[RejectGroup]) -> None:
    """Show rejects, a line a group, with the samples that were asked for."""
    rows = [
        (
            group.partition,
            f"{group.product} · {group.submodule}",
            " ".join(filter(None, (group.reason, group.ai_column))),
            group.mapping_cell,
            number(group.rows),
            group.state,
        )
        for group in groups
    ]
    for line, group in zip(aligned(rows), groups, strict=True):
        console.print(Text(printable(line), _STYLES[group.state]), soft_wrap=True)
        for sample in group.samples:
            where = f"row {sample['position']}: " if sample["position"] else ""
            raw = json.dumps(sample["raw_row"], ensure_ascii=False)
            console.print(Text(f"    {where}{printable(raw)}"), soft_wrap=True)
    states = Counter[str]()
    for group in groups:
        states[group.state] += group.rows
    summary = " · ".join(f"{rows:,} {state}" for state, rows in states.items())
    console.print(f"\n{summary or 'no rejects'}")
    if states["open"]:
        console.print("After a fix of the sheet: ai-dataflow replay. After one of a source: run.")


def show_replay(console: Console, report: RunReport, *, dry_run: bool) -> None:
    """Show how many rejects of each partition pass, and what hinders the others."""
    passes = "would pass" if dry_run else "published"
    table = figures("partition", passes, "still rejected", "version")
    for partition in report.partitions:
        table.add_row(
            partition.partition,
            number(0 if partition.error else partition.rows_replayed),
            "" if partition.error else number(partition.rows_rejected),
            number(partition.version),
        )
    if report.partitions:
        console.print(table)
    show_unusual(console, report)
    show_causes(console, report)
    passed = sum(p.rows_replayed for p in report.partitions if not p.error)
    verb = "would be" if dry_run else "were" if passed != 1 else "was"
    console.print(f"\n{counted(passed, 'reject')} {verb} published")
    gone = sum(p.rows_filtered + p.rows_superseded for p in report.partitions if not p.error)
    if gone:
        console.print(f"{counted(gone, 'reject')} less: a source rule leaves them out now")
