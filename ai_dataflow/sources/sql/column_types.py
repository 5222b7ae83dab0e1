"""SQL types: how each is asked for, how it is delivered, and as what it arrives.

The statement itself turns what drivers spell differently, cut off or do not know into something
that every driver delivers exactly; what is delivered as text and is none is parsed here, strictly.
So tuples and bulk reads give the same columns. docs/sql.md has the table for users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import types as generic
from sqlalchemy.dialects import mssql
from sqlalchemy.dialects import postgresql as pg

Ask = Callable[[sa.ColumnElement[Any]], sa.ColumnElement[Any]]
Declared = generic.TypeEngine[Any]

_DIGITS = 38
TEXT, BINARY, BOOLEAN, INT = pl.String(), pl.Binary(), pl.Boolean(), pl.Int64()
DATE, TIME, TIMESTAMP = pl.Date(), pl.Time(), pl.Datetime("us")
INSTANT = pl.Datetime("us", "UTC")


def _as_it_is(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return column


@dataclass(frozen=True)
class ValueForm:
    """How a type travels: asked for by an expression, delivered as `wire`, arriving as `dtype`.

    A text that is `narrow` has the characters of a code page, and an index of such texts. One that
    is `mixed` has the cells of a column of another type, as they are spelled.
    """

    dtype: pl.DataType
    wire: pl.DataType
    ask: Ask = _as_it_is
    narrow: bool = False
    mixed: bool = False


@dataclass(frozen=True)
class SqlColumn:
    """A column of a table or view, by the name that the database gives it."""

    name: str
    delivery: ValueForm

    @property
    def dtype(self) -> pl.DataType:
        """The type in which its values arrive."""
        return self.delivery.dtype

    @property
    def wire(self) -> pl.DataType:
        """The type in which the driver delivers them."""
        return self.delivery.wire

    def asked(self) -> sa.ColumnElement[Any]:
        """Give the expression that asks for it, under its own name."""
        return self.delivery.ask(sa.column(self.name)).label(self.name)

    def loosened(self) -> SqlColumn:
        """Give the column in a type that has what its own has not.

        That is text, whatever the values are; and of texts, of which one is bytes that are no text,
        binary.
        """
        dtype = BINARY if self.dtype == TEXT else TEXT
        return SqlColumn(self.name, replace(self.delivery, dtype=dtype, wire=dtype, mixed=True))


class UnfitError(Exception):
    """A column has a value that its type does not have, such as an infinite date."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


def arrived(frame: pl.DataFrame, columns: Mapping[str, SqlColumn]) -> pl.DataFrame:
    """Turn a frame as it was delivered into one as it arrives.

    Raises:
        UnfitError: a text is no value of its column's type.
    """
    moved = [c for c in columns.values() if c.wire != c.dtype]
    return frame.with_columns(parsed(frame[c.name], c.dtype) for c in moved) if moved else frame


