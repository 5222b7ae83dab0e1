"""What DuckDB makes of an expression: the reference that the compiler is compared with.

A row that DuckDB refuses is `FAILED`, as one that a transform rejects.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Context, Decimal
from functools import cache
from typing import Any

import duckdb
import polars as pl

_OUTSIDE = re.compile(r"\d{5,}-\d\d-\d\d|\d{4}-\d\d-\d\d \(BC\)")
_EXACT = Context(prec=100)
FAILED = "\ue000failed"


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def by_duckdb(text: str, rows: pl.DataFrame) -> list[Any]:
    """Compute an expression over rows, one by one: an error of one is not the others'."""
    connection = _connection()
    connection.register("rows", rows.to_arrow())
    try:
        found = connection.execute(f"SELECT {text} FROM rows").fetchall()  # noqa: S608 - ours
    except duckdb.Error:
        return [_one(connection, text, i) for i in range(rows.height)]
    return [_within(row[0]) for row in found]


def _within(value: Any) -> Any:
    """Give what Python's calendar has not, and DuckDB spells as text, as failed."""
    outside = isinstance(value, str) and _OUTSIDE.match(value)
    return FAILED if outside else value


def _one(connection: duckdb.DuckDBPyConnection, text: str, index: int) -> Any:
    one = f"SELECT {text} FROM (SELECT * FROM rows LIMIT 1 OFFSET {index})"  # noqa: S608 - ours
    try:
        found = connection.execute(one).fetchall()
    except (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException):
        return FAILED
    return _within(found[0][0])


def plain(value: Any) -> Any:
    """Give a value in a form in which equal ones are equal, whoever computed them."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return value if not math.isfinite(value) else float(f"{value:.9g}") + 0.0
    if isinstance(value, int | Decimal):
        return Decimal(value).normalize(_EXACT) if value else Decimal(0)
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    return dt.datetime.combine(value, dt.time()) if isinstance(value, dt.date) else value


def same(mine: Any, theirs: Any) -> bool:
    """Tell whether two results are one; a number's type is not compared."""
    if isinstance(theirs, float) and isinstance(mine, int | Decimal):
        mine = float(mine)
    if isinstance(mine, float) and isinstance(theirs, int | Decimal):
        theirs = float(theirs)
    if isinstance(theirs, float) and math.isnan(theirs) and isinstance(mine, float):
        return math.isnan(mine)
    if isinstance(theirs, float) and not math.isfinite(theirs):
        return bool(mine == FAILED or plain(mine) == theirs)
    return bool(plain(mine) == plain(theirs))
