"""Casts that never lose a value in silence: each gives the value and whether it failed.

The rules (see `docs/casting.md`): blanks around a text are no content; blank text is null; whole
numbers may be written `12.0`; decimals keep every digit or fail; booleans have their usual
spellings; dates and timestamps are ISO 8601, an offset is converted to UTC, none means UTC.
"""

from __future__ import annotations

import functools
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, NamedTuple

import polars as pl

from ai_dataflow.compiler.calendar_days import (
    has_outer_days,
    within_calendar,
    within_local_calendar,
)
from ai_dataflow.compiler.nested_casts import Inner, json_value, nested_value
from ai_dataflow.compiler.nested_texts import taken_apart, type_of_texts
from ai_dataflow.tables import ai_types

_INT64_DIGITS = 18
_EXACT = 2.0**52  # floats below it have halves
_MOST_DIGITS = 400  # of a float, about
TRUE = ("true", "t", "yes", "y", "on", "1")
FALSE = ("false", "f", "no", "n", "off", "0")
_MOMENT = "%Y-%m-%dT%H:%M:%S%.f%#z"
# Without a second 60: Polars would take it, whatever the minute, for the first of the next one.
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:$|(?:T| +)[0-9]{2}:[0-9]{2}(?::[0-5][0-9])?(?:$|[^0-9:]))"
_SECOND_60 = ":60(?:[^0-9]|$)"
_UTC = pl.Datetime("us", "UTC")
_NO_SECONDS = r"([T ] *[0-9]+:[0-9]+)([^:0-9.,]|$)"


class Cast(NamedTuple):
    """A value of the wanted type, and whether there was one to be cast.

    `given` is None where no value can fail: it has that type already, or there is none.
    """

    value: pl.Expr
    given: pl.Expr | None

    def failed(self, value: pl.Expr | None = None) -> pl.Expr:
        """Tell where a value could not become the type; `value` is the cast where it is known."""
        if self.given is None:
            return pl.lit(value=False)
        return self.given & (self.value if value is None else value).is_null()


