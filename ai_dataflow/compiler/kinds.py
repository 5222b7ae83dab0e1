"""Types as SQL sees them: what their names mean in each dialect, which of two types both fit.

Whole numbers of columns are 64 bits wide at least; what a CAST names is as wide as it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from ai_dataflow.compiler import dialects
from ai_dataflow.compiler.terms import Term

MAX_DIGITS = 38
MONEY = {"MONEY": pl.Decimal(19, 4), "SMALLMONEY": pl.Decimal(10, 4)}
NAIVE = pl.Datetime("us")
INSTANT = pl.Datetime("us", "UTC")
_NAMES: dict[str, pl.DataType] = {
    **dict.fromkeys(("TINYINT", "INT1", "BYTE"), pl.Int8()),
    **dict.fromkeys(("SMALLINT", "INT2", "SHORT"), pl.Int16()),
    **dict.fromkeys(("INT", "INTEGER", "INT4", "MEDIUMINT", "SIGNED"), pl.Int32()),
    **dict.fromkeys(("BIGINT", "INT8", "LONG"), pl.Int64()),
    **dict.fromkeys(("HUGEINT", "INT128"), pl.Int128()),
    **dict.fromkeys(("UTINYINT", "UINT1", "TINYINT UNSIGNED"), pl.UInt8()),
    **dict.fromkeys(("USMALLINT", "UINT2", "SMALLINT UNSIGNED"), pl.UInt16()),
    **dict.fromkeys(("UINTEGER", "UINT4", "INT UNSIGNED", "INTEGER UNSIGNED"), pl.UInt32()),
    **dict.fromkeys(("UBIGINT", "UINT8", "BIGINT UNSIGNED"), pl.UInt64()),
    **dict.fromkeys(("REAL", "FLOAT4"), pl.Float32()),
    **dict.fromkeys(("FLOAT", "DOUBLE", "FLOAT8", "DOUBLE PRECISION", "FLOAT64"), pl.Float64()),
    **dict.fromkeys(("BOOLEAN", "BOOL", "BIT", "LOGICAL"), pl.Boolean()),
    **dict.fromkeys(
        ("VARCHAR", "NVARCHAR", "CHAR", "NCHAR", "TEXT", "NTEXT", "STRING", "BPCHAR", "UUID",
         "CHARACTER", "CHARACTER VARYING", "CHAR VARYING", "UNIQUEIDENTIFIER", "SYSNAME", "CLOB"),
        pl.String(),
    ),
    "DATE": pl.Date(),
    "TIME": pl.Time(),
    **dict.fromkeys(
        ("TIMESTAMP", "DATETIME", "DATETIME2", "SMALLDATETIME", "TIMESTAMP_NTZ",
         "TIMESTAMP WITHOUT TIME ZONE"), NAIVE,
    ),
    **dict.fromkeys(
        ("DATETIMEOFFSET", "TIMESTAMPTZ", "TIMESTAMP_LTZ", "TIMESTAMP WITH TIME ZONE"), INSTANT
    ),
    **dict.fromkeys(("BINARY", "VARBINARY", "BLOB", "BYTEA", "BYTES", "IMAGE"), pl.Binary()),
    **MONEY,
}  # fmt: skip
_DECIMALS = frozenset({"DECIMAL", "NUMERIC", "DEC", "NUMBER"})
_PLAIN_DECIMAL = {dialects.TSQL: (18, 0), dialects.SPARK: (10, 0), dialects.DUCKDB: (18, 3)}
_OF_DIALECT: dict[tuple[str, str], pl.DataType] = {
    (dialects.TSQL, "TINYINT"): pl.UInt8(),
    (dialects.SPARK, "FLOAT"): pl.Float32(),
    (dialects.DUCKDB, "FLOAT"): pl.Float32(),
}
NAMES = (*_NAMES, *sorted(_DECIMALS))
_WIDTHS: dict[pl.DataType, int] = {
    pl.Int8(): 8, pl.UInt8(): 8, pl.Int16(): 16, pl.UInt16(): 16, pl.Int32(): 32, pl.UInt32(): 32,
    pl.Int64(): 64, pl.UInt64(): 64, pl.Int128(): 128,
}  # fmt: skip
_SIGNED = {8: pl.Int8(), 16: pl.Int16(), 32: pl.Int32(), 64: pl.Int64(), 128: pl.Int128()}


def named(name: str, parameters: Sequence[str], dialect: str) -> pl.DataType | None:
    """Give the type of a name in a dialect; None where there is none."""
    name = name.upper()
    numbers = [int(part) for part in parameters if part.isdigit()]
    if name in _DECIMALS:
        return _decimal(numbers, dialect)
    if name == "FLOAT" and numbers and numbers[0] <= 24:  # noqa: PLR2004 - bits of a REAL
        return pl.Float32()
    return _OF_DIALECT.get((dialect, name)) or _NAMES.get(name)


def _decimal(numbers: Sequence[int], dialect: str) -> pl.DataType | None:
    digits, scale = (*numbers, 0)[:2] if numbers else _PLAIN_DECIMAL.get(dialect, (MAX_DIGITS, 9))
    return pl.Decimal(digits, scale) if 1 <= digits <= MAX_DIGITS and scale <= digits else None


def shown(dtype: pl.DataType) -> str:
    """Give a type's name as SQL has it."""
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    if isinstance(dtype, pl.Datetime):
        return "TIMESTAMP WITH TIME ZONE" if dtype.time_zone else "TIMESTAMP"
    names = {
        pl.Int8(): "TINYINT", pl.Int16(): "SMALLINT", pl.Int32(): "INT", pl.Int64(): "BIGINT",
        pl.Int128(): "HUGEINT", pl.UInt8(): "UTINYINT", pl.UInt16(): "USMALLINT",
        pl.UInt32(): "UINTEGER", pl.UInt64(): "UBIGINT", pl.Float32(): "REAL",
        pl.Float64(): "DOUBLE", pl.Boolean(): "BOOLEAN", pl.String(): "VARCHAR", pl.Date(): "DATE",
        pl.Time(): "TIME", pl.Binary(): "VARBINARY", pl.Null(): "NULL",
    }  # fmt: skip
    return names.get(dtype) or type_name(dtype)


