"""Tables that people edit: CSV and XLSX read into strings that still know their cells.

Why not `pandas.read_csv`: it stops at the first line with too many fields, pads lines with too
few in silence and forgets line numbers; a compiler's front end needs all three.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pandas as pd
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, listing

# Names that become folders, partition keys and parts of paths; a leading dot would hide or escape.
NAME_RULE = r"(?!\.)(?!.*\.\.\.)[A-Za-z0-9_.-]+"
MODULE_RULE = rf"(?!_){NAME_RULE}"
YES = frozenset({"y", "yes", "true", "t", "1", "x"})
NO = frozenset({"n", "no", "false", "f", "0"})


class TableSource(NamedTuple):
    """Where a table is: its file and, for a workbook, the sheet (empty: the first)."""

    file: Path
    sheet: str


@dataclass(frozen=True)
class Sheet:
    """How a table's cells are called: `file.xlsx!Sheet!F17` or `file.csv:17:column`."""

    name: str
    letters: tuple[tuple[str, str], ...] = ()

    def place(self, line: int, column: str = "") -> str:
        """Name a cell; without a column, or one that the table lacks, its line."""
        if not self.letters:
            return f"{self.name}:{line}" + (f":{column}" if column else "")
        letter = dict(self.letters).get(column, "A")
        return f"{self.name}!{letter}{line}"


@dataclass(frozen=True)
class Row:
    """A row of a table that people edit; it knows its cells' places."""

    sheet: Sheet
    line: int

    def place(self, column: str) -> str:
        """Name one of the row's cells."""
        return self.sheet.place(self.line, column)


@dataclass(frozen=True)
class Layout:
    """The columns that a table must and may have, and the prefix of its codes."""

    prefix: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """All columns."""
        return self.required + self.optional


@dataclass(frozen=True)
class Table:
    """A table's cells as trimmed strings: a frame indexed by line, blank lines left out."""

    sheet: Sheet
    layout: Layout
    cells: pd.DataFrame

    def records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Give each row as (line, {column: text})."""
        columns = list(self.cells.columns)
        for line, *values in self.cells.itertuples(name=None):
            yield line, dict(zip(columns, values, strict=True))

    def blanks(self, columns: Iterable[str]) -> list[Diagnostic]:
        """Find blank cells in columns that need a value (code `…-003`)."""
        return [
            self.problem("003", line, column, f"`{column}` is blank", "fill it in")
            for column in columns
            for line in self.cells.index[self.cells[column] == ""]
        ]

    def bad_names(self, columns: Iterable[str], also: str = "") -> list[Diagnostic]:
        """Find names that cannot be part of a partition key or a path (code `…-004`)."""
        problems = []
        for column in columns:
            values = self.cells[column]
            rule = MODULE_RULE if column == "module_name" else NAME_RULE
            bad = values[(values != "") & (values != also) & ~values.str.fullmatch(rule)]
            problems += [
                self.problem(
                    "004",
                    line,
                    column,
                    f"`{value[:80]}` cannot be a {column}",
                    "use letters, digits, `_`, `-` and `.`, not beginning with a dot "
                    "(nor, for a module, with `_`)",
                )
                for line, value in bad.items()
            ]
        return problems

    def bad_flags(self, columns: Iterable[str]) -> list[Diagnostic]:
        """Find cells that are neither yes nor no (code `…-005`)."""
        return [
            self.problem("005", line, column, f"`{value[:80]}` is neither yes nor no", "Y or N")
            for column in columns
            for line, value in self.cells[column].items()
            if value and value.casefold() not in YES | NO
        ]

    def problem(self, number: str, line: Any, column: str, message: str, fix: str) -> Diagnostic:
        """Make a diagnostic about one cell."""
        code = f"{self.layout.prefix}-{number}"
        place = self.sheet.place(int(line), column)
        return Diagnostic(code, message, place=place, fix=fix, line=int(line))


def is_yes(text: str) -> bool:
    """Tell whether a checked flag says yes; blank is no."""
    return text.casefold() in YES


def read_table(reference: str, folder: Path, layout: Layout) -> Table:
    """Read a table and check its header.

    Args:
        reference: as in the settings: `control_table.csv`, `ai_mapping.xlsx#AI_Map`.
        folder: where relative references start.
        layout: the columns to expect.

    Raises:
        DataflowError: CFG-005 or CFG-006, or `…-001` and `…-002` for every wrong column.
    """
    source = _source(reference, folder)
    if not source.file.is_file():
        raise DataflowError(_no_table(reference, source.file))
    try:
        sheet_name, lines = _read_lines(source)
    except (UnicodeDecodeError, csv.Error, InvalidFileException, zipfile.BadZipFile, KeyError,
            ValueError, OSError) as error:  # fmt: skip
        raise DataflowError(_unreadable(reference, error)) from None
    return _to_table(sheet_name, lines, layout, is_workbook=_is_workbook(source.file))


def _source(reference: str, folder: Path) -> TableSource:
    path, _, sheet = reference.partition("#")
    return TableSource(folder / path, sheet)


def _is_workbook(file: Path) -> bool:
    return file.suffix.lower() in {".xlsx", ".xlsm"}


def _read_lines(source: TableSource) -> tuple[str, list[tuple[int, list[str]]]]:
    if _is_workbook(source.file):
        return _read_workbook(source)
    with source.file.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        lines, start = [], 1
        for row in reader:
            lines.append((start, [_clean(cell) for cell in row]))
            start = reader.line_num + 1
        return source.file.name, lines


def _read_workbook(source: TableSource) -> tuple[str, list[tuple[int, list[str]]]]:
    book = openpyxl.load_workbook(source.file, read_only=True, data_only=True)
    try:
        if source.sheet and source.sheet not in book.sheetnames:
            near = did_you_mean(source.sheet, book.sheetnames)
            near = near or f"; there are {listing(book.sheetnames)}"
            raise KeyError(f"there is no sheet `{source.sheet}`{near}")
        sheet = book[source.sheet or book.sheetnames[0]]
        rows = [[_clean(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    finally:
        book.close()
    return f"{source.file.name}!{sheet.title}", list(enumerate(rows, start=1))


def _clean(value: object) -> str:
    """Give a cell as text: Excel's 7.0 is 7, TRUE is TRUE; blanks around are no content."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat()
    return str(value).replace("\u00a0", " ").strip()


