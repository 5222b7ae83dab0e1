"""How full the columns of a module are, for Dagster's pages: shares alone, no value of a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import dagster as dg

from ai_dataflow.config.visible import printable
from ai_dataflow.notifications.charts import bar_text
from ai_dataflow.workstation.reports import PartitionReport, RunReport

_BAR = 10  # characters


@cache
def card_command(module: str) -> str:
    """Give the command that makes a module's data card; the same text to all its partitions."""
    return f"ai-dataflow describe {module} --html card.html"


def fill_metadata(report: RunReport) -> dict[str, dg.MarkdownMetadataValue]:
    """Give a table of each module that a run published: the filled share of its columns.

    It is of the rows that the run published, of all products and of each.
    """
    tables = {}
    for module, matrix in report.coverage.items():
        made = [p for p in report.partitions if p.module == module and p.status == "ok"]
        if made:
            table = _table(list(matrix["columns"]), made)
            tables[f"fill of {module}"] = dg.MetadataValue.md(table)
    return tables


def _table(columns: Sequence[str], partitions: Iterable[PartitionReport]) -> str:
    rows, filled = Counter[str](), Counter[tuple[str, str]]()
    for partition in partitions:
        for product, counts in partition.products.items():
            rows[product] += counts.rows_published
            filled.update({(product, name): count for name, count in counts.filled.items()})
    products = sorted(product for product, count in rows.items() if count)
    head = ["AI column", "filled", "", *products]
    lines = [head, ["---"] * len(head)]
    lines += [_line(column, products, rows, filled) for column in columns]
    return "\n".join(f"| {' | '.join(map(_plain, cells))} |" for cells in lines)


def _line(
    column: str,
    products: Sequence[str],
    rows: Mapping[str, int],
    filled: Mapping[tuple[str, str], int],
) -> list[str]:
    total = sum(filled[product, column] for product in products)
    part = total / (sum(rows[product] for product in products) or 1)
    each = [_share(filled[product, column] / rows[product]) for product in products]
    return [column, _share(part), bar_text(part, _BAR), *each]


def _share(part: float) -> str:
    """Give a share; what is not all is never shown as all, nor what is some as nothing."""
    if part in (0, 1):
        return f"{part:.0%}"
    return f"{min(max(part, 0.001), 0.999):.1%}"


def _plain(cell: str) -> str:
    return printable(cell).replace("|", "\\|")
