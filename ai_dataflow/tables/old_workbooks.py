"""Workbooks of Excel 97 to 2003 (`.xls`) as grids of cells."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import xlrd
from openpyxl.utils import get_column_letter
from xlrd.biffh import XLRDError

from ai_dataflow.tables.archives import failing_as, protected
from ai_dataflow.tables.grids import Grid, UnreadableError
from ai_dataflow.tables.workbook_cells import (
    as_shown,
    chosen,
    error_cell,
    lettered,
    merged_lines,
)

_MAX_BYTES = 64 << 20


def read_old_workbook(file: Path, sheet_name: str) -> Grid:
    """Read a sheet of a workbook (an empty name: its first visible one).

    Raises:
        UnreadableError: it is none, or is far larger than such a table can be.
    """
    if file.stat().st_size > _MAX_BYTES:
        raise UnreadableError(f"it has more than {_MAX_BYTES >> 20} MB, too large for such a table")
    with failing_as("it is no workbook"), _opened(file) as book:
        visible = [s.name for s in book.sheets() if not s.visibility]
        sheet = book.sheet_by_name(chosen(sheet_name, book.sheet_names(), visible))
        grid = Grid(f"{file.name}!{sheet.name}")
        for line in range(sheet.nrows):
            cells = enumerate(sheet.row(line))
            grid.add(line + 1, [_text(book, cell, (line + 1, i), grid) for i, cell in cells])
        grid.flaws += merged_lines(_merges(sheet), grid)
    return lettered(grid)


def _opened(file: Path) -> xlrd.Book:
    try:
        # Its warnings name nothing that people could mend.
        with open(os.devnull, "w") as log:  # noqa: PTH123 - a device
            return xlrd.open_workbook(str(file), logfile=log, formatting_info=True)
    except XLRDError as error:
        if "encrypted" in str(error):
            raise protected() from None
        raise


def _text(book: xlrd.Book, cell: Any, place: tuple[int, int], grid: Grid) -> str:
    value = cell.value
    match cell.ctype:
        case xlrd.XL_CELL_EMPTY | xlrd.XL_CELL_BLANK:
            return ""
        case xlrd.XL_CELL_ERROR:
            text = str(xlrd.error_text_from_code.get(value, "#N/A"))
            grid.flaws.append(error_cell(*place, text))
            return text
        case xlrd.XL_CELL_BOOLEAN:
            value = bool(value)
        case xlrd.XL_CELL_DATE:
            value = xlrd.xldate_as_datetime(value, book.datemode)
    number_format = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
    return as_shown(value, number_format, place, grid)


def _merges(sheet: Any) -> Iterator[str]:
    for top, below, left, right in sheet.merged_cells:
        yield f"{get_column_letter(left + 1)}{top + 1}:{get_column_letter(right)}{below}"
