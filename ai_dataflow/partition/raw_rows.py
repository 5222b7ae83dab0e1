"""Raw rows of rejects: source rows as JSON that people read, and exactly the rows again for replay.

JSON knows numbers, texts and booleans. Whole numbers, booleans and texts stay as they are; every
other value is written as a text that gives the same value back: ISO 8601 for times (zones in UTC),
Base64 for bytes, the digits of a decimal or a float. A day outside the years 1 to 9999, which no
calendar can spell, is `#` and its number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from ai_dataflow.compiler.calendar_days import within_calendar
from ai_dataflow.compiler.reshaping import Reshaped
from ai_dataflow.sources.columns import field_named, named

_DAY, _INSTANT, _TIME = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%.f", "%H:%M:%S%.f"
_NUMBER = "#"
_RESHAPED = "\ue000\ue000reshaped "  # no column of a source begins so


def marked(schema: pl.Schema, reshaped: Reshaped | None) -> pl.Schema:
    """Note in the schema of raw rows how they were made of source rows, where they were."""
    mark = {f"{_RESHAPED}{reshaped.said}": pl.Null()} if reshaped else {}
    return pl.Schema({**schema, **mark})


def unmarked(schema: pl.Schema) -> tuple[pl.Schema, str]:
    """Give the schema of raw rows, and what `marked` noted: blank where it is nothing."""
    marks = [name for name in schema if name.startswith(_RESHAPED)]
    columns = pl.Schema((name, dtype) for name, dtype in schema.items() if name not in marks)
    return columns, marks[0].removeprefix(_RESHAPED) if marks else ""


def encoded(schema: pl.Schema) -> pl.Expr:
    """Give a row's columns of this schema as one struct, every value as JSON can hold it."""
    return pl.struct(_shown(named(name), dtype).alias(name) for name, dtype in schema.items())


def decoded(texts: pl.LazyFrame, text: str, schema: pl.Schema) -> pl.LazyFrame:
    """Give back the rows that `encoded` was given, from their JSON."""
    inner = pl.Struct({name: _shown_type(dtype) for name, dtype in schema.items()})
    row = pl.col(text).str.json_decode(inner)
    return texts.select(
        _restored(field_named(row, inner, name), dtype).alias(name)
        for name, dtype in schema.items()
    )


def _instance(dtype: Any) -> pl.DataType:
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def _is_as_it_is(dtype: pl.DataType) -> bool:
    return dtype in (pl.String, pl.Boolean, pl.Null) or (
        dtype.is_integer() and dtype not in (pl.Int128, pl.UInt128)
    )


def _shown_type(dtype: pl.DataType) -> pl.DataType:
    """Give the type that a value has in JSON."""
    if _is_as_it_is(dtype):
        return dtype
    match dtype:
        case pl.List() | pl.Array():
            return pl.List(_shown_type(_instance(dtype.inner)))
        case pl.Struct():
            return pl.Struct({f.name: _shown_type(_instance(f.dtype)) for f in dtype.fields})
        case pl.Duration():
            return pl.Int64()
        case _:
            return pl.String()


def _shown(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    match dtype:
        case pl.Array():
            return _shown(expr.arr.to_list(), pl.List(dtype.inner))
        case pl.List():
            return expr.list.eval(_shown(pl.element(), _instance(dtype.inner)))
        case pl.Struct():
            return _fields(expr, dtype, _shown)
        case _:
            return expr if _is_as_it_is(dtype) else _text(expr, dtype)


def _restored(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    match dtype:
        case pl.Array():
            return _restored(expr, pl.List(dtype.inner)).list.to_array(dtype.size)
        case pl.List():
            return expr.list.eval(_restored(pl.element(), _instance(dtype.inner)))
        case pl.Struct():
            return _fields(expr, dtype, _restored)
        case _:
            return expr if _is_as_it_is(dtype) else _value(expr, dtype)


def _fields(
    expr: pl.Expr, dtype: pl.Struct, turned: Callable[[pl.Expr, pl.DataType], pl.Expr]
) -> pl.Expr:
    fields = [
        turned(field_named(expr, dtype, each.name), _instance(each.dtype)).alias(each.name)
        for each in dtype.fields
    ]
    return pl.when(expr.is_not_null()).then(pl.struct(fields))


def _text(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    match dtype:
        case pl.Binary():
            return expr.bin.encode("base64")
        case pl.Date():
            return _spelled(expr, dtype, within_calendar(expr, dtype).dt.strftime(_DAY))
        case pl.Datetime():
            valid = within_calendar(expr, dtype)
            in_utc = valid.dt.convert_time_zone("UTC") if dtype.time_zone else valid
            form = f"{_INSTANT}Z" if dtype.time_zone else _INSTANT
            return _spelled(expr, dtype, in_utc.dt.strftime(form))
        case pl.Time():
            return expr.dt.strftime(_TIME)
        case pl.Duration():
            return expr.to_physical()
        case _:
            return expr.cast(pl.String)


def _value(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    match dtype:
        case pl.Binary():
            return expr.str.decode("base64")
        case pl.Date():
            return _read(expr, dtype, expr.str.to_date(_DAY, strict=False))
        case pl.Datetime():
            plain = expr.str.strip_suffix("Z")
            naive = plain.str.to_datetime(_INSTANT, time_unit=dtype.time_unit, strict=False)
            zone = dtype.time_zone
            moved = naive.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else naive
            return _read(expr, dtype, moved)
        case pl.Time():
            return expr.str.to_time(_TIME)
        case _:
            return expr.cast(dtype)


def _spelled(expr: pl.Expr, dtype: pl.DataType, text: pl.Expr) -> pl.Expr:
    """Give the text of a day or an instant; its number where no calendar has it."""
    physical = pl.Int32() if dtype == pl.Date else pl.Int64()
    number = pl.lit(_NUMBER) + expr.cast(physical).cast(pl.String)
    return pl.when(text.is_not_null() | expr.is_null()).then(text).otherwise(number)


def _read(expr: pl.Expr, dtype: pl.DataType, value: pl.Expr) -> pl.Expr:
    """Give a day or an instant from its text, or from its number."""
    physical = pl.Int32() if dtype == pl.Date else pl.Int64()
    is_number = expr.str.starts_with(_NUMBER)
    number = pl.when(is_number).then(expr).str.strip_prefix(_NUMBER).cast(physical).cast(dtype)
    return pl.when(is_number).then(number).otherwise(value)
