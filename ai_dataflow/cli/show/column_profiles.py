"""Profiles of columns in the terminal: how full they are, what values they have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from ai_dataflow.cli.card.card_words import brief, share
from ai_dataflow.cli.show.texts import not_shown
from ai_dataflow.cli.show.whole_tables import WholeTable
from ai_dataflow.notifications.wording import printable

if TYPE_CHECKING:
    import polars as pl

_LONGEST = 28  # characters of a value
_FREQUENT = 3  # values


def show_profile(
    console: Console, module: str, rows: pl.DataFrame, hidden: Mapping[str, str]
) -> None:
    """Show the profiles of a dataset, product by product; of hidden columns it says why."""
    if not rows.height:
        console.print(f"{module} was published without profiles; its next publication has them")
        return
    for product in rows["product_code"].unique(maintain_order=True):
        of = rows.filter(product_code=product).to_dicts()
        height = next((row["rows"] for row in of if not row["ai_column"]), of[0]["rows"])
        console.print(f"{module}, {product}: {height:,} rows", highlight=False)
        table = WholeTable(
            "column", "type", "filled", "distinct", "least", "median", "greatest", "most frequent",
            numbers=("filled", "distinct"),
        )  # fmt: skip
        for row in (row for row in of if row["ai_column"]):
            table.add_row(*_cells(row))
        console.print(table)
    for column in dict.fromkeys(rows.filter("is_hidden")["ai_column"]):
        text = Text(printable(not_shown(column, hidden[column])), "dim")
        console.print(text, soft_wrap=True)


def _cells(row: dict[str, Any]) -> list[str]:
    filled = row["rows"] - row["nulls"]
    ends = [_end(row["least"]), _median(row), _end(row["greatest"])]
    frequent = (row["frequent"] or [])[:_FREQUENT]
    shares = (f"{_short(each['value'])} {share(each['rows'] / filled, 0)}" for each in frequent)
    return [row["ai_column"], row["ai_type"], share(filled / row["rows"] if row["rows"] else None),
            _distinct(row), *ends, ", ".join(shares)]  # fmt: skip


def _distinct(row: dict[str, Any]) -> str:
    if row["distinct"] is None:
        return ""
    error = f" ±{row['distinct_error']:.0%}" if row["distinct_error"] else ""
    return f"{row['distinct']:,}{error}"


def _median(row: dict[str, Any]) -> str:
    if not row["quantiles"] or row["ai_type"] == "boolean":
        return ""
    return brief(row["quantiles"][len(row["quantiles"]) // 2], row["ai_type"])


def _end(value: str | None) -> str:
    return "" if value is None else _short(value)


def _short(value: str) -> str:
    """Give the beginning of a value, as one line; one that nobody sees in quotes."""
    shown = printable(value if value.strip() else f'"{value}"')
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
