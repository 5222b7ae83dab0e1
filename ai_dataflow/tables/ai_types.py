"""The types that an AI column can have, and what they are in Polars and in Delta."""

from __future__ import annotations

import re

import polars as pl

_SIMPLE: dict[str, tuple[pl.DataType, str]] = {
    "string": (pl.String(), "string"),
    "boolean": (pl.Boolean(), "boolean"),
    "int16": (pl.Int16(), "short"),
    "int32": (pl.Int32(), "integer"),
    "int64": (pl.Int64(), "long"),
    "float32": (pl.Float32(), "float"),
    "float64": (pl.Float64(), "double"),
    "date": (pl.Date(), "date"),
    # A Delta `timestamp` is an instant: UTC, microseconds. A value without a zone is taken as UTC.
    "timestamp": (pl.Datetime("us", "UTC"), "timestamp"),
    "binary": (pl.Binary(), "binary"),
}
NAMES = (*_SIMPLE, "decimal(18,2)")
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)", re.ASCII)
_MAX_PRECISION = 38


def normal(name: str) -> str:
    """Give a type's one spelling: lower case, no blanks."""
    return "".join(name.split()).casefold()


def is_known(name: str) -> bool:
    """Tell whether the name, in any case and spacing, is a type; decimals within 38 digits."""
    if (match := _DECIMAL.fullmatch(normal(name))) is None:
        return normal(name) in _SIMPLE
    precision, scale = int(match[1]), int(match[2])
    return 1 <= precision <= _MAX_PRECISION and scale <= precision


def to_polars(ai_type: str) -> pl.DataType:
    """Give the Polars type of a known ai_type."""
    if match := _DECIMAL.fullmatch(ai_type):
        return pl.Decimal(int(match[1]), int(match[2]))
    return _SIMPLE[ai_type][0]


def to_delta(ai_type: str) -> str:
    """Give the name of the Delta primitive type of a known ai_type."""
    return ai_type if _DECIMAL.fullmatch(ai_type) else _SIMPLE[ai_type][1]
