"""Rows of a database as frames: as tuples through SQLAlchemy, or in bulk through arrow-odbc.

Both read one statement in bounded memory, from a cursor of the server where it has one, and give
frames of the columns as they are delivered; see `sql_types`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any, TypeVar

import polars as pl
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.connections.database_errors import database_fault
from ai_dataflow.connections.databases import Connection, session_of
from ai_dataflow.connections.faults import Fault
from ai_dataflow.sources.sql.column_types import SqlColumn, UnfitError, parsed

P = TypeVar("P")

# As Python's objects, of which those of a row with long texts may be large.
_FETCHED_ROWS = 2_000
# What the driver fills at once; half of it is being read from while the other is being filled.
_TRANSIT_BYTES = 16 << 20
# In UTF-16 units, or bytes. A column's buffer has room for this much in each row of a batch.
LONGEST_IN_BULK = 4_000
_GROUP_ROWS, _GROUP_BYTES = 50_000, 64 << 20
_EXACT_FLOAT = 1 << 53
_EXACT = Context(prec=400)  # for decimals; Python's own rounds to 28 digits
_ARROW: dict[pl.DataType, pa.DataType] = {
    pl.String(): pa.string(), pl.Binary(): pa.binary(), pl.Boolean(): pa.bool_(),
    pl.Int64(): pa.int64(), pl.Float32(): pa.float32(), pl.Float64(): pa.float64(),
    pl.Date(): pa.date32(), pl.Time(): pa.time64("us"), pl.Datetime("us"): pa.timestamp("us"),
}  # fmt: skip


class TooLongError(Exception):
    """A value is longer than the buffers of a bulk read; nothing of it was cut off."""


def in_bulk(
    connection: Connection, statement: sa.Select[Any], columns: Mapping[str, SqlColumn]
) -> Generator[pl.DataFrame, None, None]:
    """Read a statement through ODBC into Arrow.

    Raises:
        Fault: what the database or its driver refused.
        TooLongError: a text or binary is longer than `LONGEST_IN_BULK`.
        UnfitError: a text is no decimal of its column.
    """
    try:
        import arrow_odbc  # noqa: PLC0415  # needs unixODBC, which only these databases do
    except ImportError as error:
        raise database_fault(error) from None
    seconds = connection.settings.query_timeout
    query, parameters = with_marks(statement, type(connection.engine.dialect))
    try:
        opened = arrow_odbc.connect(
            connection.odbc, login_timeout_sec=connection.connect_seconds, autocommit=True
        )
        batches = opened.read_arrow_batches(
            query,
            parameters=parameters or None,
            schema=pa.schema([(c.name, _arrow(c.wire)) for c in columns.values()]),
            max_bytes_per_batch=_TRANSIT_BYTES,
            max_text_size=LONGEST_IN_BULK,
            max_binary_size=LONGEST_IN_BULK,
            query_timeout_sec=seconds,
            # Narrow text comes in the code page of the process's locale, or loses characters.
            payload_text_encoding=arrow_odbc.TextEncoding.UTF16,
        )
        for held in _gathered(batches, lambda batch: (batch.num_rows, batch.nbytes), seconds):
            yield _of_arrow(pa.Table.from_batches(held), columns)
        if connection.engine.dialect.name == "mssql":
            _prove_alive(opened, seconds)
    except arrow_odbc.Error as error:
        if "too large to be written" in str(error):
            raise TooLongError from None
        raise database_fault(error) from None


def _prove_alive(opened: Any, seconds: int) -> None:
    """Ask for something more on the same connection.

    Where it breaks amid a block of rows, Microsoft's driver gives those that arrived and then says
    that there are no more; arrow-odbc takes them for all.
    """
    for _ in opened.read_arrow_batches("SELECT 1 AS alive", query_timeout_sec=seconds):
        pass


def as_tuples(
    connection: Connection, statement: sa.Select[Any], columns: Mapping[str, SqlColumn]
) -> Generator[pl.DataFrame, None, None]:
    """Read a statement through SQLAlchemy.

    Raises:
        Fault: what the database or its driver refused.
        UnfitError: a value is none of its column's type.
    """
    options = {"stream_results": True, "yield_per": _FETCHED_ROWS}
    is_reading = False
    try:
        with session_of(connection.engine) as session:
            is_reading = True
            result = session.execution_options(**options).execute(statement)
            frames = (_of_tuples(rows, columns) for rows in result.partitions())
            seconds = connection.settings.query_timeout
            for held in _gathered(frames, lambda f: (f.height, f.estimated_size()), seconds):
                yield pl.concat(held)
    except SQLAlchemyError as error:
        raise database_fault(error, is_reading=is_reading) from None
    except (ValueError, ArithmeticError) as error:  # of a driver, about a value
        raise Fault("refused", redacted(error)) from None


def _gathered(
    parts: Iterable[P], size: Callable[[P], tuple[int, float]], seconds: float
) -> Iterator[list[P]]:
    """Put small parts together, so that a Parquet row group is worth it.

    Raises:
        Fault: reading took longer than the given time.
    """
    end = time.monotonic() + seconds
    held: list[P] = []
    full = 0.0
    for part in parts:
        held.append(part)
        rows, in_bytes = size(part)
        full += max(rows / _GROUP_ROWS, in_bytes / _GROUP_BYTES)
        if full >= 1:
            yield held
            held, full = [], 0.0
        if time.monotonic() > end:
            raise Fault("slow", f"it was not read to its end after {seconds} s")
    if held:
        yield held


def with_marks(statement: sa.Select[Any], dialect: type[sa.Dialect]) -> tuple[str, list[str]]:
    """Compile a statement with ODBC's question marks; all parameters of ours are texts."""
    with_marks: Any = dialect
    compiled = statement.compile(dialect=with_marks(paramstyle="qmark"))
    return str(compiled), [str(compiled.params[name]) for name in compiled.positiontup or ()]


