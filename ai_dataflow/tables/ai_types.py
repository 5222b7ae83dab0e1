"""The types that an AI column can have, and what they are in Polars and in Delta.

A type is a name (`int64`), a decimal with its digits, or made of others: `list(float32)`,
`struct(a int64, b string)`. `json` is text that is JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

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
JSON = "json"
NAMES = (*_SIMPLE, "decimal(18,2)", JSON, "list(float32)", "struct(a int64,b string)")
_NARROWER = {("int16", "int32"), ("int16", "int64"), ("int32", "int64"), (JSON, "string")}
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)", re.ASCII)
_LIST, _STRUCT = re.compile(r"list\((.*)\)", re.S), re.compile(r"struct\((.*)\)", re.S)
_FIELD = re.compile(r"\s*([^\W\d]\w{0,127})\s+(\S.*)", re.S)
_MAX_PRECISION = 38
_DEEPEST = 8  # levels that readers of Parquet and Delta surely bear


def normal(name: str) -> str:
    """Give a type's one spelling: lower case, no blanks; fields of a struct keep their case."""
    if match := _of(_LIST, name):
        return f"list({normal(match)})"
    if (match := _of(_STRUCT, name)) is None:
        return "".join(name.split()).casefold()
    fields = [_FIELD.fullmatch(part) for part in _parts(match)]
    if not all(fields):
        return name.strip()
    return f"struct({','.join(f'{field[1]} {normal(field[2])}' for field in fields if field)})"


def is_known(name: str) -> bool:
    """Tell whether the name, in any case and spacing, is a type; decimals within 38 digits."""
    return _is_known(normal(name), _DEEPEST)


@lru_cache(maxsize=1024)
def to_polars(ai_type: str) -> pl.DataType:
    """Give the Polars type of a known ai_type."""
    if match := _DECIMAL.fullmatch(ai_type):
        return pl.Decimal(int(match[1]), int(match[2]))
    if inner := _of(_LIST, ai_type):
        return pl.List(to_polars(inner))
    if _of(_STRUCT, ai_type):
        return pl.Struct({name: to_polars(inner) for name, inner in _fields(ai_type)})
    return pl.String() if ai_type == JSON else _SIMPLE[ai_type][0]


@lru_cache(maxsize=1024)
def to_delta(ai_type: str) -> str:
    """Give the name of the Delta type of a known ai_type; a nested one's is JSON, as in the log."""
    delta = _delta(ai_type)
    return delta if isinstance(delta, str) else json.dumps(delta)


def is_narrower(ai_type: str, wider: str) -> bool:
    """Tell whether a type has some of the values of another, of the same kind, and no others.

    What such a type cannot hold is rejected by the casts, and never changed: so a `float32` is no
    narrower `float64`, and a `date` no narrower `timestamp`.
    """
    if (ai_type, wider) in _NARROWER:
        return True
    narrow, wide = _DECIMAL.fullmatch(ai_type), _DECIMAL.fullmatch(wider)
    if not (narrow and wide):
        return False
    before, after = int(narrow[1]) - int(narrow[2]), int(narrow[2])
    return after <= int(wide[2]) and before <= int(wide[1]) - int(wide[2])


def _delta(ai_type: str) -> Any:
    if inner := _of(_LIST, ai_type):
        return {"type": "array", "elementType": _delta(inner), "containsNull": True}
    if _of(_STRUCT, ai_type):
        fields = [
            {"name": name, "type": _delta(inner), "nullable": True, "metadata": {}}
            for name, inner in _fields(ai_type)
        ]
        return {"type": "struct", "fields": fields}
    if _DECIMAL.fullmatch(ai_type):
        return ai_type
    return "string" if ai_type == JSON else _SIMPLE[ai_type][1]


def _is_known(name: str, levels: int) -> bool:
    if match := _DECIMAL.fullmatch(name):
        precision, scale = int(match[1]), int(match[2])
        return 1 <= precision <= _MAX_PRECISION and scale <= precision
    if not levels:
        return False
    if inner := _of(_LIST, name):
        return inner != JSON and _is_known(inner, levels - 1)
    if (inside := _of(_STRUCT, name)) is not None:
        fields = _fields(name)
        names = {field.casefold() for field, _ in fields}
        is_whole = len(names) == len(_parts(inside))  # each is one field, of a name of its own
        return is_whole and all(t != JSON and _is_known(t, levels - 1) for _, t in fields)
    return name in _SIMPLE or name == JSON


def _of(pattern: re.Pattern[str], name: str) -> str | None:
    """Give what is in the brackets of a list or a struct; None where it is none."""
    match = re.fullmatch(rf"\s*{pattern.pattern}\s*", name, re.I | re.S)
    return match[1] if match else None


def _fields(ai_type: str) -> Sequence[tuple[str, str]]:
    fields = [_FIELD.fullmatch(part) for part in _parts(_of(_STRUCT, ai_type) or "")]
    return [(field[1], normal(field[2])) for field in fields if field]


def _parts(text: str) -> list[str]:
    """Divide a text at its commas that are in no brackets."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
