"""The ways to spoil one cell of a table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from ai_dataflow_tests.mutation.base import Cell, Rows

INJECTIONS = {
    "formula": "=cmd()",
    "sql": "'; drop table x; --",
    "up-path": "../../x",
    "absolute-path": "/etc/passwd",
    "variable": "${HOME}",
    "placeholder": "{client_code}",
    "long": "x" * 5_000,
    "emoji": "🦜",
    "rtl": "abc\u202egpj.exe",
    "nul": "a\0b",
}
_TYPED: dict[str, Cell] = {"number": 4711, "date": date(2026, 2, 30 - 2), "true": True}


class Mutant(NamedTuple):
    """A table with one cell spoiled; `line` and `column` count from 1 and 0."""

    kind: str
    line: int
    column: int
    rows: Rows

    def __str__(self) -> str:
        return f"{self.kind} in line {self.line}, column {self.column + 1}"


def mutants(rows: Rows, *, is_workbook: bool) -> Iterator[Mutant]:
    """Spoil every cell, those of the header too, in every way."""
    for line, row in enumerate(rows, start=1):
        for column in range(len(row)):
            for kind, changed in _changes(rows, line - 1, column, is_workbook):
                if _texts(changed) != _texts(rows):
                    yield Mutant(kind, line, column, changed)


def _changes(rows: Rows, index: int, column: int, is_workbook: bool) -> Iterator[tuple[str, Rows]]:
    for kind, cell in _new_cells(str(rows[index][column])):
        if not (is_workbook and kind == "nul"):  # no workbook can hold one
            yield kind, _with(rows, index, column, cell)
    if not is_workbook:
        yield "shift-left", _shifted(rows, index, column)
    if index + 1 < len(rows):
        yield "swap-below", _swapped(rows, (index, column), (index + 1, column))
    if column + 1 < len(rows[index]):
        yield "swap-right", _swapped(rows, (index, column), (index, column + 1))


def _new_cells(text: str) -> Iterator[tuple[str, Cell]]:
    if text:
        half = len(text) // 2
        yield "blank", ""
        yield "typo-drop", text[:half] + text[half + 1 :]
        yield "typo-double", text[: half + 1] + text[half:]
        yield "typo-swap", _two_swapped(text)
        yield "case", text.swapcase()
        yield "blanks-around", f"  {text} "
        yield "nbsp-around", f"\u00a0{text}\u00a0"
    yield from _TYPED.items()
    yield from INJECTIONS.items()


def _two_swapped(text: str) -> str:
    pair = next((i for i in range(len(text) - 1) if text[i] != text[i + 1]), 0)
    return text[:pair] + text[pair : pair + 2][::-1] + text[pair + 2 :]


def _with(rows: Rows, index: int, column: int, cell: Cell) -> Rows:
    row = rows[index]
    return (*rows[:index], (*row[:column], cell, *row[column + 1 :]), *rows[index + 1 :])


def _swapped(rows: Rows, one: tuple[int, int], other: tuple[int, int]) -> Rows:
    first, second = rows[one[0]][one[1]], rows[other[0]][other[1]]
    return _with(_with(rows, *one, second), *other, first)


def _shifted(rows: Rows, index: int, column: int) -> Rows:
    row = rows[index]
    return (*rows[:index], row[:column] + row[column + 1 :], *rows[index + 1 :])


def _texts(rows: Rows) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in rows]
