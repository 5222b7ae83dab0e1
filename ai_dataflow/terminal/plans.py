"""What a run would do, and what feeds the AI columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ai_dataflow.planning.coverage import Coverage
from ai_dataflow.planning.explain import Feed
from ai_dataflow.planning.plan import Plan
from ai_dataflow.terminal.texts import counted


def show_plan(console: Console, plan: Plan, published: set[str]) -> None:
    """Show, per module, what a run would do now, and what the products map."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("module")
    for name in ("run", "of them new", "held back", "removed"):
        table.add_column(name, justify="right")
    removed = published - set(plan.partitions)
    modules = sorted({key.partition("|")[0] for key in {*plan.partitions, *removed}})
    for module in modules:
        own = [key for key in plan.jobs if key.startswith(f"{module}|")]
        table.add_row(
            module,
            str(len(own)),
            str(len(set(own) - published)),
            str(sum(key.startswith(f"{module}|") for key in plan.held)),
            str(sum(key.startswith(f"{module}|") for key in removed)),
        )
    console.print(table)
    for key, problems in plan.held.items():
        console.print(Text(f"held back: {key}: {problems[0].code} at {problems[0].place}"))
    for key in sorted(removed):
        console.print(Text(f"removed: {key} is not in the control table; its data stays"))
    for coverage in plan.coverage.values():
        console.print()
        console.print(_coverage(coverage))


def show_feeds(console: Console, feeds: Sequence[Feed]) -> None:
    """Show where an AI column comes from, in every product; lines do not wrap within a cell."""
    rows = [
        (
            f"{feed.module} · {feed.product} · {feed.submodule}",
            f"{feed.source}{f': {feed.source_type}' if feed.source_type else ''} → {feed.ai_type}",
            feed.cell,
            f"filled for {feed.filled} of {counted(feed.clients, 'client')}",
        )
        for feed in feeds
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        line = "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.print(Text(line.rstrip()), soft_wrap=True)


def _coverage(coverage: Coverage) -> Table:
    table = Table(
        title=f"{coverage.module}: {coverage.ratio:.0%} covered", title_justify="left",
        box=None, header_style="bold", pad_edge=False,
    )  # fmt: skip
    table.add_column("AI column")
    for product in coverage.products:
        table.add_column(product)
    styles = {"mapped": "green", "missing": "dim", "required-missing": "red"}
    for column, cells in coverage.cells.items():
        covers = (cells[product] for product in coverage.products)
        table.add_row(column, *(Text(cover, styles[cover]) for cover in covers))
    return table