def _arrow(dtype: pl.DataType) -> pa.DataType:
    """Give the type to ask arrow-odbc for.

    Decimals as text: it reads them as such anyhow, wraps what has too many digits, and ends the
    whole process where there are none.
    """
    return pa.string() if isinstance(dtype, pl.Decimal) else _ARROW[dtype]


def _of_arrow(table: pa.Table, columns: Mapping[str, SqlColumn]) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table of columns is one
    decimals = [column for column in columns.values() if isinstance(column.wire, pl.Decimal)]
    return frame.with_columns(parsed(frame[column.name], column.wire) for column in decimals)


def _of_tuples(rows: Sequence[sa.Row[Any]], columns: Mapping[str, SqlColumn]) -> pl.DataFrame:
    values = zip(*rows, strict=True)
    return pl.DataFrame(
        [_series(c, list(v)) for c, v in zip(columns.values(), values, strict=True)]
    )


def _series(column: SqlColumn, values: list[Any]) -> pl.Series:
    name, dtype = column.name, column.wire
    try:
        if dtype.is_float():
            values = [_float(value) for value in values]
        elif isinstance(dtype, pl.Decimal):
            values = [_decimal(value, dtype) for value in values]
        elif dtype == pl.Binary():
            values = [_bytes(value) for value in values]
        return pl.Series(name, values, dtype=dtype, strict=True)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        if dtype != pl.String:
            raise UnfitError(name) from None
    try:
        texts = [_text(value, column.delivery.mixed) for value in values]
    except UnicodeDecodeError:
        raise UnfitError(name) from None
    return pl.Series(name, texts, dtype=pl.String())


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
    _, digits, exponent = number.normalize(_EXACT).as_tuple()
    if not isinstance(exponent, int):
        raise TypeError  # infinite, or no number
    whole = len(digits) + exponent if number else 0  # digits before the point
    if -exponent > dtype.scale or whole > dtype.precision - dtype.scale:
        raise TypeError
    return number


def _text(value: object, is_mixed: bool) -> str | None:
    """Spell a cell as text.

    Bytes that are no UTF-8 are none. In a column that is none of texts they are spelled as SQL
    writes them, in hexadecimal: there no number and no day is spelled so.

    Raises:
        UnicodeDecodeError: bytes that are no UTF-8, in a column of texts.
    """
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            if not is_mixed:
                raise
            return f"0x{value.hex()}"
    return None if value is None else str(value)


def _bytes(value: object) -> bytes | None:
    """Give the bytes of a cell; of another type than bytes those of its text."""
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode()
