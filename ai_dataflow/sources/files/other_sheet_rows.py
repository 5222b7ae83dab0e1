"""Rows of sheets of Excel 97 to 2003 (`.xls`) and of OpenDocument (`.ods`)."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any
from xml.etree import ElementTree as ET

import xlrd
from xlrd.biffh import XLRDError

from ai_dataflow.sources.files.cells import (
    EMPTY,
    MILLISECONDS,
    TOO_LONG,
    Cell,
    CellKind,
    flaw,
    loses_digits,
    text,
)
from ai_dataflow.sources.files.sheet_rows import Box, Rows, SheetStream
from ai_dataflow.sources.files.spreadsheet_days import dated
from ai_dataflow.tables.archives import check_archive, failing_as, protected
from ai_dataflow.tables.grids import UnreadableError
from ai_dataflow.tables.open_documents import OFFICE, sheet_of, shown_text, spanned, table_rows
from ai_dataflow.tables.workbook_cells import ERROR_VALUES, chosen

_WHOLE = 12  # how many times its bytes a workbook takes that is held as a whole, about
_DURATION_HOURS = 24


@contextmanager
def open_old_sheet(content: IO[bytes], name: str, most: int) -> Iterator[SheetStream]:
    """Open a sheet of a `.xls`; see `open_sheet`.

    Raises:
        UnreadableError: it is no workbook, has no such sheet, or is too large.
    """
    written = content.read()
    if len(written) * _WHOLE > most:
        raise UnreadableError(f"it has {len(written) >> 20:,} MB, too much to be held in memory")
    with failing_as("it is no workbook"), _opened(written) as book:
        visible = [s.name for s in book.sheets() if not s.visibility]
        sheet = book.sheet_by_name(chosen(name, book.sheet_names(), visible))
        formats = [book.format_map[xf.format_key].format_str for xf in book.xf_list]
        merges = [(left + 1, top + 1, right, below)
                  for top, below, left, right in sheet.merged_cells]  # fmt: skip
        yield SheetStream(sheet.name, formats, _old_rows(book, sheet, formats), merges)


def _opened(written: bytes) -> xlrd.Book:
    try:
        with open(os.devnull, "w") as log:  # noqa: PTH123 - a device
            return xlrd.open_workbook(file_contents=written, logfile=log, formatting_info=True)
    except XLRDError as error:
        if "encrypted" in str(error):
            raise protected() from None
        raise


def _old_rows(book: xlrd.Book, sheet: Any, formats: list[str]) -> Rows:
    for line in range(sheet.nrows):
        cells = {i: _old_cell(book, cell, formats) for i, cell in enumerate(sheet.row(line), 1)}
        yield line + 1, {i: cell for i, cell in cells.items() if cell is not EMPTY}


def _old_cell(book: xlrd.Book, cell: Any, formats: list[str]) -> Cell:
    value, style = cell.value, cell.xf_index
    match cell.ctype:
        case xlrd.XL_CELL_TEXT:
            return flaw(f"it is the error {value}") if value in ERROR_VALUES else text(value)
        case xlrd.XL_CELL_ERROR:
            return flaw(f"it is the error {xlrd.error_text_from_code.get(value, '#N/A')}")
        case xlrd.XL_CELL_BOOLEAN:
            return CellKind.BOOLEAN, float(value), None, style
        case xlrd.XL_CELL_NUMBER | xlrd.XL_CELL_DATE:
            day = dated(value, formats[style], style, is_1904=bool(book.datemode))
            return day or (CellKind.NUMBER, value, None, style)
        case _:
            return EMPTY


@contextmanager
def open_document_sheet(content: IO[bytes], name: str, most: int) -> Iterator[SheetStream]:
    """Open a sheet of an `.ods`, which keeps beside each value what people see; see `open_sheet`.

    Raises:
        UnreadableError: it is no spreadsheet, has no such sheet, or is too large.
    """
    check_archive(content, most // _WHOLE)
    with failing_as("it is no spreadsheet"), zipfile.ZipFile(content) as archive:
        if b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise protected()
        root = ET.fromstring(archive.read("content.xml"))  # noqa: S314 - expat bounds entities
        title, sheet = sheet_of(root, name)
        merges: list[Box] = []
        yield SheetStream(title, [], _document_rows(sheet, merges), merges)


def _document_rows(sheet: ET.Element, merges: list[Box]) -> Rows:
    for line, row in table_rows(sheet):
        cells: dict[int, Cell] = {}
        for i, element in enumerate(row, 1):
            wide, high = spanned(element, "columns"), spanned(element, "rows")
            if wide + high > 1 + 1:
                merges.append((i, line, i + wide - 1, line + high - 1))
            if (cell := _document_cell(element)) is not EMPTY:
                cells[i] = cell
        yield line, cells


def _document_cell(element: ET.Element) -> Cell:
    seen, is_error = shown_text(element)
    if is_error:
        return flaw(f"it is the error {seen}")
    value = element.get(f"{OFFICE}value", "")
    match element.get(f"{OFFICE}value-type"):
        case "float" | "percentage" | "currency":
            return (
                flaw(TOO_LONG) if loses_digits(value) else (CellKind.NUMBER, float(value), seen, -1)
            )
        case "boolean":
            number = float(element.get(f"{OFFICE}boolean-value") == "true")
            return CellKind.BOOLEAN, number, seen, -1
        case "date":
            return _day(element.get(f"{OFFICE}date-value", ""), seen)
        case "time":
            return _time(element.get(f"{OFFICE}time-value", ""), seen)
        case _:
            return text(seen or "")


def _day(written: str, seen: str | None) -> Cell:
    try:
        moment = datetime.fromisoformat(written[:26]).replace(tzinfo=UTC)
    except ValueError:
        return flaw("it is no day of the calendar")
    ms = float(round(moment.timestamp() * 1000))
    return (CellKind.INSTANT if ms % MILLISECONDS else CellKind.DAY), ms, seen, -1


def _time(written: str, seen: str | None) -> Cell:
    """Give the time of `PT03H04M05S`; more than a day is a duration."""
    hours, minutes, seconds = (
        written.removeprefix("PT").replace("H", " ").replace("M", " ").rstrip("S").split()
    )
    total = (int(hours) * 60 + int(minutes)) * 60 + float(seconds.replace(",", "."))
    kind = CellKind.TIME if int(hours) < _DURATION_HOURS else CellKind.DURATION
    return kind, float(round(total * 1000)), seen, -1
