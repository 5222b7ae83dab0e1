"""What PostgreSQL and SQLite make of an expression over rows, beside what DuckDB makes of it.

A row that they refuse is `FAILED`, as one that a transform rejects; so is a day that Python's
calendar has not.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, LiteralString, cast

import polars as pl
import psycopg
from psycopg import errors

from ai_dataflow_tests.compiler.reference import FAILED
from ai_dataflow_tests.services.postgres import Postgres

_TYPES = {
    pl.String: "text", pl.Int64: "bigint", pl.Float64: "double precision", pl.Date: "date",
    pl.Datetime: "timestamp", pl.Boolean: "boolean", pl.Decimal: "numeric",
}  # fmt: skip
_REFUSED = (psycopg.DataError, errors.ProgramLimitExceeded)
Connection = psycopg.Connection[tuple[Any, ...]]


def _columns(rows: pl.DataFrame) -> str:
    """Give the columns of a table in PostgreSQL."""
    return ", ".join(f"{name} {_type(dtype)}" for name, dtype in rows.schema.items())


def _type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"numeric({dtype.precision}, {dtype.scale})"
    return next(name for kind, name in _TYPES.items() if dtype == kind)


@contextmanager
def postgres_with(server: Postgres, rows: pl.DataFrame) -> Iterator[Connection]:
    """Give a connection to a PostgreSQL that has these rows, in a table of its own."""
    with server.connect() as connection:
        fill_postgres(connection, rows)
        yield connection


def fill_postgres(connection: Connection, rows: pl.DataFrame) -> None:
    """Let the rows of a connection be these."""
    _run(connection, "DROP TABLE IF EXISTS rows")
    _run(connection, f"CREATE TEMP TABLE rows (i int, {_columns(rows)})")
    with connection.cursor().copy("COPY rows FROM STDIN") as copy:
        for i, row in enumerate(rows.iter_rows()):
            copy.write_row((i, *row))


def _run(connection: Connection, text: str) -> list[tuple[Any, ...]]:
    done = connection.execute(cast("LiteralString", text))
    return done.fetchall() if done.description else []


def by_postgres(connection: Connection, text: str, number: int) -> list[Any]:
    """Compute an expression over so many rows: at once, or one by one where some are refused."""
    try:
        return [row[0] for row in _run(connection, f"SELECT {text} FROM rows ORDER BY i")]  # noqa: S608 - ours
    except _REFUSED:
        return [_one(connection, text, i) for i in range(number)]


def _one(connection: Connection, text: str, index: int) -> Any:
    try:
        return _run(connection, f"SELECT {text} FROM rows WHERE i = {index}")[0][0]  # noqa: S608 - ours
    except _REFUSED:
        return FAILED


def sqlite_with(rows: pl.DataFrame) -> sqlite3.Connection:
    """Give a SQLite that has these rows; decimals are floats there, and days texts."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE rows (i, {', '.join(rows.columns)})")
    marks = ", ".join("?" * (rows.width + 1))
    lines = [(i, *map(_in_sqlite, row)) for i, row in enumerate(rows.iter_rows())]
    connection.executemany(f"INSERT INTO rows VALUES ({marks})", lines)  # noqa: S608 - ours
    return connection


def _in_sqlite(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return day_as_text(value)


def day_as_text(value: Any) -> Any:
    """Give days and instants as SQLite has them."""
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    return value.isoformat() if isinstance(value, dt.date) else value


def by_sqlite(connection: sqlite3.Connection, text: str) -> list[Any]:
    """Compute an expression over rows; SQLite gives null where others refuse."""
    return [row[0] for row in connection.execute(f"SELECT {text} FROM rows ORDER BY i")]  # noqa: S608 - ours
