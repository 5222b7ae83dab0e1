"""Functions of numbers. What does not fit its type fails, and what is no finite number."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import polars as pl

from ai_dataflow.compiler import dialects, kinds
from ai_dataflow.compiler.arithmetic import (
    DOUBLE,
    WIDE,
    as_double,
    checked,
    divided,
    finite,
    negated,
    operate,
    scaled,
    unscaled,
    wide,
)
from ai_dataflow.compiler.registry import Call, count_of, function
from ai_dataflow.compiler.terms import Term, literal

WHOLE = pl.Int64()
_NEAR_WIDE = 1.6e38
_MOST_DIGITS = 38
_number = partial(function, family="numbers", gives="as its argument")
_double = partial(function, family="numbers", gives="DOUBLE", limits="fails where it is not finite")


@_number("ABS", "number", limits="fails where it overflows")
def _abs(call: Call) -> Term:
    made = call[0]
    if kinds.is_whole(made.dtype):
        return checked(call.context, wide(made).abs(), made.dtype, made)
    return call.made(made.value.abs(), made.dtype)


@_number("SIGN", "number", note="-1, 0 or 1")
def _sign(call: Call) -> Term:
    return call.made(call.value(0).sign(), call[0].dtype)


@_number("NEGATE", "number", limits="fails where it overflows")
def _negate(call: Call) -> Term:
    return negated(call.context, call[0])


@_number("ROUND", "number", "whole?", "whole?", limits="fails where it overflows",
         note="half away from zero; below 0 digits before the point; digits are written out",
         differs={"tsql": "a third argument that is not 0 cuts off"})  # fmt: skip
def _round(call: Call) -> Term:
    digits = _digits(call)
    if call.written(2, "the third argument"):
        return _cut(call, digits)
    made = call[0]
    if made.dtype.is_float():
        call.context.doubt(
            "ROUND of a float rounds halves away from zero; before, it rounded them to even",
            "look at what depends on it; decimals are exact", "MAP-030",
        )  # fmt: skip
        return _float_scaled(call, digits, lambda x: x.round(0, mode="half_away_from_zero"))
    return _exactly(call, digits, divided)


@_number("TRUNCATE", "number", "whole?", also=("TRUNC",), note="cut off after so many digits")
def _truncate(call: Call) -> Term:
    return _cut(call, _digits(call))


def _digits(call: Call) -> int:
    digits = call.written(1, "the number of digits")
    return max(min(digits if isinstance(digits, int) else 0, _MOST_DIGITS), -_MOST_DIGITS)


def _cut(call: Call, digits: int) -> Term:
    if call[0].dtype.is_float():
        return _float_scaled(call, digits, lambda x: x.truncate())
    return _exactly(call, digits, lambda x, y: x.sign() * (x.abs() // y))


def _float_scaled(call: Call, digits: int, done: Callable[[pl.Expr], pl.Expr]) -> Term:
    """Round a float at a digit; one that is too large to have it stays."""
    x = as_double(call[0]).value
    unit = 10.0 ** abs(digits)
    moved = done(x * unit) / unit if digits >= 0 else done(x / unit) * unit
    value = pl.when(moved.is_finite() | ~x.is_finite()).then(moved).otherwise(x)
    return call.made(value.cast(call[0].dtype), call[0].dtype, uses=6)


def _exactly(call: Call, digits: int, divide: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Term:
    """Round a whole number or a decimal at a digit; a decimal may get one digit more."""
    made = call[0]
    precision, scale = kinds.digits_of(made.dtype)
    if digits >= scale:
        return made
    if scale - digits > _MOST_DIGITS:
        return call.made(made.value * 0, made.dtype)
    unit = pl.lit(10 ** (scale - digits), dtype=WIDE)
    parts = divide(unscaled(made, scale), unit)
    whole = pl.when(parts.cast(DOUBLE).abs() < _NEAR_WIDE / 10.0 ** (scale - digits)).then(parts)
    if kinds.is_whole(made.dtype):
        return checked(call.context, whole * unit, made.dtype, made)
    dtype = pl.Decimal(min(precision + 1, _MOST_DIGITS), scale)
    return call.strict(scaled(whole * unit, precision + 1, scale), dtype, uses=4)


def _stepped(call: Call, *, up: bool) -> Term:
    made = call[0]
    if made.dtype.is_float():
        return call.made(made.value.ceil() if up else made.value.floor(), made.dtype)
    return _exactly(call, 0, (lambda x, y: 0 - (0 - x) // y) if up else (lambda x, y: x // y))


@_number("CEILING", "number", also=("CEIL",), note="the type stays")
def _ceiling(call: Call) -> Term:
    return _stepped(call, up=True)


@_number("FLOOR", "number", note="the type stays")
def _floor(call: Call) -> Term:
    return _stepped(call, up=False)


@function("MOD", "number", "number", gives="as `%`", family="numbers",
          limits="fails for 0", note="the sign is that of the first")  # fmt: skip
def _mod(call: Call) -> Term:
    return operate(call.context, "%", call[0], call[1])


@function("DIV", "number", "number", gives="as `//`", family="numbers", limits="fails for 0",
          note="the quotient without its fraction")  # fmt: skip
def _div(call: Call) -> Term:
    return operate(call.context, "//", call[0], call[1])


@function("POWER", "number", "number", gives="as the first, or DOUBLE", family="numbers",
          also=("POW",), limits="fails where it overflows; of whole numbers below power 0",
          differs=dict.fromkeys(("postgres", "duckdb", "spark"), "DOUBLE"))  # fmt: skip
def power(call: Call) -> Term:
    """Give a power: of whole numbers a whole one, but where the dialect gives a float."""
    whole = all(kinds.is_whole(made.dtype) for made in call.args)
    if whole and call.context.dialect in ("", dialects.TSQL):
        call.context.differs(
            "POWER of whole numbers is a whole number here, as in T-SQL; elsewhere a DOUBLE"
        )
        return _whole_power(call)
    x, y = (as_double(made) for made in call.args)
    value = x.value**y.value
    return call.context.steps.combined(value, DOUBLE, [x, y], fails=finite(value, x, y))


def _whole_power(call: Call) -> Term:
    dtype = kinds.wider(call[0], literal(0, WHOLE)) if call[0].is_literal else call[0].dtype
    x, y = wide(call[0]), count_of(call[1])
    near = x.cast(DOUBLE).abs() ** y.cast(DOUBLE)
    small = pl.when((near < _NEAR_WIDE) & (y >= 0)).then(y)
    # Of 0, 1 and -1 every power is one of them; of others none beyond 127 fits.
    parity = pl.when(x.abs() <= 1).then(pl.min_horizontal(small, 2 + small % 2)).otherwise(small)
    exponent = pl.when(small.is_not_null()).then(parity.clip(0, 127))
    value = x ** exponent.cast(pl.UInt32)
    return checked(call.context, value, dtype, *call.args)


def _of_double(
    name: str, done: Callable[[pl.Expr], pl.Expr], note: str = "", also: tuple[str, ...] = ()
) -> None:
    @_double(name, "double", note=note, also=also)
    def _made(call: Call) -> Term:
        value = done(call.value(0))
        return call.made(value, DOUBLE, fails=finite(value, call[0]))


def _log_to(x: pl.Expr, base: pl.Expr) -> pl.Expr:
    """Give a logarithm; of a power of the base the exact one: FLOOR(LOG10(1000)) is 3."""
    base = pl.when(base <= 0).then(float("nan")).otherwise(base)
    value = x.log() / base.log()
    nearest = value.round()
    return pl.when(base**nearest == x).then(nearest).otherwise(value)


def _cube_root(x: pl.Expr) -> pl.Expr:
    return x.cbrt()


_of_double("SQRT", lambda x: x.sqrt())
_of_double("CBRT", _cube_root)
_of_double("SQUARE", lambda x: x * x)
_of_double("EXP", lambda x: x.exp())
_of_double("LN", lambda x: x.log(), "to the base e")
_of_double("LOG10", lambda x: _log_to(x, pl.lit(10.0)))
_of_double("LOG2", lambda x: _log_to(x, pl.lit(2.0)))
_of_double("LOG1P", lambda x: x.log1p(), "LN(1 + x)")
_of_double("SIN", lambda x: x.sin())
_of_double("COS", lambda x: x.cos())
_of_double("TAN", lambda x: x.tan())
_of_double("COT", lambda x: x.cot())
_of_double("ASIN", lambda x: x.arcsin())
_of_double("ACOS", lambda x: x.arccos())
_of_double("ATAN", lambda x: x.arctan())
_of_double("SIND", lambda x: x.radians().sin(), "of degrees")
_of_double("COSD", lambda x: x.radians().cos(), "of degrees")
_of_double("TAND", lambda x: x.radians().tan(), "of degrees")
_of_double("COTD", lambda x: x.radians().cot(), "of degrees")
_of_double("ASIND", lambda x: x.arcsin().degrees(), "in degrees")
_of_double("ACOSD", lambda x: x.arccos().degrees(), "in degrees")
_of_double("ATAND", lambda x: x.arctan().degrees(), "in degrees")
_of_double("SINH", lambda x: x.sinh())
_of_double("COSH", lambda x: x.cosh())
_of_double("TANH", lambda x: x.tanh())
_of_double("DEGREES", lambda x: x.degrees())
_of_double("RADIANS", lambda x: x.radians())


@_double("ATAN2", "double", "double", also=("ATN2",))
def _atan2(call: Call) -> Term:
    value = pl.arctan2(call.value(0), call.value(1))
    return call.made(value, DOUBLE, fails=finite(value, *call.args))


@_double("ATAN2D", "double", "double", note="in degrees")
def _atan2d(call: Call) -> Term:
    value = pl.arctan2(call.value(0), call.value(1)).degrees()
    return call.made(value, DOUBLE, fails=finite(value, *call.args))


@_double("LOG", "double", "double?", note="to the base e, or to the second argument's",
         differs={"spark": "LOG(base, x)", "postgres": "LOG(base, x); of one to the base 10",
                  "duckdb": "LOG(base, x); of one to the base 10"})  # fmt: skip
def _log(call: Call) -> Term:
    dialect = call.context.dialect
    call.context.differs(
        "LOG(x, base) and LOG(x) to the base e here, as in T-SQL; PostgreSQL, DuckDB and Spark "
        "take the base first, and the first two the base 10 where there is none"
    )
    if len(call) == 1:
        x = call.value(0)
        is_ten = dialect in (dialects.POSTGRES, dialects.DUCKDB)
        value = _log_to(x, pl.lit(10.0)) if is_ten else x.log()
    else:
        base_first = dialect in (dialects.POSTGRES, dialects.DUCKDB, dialects.SPARK)
        base, x = (call.value(0), call.value(1)) if base_first else (call.value(1), call.value(0))
        value = _log_to(x, base)
    return call.made(value, DOUBLE, fails=finite(value, *call.args), uses=6)


@function("PI", gives="DOUBLE", family="numbers")
def _pi(_: Call) -> Term:
    return literal(math.pi, DOUBLE)


def bits(call: Call, sign: str) -> Term:
    """Give a bitwise operator of two whole numbers."""
    if not all(kinds.is_whole(made.dtype) for made in call.args):
        raise call.context.refused(f"`{sign}` takes whole numbers")
    dtype = kinds.wider(call[0], call[1])
    x, y = (
        pl.lit(made.literal, dtype=dtype) if made.is_literal else made.value.cast(dtype)
        for made in call.args
    )
    value = x & y if sign == "&" else x | y if sign == "|" else x ^ y
    return call.made(value, dtype)


@function("BITAND", "whole", "whole", gives="BIGINT", family="numbers", also=("BIT_AND",))
def _bit_and(call: Call) -> Term:
    return bits(call, "&")


@function("BITOR", "whole", "whole", gives="BIGINT", family="numbers", also=("BIT_OR",))
def _bit_or(call: Call) -> Term:
    return bits(call, "|")


@function("XOR", "whole", "whole", gives="BIGINT", family="numbers", also=("BITXOR", "BIT_XOR"))
def _bit_xor(call: Call) -> Term:
    return bits(call, "^")


@function("BITNOT", "whole", gives="BIGINT", family="numbers", also=("BIT_NOT",))
def bit_not(call: Call) -> Term:
    """Give all bits the other way round."""
    return call.made(~call.value(0), call[0].dtype)


@function("BIT_COUNT", "whole", gives="BIGINT", family="numbers", also=("BITCOUNT",))
def _bit_count(call: Call) -> Term:
    return call.made(call.value(0).bitwise_count_ones().cast(WHOLE), WHOLE)


@function("ISNUMERIC", "text", gives="BIGINT", family="numbers", null="0",
          note="1 for what a CAST to DOUBLE takes, else 0")  # fmt: skip
def _is_numeric(call: Call) -> Term:
    text = call.value(0).str.strip_chars()
    number = text.cast(DOUBLE, strict=False).is_finite().fill_null(value=False)
    return call.made(number.cast(WHOLE), WHOLE)