def type_name(dtype: pl.DataType) -> str:
    """Give a type's name as Polars has it, without what may be values: fields, categories (P10)."""
    if isinstance(dtype, pl.List | pl.Array):
        return f"{dtype.base_type()}({type_name(as_instance(dtype.inner))})"
    if isinstance(dtype, pl.Struct | pl.Enum):
        return str(dtype.base_type())
    return str(dtype)


def as_instance(dtype: Any) -> pl.DataType:
    """Give a type as an instance: Polars takes the class for it as well."""
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def is_whole(dtype: pl.DataType) -> bool:
    """Tell whole numbers."""
    return dtype.is_integer()


def is_number(dtype: pl.DataType) -> bool:
    """Tell numbers."""
    return dtype.is_numeric()


def is_day(dtype: pl.DataType) -> bool:
    """Tell what has a day: dates and timestamps."""
    return isinstance(dtype, pl.Date | pl.Datetime)


def limits(dtype: pl.DataType) -> tuple[int, int]:
    """Give the least and the largest whole number of a type."""
    width = _WIDTHS[dtype]
    if dtype.is_unsigned_integer():
        return 0, 2**width - 1
    return -(2 ** (width - 1)), 2 ** (width - 1) - 1


def fits(number: int, dtype: pl.DataType) -> bool:
    """Tell whether a whole number is one of a type."""
    low, high = limits(dtype)
    return low <= number <= high


def wider(a: Term, b: Term) -> pl.DataType:
    """Give the type of an operator of two whole numbers: the wider; a literal takes the other's."""
    for one, other in ((a, b), (b, a)):
        if one.is_literal and isinstance(one.literal, int) and not other.is_literal:
            return other.dtype if fits(one.literal, other.dtype) else wider_type(a.dtype, b.dtype)
    return wider_type(a.dtype, b.dtype)


def wider_type(a: pl.DataType, b: pl.DataType) -> pl.DataType:
    """Give the narrowest type that has all values of two whole types."""
    left, right = _WIDTHS[a], _WIDTHS[b]
    if a.is_unsigned_integer() == b.is_unsigned_integer():
        return a if left >= right else b
    unsigned, signed = (left, right) if a.is_unsigned_integer() else (right, left)
    return _SIGNED[max(signed, unsigned * 2)]


def digits_of(dtype: pl.DataType) -> tuple[int, int]:
    """Give the digits and the scale of a decimal, or of a whole number as one."""
    if isinstance(dtype, pl.Decimal):
        return dtype.precision, dtype.scale
    return {8: 3, 16: 5, 32: 10, 64: 20}.get(_WIDTHS[dtype], MAX_DIGITS), 0