def cast(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> Cast | None:
    """Cast an expression; None where no value of one type can ever become the other."""
    if source == pl.Null:
        return Cast(pl.lit(None, dtype=target), None)
    if source == target and not source.is_nested():
        return _same(expr, source)
    if target.is_nested() and source == pl.String:
        return _from_json(expr, target)
    if target.is_nested():
        whole = nested_value(expr, source, target, _inner)
        return None if whole is None else Cast(whole, expr.is_not_null())
    if isinstance(source, pl.Categorical | pl.Enum):
        expr, source = expr.cast(pl.String), pl.String()
    given = expr.is_not_null()
    if source == pl.String and target != pl.String:
        expr = expr.str.strip_chars()
        given = (expr != "").fill_null(value=False)
        # No instant is blank, and naming the text once keeps its long expression short.
        expr = expr if target.is_temporal() else pl.when(given).then(expr)
    value = _value(expr, source, target)
    return None if value is None else Cast(value, given)


def _from_json(texts: pl.Expr, target: pl.DataType) -> Cast | None:
    """Cast texts that are JSON, as files of JSON and of CSV have lists and objects."""
    dtype = type_of_texts(target)
    whole = nested_value(taken_apart(texts, dtype), dtype, target, _inner)
    given = ~texts.str.strip_chars().is_in(["", "null"]).fill_null(value=True)
    return None if whole is None else Cast(whole, given)


def cast_to(expr: pl.Expr, source: pl.DataType, ai_type: str) -> Cast | None:
    """Cast an expression to an AI column's type; None where no value can ever become it."""
    if ai_type != ai_types.JSON or source == pl.Null:
        return cast(expr, source, ai_types.to_polars(ai_type))
    value = json_value(expr, source)
    return None if value is None else Cast(value, expr.is_not_null())


def _inner(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> Inner | None:
    done = cast(expr, source, target)
    if done is None:
        return None
    return Inner(done.value, None if done.given is None else done.failed())


def _same(expr: pl.Expr, dtype: pl.DataType) -> Cast:
    """Keep a value as it is; a file may have days that no calendar and no reader has."""
    if has_outer_days(dtype):
        return Cast(within_calendar(expr, dtype), expr.is_not_null())
    return Cast(expr, None)


@functools.cache
def castable(source: pl.DataType, ai_type: str) -> bool:
    """Tell whether values of a type can become an AI column's, some of them at least."""
    return cast_to(pl.col("value"), source, ai_type) is not None


@functools.cache
def narrowing(source: pl.DataType, target: pl.DataType) -> str:
    """Say what a cast between these types may not be able to keep; nothing for text.

    What it cannot keep it refuses, but for a time of day and for the digits of a float.
    """
    if isinstance(source, pl.Datetime) and target == pl.Date:
        return "the time of day is dropped"
    if isinstance(source, pl.Datetime) and source.time_unit == "ns" and target == _UTC:
        return "what is below a microsecond is dropped"
    if source.is_float() and isinstance(target, pl.Decimal):
        return f"values are rounded to {target.scale} digits"
    if source.is_float() and target == pl.Float32 and source != pl.Float32:
        return "values are rounded to about 7 digits"
    if _whole_digits(source) > _whole_digits(target) and target.is_numeric():
        return "large values are rejected"
    if _fraction_digits(source) > _fraction_digits(target) and target.is_numeric():
        return "values with more digits are rejected"
    return ""


def _whole_digits(dtype: pl.DataType) -> int:
    """Give the digits before the point that a numeric type can hold for certain."""
    if isinstance(dtype, pl.Decimal):
        return dtype.precision - dtype.scale
    digits = {pl.Int8: 2, pl.Int16: 4, pl.Int32: 9, pl.Int64: 18, pl.UInt8: 2, pl.UInt16: 4,
              pl.UInt32: 9, pl.UInt64: 19, pl.Float32: 38, pl.Float64: 308}  # fmt: skip
    return next((count for kind, count in digits.items() if dtype == kind), 0)


def _fraction_digits(dtype: pl.DataType) -> int:
    if isinstance(dtype, pl.Decimal):
        return dtype.scale
    return 38 if dtype.is_float() else 0


def _value(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    if source == target:  # a category's text
        return expr
    if source == pl.String:
        return _from_text(expr, target)
    # Polars' writer of JSON has no bytes; `json_value` has.
    if isinstance(source, pl.Struct) and target == pl.String and "Binary" not in repr(source):
        return pl.when(expr.is_not_null()).then(expr.struct.json_encode())
    if source.is_nested() or isinstance(source, pl.Duration):
        return None
    if target == pl.String:
        return _to_text(expr, source)
    if source.is_temporal():
        return _from_temporal(expr, source, target)
    if source.is_numeric() or source == pl.Boolean:
        return _from_number(expr, source, target)
    return None


def _from_text(expr: pl.Expr, target: pl.DataType) -> pl.Expr:
    if target == pl.Boolean:
        return _boolean(expr.str.to_lowercase())
    if target.is_integer():
        return expr.str.replace(r"\.0*$", "").cast(target, strict=False)
    if target.is_float():
        number = expr.cast(target, strict=False)
        return pl.when(number.is_finite()).then(number)
    if isinstance(target, pl.Decimal):
        return _exact_decimal(expr, target)
    if target == pl.Date:
        return _instant(expr).dt.date()
    if isinstance(target, pl.Datetime):
        return _in_zone(_instant(expr), target)
    if target == pl.Time:
        time = pl.when(~expr.str.contains(_SECOND_60)).then(expr)
        return time.str.to_time("%H:%M:%S%.f", strict=False)
    return expr.cast(target, strict=False)


def _boolean(text: pl.Expr) -> pl.Expr:
    return pl.when(text.is_in(TRUE)).then(True).when(text.is_in(FALSE)).then(False)


def _exact_decimal(text: pl.Expr, target: pl.Decimal) -> pl.Expr:
    """Accept plain decimals whose digits beyond the scale are all zero."""
    scale = target.scale
    plain = text.str.contains(rf"^[+-]?(\d+(\.\d{{0,{scale}}}0*)?|\.\d{{0,{scale}}}0*)$")
    return pl.when(plain).then(text).cast(target, strict=False)


def _instant(text: pl.Expr) -> pl.Expr:
    """Parse ISO 8601, with a blank or a T between date and time, into a UTC instant.

    Polars takes longest for a format that does not fit, and for planning a long expression. So what
    has no seconds or no zone is given them: one format reads all, and another the days.
    """
    is_day = text.str.len_bytes() <= len("2024-02-29")
    day = pl.when(is_day).then(text).str.to_datetime("%Y-%m-%d", time_unit="us", strict=False)
    whole = pl.when(~is_day).then(text.str.replace(_NO_SECONDS, "${1}:00${2}"))
    time = whole.str.slice(10)
    zone = pl.when(time.str.contains(r"[Zz+\-\u2212]")).then(pl.lit("")).otherwise(pl.lit("Z"))
    iso = pl.concat_str(whole.str.slice(0, 10), time.str.replace(r"^ +", "T"), zone)
    moment = iso.str.to_datetime(_MOMENT, time_unit="us", time_zone="UTC", strict=False)
    instant = pl.coalesce(day.dt.replace_time_zone("UTC"), moment)
    # Polars would take `2024-1-1`, and years with a sign; ISO 8601 has two digits, and no reader
    # could give such a year back.
    plain = pl.when(text.str.contains(_ISO)).then(instant)
    return within_calendar(plain, pl.Datetime("us", "UTC"))


def _from_temporal(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    if isinstance(source, pl.Time) or not isinstance(target, pl.Date | pl.Datetime):
        return None
    return moved(within_calendar(expr, source), source, target)


def moved(inside: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr:
    """Make a day or an instant within the calendar one of UTC, and that the target."""
    instant = (
        inside.cast(pl.Datetime("us")) if source == pl.Date else inside.dt.cast_time_unit("us")
    )
    zone = getattr(source, "time_zone", None)
    in_utc = instant.dt.convert_time_zone("UTC") if zone else instant.dt.replace_time_zone("UTC")
    return in_utc.dt.date() if target == pl.Date else _in_zone(in_utc, target)


def _in_zone(instant: pl.Expr, target: pl.DataType) -> pl.Expr:
    zone = getattr(target, "time_zone", None)
    unit: Any = getattr(target, "time_unit", "us")
    moved = instant.dt.convert_time_zone(zone) if zone else instant.dt.replace_time_zone(None)
    return moved.dt.cast_time_unit(unit)


def _from_number(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    if target == pl.Boolean:
        number = expr.cast(pl.Float64)
        return pl.when(number == 1).then(True).when(number == 0).then(False)
    if not target.is_numeric():
        return None
    if isinstance(target, pl.Decimal) and not isinstance(source, pl.Decimal):
        return _to_decimal(expr, source, target)
    converted = expr.cast(target, strict=False)
    if target.is_integer() and not (source.is_integer() or source == pl.Boolean):
        return pl.when(converted.cast(source, strict=False) == expr).then(converted)
    if target.is_float() and source.is_integer():
        return pl.when(converted.cast(source, strict=False) == expr).then(converted)
    if target == pl.Float32 and source.is_float():
        return pl.when(converted.is_finite() | ~expr.is_finite()).then(converted)
    if isinstance(target, pl.Decimal) and isinstance(source, pl.Decimal):
        widest = pl.Decimal(38, max(source.scale, target.scale))
        same = converted.cast(widest, strict=False) == expr.cast(widest, strict=False)
        return pl.when(same).then(converted)
    return converted


def _to_decimal(expr: pl.Expr, source: pl.DataType, target: pl.Decimal) -> pl.Expr:
    """Cast a whole number or a float, if it has the room; Polars raises where it has not."""
    whole_digits = target.precision - target.scale
    if source.is_float():
        rounded = expr.round(target.scale, mode="half_away_from_zero")
        fits = rounded.abs() < 10.0**whole_digits
        # Polars counts the last digits in a float, which has no more than so many.
        is_near = expr.abs() < _EXACT / 10.0**target.scale
        near = pl.when(fits & is_near).then(rounded).cast(target, strict=False)
        by_digits = functools.partial(_by_digits, target=target)
        far = pl.when(fits & ~is_near).then(expr.cast(pl.Float64))
        return pl.coalesce(near, far.map_batches(by_digits, return_dtype=target))
    number = expr.cast(pl.Int8) if source == pl.Boolean else expr
    if whole_digits <= _INT64_DIGITS:
        largest = 10**whole_digits - 1
        smallest = 0 if source.is_unsigned_integer() else -largest
        number = pl.when(number.is_between(smallest, largest)).then(number)
    return number.cast(target, strict=False)


def _by_digits(values: pl.Series, target: pl.Decimal) -> pl.Series:
    """Round floats to a decimal's scale, by the digits that tell each from all others."""
    if values.null_count() == len(values):
        return pl.Series(values.name, [None] * len(values), dtype=target)
    unit, room = (
        Decimal(1).scaleb(-target.scale),
        Context(prec=_MOST_DIGITS, rounding=ROUND_HALF_UP),
    )
    decimals = [
        None if v is None else Decimal(repr(v)).quantize(unit, context=room) for v in values
    ]
    most = Decimal(10) ** (target.precision - target.scale)
    fitting = [None if d is None or abs(d) >= most else d for d in decimals]
    return pl.Series(values.name, fitting, dtype=target)


def _to_text(expr: pl.Expr, source: pl.DataType) -> pl.Expr:
    if source == pl.Binary:
        return expr.map_batches(_decoded, return_dtype=pl.String)
    if isinstance(source, pl.Date | pl.Datetime):
        expr = within_local_calendar(expr, source)
    if source == pl.Time:
        return expr.dt.to_string("%H:%M:%S%.f")  # a cast drops what is below a second
    return expr.cast(pl.String, strict=False)


def _decoded(values: pl.Series) -> pl.Series:
    """Decode UTF-8; value by value only where some bytes are no text, since Polars then raises."""
    try:
        return values.cast(pl.String)
    except pl.exceptions.ComputeError:
        texts = [None if value is None else _utf8(value) for value in values]
        return pl.Series(values.name, texts, dtype=pl.String)


def _utf8(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
