"""The smallest type that has all values of several types without loss, and how values become it.

Files of one location were written over years, by several versions of a program. Nothing is rounded
and nothing is guessed: a text and a number have no type in common, nor have a float and a decimal.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import polars as pl

from ai_dataflow.sources.columns import field_named

_MAX_DIGITS = 38
_UTC = "UTC"
_TEXTS = (pl.String, pl.Categorical, pl.Enum)
_WHOLE = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128)
_BITS: dict[Any, tuple[int, int]] = {
    pl.Int8: (8, 1), pl.Int16: (16, 1), pl.Int32: (32, 1), pl.Int64: (64, 1), pl.Int128: (128, 1),
    pl.UInt8: (8, 0), pl.UInt16: (16, 0), pl.UInt32: (32, 0), pl.UInt64: (64, 0),
}  # fmt: skip
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}  # that whole numbers of so many bits may have
_FLOAT_BITS = 32  # of whole numbers, each of which a float of 64 bits has
_MOST, _PER_MILLI = 2**63 - 1, 1000


def common_type(a: pl.DataType, b: pl.DataType) -> pl.DataType | None:
    """Give the smallest type that has all values of two; None where there is none."""
    if b in (a, pl.Null):
        return a
    if a == pl.Null:
        return b
    if isinstance(a, _TEXTS) and isinstance(b, _TEXTS):
        return pl.String()
    if a.is_numeric() and b.is_numeric():
        return _number(a, b)
    if isinstance(a, pl.Date | pl.Datetime) and isinstance(b, pl.Date | pl.Datetime):
        return _moment(a, b)
    if isinstance(a, pl.List) and isinstance(b, pl.List):
        inner = common_type(instance(a.inner), instance(b.inner))
        return pl.List(inner) if inner is not None else None
    if isinstance(a, pl.Struct) and isinstance(b, pl.Struct):
        return _struct(a, b)
    return None


def common_type_of(types: list[pl.DataType]) -> pl.DataType | None:
    """Give the smallest type that has all values of several; None where there is none."""
    first: pl.DataType | None = pl.Null()
    return reduce(lambda a, b: a and common_type(a, b), types, first)


def converted(values: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    """Give values another type that has them all; None where it may not have them."""
    if source == target:
        return values
    if common_type(target, source) != target:  # in this order: fields are where the target has them
        return None
    if source == pl.Null:
        return pl.lit(None, target)
    if isinstance(target, pl.Datetime):
        return _as_moment(values, source, target)
    if isinstance(source, pl.List) and isinstance(target, pl.List):
        inner = converted(pl.element(), instance(source.inner), instance(target.inner))
        return None if inner is None else values.list.eval(inner)
    if isinstance(source, pl.Struct) and isinstance(target, pl.Struct):
        return _as_struct(values, source, target)
    return values.cast(target)


def instance(dtype: Any) -> pl.DataType:
    """Give a type as an instance: Polars takes the class for it as well."""
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def _number(a: pl.DataType, b: pl.DataType) -> pl.DataType | None:
    if a.is_float() and b.is_float():
        return max(a, b, key=_float_bits)
    for number, other in ((a, b), (b, a)):
        if number.is_float():
            small = other.is_integer() and _bits(other)[0] <= _FLOAT_BITS
            return pl.Float64() if small else None
    if a.is_integer() and b.is_integer():
        return _whole(a, b)
    return _decimal(a, b)


def _float_bits(dtype: pl.DataType) -> int:
    return int(str(dtype).removeprefix("Float"))


def _bits(dtype: pl.DataType) -> tuple[int, int]:
    return _BITS.get(dtype.base_type(), (128, 0))


def _whole(a: pl.DataType, b: pl.DataType) -> pl.DataType | None:
    """Give the narrowest type of whole numbers; beside signed ones, unsigned ones need a bit."""
    (left, is_signed), (right, other) = _bits(a), _bits(b)
    if is_signed == other:
        return a if left >= right else b
    bits = max(left + 1 - is_signed, right + 1 - other)
    return next((dtype() for dtype in _WHOLE if _BITS[dtype][0] >= bits), None)


def _decimal(a: pl.DataType, b: pl.DataType) -> pl.DataType | None:
    (left, scale), (right, other) = _digits(a), _digits(b)
    fraction = max(scale, other)
    digits = max(left - scale, right - other) + fraction
    return pl.Decimal(digits, fraction) if digits <= _MAX_DIGITS else None


def _digits(dtype: pl.DataType) -> tuple[int, int]:
    if isinstance(dtype, pl.Decimal):
        return dtype.precision, dtype.scale
    return _DIGITS.get(_bits(dtype)[0], _MAX_DIGITS + 1), 0


def _moment(a: pl.DataType, b: pl.DataType) -> pl.DataType:
    """Give the type of days and instants together: of UTC where one of them has a zone."""
    zones = [dtype.time_zone for dtype in (a, b) if isinstance(dtype, pl.Datetime)]
    units = {dtype.time_unit for dtype in (a, b) if isinstance(dtype, pl.Datetime)}
    unit: Any = units.pop() if len(units) == 1 and "ns" not in units else "us"
    return pl.Datetime(unit, zones[0] if len(zones) > 1 and len({*zones}) == 1 else _zone(zones))


def _zone(zones: list[str | None]) -> str | None:
    return _UTC if any(zones) else None


def _as_moment(values: pl.Expr, source: pl.DataType, target: pl.Datetime) -> pl.Expr:
    """Days are midnights, and what has no zone is of UTC, as in casts."""
    if source == pl.Date:
        moment = values.cast(pl.Datetime(target.time_unit))
        return moment.dt.replace_time_zone(target.time_zone)
    zone = getattr(source, "time_zone", None)
    naive = values.dt.convert_time_zone(_UTC).dt.replace_time_zone(None) if zone else values
    moment = _in_unit(naive, getattr(source, "time_unit", "us"), target)
    if not target.time_zone:
        return moment
    return moment.dt.replace_time_zone(_UTC).dt.convert_time_zone(target.time_zone)


def _in_unit(naive: pl.Expr, unit: str, target: pl.Datetime) -> pl.Expr:
    """Change the unit; what has no room stays outside the calendar, where Polars would wrap."""
    if unit != "ms" or target.time_unit != "us":
        return naive.dt.cast_time_unit(target.time_unit)
    number = naive.to_physical()
    ends = number.clip(-(_MOST // _PER_MILLI), _MOST // _PER_MILLI)
    return (ends * _PER_MILLI).cast(pl.Datetime("us"))


def _struct(a: pl.Struct, b: pl.Struct) -> pl.DataType | None:
    """Unite fields by name; a struct without one has null there."""
    fields = {field.name: instance(field.dtype) for field in a.fields}
    for field in b.fields:
        dtype = common_type(fields.get(field.name, pl.Null()), instance(field.dtype))
        if dtype is None:
            return None
        fields[field.name] = dtype
    return pl.Struct(fields)


def _as_struct(values: pl.Expr, source: pl.Struct, target: pl.Struct) -> pl.Expr:
    present = {field.name: instance(field.dtype) for field in source.fields}
    fields = []
    for field in target.fields:
        value = pl.lit(None, field.dtype)
        if field.name in present:
            of_source = field_named(values, source, field.name)
            inner = converted(of_source, present[field.name], instance(field.dtype))
            value = value if inner is None else inner
        fields.append(value.alias(field.name))
    return pl.when(values.is_not_null()).then(pl.struct(fields))
