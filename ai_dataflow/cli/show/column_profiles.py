"""Profiles of columns in the terminal: how full they are, what values they have."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ai_dataflow.cli.show.whole_tables import WholeTable
from ai_dataflow.notifications.wording import printable

if TYPE_CHECKING:
    import polars as pl

_LONGEST = 28  # characters of a value
_FREQUENT = 3  # values
_EPOCH, _DAY = dt.date(1970, 1, 1).toordinal(), 86_400  # seconds
_MEDIAN = 16  # of 33 points


def show_profile(console: Console, module: str, rows: pl.DataFrame) -> None:
    """Show the profiles of a dataset, product by product."""
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


def _cells(row: dict[str, Any]) -> list[str]:
    filled = (row["rows"] - row["nulls"]) / row["rows"] if row["rows"] else 0.0
    ends = [_short(row["least"] or ""), _median(row), _short(row["greatest"] or "")]
    frequent = (row["frequent"] or [])[:_FREQUENT]
    shares = (f"{_short(each['value'])} {each['rows'] / row['rows']:.0%}" for each in frequent)
    return [row["ai_column"], row["ai_type"], _share(filled), _distinct(row), *ends,
            ", ".join(shares)]  # fmt: skip


def _share(share: float) -> str:
    """Give a share in percent; what is not all is never shown as all."""
    return f"{math.floor(share * 1000) / 10:.1f} %"


def _distinct(row: dict[str, Any]) -> str:
    if row["distinct"] is None:
        return ""
    error = f" ±{2 * row['distinct_error']:.0%}" if row["distinct_error"] else ""
    return f"{row['distinct']:,}{error}"


def _median(row: dict[str, Any]) -> str:
    if not row["quantiles"] or row["ai_type"] == "boolean":
        return ""
    middle = row["quantiles"][_MEDIAN]
    if row["ai_type"] in ("date", "timestamp"):
        days = middle if row["ai_type"] == "date" else middle / _DAY
        return dt.date.fromordinal(_EPOCH + math.floor(days)).isoformat()
    return f"{middle:.6g}"


def _short(value: str) -> str:
    """Give the beginning of a value, as one line."""
    shown = printable(value)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
