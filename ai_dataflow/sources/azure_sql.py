"""Databases as sources: one statement per extract, only the mapped columns, values bound."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import sqlalchemy as sa
from sqlalchemy import types as sql_types
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchTableError, SQLAlchemyError

from ai_dataflow.config.locations import SqlLocation
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources import failures

_BATCH_ROWS = 50_000
_ALL_ROWS = (1 << 31) - 1
_DECIMAL_DIGITS = 38
_EXACT_FLOAT = 1 << 53

_TYPES: tuple[tuple[type[sql_types.TypeEngine[Any]], pl.DataType], ...] = (
    (sql_types.Boolean, pl.Boolean()),
    (sql_types.Integer, pl.Int64()),
    (sql_types.Float, pl.Float64()),
    (sql_types.DateTime, pl.Datetime("us")),
    (sql_types.Date, pl.Date()),
    (sql_types.Time, pl.Time()),
    (sql_types.LargeBinary, pl.Binary()),
)


class Database:
    """A SQL connection of the settings, and what can be asked of its tables."""

    def __init__(self, url: str, folder: str) -> None:
        self._url = url
        self._folder = folder

    @property
    def engine(self) -> sa.Engine:
        """The engine, with its pool; made when it is first used, where a bad URL is classified."""
        return _engine(self._url, self._folder)

    def schema(self, location: SqlLocation, place: str) -> pl.Schema:
        """Give the columns and types of a table or view.

        Raises:
            DataflowError: SRC-001 where there is no such table, SRC-007 or SRC-008.
        """
        with _classified(location, place):
            columns = sa.inspect(self.engine).get_columns(
                location.table, schema=location.schema or None
            )
        if not columns:
            raise failures.missing(str(location), place)
        return pl.Schema({c["name"]: self._type(c["type"]) for c in columns})

    def batches(
        self, location: SqlLocation, schema: pl.Schema, columns: Sequence[str], place: str
    ) -> Iterator[pl.DataFrame]:
        """Read the columns in one statement, in batches.

        Raises:
            DataflowError: SRC-007 or SRC-008, with the database's own reason as the cause.
        """
        wanted = {name: schema[name] for name in columns}
        if (client := location.client_column) and client.casefold() not in _folded(schema):
            # SQLite would take the unknown name for a text, and find no rows.
            raise failures.query_failed(str(location), place, f"there is no column {client}")
        statement = _select(location, columns)
        with _classified(location, place), self.engine.connect() as connection:
            options = {"stream_results": True, "yield_per": self._batch_rows}
            result = connection.execution_options(**options).execute(statement)
            empty = True
            for rows in result.partitions():
                empty = False
                yield _frame(rows, wanted)
            if empty:
                yield pl.DataFrame(schema=wanted)

    @property
    def _batch_rows(self) -> int:
        """SQLite's cells may break their column's type, which only shows when all are seen."""
        return _ALL_ROWS if self.engine.dialect.name == "sqlite" else _BATCH_ROWS

    def _type(self, declared: sql_types.TypeEngine[Any]) -> pl.DataType:
        if isinstance(declared, sql_types.Numeric) and not isinstance(declared, sql_types.Float):
            return self._decimal(declared)
        if self.engine.dialect.name == "sqlite" and isinstance(
            declared, sql_types.Date | sql_types.DateTime | sql_types.Time | sql_types.Boolean
        ):
            return pl.String()  # SQLite has none of these; it keeps text (or numbers)
        return next((found for sql, found in _TYPES if isinstance(declared, sql)), pl.String())

    def _decimal(self, declared: sql_types.Numeric[Any]) -> pl.DataType:
        if self.engine.dialect.name == "sqlite" and declared.precision is None:
            return pl.Float64()  # what SQLite makes of NUMERIC
        return pl.Decimal(declared.precision or _DECIMAL_DIGITS, declared.scale or 0)


def database(name: str, settings: Settings) -> Database:
    """Give the database of a connection name; its pool is shared in this process."""
    return Database(settings.sql[name].url.get_secret_value(), str(settings.folder))


@functools.lru_cache(maxsize=32)
def _engine(url: str, folder: str) -> sa.Engine:
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:"):
        parsed = _read_only(parsed, folder)
    # SQLite keeps the file of a pooled connection open, though another may have taken its place.
    pool = sa.NullPool if parsed.get_backend_name() == "sqlite" else None
    return sa.create_engine(parsed, hide_parameters=True, poolclass=pool)


def _read_only(url: sa.URL, folder: str) -> sa.URL:
    """Open SQLite files from the project's folder, read-only: opening must not create one."""
    path = Path(folder) / str(url.database)
    return url.set(database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})


