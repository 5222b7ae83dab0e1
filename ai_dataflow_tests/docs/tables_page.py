"""`docs/reference/tables.md`: every column of the tables that people edit, from their layouts."""

from __future__ import annotations

from ai_dataflow.tables import (
    ai_columns,
    ai_mapping,
    code_lists,
    control_table,
    source_rules,
    teams,
)
from ai_dataflow.tables.ai_types import NAMES
from ai_dataflow.tables.column_texts import column_texts
from ai_dataflow.tables.table import Layout
from ai_dataflow_tests.docs.markdown import code, table

TABLES: dict[str, tuple[Layout, str, str]] = {
    "control_table": (
        control_table.LAYOUT,
        "Control table",
        "What to load. One row is one source: a submodule of a product, for one client.",
    ),
    "ai_mapping": (
        ai_mapping.LAYOUT,
        "AI mapping sheet",
        "Which source column feeds which AI column. One row is one AI column from one source.",
    ),
    "code_lists": (
        code_lists.LAYOUT,
        "Code lists",
        "What the values of a source become. One row is one value of one list.",
    ),
    "source_rules": (
        source_rules.LAYOUT,
        "Source rules",
        "How the rows of one source are taken, and joined to those of others.",
    ),
    "ai_columns": (
        ai_columns.LAYOUT,
        "Dictionary",
        "What an AI column means, and what must hold for it. One row is one AI column of a module.",
    ),
    "teams": (
        teams.LAYOUT,
        "Teams",
        "Who owns what, and who gets which mail. The first row that matches a problem owns it.",
    ),
}

_INTRO = """\
# Tables

The tables that people edit. Each is a CSV file, a tab of a workbook or a table of a database. The
[settings](settings.md) name them. Columns may stand in any order. A column that is not listed here
is an error, and so is one that must be there and is missing. [What the tables say](../sheet.md) has
the rules: defaults, which row applies, what becomes of a value.

<!-- Made from the layouts in ai_dataflow/tables, and ai_dataflow/tables/columns.toml; do
not edit. Make it anew with .venv/bin/python -m ai_dataflow_tests.docs -->
"""


def page() -> str:
    """Give the Markdown page."""
    said = column_texts()
    parts = [_INTRO]
    for name, (layout, title, about) in TABLES.items():
        rows = [
            [
                code(column),
                "yes" if column in layout.required else "",
                code(said[name].get(column, {}).get("example", "")),
                said[name].get(column, {}).get("text", ""),
            ]
            for column in layout.columns
        ]
        order = "The order of the rows counts." if layout.is_ordered else ""
        heads = ["column", "must be there", "example", "what it says"]
        parts += [f"## {title}", "", f"{about} {order}".strip(), "", *table(heads, rows), ""]
    types = ", ".join(code(name) for name in NAMES)
    parts += ["## Types of AI columns", "", f"`ai_type` is one of {types}.", ""]
    return "\n".join(parts)
