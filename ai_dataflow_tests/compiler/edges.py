"""Rows with limits in them, and the examples that are compared over them, taken apart."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from ai_dataflow_tests.compiler.examples import LIKE_DUCKDB
from ai_dataflow_tests.compiler.examples_postgres import POSTGRES
from ai_dataflow_tests.compiler.examples_sqlite import DUCKDB_TOO, SQLITE

BIG = 2**63
_DAYS = ["2024-01-31", "0001-01-01", "9999-12-31", "2023-02-28", "", "1970-01-01", "2024-12-30",
         "2024-02-29", "1900-02-28", "2000-02-29"]  # fmt: skip
_ENDS = ["2024-03-01", "0002-02-02", "9999-01-01", "2024-02-29", "2000-01-01", "", "2024-12-29",
         "2023-02-28", "1900-03-01", "2001-02-28"]  # fmt: skip
_MOMENTS = ["2024-01-31 13:45:06.123456", "0001-01-01", "9999-12-31 23:59:59", "1969-12-31 23:00",
            "", "1970-01-01", "2024-12-30 00:00:00.005", "2024-02-29 23:59:59.999999", "1899-12-31",
            "2000-01-01 12:00"]  # fmt: skip
_CENTS = [125, -235, 9_999_999_999, 0, -50, None, 305, -5, 250, -150]
_NAN, _INFINITE = float("nan"), float("inf")

ROWS = pl.DataFrame(
    {
        "t": ["Müller, Hans", "", " ab\t", "a\nb c", None, "😀é", "a%_b\\", "e\u0301x", "straße",
              "don't 3rd x1y"],
        "u": [",", "a", "", "-", "x", "é", "a", "\u0301", "SS", "t"],
        "n": [1, -7, BIG - 1, -BIG, None, 0, 3, -1, 8, 1000],
        "m": [3, 2, -1, 7, 1, None, 0, -2, 5, -3],
        "f": [2.5, -2.5, 0.5, 1e308, None, 0.0, -1.25, -0.0, 1.5, 1000.0],
        "g": [_NAN, _INFINITE, -_INFINITE, 1.0, None, -0.0, 0.0, 2.0, _NAN, 8.0],
        "c": [None if cents is None else Decimal(cents).scaleb(-2) for cents in _CENTS],
        "d": [dt.date.fromisoformat(day) if day else None for day in _DAYS],
        "e": [dt.date.fromisoformat(day) if day else None for day in _ENDS],
        "s": [dt.datetime.fromisoformat(day) if day else None for day in _MOMENTS],
        "b": [True, False, None, True, False, None, True, False, True, None],
    },
    schema_overrides={"c": pl.Decimal(10, 2)},
)  # fmt: skip


class Compared(NamedTuple):
    """An expression, how a reference spells it, in which rows it differs there, and how."""

    text: str
    theirs: str
    differing: tuple[int, ...] = ()
    how: str = ""


def _taken_apart(lines: str) -> list[Compared]:
    made = []
    for line in lines.strip().splitlines():
        both, _, stated = line.partition(" !! ")
        text, _, theirs = both.partition(" ## ")
        numbers, _, how = stated.partition(": ")
        differing = range(ROWS.height) if numbers == "all" else map(int, numbers.split())
        made.append(Compared(text, theirs or text, tuple(differing), how))
    return made


# By the reference's name in the docs.
EXAMPLES = {
    "PostgreSQL": _taken_apart(POSTGRES),
    "SQLite": _taken_apart(SQLITE),
    "DuckDB": _taken_apart(DUCKDB_TOO),
}
ALL = EXAMPLES | {
    "DuckDB": [*EXAMPLES["DuckDB"], *(Compared(one.text, one.theirs) for one in LIKE_DUCKDB)]
}
