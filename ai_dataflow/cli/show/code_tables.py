"""Code lists in the terminal: what they have, what they lack, and the rows to add."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from ai_dataflow.cli.show.texts import number
from ai_dataflow.cli.show.whole_tables import WholeTable
from ai_dataflow.notifications.wording import counted
from ai_dataflow.tables.ai_mapping import EVERY_PRODUCT

if TYPE_CHECKING:
    from ai_dataflow.runs.missing_codes import MissingCode
    from ai_dataflow.tables.code_lists import CodeLists

_HEADER = ("code_list", "source_value", "ai_value", "product_code")


def show_lists(
    console: Console,
    lists: CodeLists,
    used_by: Mapping[str, Sequence[str]],
    lacking: Counter[MissingCode],
) -> None:
    """Show each list with its codes, the rows that are left out for it, and who uses it."""
    if not used_by:
        console.print("there is no code list: see docs/sheet.md")
        return
    figures = ("codes", "values missing", "rows left out")
    table = WholeTable("code list", *figures, "used by", numbers=figures, wraps=True)
    for name, columns in used_by.items():
        rows = {code: n for code, n in lacking.items() if code.code_list == name}
        codes = number(len(lists.by_name.get(name, ())))
        users = ", ".join(columns) or "nothing"
        style = "yellow" if rows else ""
        table.add_row(
            name, codes, number(len(rows)), number(sum(rows.values())), users, style=style
        )
    console.print(table)
    if lacking:
        console.print("\nWhich values: ai-dataflow codes --missing. Rows to add: --draft.")


def show_missing(console: Console, lacking: Counter[MissingCode]) -> None:
    """Show the values that lists lack, those of most rows first."""
    if lacking:
        table = WholeTable("code list", "product", "rows", "value", numbers=("rows",), wraps=True)
        for code, rows in lacking.most_common():
            table.add_row(code.code_list, code.product, number(rows), code.value)
        console.print(table)
    total = sum(lacking.values())
    console.print(f"\n{counted(len(lacking), 'value')} missing, {counted(total, 'row')} left out")


def show_draft(console: Console, lacking: Counter[MissingCode]) -> None:
    """Print rows to add, as CSV: what the value becomes is for the person to fill in."""
    text = io.StringIO()
    rows = [(code.code_list, code.value, "", code.product) for code in sorted(lacking)]
    csv.writer(text, lineterminator="\n").writerows([_HEADER, *_shared(rows)])
    console.file.write(text.getvalue())


def _shared(rows: Sequence[tuple[str, str, str, str]]) -> list[tuple[str, str, str, str]]:
    """Give a value that several products have as one row for every product."""
    products = Counter((name, value) for name, value, _, _ in rows)
    return list(
        dict.fromkeys(
            (name, value, "", product if products[name, value] == 1 else EVERY_PRODUCT)
            for name, value, _, product in rows
        )
    )
