"""Workbooks that people fill in: a project's tables as tabs, with notes, drop-downs and colours.

Each cell is text, so that `007` and `2024-01` stay what they are. A drop-down offers and does not
forbid: `validate` judges. Its words are on a hidden tab, as a list in a cell's own rule has room
for 255 characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import openpyxl
from openpyxl.comments import Comment
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import IllegalCharacterError
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from ai_dataflow.tables.ai_types import NAMES
from ai_dataflow.tables.cell_words import CLOSED, NEEDED, TYPES, Offers
from ai_dataflow.tables.column_texts import note
from ai_dataflow.tables.grids import MAX_ROWS, UnreadableError
from ai_dataflow.tables.table import Layout

TITLES = {
    "ai_mapping": "AI_Map",
    "source_rules": "Rules",
    "code_lists": "Codes",
    "ai_columns": "Dictionary",
    "control_table": "Control",
    "teams": "Teams",
}
_AUTHOR = "ai_dataflow"
_LISTS = "Lists"  # hidden: one column is one list, with its name, how many words, and these
_FIRST_WORD = 3
_TEXT = "@"
_RED = PatternFill("solid", bgColor="FFC7CE")
_EVERY = "every product"  # stands for `*` in the names of lists, as Excel's MATCH takes it for any
_NARROW, _WIDE = 12, 48


@dataclass(frozen=True)
class Tab:
    """A table of the project: the setting that names it, its layout, the rows' cells by column."""

    setting: str
    layout: Layout
    rows: Sequence[Mapping[str, str]]

    def letter(self, column: str) -> str:
        """Give the letter of a column."""
        return get_column_letter(self.layout.columns.index(column) + 1)


def write_workbook(file: Path, tabs: Iterable[Tab], offers: Offers) -> None:
    """Write tables as the tabs of a new workbook.

    Raises:
        UnreadableError: a cell has a character that no workbook can have.
    """
    book = openpyxl.Workbook()
    lists, tabs = _Lists(book), list(tabs)
    has_dictionary = any(tab.setting == "ai_columns" for tab in tabs)
    for tab in tabs:
        sheet = book.create_sheet(TITLES[tab.setting], len(book.sheetnames) - 1)
        _fill_in(sheet, tab)
        _offer(sheet, tab, lists, offers)
        _colour(sheet, tab, lists, has_dictionary=has_dictionary)
    book.active = 0
    book.save(file)


def _fill_in(sheet: Worksheet, tab: Tab) -> None:
    columns = tab.layout.columns
    for i, name in enumerate(columns, start=1):
        head = sheet.cell(1, i, name)
        head.font = Font(name="Calibri", size=11, bold=True)
        head.comment = Comment(note(tab.setting, name), _AUTHOR, height=140, width=320)
        longest = max((len(row[name]) for row in tab.rows), default=0)
        dimension = sheet.column_dimensions[get_column_letter(i)]
        dimension.width = min(max(longest, len(name), _NARROW) + 2, _WIDE)
        dimension.number_format = _TEXT  # of cells that are still to be filled in
    for line, row in enumerate(tab.rows, start=2):
        for i, name in enumerate(columns, start=1):
            _write(sheet, line, i, row[name])
    sheet.freeze_panes = "A2"


def _write(sheet: Worksheet, line: int, column: int, text: str) -> None:
    cell = sheet.cell(line, column)
    try:
        cell.value = text or None
    except IllegalCharacterError:
        place = f"{sheet.title}!{cell.coordinate}"
        raise UnreadableError(f"{place} has a character that no workbook can have") from None
    if text:
        cell.data_type = "s"  # also what begins as a formula or looks like an error
    cell.number_format = _TEXT


