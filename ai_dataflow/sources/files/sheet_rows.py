"""Rows of a sheet of Office Open XML, as a stream of cells.

openpyxl finds the sheets, formats and the epoch. The cells are taken from the XML itself: it is the
only place that tells an empty cell from a formula that nobody computed, and a number's digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, cast
from xml.parsers import expat

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
from openpyxl.utils.cell import column_index_from_string, range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.utils.escape import unescape
from openpyxl.xml.constants import SHARED_STRINGS

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
from ai_dataflow.sources.files.spreadsheet_days import dated
from ai_dataflow.tables.archives import check_archive, failing_as, transitional
from ai_dataflow.tables.workbook_cells import ERROR_VALUES, chosen

Box = tuple[int, int, int, int]
Rows = Iterator[tuple[int, dict[int, Cell]]]
_READ = 1 << 18
_MOST_MERGES = 10_000
_LETTERS = re.compile("[A-Z]+")
_STREAMED = ("xl/worksheets/", "sharedStrings")
_NO_VALUE = "it is a formula without a computed value: open and save the workbook in Excel"


@dataclass
class SheetStream:
    """A sheet: its `title`, its rows from the top, each with its line and cells by column from 1.

    `merges` are the merged cells: left, top, right and bottom; they are known after the rows.
    """

    title: str
    formats: list[str]
    rows: Rows
    merges: list[Box] = field(default_factory=list)


@contextmanager
def open_sheet(content: IO[bytes], name: str, most: int) -> Iterator[SheetStream]:
    """Open a sheet (an empty name: the first that people see), of at most so many bytes unfolded.

    Raises:
        UnreadableError: it is no workbook, or has no such sheet.
    """
    check_archive(content, most, _STREAMED)
    with failing_as("it is no workbook"):
        reader = _BookReader(
            transitional(content), read_only=True, data_only=True, keep_links=False
        )
        reader.read()
    with closing(reader.wb) as book:
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        visible = [title for title, sheet in sheets.items() if sheet.sheet_state == "visible"]
        title = chosen(name, list(sheets), visible)
        formats = [_format_of(book, style) for style in cast(Any, book)._cell_styles]
        parser = _SheetParser(
            reader.shared_strings, formats, is_1904=book.epoch == CALENDAR_MAC_1904
        )
        with cast(Any, sheets[title])._get_source() as xml:
            yield SheetStream(title, formats, _rows(xml, parser), parser.merges)


class _BookReader(ExcelReader):
    """Reads a workbook but for its texts, which it would not give as they are written."""

    def read_strings(self) -> None:
        part = cast(Any, self.package).find(SHARED_STRINGS)
        self.shared_strings = []
        if part is not None:
            with self.archive.open(part.PartName[1:]) as xml:
                self.shared_strings = _strings(xml)


def _format_of(book: Any, style: Any) -> str:
    number = style.numFmtId
    if number < BUILTIN_FORMATS_MAX_SIZE:
        return str(BUILTIN_FORMATS.get(number, "General"))
    return str(book._number_formats[number - BUILTIN_FORMATS_MAX_SIZE])


def _rows(xml: IO[bytes], parser: _SheetParser) -> Rows:
    with failing_as("it is no workbook"):
        while chunk := xml.read(_READ):
            parser.feed(chunk)
            yield from parser.taken()
        parser.feed(b"", is_last=True)
        yield from parser.taken()


class _Xml:
    """Parses XML as it comes; elements go by their names without prefixes."""

    def __init__(self) -> None:
        self._expat = expat.ParserCreate()
        self._expat.buffer_text = True
        self._expat.StartElementHandler = self._begin
        self._expat.EndElementHandler = self._end
        self._expat.CharacterDataHandler = self._read
        self._said: list[str] | None = None

    def feed(self, chunk: bytes, *, is_last: bool = False) -> None:
        self._expat.Parse(chunk, is_last)

    def _read(self, data: str) -> None:
        if self._said is not None:
            self._said.append(data)

    def _take(self) -> str:
        said, self._said = "".join(self._said or ()), None
        return said

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def _end(self, name: str) -> None:
        raise NotImplementedError


class _Strings(_Xml):
    """The texts that cells share; how they are pronounced is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._parts: list[str] = []
        self._is_phonetic = False

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "t" if not self._is_phonetic:
                self._said = []
            case "rPh":
                self._is_phonetic = True

    def _end(self, name: str) -> None:
        match name.rpartition(":")[2]:
            case "t" if not self._is_phonetic:
                self._parts.append(self._take())
            case "rPh":
                self._is_phonetic = False
            case "si":
                self.texts.append(_unescaped("".join(self._parts)))
                self._parts = []


