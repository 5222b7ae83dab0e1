"""Versions of datasets in the terminal: which there are, and what differs between two."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from ai_dataflow.cli.show.texts import figures, number
from ai_dataflow.cli.show.whole_tables import WholeTable
from ai_dataflow.notifications.wording import counted, local, printable

if TYPE_CHECKING:
    from ai_dataflow.workstation.datasets import Snapshot
    from ai_dataflow.workstation.diffs import DatasetDiff

_COUNTS = ("rows_before", "rows_after", "added", "removed", "changed")
_ROW_STYLES = {"added": "green", "removed": "red", "changed": "yellow"}
_FAR, _MOST = 0.1, 15  # distances that are shown, and how many
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def show_snapshots(console: Console, snapshots: Sequence[Snapshot]) -> None:
    """Show runs, the newest first, with the version of each module."""
    if not snapshots:
        console.print("no run has published anything yet")
        return
    table = WholeTable("run", "ended", "versions", wraps=True)
    for each in snapshots:
        versions = ", ".join(f"{module} {version}" for module, version in each.versions.items())
        table.add_row(each.run_id, local(each.at), versions)
    console.print(table)


def show_diff(console: Console, diff: DatasetDiff, rows: int = 0) -> None:
    """Show what differs: columns, counts by client and by column; rows if they are asked for."""
    console.print(_head(diff), soft_wrap=True)
    _show_columns(console, diff)
    _show_clients(console, diff)
    _show_changed_columns(console, diff)
    _show_drift(console, diff)
    _show_making(console, diff)
    for kind, first in diff.first_rows(rows).items() if rows else ():
        for row in first:
            text = printable(json.dumps(_shown(row), ensure_ascii=False))
            console.print(Text(f"{_SIGNS[kind]} {text}", _ROW_STYLES[kind]), soft_wrap=True)


def _head(diff: DatasetDiff) -> str:
    key = f"by {', '.join(diff.key)}" if diff.key else "without a key: no row counts as changed"
    return f"{diff.module}, version {diff.before} to {diff.after}, {key}"


def _show_columns(console: Console, diff: DatasetDiff) -> None:
    table = WholeTable("column", "is", "before", "after")
    for column in diff.columns:
        table.add_row(column.column, column.change, column.before, column.after)
    if diff.columns:
        console.print()
        console.print(table)


def _show_clients(console: Console, diff: DatasetDiff) -> None:
    rows = diff.counts.to_dicts()
    differ = [row for row in rows if row["added"] or row["removed"] or row["changed"]]
    table = figures("client", *(name.replace("_", " ") for name in _COUNTS))
    for row in differ:
        table.add_row(row["client_code"], *(number(row[name]) for name in _COUNTS))
    if differ:
        console.print()
        console.print(table)
    if same := diff.counts.height - len(differ):
        console.print(f"\n{counted(same, 'client')} {'has' if same == 1 else 'have'} the same rows")
    if repeated := diff.total("repeated_keys"):
        text = f"{counted(repeated, 'key')} in several rows: equal rows of these are the same"
        console.print(text, style="yellow")


def _show_changed_columns(console: Console, diff: DatasetDiff) -> None:
    rows, clients = Counter[str](), Counter[str]()
    for _, column, changed in diff.changed_columns.rows():
        rows[column] += changed
        clients[column] += 1
    table = figures("column", "rows changed", "clients")
    for column in sorted(rows, key=lambda name: (-rows[name], name)):
        table.add_row(column, number(rows[column]), number(clients[column]))
    if rows:
        console.print()
        console.print(table)


def _show_drift(console: Console, diff: DatasetDiff) -> None:
    """Show which columns moved most, and in what."""
    from ai_dataflow.workstation.profile_drift import greatest_drift

    table = figures("drift", "distance", "clients")
    far = [row for row in greatest_drift(diff.drift).rows() if row[2] >= _FAR]
    for column, kind, distance, clients in far[:_MOST]:
        table.add_row(f"{column or 'rows'} · {kind}", f"{distance:.2f}", number(clients))
    if far:
        console.print()
        console.print(table)
    if len(far) > _MOST:
        console.print(f"and {len(far) - _MOST} more, with --json")


def _show_making(console: Console, diff: DatasetDiff) -> None:
    """Show what was made otherwise."""
    table = WholeTable("product", "ai_column", "clients", "mapped before", "after", "cell")
    for product, column, cell, before, after, clients in diff.mapping.rows():
        table.add_row(product, column, number(clients), before or "not", after or "not", cell)
    if not diff.mapping.is_empty():
        console.print()
        console.print(table)
    for before, after, clients in diff.code.rows():
        made = f"made by the program's rules {after}, {before} before"
        console.print(f"\n{counted(clients, 'client')} {made}: see the changelog")
    if unknown := diff.unprofiled:
        clients = counted(len(unknown), "client")
        console.print(f"\nwhat made {clients} is not known: one of the versions has no profile")


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row; of one that changed, its key and the values that did."""
    names = row.get("changed.columns")
    if names is None:
        return dict(row)
    key = {name: value for name, value in row.items() if "." not in name}
    return key | {name: [row[f"{name}.before"], row[f"{name}.after"]] for name in names}