def parsed(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Turn delivered values into those of a type.

    Raises:
        UnfitError: a text is no value of the type.
    """
    try:
        if values.dtype == pl.String and isinstance(dtype, pl.Datetime):
            values = values.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us")
        elif values.dtype == pl.String and isinstance(dtype, pl.Date):
            return values.str.to_date("%Y-%m-%d")
        elif values.dtype == pl.String and isinstance(dtype, pl.Time):
            return values.str.to_time("%H:%M:%S%.f")
        if isinstance(dtype, pl.Datetime) and dtype.time_zone:
            return values.dt.replace_time_zone(dtype.time_zone)
        return values.cast(dtype)
    except pl.exceptions.PolarsError:
        raise UnfitError(values.name) from None


def _plain(dtype: pl.DataType) -> ValueForm:
    return ValueForm(dtype, dtype)


def _spelled(dtype: pl.DataType, ask: Ask) -> ValueForm:
    """Ask for a text that the given type is parsed from."""
    return ValueForm(dtype, TEXT, ask)


def _cast(to: Declared | type[Declared]) -> Ask:
    return lambda column: sa.cast(column, to)


# ------------------------------------------------------------------------------------------------
# PostgreSQL. Its ODBC driver makes today of an infinite date, 00:00 of 24:00 and 0 of a decimal
# that is no number; as text they are what they are. A length in a cast cuts off: these never do.

_UTC: sa.ColumnElement[str] = sa.literal_column("'UTC'")
_PG_TEXT = _spelled(TEXT, _cast(sa.Text()))
_PG_SHORT = _cast(sa.VARCHAR(48))
# The first that a reflected type is an instance of.
_POSTGRESQL: tuple[tuple[type[Declared], ValueForm], ...] = (
    (generic.Boolean, _plain(BOOLEAN)),
    (generic.Integer, _plain(INT)),
    (generic.REAL, _plain(pl.Float32())),
    (generic.Float, _plain(pl.Float64())),
    (generic.Date, _spelled(DATE, _PG_SHORT)),
    (generic.DateTime, _spelled(TIMESTAMP, _PG_SHORT)),
    (generic.Time, _spelled(TIME, _PG_SHORT)),
    (generic.LargeBinary, _plain(BINARY)),
    (generic.CHAR, _plain(TEXT)),
    (generic.VARCHAR, _plain(TEXT)),
    (generic.TEXT, _plain(TEXT)),
    # As text it has the currency and the commas of the server's locale.
    (pg.MONEY, _spelled(TEXT, lambda c: sa.cast(sa.cast(c, sa.Numeric), sa.Text))),
)


def of_postgresql(declared: Declared) -> ValueForm:
    """Give the delivery of a reflected type of PostgreSQL."""
    match declared:
        case pg.DOMAIN():
            return of_postgresql(declared.data_type)
        case generic.DateTime(timezone=True):
            return _spelled(INSTANT, lambda c: _PG_SHORT(sa.func.timezone(_UTC, c)))
        case generic.Time(timezone=True):
            return _PG_TEXT
        case generic.Numeric() if not isinstance(declared, generic.Float):
            decimal = _decimal(declared)
            return _spelled(decimal, _PG_SHORT) if decimal else _PG_TEXT
    return next((delivery for sql, delivery in _POSTGRESQL if isinstance(declared, sql)), _PG_TEXT)


def _decimal(declared: generic.Numeric[Any]) -> pl.Decimal | None:
    """Give the decimal that holds every value of a type; None where there is none."""
    precision, scale = declared.precision, declared.scale or 0
    if precision is None or precision > _DIGITS or not 0 <= scale <= precision:
        return None
    return pl.Decimal(precision, scale)


# ------------------------------------------------------------------------------------------------
# SQL Server. Numbers, dates and texts travel as they are; what only Microsoft's driver knows (time,
# datetimeoffset, xml and the like) is asked for as something that FreeTDS knows too.

_NO_OFFSET: sa.ColumnElement[str] = sa.literal_column("'+00:00'")
_MS_TEXT = _spelled(TEXT, _cast(mssql.NVARCHAR(None)))
_VARBINARY_MAX = mssql.VARBINARY("max")  # type: ignore[no-untyped-call]
_MSSQL: dict[str, ValueForm] = {
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), _plain(INT)),
    **dict.fromkeys(("datetime", "smalldatetime", "datetime2"), _plain(TIMESTAMP)),
    **dict.fromkeys(("char", "varchar"), ValueForm(TEXT, TEXT, narrow=True)),
    **dict.fromkeys(("nchar", "nvarchar", "sysname"), _plain(TEXT)),
    **dict.fromkeys(("binary", "varbinary", "timestamp", "rowversion"), _plain(BINARY)),
    "bit": _plain(BOOLEAN),
    "real": _plain(pl.Float32()),
    "float": _plain(pl.Float64()),
    "date": _plain(DATE),
    "time": _spelled(TIME, _cast(sa.VARCHAR(16))),
    "datetimeoffset": ValueForm(
        INSTANT,
        TIMESTAMP,
        lambda c: sa.cast(sa.func.SWITCHOFFSET(c, _NO_OFFSET), mssql.DATETIME2),
    ),
    # Drivers round money to cents on its way to text.
    "money": ValueForm(pl.Decimal(19, 4), pl.Decimal(19, 4), _cast(sa.DECIMAL(19, 4))),
    "smallmoney": ValueForm(pl.Decimal(10, 4), pl.Decimal(10, 4), _cast(sa.DECIMAL(10, 4))),
    "uniqueidentifier": _spelled(TEXT, _cast(sa.CHAR(36))),
    "image": ValueForm(BINARY, BINARY, _cast(_VARBINARY_MAX)),
    "sql_variant": _spelled(TEXT, _cast(mssql.NVARCHAR(4000))),
}


def of_mssql(name: str, precision: int | None, scale: int | None) -> ValueForm:
    """Give the delivery of a type by its name in `INFORMATION_SCHEMA.COLUMNS`."""
    if name in ("decimal", "numeric"):
        return _plain(pl.Decimal(precision or 18, scale or 0))
    return _MSSQL.get(name, _MS_TEXT)


# ------------------------------------------------------------------------------------------------
# All others: what SQLAlchemy says of the type. SQLite has types of cells, not of columns.

_GENERIC: tuple[tuple[type[Declared], pl.DataType], ...] = (
    (generic.Boolean, BOOLEAN),
    (generic.Integer, INT),
    (generic.Float, pl.Float64()),
    (generic.DateTime, TIMESTAMP),
    (generic.Date, DATE),
    (generic.Time, TIME),
    (generic.LargeBinary, BINARY),
)


def of_sqlite(declared: Declared) -> ValueForm:
    """Give the delivery of a declared type; dates, times and booleans are kept as text there."""
    if isinstance(declared, generic.Date | generic.DateTime | generic.Time | generic.Boolean):
        return _plain(TEXT)
    if isinstance(declared, generic.Numeric) and declared.precision is None:
        return _plain(pl.Float64())  # what SQLite makes of NUMERIC
    return of_any(declared)


def of_any(declared: Declared) -> ValueForm:
    """Give the delivery of a reflected type of a database that nothing special is known of."""
    if isinstance(declared, generic.Numeric) and not isinstance(declared, generic.Float):
        return _plain(_decimal(declared) or TEXT)
    return _plain(next((dtype for sql, dtype in _GENERIC if isinstance(declared, sql)), TEXT))