def _strings(xml: IO[bytes]) -> list[str]:
    parser = _Strings()
    while chunk := xml.read(_READ):
        parser.feed(chunk)
    parser.feed(b"", is_last=True)
    return parser.texts


class _SheetParser(_Xml):
    """The rows of a sheet; those that are whole are taken from time to time."""

    def __init__(self, strings: list[str], formats: list[str], *, is_1904: bool) -> None:
        super().__init__()
        self.merges: list[Box] = []
        self._strings, self._formats, self._is_1904 = strings, formats, is_1904
        self._done: list[tuple[int, dict[int, Cell]]] = []
        self._line = self._column = 0
        self._cells: dict[int, Cell] = {}
        self._cell: dict[str, str] | None = None
        self._value: str | None = None
        self._inline: list[str] = []
        self._has_formula = self._is_phonetic = False
        self._columns: dict[str, int] = {}
        self._read_as: dict[str, Callable[[str, int], Cell]] = {
            "s": lambda value, _: text(self._strings[int(value)]),
            "str": lambda value, _: _said(_unescaped(value)),
            "b": lambda value, style: (
                CellKind.BOOLEAN,
                float(value in ("1", "true")),
                None,
                style,
            ),
            "e": lambda value, _: flaw(f"it is the error {value}"),
            "d": _iso_day,
            "n": self._number,
        }

    def taken(self) -> list[tuple[int, dict[int, Cell]]]:
        """Take the rows that are whole."""
        done, self._done = self._done, []
        return done

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        match name.rpartition(":")[2]:
            case "c":
                self._cell, self._value, self._has_formula = attributes, None, False
                self._inline = []
            case "v" if self._cell is not None:
                self._said = []
            case "t" if self._cell is not None and not self._is_phonetic:
                self._said = []
            case "f" if self._cell is not None:
                self._has_formula = True
            case "rPh":
                self._is_phonetic = True
            case "row":
                self._line = int(attributes.get("r", self._line + 1))
                self._column, self._cells = 0, {}
            case "mergeCell" if len(self.merges) < _MOST_MERGES:
                self._merge(attributes["ref"])

    def _end(self, name: str) -> None:
        match name.rpartition(":")[2]:
            case "c":
                self._end_cell()
            case "v":
                self._value = self._take()
            case "t" if self._cell is not None and not self._is_phonetic:
                self._inline.append(self._take())
            case "rPh":
                self._is_phonetic = False
            case "row":
                if self._cells:
                    self._done.append((self._line, self._cells))

    def _end_cell(self) -> None:
        attributes, self._cell = self._cell or {}, None
        place = attributes.get("r")
        self._column = self._number_of(place) if place else self._column + 1
        cell = self._read_cell(attributes)
        if cell is not EMPTY:
            self._cells[self._column] = cell

    def _read_cell(self, attributes: dict[str, str]) -> Cell:
        kind = attributes.get("t", "n")
        if kind == "inlineStr":
            return _said(_unescaped("".join(self._inline)))
        if self._value is None or (not self._value and kind != "str"):
            return flaw(_NO_VALUE) if self._has_formula else EMPTY
        return self._read_as[kind](self._value, int(attributes.get("s", 0)))

    def _number(self, value: str, style: int) -> Cell:
        number = float(value)
        if loses_digits(value):
            return flaw(TOO_LONG)
        if not abs(number) < float("inf"):
            return flaw("it is no number")
        day = dated(number, self._formats[style], style, is_1904=self._is_1904)
        return day or (CellKind.NUMBER, number, None, style)

    def _number_of(self, place: str) -> int:
        match = _LETTERS.match(place)
        letters = match[0] if match else ""
        if letters not in self._columns:
            self._columns[letters] = column_index_from_string(letters)
        return self._columns[letters]

    def _merge(self, cells: str) -> None:
        self.merges.append(box(cells))


def box(cells: str) -> Box:
    """Give the edges of a range of cells such as `B3:F200`: left, top, right, bottom.

    Raises:
        ValueError: it is none.
    """
    left, top, right, bottom = range_boundaries(cells)
    if left is None or top is None or right is None or bottom is None:
        raise ValueError(cells)
    return left, top, right, bottom


def _said(value: str) -> Cell:
    return flaw(f"it is the error {value}") if value in ERROR_VALUES else text(value)


def _unescaped(value: str) -> str:
    return unescape(value) if "_x" in value else value


def _iso_day(value: str, style: int) -> Cell:
    """Give a day or an instant that is written as ISO 8601 has it."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return flaw("it is no day of the calendar")
    ms = float(round(moment.replace(tzinfo=UTC).timestamp() * 1000))
    return (CellKind.INSTANT if ms % MILLISECONDS else CellKind.DAY), ms, None, style
