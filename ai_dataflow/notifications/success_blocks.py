"""A team's figures of a run: rows by module, against earlier runs, coverage, durations. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from statistics import median

from ai_dataflow.notifications import charts
from ai_dataflow.notifications.history import RUNS, History, took
from ai_dataflow.notifications.model import (
    Block,
    Cell,
    Column,
    Facts,
    Heading,
    Paragraph,
    Table,
    cells,
    table,
)
from ai_dataflow.notifications.routing import Recipient
from ai_dataflow.notifications.unusual_blocks import unusual_blocks, unusual_of_runs
from ai_dataflow.notifications.wording import change, counted, seconds, size, when
from ai_dataflow.tables.teams import ANY
from ai_dataflow.workstation.reports import Counts, PartitionReport, RunReport

_SLOWEST = 5
_GOOD = ("ok", "unchanged")


def counts_of(partition: PartitionReport, team: Recipient) -> Counts | None:
    """Give the rows of a partition that are the team's; None where it has no part in it."""
    products = team.scope(partition.module)
    if ANY in products:
        return partition
    parts = [counts for name, counts in partition.products.items() if name in products]
    if not parts:
        return None
    return Counts(**{name: sum(getattr(c, name) for c in parts) for name in Counts.model_fields})


def good_partitions(report: RunReport, team: Recipient) -> list[PartitionReport]:
    """Give what the run published for a team; what it found unchanged is no news."""
    good = (p for p in report.partitions if p.status in _GOOD and p.made is None)
    return [p for p in good if counts_of(p, team)]


def success_blocks(report: RunReport, history: History, team: Recipient) -> list[Block]:
    """Say what a run published, and what is unusual about it."""
    good = good_partitions(report, team)
    rows, flags = _module_rows(good, history, team)
    return [
        _facts(report, good, history, team),
        *(Paragraph(flag, "warn") for flag in flags),
        *unusual_blocks(unusual_of_runs([report], team)),
        Heading("Modules"),
        _module_table(rows),
        *_charts(report, good, history, team),
        *_coverage(report, history, {p.module for p in good}),
        Heading("Slowest partitions"),
        _slowest(good),
    ]


def _measure(team: Recipient, name: str) -> Callable[[PartitionReport], float]:
    def measured(partition: PartitionReport) -> float:
        counts = counts_of(partition, team)
        return float(getattr(counts, name)) if counts else 0.0

    return measured


def _total(partitions: Sequence[PartitionReport], team: Recipient, name: str) -> int:
    return int(sum(map(_measure(team, name), partitions)))


def _facts(
    report: RunReport, good: Sequence[PartitionReport], history: History, team: Recipient
) -> Facts:
    earlier = [value for _, value in history.durations()]
    usual = f" (median {seconds(median(earlier))})" if earlier else ""
    return Facts(
        (
            ("partitions published", f"{len(good):,} of {len(report.partitions):,}"),
            ("rows published", f"{_total(good, team, 'rows_published'):,}"),
            ("rows rejected", f"{_total(good, team, 'rows_rejected'):,}"),
            ("duration", seconds(took(report)) + usual),
            ("size of the data files", size(sum(p.bytes for p in good))),
        )
    )


def _module_rows(
    good: Sequence[PartitionReport], history: History, team: Recipient
) -> tuple[list[tuple[Cell, ...]], list[str]]:
    rows, flags = [], []
    all_of = {name: len(list(group)) for name, group in groupby(history.report.partitions, _module)}
    for module, grouped in groupby(good, key=_module):
        partitions = list(grouped)
        row, odd = _module_row(module, partitions, history, team)
        rows.append((Cell(module), Cell(f"{len(partitions):,} of {all_of[module]:,}"), *row))
        flags += odd
    return rows, flags


def _module(partition: PartitionReport) -> str:
    return partition.module


