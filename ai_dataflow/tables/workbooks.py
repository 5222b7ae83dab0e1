"""Workbooks of Office Open XML as grids of cells, with the flaws that only they have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import IO, Any

import openpyxl

from ai_dataflow.tables.archives import check_archive, failing_as, transitional
from ai_dataflow.tables.grids import MAX_ROWS, Grid, UnreadableError
from ai_dataflow.tables.workbook_cells import (
    ERROR_VALUES,
    MAX_CELLS,
    as_shown,
    chosen,
    error_cell,
    formula,
    lettered,
    merged_lines,
)

_EXCEL_ROWS, _EXCEL_COLUMNS = 1 << 20, 1 << 14
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3}\d{1,7}(?::[A-Z]{1,3}\d{1,7})?)"')


def read_workbook(file: Path, sheet_name: str) -> Grid:
    """Read a sheet of a workbook (an empty name: its first visible one), as a stream.

    Raises:
        UnreadableError: it is none, or is far larger than such a table can be.
    """
    check_archive(file)
    source = transitional(file)
    with closing(_load(source, values=False)) as book:
        sheet = _sheet(book, sheet_name)
        grid = Grid(f"{file.name}!{sheet.title}")
        computed = _computed(source, sheet.title)
        for line, row in _rows(sheet):
            grid.add(line, [_text(cell, computed, grid) for cell in row])
        grid.flaws += merged_lines(_merges(sheet), grid)
    return lettered(grid)


def _load(source: Path | IO[bytes], *, values: bool) -> openpyxl.Workbook:
    """Load a workbook: with the values that Excel computed, or with the formulas themselves.

    Read-only, which streams its rows, and leaves drawings, links and merges alone: in the other
    mode a merge or link of `A1:XFD1048576` makes every cell of it.
    """
    with failing_as("it is no workbook"):
        return openpyxl.load_workbook(source, data_only=values, read_only=True)


def _sheet(book: openpyxl.Workbook, name: str) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    visible = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible"]
    return sheets[chosen(name, list(sheets), visible)]


def _rows(sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Give the sheet's lines as far as they reach; what it says of its own size is not asked."""
    sheet.reset_dimensions()
    width = 0
    with failing_as("it is no workbook"):
        for line, row in enumerate(sheet.iter_rows(), start=1):
            width = max(width, len(row))
            far = line > MAX_ROWS or line * width > MAX_CELLS or width > _EXCEL_COLUMNS
            if (row and far) or line > _EXCEL_ROWS:  # rows that are not there come as empty ones
                raise UnreadableError(
                    f"the sheet reaches to row {line:,}, column {width:,}; "
                    "delete what stands far from the table"
                )
            yield line, row


def _merges(sheet: Any) -> Iterator[str]:
    """Find the ranges of merged cells, which stand at the end of a sheet's XML."""
    rest = b""
    with sheet._get_source() as xml:
        while chunk := xml.read(1 << 20):
            whole, end, rest = (rest + chunk).rpartition(b">")
            for match in _MERGE.finditer(whole + end):
                yield match[1].decode()


def _computed(source: Path | IO[bytes], sheet_name: str) -> Callable[[Any], Any]:
    """Give what Excel computed for a formula; the workbook is read again only if it has any."""
    values = cache(partial(_values, source, sheet_name))
    return lambda cell: values().get((cell.row, cell.column))


def _values(source: Path | IO[bytes], sheet_name: str) -> dict[tuple[int, int], Any]:
    with closing(_load(source, values=True)) as book:
        return {
            (cell.row, cell.column): cell.value
            for _, row in _rows(_sheet(book, sheet_name))
            for cell in row
            if cell.value is not None
        }


def _text(cell: Any, computed: Callable[[Any], Any], grid: Grid) -> str:
    value = cell.value
    if value is None:
        return ""
    place = cell.row, cell.column - 1
    if cell.data_type == "f":
        value = computed(cell)
        if value is None:
            grid.flaws.append(formula(*place))
    if cell.data_type == "e" or (isinstance(value, str) and value in ERROR_VALUES):
        grid.flaws.append(error_cell(*place, str(value)))
    return as_shown(value, cell.number_format, place, grid)