class _Lists:
    """The hidden tab of words."""

    def __init__(self, book: openpyxl.Workbook) -> None:
        sheet = book.active
        assert isinstance(sheet, Worksheet)  # noqa: S101 - a new workbook has one
        self.sheet, self._columns = sheet, 0
        sheet.title, sheet.sheet_state = _LISTS, "hidden"

    def add(self, name: str, words: Sequence[str]) -> str:
        """Add a list; give the range of its words."""
        self._columns += 1
        _write(self.sheet, 1, self._columns, name)
        self.sheet.cell(2, self._columns, len(words))
        for line, word in enumerate(words, start=_FIRST_WORD):
            _write(self.sheet, line, self._columns, word)
        letter = get_column_letter(self._columns)
        return f"{_LISTS}!${letter}${_FIRST_WORD}:${letter}${_FIRST_WORD + len(words) - 1}"


def _offer(sheet: Worksheet, tab: Tab, lists: _Lists, offers: Offers) -> None:
    for name in tab.layout.columns:
        column = tab.setting, name
        if column == ("ai_mapping", "source_column"):
            formula = _of_the_rows_source(tab, lists, offers)
        else:
            words = offers.words(column)
            formula = lists.add(".".join(column), words) if words else ""
        if formula:
            offered = DataValidation(type="list", formula1=formula, allow_blank=True)
            offered.showErrorMessage = column in CLOSED
            offered.errorStyle = "warning"
            offered.error = "validate will not take this word."
            offered.add(_cells(tab.letter(name)))
            sheet.add_data_validation(offered)


def _of_the_rows_source(tab: Tab, lists: _Lists, offers: Offers) -> str:
    """Give the formula of the columns that the source has which the row names."""
    for (module, product, submodule), words in offers.source_columns.items():
        lists.add(f"{module}|{product.replace('*', _EVERY)}|{submodule}", words)
    if not offers.source_columns:
        return ""
    module, product, submodule = map(tab.letter, ("module_name", "product_code", "submodule_name"))
    key = f'${module}2&"|"&SUBSTITUTE(${product}2,"*","{_EVERY}")&"|"&${submodule}2'
    at = f"MATCH({key},{_LISTS}!$1:$1,0)"
    return f"OFFSET({_LISTS}!$A${_FIRST_WORD},0,{at}-1,INDEX({_LISTS}!$2:$2,{at}),1)"


def _colour(sheet: Worksheet, tab: Tab, lists: _Lists, *, has_dictionary: bool) -> None:
    """Colour the blank cells of rows that need them, and types that there are not.

    Where there is a dictionary it has the types, and a row need not say its own.
    """
    last = get_column_letter(len(tab.layout.columns))
    for name in NEEDED[tab.setting]:
        if name == "ai_type" and has_dictionary:
            continue
        letter = tab.letter(name)
        _red(sheet, letter, f"AND(COUNTA($A2:${last}2)>0,LEN(TRIM(${letter}2))=0)")
    for name in (n for s, n in TYPES if s == tab.setting):
        _red(sheet, tab.letter(name), _no_type(tab.letter(name), lists))
    if tab.setting == "ai_mapping":
        source, transform = tab.letter("source_column"), tab.letter("transform")
        blank = f"LEN(TRIM(${source}2))+LEN(TRIM(${transform}2))=0"
        _red(sheet, source, f"AND(COUNTA($A2:${last}2)>0,{blank})")
        submodule = tab.letter("submodule_name")  # only what is computed has none
        _red(sheet, submodule, f"AND(LEN(TRIM(${source}2))>0,LEN(TRIM(${submodule}2))=0)")


def _no_type(letter: str, lists: _Lists) -> str:
    names = lists.add(f"types of {letter}", [name for name in NAMES if "(" not in name])
    cell = f'SUBSTITUTE(LOWER(${letter}2)," ","")'
    made = "".join(
        f',LEFT({cell},{len(kind)})<>"{kind}"' for kind in ("decimal(", "list(", "struct(")
    )
    return f"AND(LEN({cell})>0,ISNA(MATCH({cell},{names},0)){made})"


def _red(sheet: Worksheet, letter: str, formula: str) -> None:
    rule = Rule(type="expression", formula=[formula], dxf=DifferentialStyle(fill=_RED))
    sheet.conditional_formatting.add(_cells(letter), rule)


def _cells(letter: str) -> str:
    return f"{letter}2:{letter}{MAX_ROWS}"
