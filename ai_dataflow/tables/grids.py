"""Grids of cells out of CSV files and workbooks, with the flaws that only a file can have.

Why not pandas: its `read_csv` stops at the first line with too many fields, pads lines with too few
in silence and forgets line numbers; a compiler's front end needs all three.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from ai_dataflow.config.diagnostics import Void

MAX_ROWS = 200_000
# Of a cell; csv's own limit of 131,072 would end the whole table. Beyond it the file is no table.
_MAX_CELL = 64 * 1024 * 1024
_SAVE = "save it as UTF-8 CSV with commas"
_WORKBOOK_SUFFIXES = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})


class UnreadableError(Exception):
    """The file is not a table; the message says why, in one line, `fix` what to do if known."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True)
class Flaw:
    """Something wrong with a cell or line as such. `number` completes a code: `CTL-901`.

    `void` is what has no value to go by, as in a diagnostic. `is_of_codes` tells that it is one
    only in a column whose text counts letter by letter.
    """

    number: str
    line: int
    column: int
    message: str
    fix: str
    is_warning: bool = False
    void: Void = ""
    is_of_codes: bool = False


@dataclass
class Grid:
    """A sheet's cells as trimmed text, by line; blank lines are left out, the header is first.

    `letters` are what a workbook calls its columns; those of a CSV file have none.
    """

    name: str
    letters: Sequence[str] = ()
    lines: list[tuple[int, list[str]]] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)

    def add(self, line: int, cells: Iterable[object]) -> None:
        """Add a line; what had blanks around it is noted."""
        texts = [cell_text(cell) for cell in cells]
        trimmed = [without_blanks(text) for text in texts]
        if not any(trimmed):
            return
        self.lines.append((line, trimmed))
        for column, (text, kept) in enumerate(zip(texts, trimmed, strict=True)):
            if kept and text != kept:
                self.flaws.append(_blanks(line, column, kept))

    @property
    def header(self) -> list[str]:
        """The first line's cells."""
        return self.lines[0][1] if self.lines else []


def is_workbook(file: Path) -> bool:
    """Tell whether a file is read as a workbook."""
    return file.suffix.lower() in _WORKBOOK_SUFFIXES


def read_grid(file: Path, sheet: str) -> Grid:
    """Read a CSV file, or a sheet of a workbook (an empty name: its first visible one).

    Raises:
        UnreadableError: it is not one, or is far larger than such a table can be.
    """
    grid = _read_workbook(file, sheet) if is_workbook(file) else _read_csv(file)
    _check_widths(grid)
    return grid


def _read_workbook(file: Path, sheet: str) -> Grid:
    """Read a workbook as what it is, whatever its suffix.

    The imports take longer than all of a plan: only who has such a workbook waits.
    """
    from ai_dataflow.tables import archives  # noqa: PLC0415

    if archives.is_old_workbook(file):
        from ai_dataflow.tables.old_workbooks import read_old_workbook  # noqa: PLC0415

        return read_old_workbook(file, sheet)
    if archives.is_open_document(file):
        from ai_dataflow.tables.open_documents import read_open_document  # noqa: PLC0415

        return read_open_document(file, sheet)
    from ai_dataflow.tables.workbooks import read_workbook  # noqa: PLC0415

    return read_workbook(file, sheet)


def _read_csv(file: Path) -> Grid:
    grid = Grid(file.name)
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL))
            reader = csv.reader(text, strict=True)
            start = 1
            for cells in reader:
                grid.add(start, [*map(sys.intern, cells)])  # thousands of rows name the same few
                start = reader.line_num + 1
                if len(grid.lines) > MAX_ROWS:
                    raise UnreadableError(
                        f"it has more than {MAX_ROWS:,} rows", "name the right file: this is data"
                    )
    except UnicodeDecodeError as error:
        raise UnreadableError(f"it is not utf-8 (byte {error.start})", _SAVE) from None
    except csv.Error as error:
        fix = "correct that line: a quote opens a cell, and a second one ends it"
        raise UnreadableError(f"line {reader.line_num}: {error}", fix) from None
    except OSError as error:
        raise UnreadableError(str(error.strerror), "let this user read the file") from None
    return grid


def cell_text(value: object) -> str:
    """Give a cell as text: Excel's 7.0 is 7."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, date) else str(value)


def without_blanks(text: str) -> str:
    """Take off blanks around, non-breaking and zero-width ones too."""
    return text.strip().strip("\u00a0\u200b\ufeff \t")


def _check_widths(grid: Grid) -> None:
    """Note lines that do not fit the header: a stray comma shifts the rest.

    A value below a blank header cell belongs to no column; it is never dropped in silence.
    """
    width = len(grid.header)
    named = {i for i, name in enumerate(grid.header) if name}
    for line, cells in grid.lines[1:]:
        stray = next((i for i, cell in enumerate(cells) if cell and i not in named), -1)
        if stray >= width or (len(cells) < width and not grid.letters):
            grid.flaws.append(_width(line, len(cells), width))
        elif stray >= 0:
            grid.flaws.append(_nameless(line, stray))


def by_line(flaws: Iterable[Flaw]) -> Iterator[Flaw]:
    """Give flaws in the order of a reader; warnings, of blanks, once per column, counted."""
    blanks: dict[int, list[Flaw]] = {}
    rest: list[Flaw] = []
    for flaw in flaws:
        (blanks.setdefault(flaw.column, []) if flaw.is_warning else rest).append(flaw)
    for same in blanks.values():
        more = f", and {len(same) - 1} more cells of this column" if len(same) > 1 else ""
        rest.append(replace(same[0], message=same[0].message + more))
    yield from sorted(rest, key=lambda flaw: (flaw.line, flaw.column))


def _blanks(line: int, column: int, kept: str) -> Flaw:
    return Flaw(
        "901", line, column, f"blanks around `{kept[:80]}` are ignored", "remove them",
        is_warning=True,
    )  # fmt: skip


def _width(line: int, cells: int, width: int) -> Flaw:
    return Flaw(
        "902", line, -1, f"the line has {cells} cells, the header {width}",
        "quote a cell that has a comma in it, or add the missing commas", void="line",
    )  # fmt: skip


def _nameless(line: int, column: int) -> Flaw:
    return Flaw(
        "902", line, column, "the cell has a value, and its column no name",
        "name the column in the header, or clear the cell", void="line",
    )  # fmt: skip
