"""Casts of lists, structs and JSON: what fails in one of their values fails as a whole.

A nested value is null where it was null, and nowhere else. JSON is exact: keys are in the order of
the source, decimals have all their digits, days and times are ISO 8601, bytes are Base64.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import polars as pl

from ai_dataflow.compiler.calendar_days import within_calendar
from ai_dataflow.compiler.kinds import as_instance
from ai_dataflow.sources.columns import field_named

# Begins what is a number though JSON's writer has only texts for it; texts' own are doubled.
_MARK = "\ue000"
_NUMBERS = rf'"{_MARK}#(-?[0-9.]+)"'
_KEY = "v"
_DAY, _TIME = "%Y-%m-%d", "%H:%M:%S%.f"


class Inner(NamedTuple):
    """A value in its new type, and where it could not be made; None where it always is."""

    value: pl.Expr
    failed: pl.Expr | None


InnerCast = Callable[[pl.Expr, pl.DataType, pl.DataType], Inner | None]


def nested_value(
    expr: pl.Expr, source: pl.DataType, target: pl.DataType, inner: InnerCast
) -> pl.Expr | None:
    """Cast a list or a struct, value by value; null where one of these fails.

    None where no value of one type can become the other.
    """
    if isinstance(source, pl.Array):
        return nested_value(expr.arr.to_list(), pl.List(source.inner), target, inner)
    if isinstance(source, pl.List) and isinstance(target, pl.List):
        done = inner(pl.element(), as_instance(source.inner), as_instance(target.inner))
        return None if done is None else _list(expr, done)
    if isinstance(source, pl.Struct) and isinstance(target, pl.Struct):
        return _struct(expr, source, target, inner)
    return None


def _list(expr: pl.Expr, done: Inner) -> pl.Expr:
    values = expr.list.eval(done.value)
    if done.failed is None:
        return values
    return pl.when(~expr.list.eval(done.failed).list.any()).then(values)


def _struct(
    expr: pl.Expr, source: pl.Struct, target: pl.Struct, inner: InnerCast
) -> pl.Expr | None:
    types = {field.name: as_instance(field.dtype) for field in source.fields}
    is_good, values = expr.is_not_null(), []
    for field in target.fields:
        if field.name not in types:
            return None
        of_source = field_named(expr, source, field.name)
        done = inner(of_source, types[field.name], as_instance(field.dtype))
        if done is None:
            return None
        values.append(done.value.alias(field.name))
        if done.failed is not None:
            is_good &= ~done.failed
    return pl.when(is_good).then(pl.struct(values))


def json_value(expr: pl.Expr, source: pl.DataType) -> pl.Expr | None:
    """Give values as JSON; null where they have none, None where their type has none.

    A text must be JSON by itself.
    """
    if source == pl.String:
        return expr.map_batches(_only_json, return_dtype=pl.String)
    shown = _shown(expr, source)
    if shown is None:
        return None
    text = pl.struct(shown.alias(_KEY)).struct.json_encode()
    inside = text.str.slice(len(_KEY) + 4).str.head(-1)
    exact = inside.str.replace_all(_NUMBERS, "$1").str.replace_all(_MARK * 2, _MARK, literal=True)
    return pl.when(_has_json(expr, source)).then(exact)


def _shown(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    """Give a value as JSON's writer gives it exactly; None where JSON has no such value."""
    match dtype:
        case pl.Array():
            return _shown(expr.arr.to_list(), pl.List(dtype.inner))
        case pl.List():
            inner = _shown(pl.element(), as_instance(dtype.inner))
            return None if inner is None else expr.list.eval(inner)
        case pl.Struct():
            fields = {
                f.name: _shown(field_named(expr, dtype, f.name), as_instance(f.dtype))
                for f in dtype.fields
            }
            shown = [value.alias(name) for name, value in fields.items() if value is not None]
            whole = len(shown) == len(fields)
            return pl.when(expr.is_not_null()).then(pl.struct(shown)) if whole else None
        case pl.Date() | pl.Datetime() | pl.Time():
            return _iso(expr, dtype)
        case _:
            return _plain(expr, dtype)


def _iso(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if not isinstance(dtype, pl.Datetime):
        return expr.dt.to_string(_DAY if dtype == pl.Date else _TIME)
    in_utc = expr.dt.convert_time_zone("UTC") if dtype.time_zone else expr
    return in_utc.dt.to_string(f"{_DAY}T{_TIME}{'Z' if dtype.time_zone else ''}")


def _plain(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    match dtype:
        case pl.Decimal():
            return pl.concat_str(pl.lit(f"{_MARK}#"), expr.cast(pl.String))
        case pl.String() | pl.Categorical() | pl.Enum():
            return expr.cast(pl.String).str.replace_all(_MARK, _MARK * 2, literal=True)
        case pl.Binary():
            return expr.bin.encode("base64")
        case _:
            is_plain = dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)
            return expr if is_plain else None


def _has_json(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Tell where there is a value, and nothing in it that JSON or no calendar has."""
    failed = _no_json(expr, dtype)
    return expr.is_not_null() if failed is None else expr.is_not_null() & ~failed


def _no_json(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype.is_float():
        return (~expr.is_finite()).fill_null(value=False)
    if isinstance(dtype, pl.Date | pl.Datetime):
        return expr.is_not_null() & within_calendar(expr, dtype).is_null()
    if isinstance(dtype, pl.Array):
        return _no_json(expr.arr.to_list(), pl.List(dtype.inner))
    if isinstance(dtype, pl.List):
        inner = _no_json(pl.element(), as_instance(dtype.inner))
        if inner is None:
            return None
        return expr.list.eval(inner).list.any().fill_null(value=False)
    if isinstance(dtype, pl.Struct):
        each = [
            _no_json(field_named(expr, dtype, f.name), as_instance(f.dtype)) for f in dtype.fields
        ]
        failing = [failed for failed in each if failed is not None]
        return pl.any_horizontal(failing) if failing else None
    return None


def _only_json(texts: pl.Series) -> pl.Series:
    return pl.Series(texts.name, [text if _is_json(text) else None for text in texts], pl.String)


def _is_json(text: str | None) -> bool:
    try:
        json.loads(text or "", parse_constant=_no_number)
    except (ValueError, RecursionError):
        return False
    return True


def _no_number(name: str) -> Any:
    raise ValueError(name)
