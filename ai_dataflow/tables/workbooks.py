"""Workbooks as grids of cells, with the flaws that only they have; read as a stream."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries

from ai_dataflow.config.diagnostics import did_you_mean, listing
from ai_dataflow.tables.grids import MAX_ROWS, Flaw, Grid, UnreadableError

MAX_CELLS = 4_000_000
# A workbook is a zip archive of XML; a small one can unfold to gigabytes.
_MAX_UNZIPPED_BYTES = 128 << 20
_MAX_TAGS = {"sheet": 10_000_000, "haredStrings": 4_000_000, "": 300_000}
_MAX_ROW_TAGS = 100_000
_MAX_MERGES = 1_000
_EXCEL_ROWS, _EXCEL_COLUMNS = 1 << 20, 1 << 14
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3}\d{1,7}(?::[A-Z]{1,3}\d{1,7})?)"')


def read_workbook(file: Path, sheet_name: str) -> Grid:
    """Read a sheet of a workbook (an empty name: its first).

    Raises:
        UnreadableError: it is none, or is far larger than such a table can be.
    """
    _check_archive(file)
    with closing(_load(file, values=False)) as book:
        sheet = _sheet(book, sheet_name)
        grid = Grid(f"{file.name}!{sheet.title}")
        computed = _computed(file, sheet.title)
        for line, row in _rows(sheet):
            grid.add(line, [_value(cell, computed, grid) for cell in row])
        grid.flaws += _merged_lines(sheet, grid)
    widest = max((len(cells) for _, cells in grid.lines), default=0)
    grid.header.extend([""] * (widest - len(grid.header)))
    reach = max((flaw.column + 1 for flaw in grid.flaws), default=0)
    grid.letters = [get_column_letter(i + 1) for i in range(max(widest, reach))]
    return grid


def _check_archive(file: Path) -> None:
    """Refuse what would unfold to more than such a table can be, before anything is parsed."""
    with _failing_as("it is no workbook"), zipfile.ZipFile(file) as archive:
        unzipped = sum(entry.file_size for entry in archive.infolist())
        if unzipped > _MAX_UNZIPPED_BYTES:
            raise UnreadableError(
                f"it unfolds to {unzipped >> 20:,} MB, too large for such a table"
            )
        for entry in archive.infolist():
            if entry.filename.endswith((".xml", ".rels")):
                _check_part(archive, entry)


def _check_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Count tags: each becomes an object in memory, a style becomes a large one.

    A row is parsed as a whole: a sheet with many tags on end and no row in sight is refused too.
    """
    kind = next((name for name in _MAX_TAGS if name in entry.filename), "")
    tags = 0
    with archive.open(entry) as part:
        while chunk := part.read(1 << 20):
            here = chunk.count(b"<")
            tags += here
            endless = kind == "sheet" and here > _MAX_ROW_TAGS and b"row" not in chunk
            if tags > _MAX_TAGS[kind] or endless:
                raise UnreadableError(f"{entry.filename} in it has far too many elements")


@contextmanager
def _failing_as(what: str) -> Iterator[None]:
    """Turn whatever openpyxl and zipfile raise on bad files, in every way there is, into ours."""
    try:
        yield
    except (UnreadableError, MemoryError):
        raise
    except zipfile.BadZipFile as error:
        raise UnreadableError(f"{what} ({error})") from None
    except Exception as error:
        raise UnreadableError(f"{what} ({type(error).__name__})") from None


def _load(file: Path, *, values: bool) -> openpyxl.Workbook:
    """Load a workbook: with the values that Excel computed, or with the formulas themselves.

    Read-only, which streams its rows, and leaves drawings, links and merges alone: in the other
    mode a merge or link of `A1:XFD1048576` makes every cell of it.
    """
    with _failing_as("it is no workbook"):
        return openpyxl.load_workbook(file, data_only=values, read_only=True)


def _sheet(book: openpyxl.Workbook, name: str) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if not sheets:
        raise UnreadableError("it has no sheet with cells")
    if name and name not in sheets:
        near = did_you_mean(name, sheets) or f"; there are {listing(sheets)}"
        raise UnreadableError(f"there is no sheet `{name}`{near}")
    return sheets[name] if name else next(iter(sheets.values()))


def _rows(sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """Give the sheet's lines as far as they reach; what it says of its own size is not asked."""
    sheet.reset_dimensions()
    width = 0
    with _failing_as("it is no workbook"):
        for line, row in enumerate(sheet.iter_rows(), start=1):
            width = max(width, len(row))
            far = line > MAX_ROWS or line * width > MAX_CELLS or width > _EXCEL_COLUMNS
            if (row and far) or line > _EXCEL_ROWS:  # rows that are not there come as empty ones
                raise UnreadableError(
                    f"the sheet reaches to row {line:,}, column {width:,}; "
                    "delete what stands far from the table"
                )
            yield line, row


def _merged_lines(sheet: Any, grid: Grid) -> list[Flaw]:
    """Find the lines that merged cells cross, each once."""
    flaws: dict[int, Flaw] = {}
    for cells in islice(dict.fromkeys(_merges(sheet)), _MAX_MERGES):
        left, top, _, bottom = range_boundaries(cells)
        for line, _ in grid.lines:
            if (top or 1) <= line <= (bottom or line):
                flaws.setdefault(line, _merged(line, (left or 1) - 1, cells))
    return list(flaws.values())


def _merges(sheet: Any) -> Iterator[str]:
    """Give the ranges of merged cells, which stand at the end of a sheet's XML."""
    rest = b""
    with sheet._get_source() as xml:
        while chunk := xml.read(1 << 20):
            whole, end, rest = (rest + chunk).rpartition(b">")
            for match in _MERGE.finditer(whole + end):
                yield match[1].decode()


def _computed(file: Path, sheet_name: str) -> Callable[[Any], Any]:
    """Give what Excel computed for a formula; the workbook is read again only if it has any."""
    values = cache(partial(_values, file, sheet_name))
    return lambda cell: values().get((cell.row, cell.column))


def _values(file: Path, sheet_name: str) -> dict[tuple[int, int], Any]:
    with closing(_load(file, values=True)) as book:
        return {
            (cell.row, cell.column): cell.value
            for _, row in _rows(_sheet(book, sheet_name))
            for cell in row
            if cell.value is not None
        }


def _value(cell: Any, computed: Callable[[Any], Any], grid: Grid) -> Any:
    value = cell.value
    if cell.data_type == "f":
        value = computed(cell)
        if value is None:
            grid.flaws.append(_formula(cell.row, cell.column - 1))
    if cell.data_type == "e" or (isinstance(value, str) and value in _ERROR_VALUES):
        grid.flaws.append(_error_cell(cell.row, cell.column - 1, str(value)))
    return value


_ERROR_VALUES = frozenset(
    {"#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)


def _merged(line: int, column: int, cells: str) -> Flaw:
    return Flaw(
        "903", line, column, f"the cells {cells} are merged: all but the first are blank",
        "unmerge them and fill in each",
    )  # fmt: skip


def _formula(line: int, column: int) -> Flaw:
    return Flaw(
        "904", line, column, "the cell is a formula without a computed value",
        "open and save the workbook in Excel, or write the value", void="cell",
    )  # fmt: skip


def _error_cell(line: int, column: int, value: str) -> Flaw:
    message, fix = f"the cell is the error {value}", "correct its formula"
    return Flaw("905", line, column, message, fix, void="cell")
