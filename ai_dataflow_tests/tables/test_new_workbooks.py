"""Workbooks of a project's tables: what is read back is the same, and what their cells offer."""

from __future__ import annotations

from pathlib import Path

import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.worksheet import Worksheet

from ai_dataflow.tables.cell_words import Offers
from ai_dataflow.tables.column_texts import note
from ai_dataflow.tables.grids import UnreadableError
from ai_dataflow.tables.new_workbooks import TITLES, Tab, write_workbook
from ai_dataflow.tables.project import LAYOUTS
from ai_dataflow.tables.table import read_table

LAYOUT = LAYOUTS["code_lists"]
CODES = st.one_of(
    st.sampled_from(
        ["007", "1e5", "2024-01-31", "TRUE", "=A1", "1.50", "=cmd|'/c'!A1", "+7", "@x"]
    ),
    st.sampled_from(["a\nb", "'quoted", "<b>&amp;", "3/4", "12:30", "0", "-0", "1E400", "Å", "😀"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(
        lambda text: text.strip().strip("\u00a0\u200b\ufeff \t") or "x"
    ),
)


def written(folder: Path, *tabs: Tab, offers: Offers | None = None) -> Path:
    write_workbook(folder / "book.xlsx", tabs, offers or Offers())
    return folder / "book.xlsx"


@given(st.lists(st.lists(CODES, min_size=5, max_size=5), min_size=1, max_size=4))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_codes_are_read_back_as_they_were_or_refused(tmp_path: Path, rows: list[list[str]]) -> None:
    tab = Tab("code_lists", LAYOUT, [dict(zip(LAYOUT.columns, row, strict=True)) for row in rows])
    try:
        file = written(tmp_path, tab)
    except UnreadableError:
        assert any(not letter.isprintable() for row in rows for cell in row for letter in cell)
        return
    table = read_table(f"{file.name}#{TITLES['code_lists']}", tmp_path, LAYOUT)
    back = list(table.rows.values())
    if (
        not table.flaws
    ):  # what cannot be kept is told by a flaw, or by another text: see the command
        unlike = [(row, other) for row, other in zip(tab.rows, back, strict=True) if row != other]
        assert all("\r" in "".join(row.values()) for row, _ in unlike)


def _offered(sheet: Worksheet) -> dict[str, str]:
    """Give the formula of each column's drop-down."""
    header = {cell.column_letter: str(cell.value) for cell in sheet[1]}
    return {
        header[str(each.sqref).partition("2")[0]]: str(each.formula1)
        for each in sheet.data_validations.dataValidation
    }


def _words(book: openpyxl.Workbook, formula: str) -> list[str]:
    sheet, _, cells = formula.partition("!")
    return [str(cell.value) for (cell,) in book[sheet][cells.replace("$", "")]]


def test_each_tab_has_notes_drop_downs_and_a_fixed_header(tmp_path: Path) -> None:
    row = dict.fromkeys(LAYOUTS["ai_mapping"].columns, "") | {"ai_column": "day", "ai_type": "dat"}
    offers = Offers(
        {("ai_mapping", "code_list"): ("country", "=odd")},
        {("claims", "ORION", "header"): ("No", "Date"), ("claims", "*", "header"): ("No", "Date")},
    )
    tabs = [
        Tab(name, layout, [row] if name == "ai_mapping" else []) for name, layout in LAYOUTS.items()
    ]
    book = openpyxl.load_workbook(written(tmp_path, *tabs, offers=offers))
    assert book.sheetnames == [*TITLES.values(), "Lists"]
    assert book["Lists"].sheet_state == "hidden"
    for name, title in TITLES.items():
        sheet = book[title]
        assert sheet.freeze_panes == "A2"
        assert [cell.comment.text for cell in sheet[1]] == [
            note(name, column) for column in LAYOUTS[name].columns
        ]
        assert {cell.number_format for cell in sheet[2]} <= {"@", "General"}
    mapping = _offered(book["AI_Map"])
    assert _words(book, mapping["is_key"]) == ["Y", "N"]
    assert _words(book, mapping["unmapped"]) == ["reject", "keep", "null"]
    assert _words(book, mapping["code_list"]) == ["country", "=odd"]
    assert "decimal(18,2)" in _words(book, mapping["ai_type"])
    assert _words(book, _offered(book["Rules"])["join"]) == ["full", "left", "inner", "lookup"]
    # The words for `source_column` are those of the source that the row names.
    assert mapping["source_column"].startswith("OFFSET(Lists!")
    assert max(map(len, mapping.values())) <= 255
    heads = {str(cell.value): cell.column_letter for cell in book["Lists"][1]}
    letter = heads["claims|every product|header"]
    assert [book["Lists"][f"{letter}{i}"].value for i in (2, 3, 4)] == [2, "No", "Date"]


def test_a_source_that_nobody_reached_offers_nothing(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(written(tmp_path, Tab("ai_mapping", LAYOUTS["ai_mapping"], [])))
    assert "source_column" not in _offered(book["AI_Map"])


def test_what_is_not_filled_in_and_unknown_types_are_coloured(tmp_path: Path) -> None:
    book = openpyxl.load_workbook(written(tmp_path, Tab("ai_mapping", LAYOUTS["ai_mapping"], [])))
    rules = book["AI_Map"].conditional_formatting
    coloured = {str(each.sqref)[0]: len(each.rules) for each in rules}
    assert coloured == {"A": 1, "B": 1, "C": 1, "D": 1, "E": 1, "F": 2}
