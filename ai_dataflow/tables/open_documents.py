"""Spreadsheets of OpenDocument (`.ods`) as grids of cells.

They keep beside each value the text that people see; libraries give the value alone.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from openpyxl.utils import get_column_letter

from ai_dataflow.tables.archives import check_archive, failing_as, protected
from ai_dataflow.tables.grids import MAX_ROWS, Grid, UnreadableError
from ai_dataflow.tables.workbook_cells import (
    ERROR_VALUES,
    MAX_CELLS,
    chosen,
    error_cell,
    lettered,
    merged_lines,
    not_shown,
)

_OASIS = "{urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, OFFICE, _TEXT = f"{_OASIS}table:1.0}}", f"{_OASIS}office:1.0}}", f"{_OASIS}text:1.0}}"
_STYLE = f"{_OASIS}style:1.0}}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}value-type"
_EXPONENT = re.compile(r"\d[Ee][+-]?\d|^#+$")
_WIDEST = 16_384
_BREAKS = {f"{_TEXT}line-break": "\n", f"{_TEXT}tab": "\t"}


def read_open_document(file: Path, sheet_name: str) -> Grid:
    """Read a sheet of a spreadsheet (an empty name: its first visible one).

    Raises:
        UnreadableError: it is none, or is far larger than such a table can be.
    """
    check_archive(file)
    with failing_as("it is no spreadsheet"), zipfile.ZipFile(file) as archive:
        if b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise protected()
        root = ET.fromstring(archive.read("content.xml"))  # noqa: S314 - expat bounds entities
        title, sheet = sheet_of(root, sheet_name)
        grid = Grid(f"{file.name}!{title}")
        merges: list[str] = []
        for line, row in table_rows(sheet):
            grid.add(line, [_text(cell, (line, i), grid, merges) for i, cell in enumerate(row)])
        grid.flaws += merged_lines(merges, grid)
    return lettered(grid)


def sheet_of(root: ET.Element, name: str) -> tuple[str, ET.Element]:
    """Give the sheet of a name, or the first one that people see, and what it is called.

    Raises:
        UnreadableError: there is none.
    """
    sheets = {str(sheet.get(f"{_TABLE}name")): sheet
              for sheet in root.iterfind(f"*/*/{_TABLE}table")}  # fmt: skip
    hidden = {
        style.get(f"{_STYLE}name")
        for style in root.iter(f"{_STYLE}style")
        if any(p.get(f"{_TABLE}display") == "false" for p in style)
    }
    visible = [n for n, sheet in sheets.items() if sheet.get(f"{_TABLE}style-name") not in hidden]
    title = chosen(name, list(sheets), visible)
    return title, sheets[title]


def table_rows(sheet: ET.Element) -> Iterator[tuple[int, list[ET.Element]]]:
    """Give the rows with something in them; one element may stand for many equal rows."""
    line = count = 0
    for row in sheet.iter(f"{_TABLE}table-row"):
        times, cells = _times(row, "rows"), _cells(row)
        count += times * len(cells)
        if cells and (line + times > MAX_ROWS or count > MAX_CELLS):
            raise UnreadableError(
                f"the sheet reaches to row {line + times:,}; delete what stands far from the table"
            )
        if cells:
            yield from ((line + i, cells) for i in range(1, times + 1))
        line += times


def _cells(row: ET.Element) -> list[ET.Element]:
    """Give the cells of a row as far as they say something, those that are repeated too."""
    cells: list[ET.Element] = []
    reach = 0
    for cell in row:
        if cell.tag in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            cells += [cell] * min(_times(cell, "columns"), _WIDEST + 1 - len(cells))
            reach = len(cells) if _says_something(cell) else reach
    return cells[:reach]


def _times(element: ET.Element, what: str) -> int:
    return int(element.get(f"{_TABLE}number-{what}-repeated", 1))


def _says_something(cell: ET.Element) -> bool:
    return cell.find(f"{_TEXT}p") is not None or cell.get(f"{OFFICE}value-type") is not None


def _text(cell: ET.Element, place: tuple[int, int], grid: Grid, merges: list[str]) -> str:
    """Give the text that is shown, without comments; of a truth value its English name."""
    if (wide := spanned(cell, "columns")) + (high := spanned(cell, "rows")) > 1 + 1:
        (line, column), last = place, get_column_letter(place[1] + wide)
        merges.append(f"{get_column_letter(column + 1)}{line}:{last}{line + high - 1}")
    seen, is_error = shown_text(cell)
    if is_error:
        grid.flaws.append(error_cell(*place, seen or ""))
    elif seen is None:
        seen = _paragraphs(cell)
        kind, value = cell.get(f"{OFFICE}value-type", ""), cell.get(f"{OFFICE}value", "")
        grid.flaws.append(not_shown(*place, kind, value, seen))
    return seen or ""


def shown_text(cell: ET.Element) -> tuple[str | None, bool]:
    """Give the text of a cell as people see it, and whether it is an error.

    The text is None where that is not certain; of a truth value it is the English name.
    """
    kind = cell.get(f"{OFFICE}value-type", "string")
    text = _paragraphs(cell)
    if cell.get(_CALC) == "error" or text in ERROR_VALUES:
        return text, True
    if kind == "boolean":
        return cell.get(f"{OFFICE}boolean-value", "").upper(), False
    is_uncertain = kind != "string" and (not text or _EXPONENT.search(text))
    return None if is_uncertain else text, False


def _paragraphs(cell: ET.Element) -> str:
    return "\n".join(map(_paragraph, cell.iterfind(f"{_TEXT}p")))


def spanned(cell: ET.Element, what: str) -> int:
    """Tell over how many columns or rows a cell reaches."""
    return int(cell.get(f"{_TABLE}number-{what}-spanned", 1))


def _paragraph(element: ET.Element) -> str:
    parts = [element.text or ""]
    for child in element:
        if child.tag == f"{_TEXT}s":
            parts.append(" " * min(int(child.get(f"{_TEXT}c", 1)), _WIDEST))
        elif child.tag in _BREAKS:
            parts.append(_BREAKS[child.tag])
        elif child.tag != f"{OFFICE}annotation":
            parts.append(_paragraph(child))
        parts.append(child.tail or "")
    return "".join(parts)
