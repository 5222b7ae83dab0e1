"""docs/sheet.md has every column of every table, in the order that `sheet format` gives them."""

from __future__ import annotations

import csv

from ai_dataflow.tables.cell_words import NEEDED
from ai_dataflow.tables.project import LAYOUTS
from ai_dataflow_tests.docs.markdown import DOCS, blocks, tables
from ai_dataflow_tests.docs.tables_page import TABLES

PAGE = DOCS / "sheet.md"


def test_the_page_has_every_column_and_says_which_are_needed() -> None:
    shown = [rows for _, rows in tables(PAGE) if "column" in rows[0]]
    for (setting, (layout, _, _)), rows in zip(TABLES.items(), shown, strict=True):
        defaults = {
            name.strip(" `"): row["default"] for row in rows for name in row["column"].split(",")
        }
        assert tuple(defaults) == layout.columns, setting
        needed = {name for name, default in defaults.items() if default.endswith("needed")}
        assert needed == {*NEEDED[setting]}, setting


def test_the_rows_of_its_examples_are_rows_of_these_tables() -> None:
    examples = [block for block in blocks(PAGE) if block.language == "csv"]
    assert examples
    for block in examples:
        head, *rows = csv.reader(block.text.splitlines(), strict=True)
        assert [name for name, table in LAYOUTS.items() if {*head} <= {*table.columns}], block.place
        assert {len(row) for row in rows} == {len(head)}, block.place
