"""Workbooks as sources: a sheet's cells below its header, as columns."""

from __future__ import annotations

import io
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import count
from typing import IO, Any, cast

import numpy as np
import polars as pl
from openpyxl.utils import get_column_letter

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.sources.columns import as_seen, named
from ai_dataflow.sources.files.cells import EMPTY, Cell, CellColumn, CellKind, held
from ai_dataflow.sources.files.sheet_rows import SheetStream, box, open_sheet
from ai_dataflow.tables.archives import is_of_streams, is_open_document
from ai_dataflow.tables.grids import UnreadableError
from ai_dataflow.tables.shown import shown

_EVERYTHING = (1, 1, 1 << 14, 1 << 20)
_MERGED = "it is a part of merged cells, of which only the first has the value: unmerge them"
_BATCH = 100_000


class WorkbookSheet:
    """A sheet, read: its columns by name, and the line of each row."""

    def __init__(self, content: bytes, written: FormatSettings, sheet: str, most: int) -> None:
        """Read a sheet; `most` is how many bytes it may take in memory.

        Raises:
            UnreadableError: it is no workbook, has no such sheet, or no header.
        """
        self._written = written
        self.lines: list[int] = []
        self.columns: dict[str, CellColumn] = {}
        with _opened(io.BytesIO(content), sheet or written.sheet, most) as opened:
            self.title = opened.title
            self._read(opened)
        self._mark_merged(opened)

    def schema(self) -> pl.Schema:
        """Give the columns, then what people see of those that are no text."""
        types = {name: column.dtype() for name, column in self.columns.items()}
        seen = {
            as_seen(name): pl.String()
            for name, dtype in types.items()
            if dtype not in (pl.String, pl.Null) and as_seen(name) not in types
        }
        return pl.Schema({**types, **seen})

    def frames(self, wanted: pl.Schema, malformed: list[str]) -> Iterator[pl.DataFrame]:
        """Give the rows in these types; those with a cell that has no value are `malformed`."""
        parts = [(self._column(name), name, dtype) for name, dtype in wanted.items()]
        problems = pl.DataFrame(
            [c.problems(dtype).alias(str(i)) for i, (c, _, dtype) in enumerate(parts)]
        )
        is_bad = problems.select(pl.any_horizontal(pl.all().is_not_null()))[:, 0]
        columns = [column for column, _, _ in parts]
        malformed += [self._described(row, problems, columns) for row in is_bad.arg_true()]
        rows = pl.DataFrame([c.values(dtype).alias(name) for c, name, dtype in parts])
        yield from rows.filter(~is_bad).select(map(named, wanted)).iter_slices(_BATCH)

    def _column(self, name: str) -> CellColumn:
        if name in self.columns:
            return self.columns[name]
        return self.columns[next(each for each in self.columns if as_seen(each) == name)]

    def _described(self, row: int, problems: pl.DataFrame, columns: list[CellColumn]) -> str:
        """Tell of a row that is left out: its cell, what is wrong with it, and all its cells."""
        i, why = next((i, text) for i, text in enumerate(problems.row(row)) if text is not None)
        cells = {
            name: value
            for name, column in self.columns.items()
            if (value := _plain(cast(Cell, column.cells.row(row)))) is not None
        }
        place = f"{self.title}!{columns[i].letter}{self.lines[row]}"
        return json.dumps({"cell": place, "problem": why, "row": cells}, ensure_ascii=False)

    def _read(self, sheet: SheetStream) -> None:
        written = self._written
        left, top, right, bottom = box(written.range) if written.range else _EVERYTHING
        names: dict[int, str] = {}
        header = None if isinstance(written.header, bool) else written.header
        if not written.has_header:
            names = dict(zip(count(left), written.columns, strict=False))
        wanted: list[tuple[int, CellColumn]] = []
        for line, cells in sheet.rows:
            if line < top or line > bottom:
                continue
            inside = {i: cell for i, cell in cells.items() if left <= i <= right}
            if not names:
                if line == header if header else inside:
                    names = self._header(line, inside, sheet)
                continue
            wanted = wanted or self._named(names, sheet)
            of_row = [inside.get(i, EMPTY) for i, _ in wanted]
            if any(cell is not EMPTY for cell in of_row):
                self.lines.append(line)
                for (_, column), cell in zip(wanted, of_row, strict=True):
                    column.add(cell)
        if not names:
            raise UnreadableError("there is no header where it should be")
        if not wanted:
            self._named(names, sheet)

    def _named(self, names: dict[int, str], sheet: SheetStream) -> list[tuple[int, CellColumn]]:
        columns = [
            (i, CellColumn(name, get_column_letter(i), sheet.formats)) for i, name in names.items()
        ]
        self.columns = {column.name: column for _, column in columns}
        return columns

    def _header(self, line: int, cells: dict[int, Cell], sheet: SheetStream) -> dict[int, str]:
        names: dict[int, str] = {}
        for i, cell in sorted(cells.items()):
            at = f"{sheet.title}!{get_column_letter(i)}{line}"
            if cell[0] == CellKind.FLAW:
                raise UnreadableError(f"the header's cell {at}: {cell[2]}")
            name = _plain(cell)
            if name in names.values():
                raise UnreadableError(f"the header names a column twice, at {at}")
            if name is not None and name.strip():
                names[i] = name
        if not names:
            raise UnreadableError("there is no header where it should be")
        return names

    def _mark_merged(self, sheet: SheetStream) -> None:
        """Let no cell be blank in silence that is a part of another one's."""
        parts: dict[str, np.ndarray[Any, np.dtype[np.bool_]]] = {}
        for left, top, right, bottom in sheet.merges:
            first, last = bisect_left(self.lines, top), bisect_right(self.lines, bottom)
            for i in range(left, min(right, _EVERYTHING[2]) + 1) if first < last else ():
                begins_here = i == left and self.lines[first] == top
                part = parts.setdefault(get_column_letter(i), np.zeros(len(self.lines), bool))
                part[first + begins_here : last] = True
        for column in self.columns.values():
            if column.letter in parts:
                column.mark(pl.Series(parts[column.letter]), _MERGED)


def _plain(cell: Cell) -> str | None:
    """Give a cell as text, as people see it or at least its number."""
    kind, number, words, _ = cell
    if kind == CellKind.EMPTY:
        return None
    if words is not None:
        return words
    return shown(held(kind, number or 0), "yyyy-mm-dd") or shown(number) or str(number)


def _opened(content: IO[bytes], name: str, most: int) -> AbstractContextManager[SheetStream]:
    """Open a sheet of a workbook, whatever kind it is of; who has no `.xls` waits for no xlrd."""
    is_old = is_of_streams(content)
    content.seek(0)
    if not is_old and not is_open_document(content):
        return open_sheet(content, name, most)
    from ai_dataflow.sources.files import other_sheet_rows as others  # noqa: PLC0415

    return (others.open_old_sheet if is_old else others.open_document_sheet)(content, name, most)