def _to_table(
    name: str, lines: list[tuple[int, list[str]]], layout: Layout, *, is_workbook: bool
) -> Table:
    header_line, header = next(((n, row) for n, row in lines if any(row)), (1, []))
    letters = (
        tuple((column, get_column_letter(i)) for i, column in enumerate(header, start=1) if column)
        if is_workbook
        else ()
    )
    sheet = Sheet(name, letters)
    _check_header(sheet, layout, header_line, header)
    rows = [(n, row) for n, row in lines if n > header_line and any(row)]
    _check_widths(sheet, layout, len(header), rows)
    frame = pd.DataFrame(
        [(row + [""] * len(header))[: len(header)] for _, row in rows],
        index=[n for n, _ in rows],
        columns=header,
        dtype="str",
    )
    frame = frame.loc[:, [column != "" for column in header]]
    return Table(sheet, layout, frame.reindex(columns=list(layout.known), fill_value=""))


def _check_header(sheet: Sheet, layout: Layout, line: int, header: list[str]) -> None:
    named = [column for column in header if column]
    unknown = [
        Diagnostic(
            f"{layout.prefix}-001",
            f"there is no column `{column}` in this table{did_you_mean(column, layout.known)}",
            place=sheet.place(line, column),
            fix=f"remove or rename it; known are {listing(layout.known, 20)}",
        )
        for column in named
        if column not in layout.known
    ]
    missing = [
        Diagnostic(
            f"{layout.prefix}-002",
            f"the column `{column}` is missing",
            place=sheet.place(line),
            fix="add it to the header",
        )
        for column in layout.required
        if column not in named
    ]
    twice = [
        Diagnostic(
            f"{layout.prefix}-001",
            f"the column `{column}` is there twice",
            place=sheet.place(line, column),
            fix="keep one",
        )
        for column in sorted({c for c in named if named.count(c) > 1})
    ]
    if unknown or missing or twice:
        raise DataflowError(*unknown, *missing, *twice)


def _check_widths(
    sheet: Sheet, layout: Layout, width: int, rows: list[tuple[int, list[str]]]
) -> None:
    """Refuse lines with more cells than the header: a stray comma shifts every later cell."""
    wide = [
        Diagnostic(
            f"{layout.prefix}-001",
            f"the line has {len(row)} cells, the header {width}",
            place=sheet.place(line),
            fix="quote the cell that has a comma in it",
        )
        for line, row in rows
        if any(row[width:])
    ]
    if wide:
        raise DataflowError(*wide)


def _no_table(reference: str, file: Path) -> Diagnostic:
    near = [p.name for p in file.parent.glob("*") if p.suffix in {".csv", ".xlsx"}]
    return Diagnostic(
        "CFG-005",
        f"there is no table `{reference}`{did_you_mean(file.name, near)}",
        place=reference,
        fix="correct the name in ai_dataflow.toml or put the table there",
    )


def _unreadable(reference: str, error: Exception) -> Diagnostic:
    text = str(error.args[0]) if isinstance(error, KeyError) else str(error)
    return Diagnostic(
        "CFG-006",
        f"`{reference}` cannot be read: {text}",
        place=reference,
        fix="save it as UTF-8 CSV with commas, or as .xlsx",
    )