def _select(location: SqlLocation, columns: Sequence[str]) -> sa.Select[Any]:
    """Select untyped columns: values come as the driver gives them, unconverted."""
    table = sa.table(
        location.table,
        *(sa.column(name) for name in dict.fromkeys((*columns, location.client_column)) if name),
        schema=location.schema or None,
    )
    statement = sa.select(*(table.c[name] for name in columns))
    if location.client_column:
        statement = statement.where(
            table.c[location.client_column] == sa.bindparam("client", location.client)
        )
    return statement


def _frame(rows: Sequence[sa.Row[Any]], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    values = zip(*rows, strict=True)
    return pl.DataFrame(
        [_series(name, list(column), schema[name]) for name, column in zip(schema, values,
                                                                          strict=True)]
    )  # fmt: skip


def _folded(names: Iterable[str]) -> set[str]:
    return {name.casefold() for name in names}


def _series(name: str, values: list[Any], dtype: pl.DataType) -> pl.Series:
    """Make a column of the declared type; where a cell breaks it (SQLite), of text."""
    try:
        if dtype == pl.Float64:
            values = [_float(value) for value in values]
        elif isinstance(dtype, pl.Decimal):
            values = [_decimal(value, dtype) for value in values]
        return pl.Series(name, values, dtype=dtype, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [_text(value) for value in values], dtype=pl.String())


def _float(value: object) -> float | None:
    """Give a float, or a whole number that a float holds exactly."""
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, int) and abs(value) <= _EXACT_FLOAT:
        return float(value)
    raise TypeError


def _decimal(value: object, dtype: pl.Decimal) -> Decimal | None:
    """Give a decimal of the declared digits; SQLite keeps a decimal as the float nearest to it."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    _, digits, exponent = number.normalize().as_tuple()
    if not isinstance(exponent, int):
        raise TypeError  # infinite, or no number
    if -exponent > dtype.scale or len(digits) + exponent > dtype.precision - dtype.scale:
        raise TypeError
    return number


def _text(value: object) -> str | None:
    """Spell a cell as text; bytes that are no UTF-8 in hexadecimal, as SQL writes them."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return f"0x{value.hex()}"
    return None if value is None else str(value)


@contextmanager
def _classified(location: SqlLocation, place: str) -> Iterator[None]:
    """Name what went wrong; the statement and its parameters stay out of it (P10)."""
    try:
        yield
    except NoSuchTableError:
        raise failures.missing(str(location), place) from None
    except DBAPIError as error:
        if any(text in str(error.orig) for text in ("no such table", "unknown database")):
            raise failures.missing(str(location), place) from None
        # Without a statement it was the connection that failed.
        is_lost = error.statement is None or error.connection_invalidated
        failed = failures.unreachable if is_lost else failures.query_failed
        raise failed(str(location), place, error.orig) from None
    except (ArgumentError, ImportError) as error:
        raise failures.unreachable(str(location), place, _unusable(error)) from None
    except SQLAlchemyError as error:
        raise failures.query_failed(str(location), place, error) from None


def _unusable(error: Exception) -> str:
    """Say what is wrong with a connection's URL, without the URL: it may hold a password."""
    if isinstance(error, ImportError):
        return f"the driver of its URL is not installed ({error.name or type(error).__name__})"
    return "its URL is none that SQLAlchemy knows"
