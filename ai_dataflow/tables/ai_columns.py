"""The dictionary: what an AI column means, and what must hold for it. A tab of the sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.tables.table import CellTable, Layout, Row, is_yes, repeats

LAYOUT = Layout(
    "DIC",
    ("module_name", "ai_column"),
    ("ai_type", "description", "unit", "is_key", "required", "min", "max", "pattern", "code_list",
     "max_null", "references", "sensitivity"),
    key=("module_name", "ai_column"),
    loose=("description", "unit", "is_key", "required", "sensitivity"),
)  # fmt: skip


@dataclass(frozen=True)
class DictionaryRow(Row):
    """What an AI column means and what must hold; every text as its cell says it."""

    module: str
    ai_column: str
    ai_type: str = ""
    description: str = ""
    unit: str = ""
    is_key: bool = False
    required: bool = False
    min: str = ""
    max: str = ""
    pattern: str = ""
    code_list: str = ""
    max_null: str = ""
    references: str = ""
    sensitivity: str = ""


def dictionary_rows(table: CellTable) -> tuple[list[DictionaryRow], list[Diagnostic]]:
    """Give the table's rows and its problems."""
    rows = [_row(table, line, cells) for line, cells in table.rows.items()]
    problems = [
        *table.blanks(("module_name", "ai_column")),
        *table.bad_names(("module_name",)),
        *table.bad_flags(("is_key", "required")),
    ]
    for row, first in repeats(rows, lambda row: (row.module, row.ai_column)):
        message = f"the column has a row in {first.place('ai_column')}"
        problems.append(
            table.problem("006", row.line, "ai_column", message, "make one row of them")
        )
    return rows, table.diagnostics(problems)


def _row(table: CellTable, line: int, cells: Mapping[str, str]) -> DictionaryRow:
    return DictionaryRow(
        table.sheet, line, cells["module_name"], cells["ai_column"], cells["ai_type"],
        cells["description"], cells["unit"], is_yes(cells["is_key"]), is_yes(cells["required"]),
        cells["min"], cells["max"], cells["pattern"], cells["code_list"], cells["max_null"],
        cells["references"], cells["sensitivity"],
    )  # fmt: skip