def _module_row(
    module: str, partitions: Sequence[PartitionReport], history: History, team: Recipient
) -> tuple[list[Cell], list[str]]:
    from ai_dataflow.workstation.usual_counts import (  # noqa: PLC0415 - only figures need numpy
        unusual_count,
    )

    keys = [p.partition for p in partitions]
    names = ("rows_read", "rows_mapped", "rows_rejected", "rows_published")
    read, taken, rejected, published = (_total(partitions, team, name) for name in names)
    flags = []
    tones = {}
    for name, value, verb in (
        ("rows_published", published, "published"),
        ("rows_rejected", rejected, "rejected"),
    ):
        series = history.series(keys, _measure(team, name))
        points = [(run.finished, count) for run, count in series]
        usual = unusual_count(value, history.report.finished, points)
        tones[name] = "warn" if usual else ""
        if usual:
            flags.append(f"Unusual: {module} {verb} {counted(value, 'row')}; {usual}.")
    before = history.series(keys, _measure(team, "rows_published"))
    changed = change(published, before[0][1]) if before else "first run"
    return [
        Cell(f"{read:,}"),
        Cell(f"{taken - rejected:,}"),
        Cell(f"{rejected:,}", "warn" if tones["rows_rejected"] else ""),
        Cell(f"{published:,}"),
        Cell(changed, "warn" if tones["rows_published"] else "dim"),
    ], flags


def _module_table(rows: Sequence[tuple[Cell, ...]]) -> Table:
    numbers = ("clients ok", "read", "accepted", "rejected", "published", "change")
    return table([Column("module"), *(Column(name, is_number=True) for name in numbers)], rows)


def _charts(
    report: RunReport, good: Sequence[PartitionReport], history: History, team: Recipient
) -> list[Block]:
    """Draw rows and durations of the last runs, where there are any to look at."""
    keys = [p.partition for p in good]
    rows = history.series(keys, _measure(team, "rows_published"))[:RUNS]
    rows = [(report, float(_total(good, team, "rows_published"))), *rows]
    durations = [(report, took(report)), *history.durations()]
    drawn: list[Block] = []
    for title, values, shown in (
        ("Rows published, last runs", rows, lambda value: f"{value:,.0f}"),
        ("Duration, last runs", durations, seconds),
    ):
        if len(values) > 1:
            labelled = [(when(run.finished).removesuffix(" UTC"), v) for run, v in reversed(values)]
            drawn.append(charts.bars(title, labelled, shown, "good"))
    return drawn


def _coverage(report: RunReport, history: History, modules: set[str]) -> list[Block]:
    """Tell which columns are mapped, or no longer, since the last run that knew the module."""
    changes = []
    for module in sorted(modules & set(report.coverage)):
        before = next((r.coverage[module] for r in history.earlier if module in r.coverage), None)
        if before:
            changes += _coverage_changes(module, before, report.coverage[module])
    if not changes:
        return []
    return [Heading("Coverage"), *(Paragraph(text) for text in changes[:10])]


def _coverage_changes(module: str, before: dict[str, object], now: dict[str, object]) -> list[str]:
    def mapped(matrix: dict[str, object]) -> set[tuple[str, str]]:
        columns = matrix.get("columns")
        rows = columns.items() if isinstance(columns, dict) else ()
        return {(c, p) for c, row in rows for p, cover in row.items() if cover == "mapped"}

    old, new = mapped(before), mapped(now)
    parts = [
        *(f"+ {column} of {product}" for column, product in sorted(new - old)),
        *(f"− {column} of {product}" for column, product in sorted(old - new)),
    ]
    if not parts:
        return []
    ratios = [matrix.get("ratio") for matrix in (before, now)]
    shown = " → ".join(f"{ratio:.0%}" for ratio in ratios if isinstance(ratio, int | float))
    return [f"{module}: {shown} ({', '.join(parts[:6])}{', …' if len(parts) > 6 else ''})"]  # noqa: PLR2004


def _slowest(good: Sequence[PartitionReport]) -> Table:
    slowest = sorted(good, key=lambda p: p.seconds, reverse=True)[:_SLOWEST]
    columns = [Column("partition"), *(Column(n, is_number=True) for n in ("time", "rows", "size"))]
    return table(
        columns,
        [
            cells(p.partition, seconds(p.seconds), f"{p.rows_published:,}", size(p.bytes))
            for p in slowest
        ],
    )
