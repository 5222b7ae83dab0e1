"""Numbers: operators that give the exact result or fail, at every width.

Whole numbers are computed in 128 bits and must fit the operator's type. Decimals are computed as
whole numbers of their last digit; a result of more than 38 digits fails. What is no finite float
fails, unless something that went in was none.
"""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from ai_dataflow.compiler import dialects, kinds
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.terms import Term, literal, lost

WIDE = pl.Int128()
DOUBLE = pl.Float64()
_NEAR_WIDE = 1.6e38  # below it 128 bits hold a product for certain, whatever a float loses
_MOST = 10**kinds.MAX_DIGITS - 1
_ADDED_DIGITS = 6  # of a quotient


def operate(context: Context, sign: str, a: Term, b: Term) -> Term:
    """Compute `+ - * / // %` of two numbers."""
    if a.dtype.is_float() or b.dtype.is_float():
        return _floats(context, sign, a, b)
    if isinstance(a.dtype, pl.Decimal) or isinstance(b.dtype, pl.Decimal):
        return _decimals(context, sign, a, b)
    if sign == "/" and context.dialect not in (dialects.TSQL, dialects.POSTGRES):
        context.differs(
            "`/` of two whole numbers gives a fraction here, as in Spark and DuckDB; "
            "T-SQL and PostgreSQL drop it"
        )
        return _floats(context, "/", a, b)
    return _wholes(context, sign, a, b)


def as_double(made: Term) -> Term:
    """Give a number as a float."""
    if made.is_literal and made.literal is not None:
        return literal(float(made.literal), DOUBLE)
    if made.dtype == DOUBLE:
        return made
    return Term(made.value.cast(DOUBLE), DOUBLE, made.failed, weight=made.weight + 1,
                failed_weight=made.failed_weight, level=made.level)  # fmt: skip


def finite(value: pl.Expr, *parts: Term) -> pl.Expr:
    """Tell where a float came out that is none, though none went in."""
    given = [part.value.is_finite() for part in parts
             if part.dtype.is_float() and not part.is_literal]  # fmt: skip
    spoiled = ~value.is_finite()
    return (pl.all_horizontal([spoiled, *given]) if given else spoiled).fill_null(value=False)


def _floats(context: Context, sign: str, a: Term, b: Term) -> Term:
    x, y = as_double(context.steps.light(a, 3)), as_double(context.steps.light(b, 3))
    match sign:
        case "+":
            value = x.value + y.value
        case "-":
            value = x.value - y.value
        case "*":
            value = x.value * y.value
        case "/":
            value = x.value / y.value
        case "//":
            value = (x.value / y.value).truncate()
        case _:
            value = x.value.sign() * (x.value.abs() % y.value.abs())
    return context.steps.combined(value, DOUBLE, [x, y], fails=finite(value, x, y))


def wide(made: Term) -> pl.Expr:
    """Give a whole number in 128 bits."""
    if made.is_literal:
        return pl.lit(made.literal, dtype=WIDE)
    return made.value if made.dtype == WIDE else made.value.cast(WIDE)


def _wholes(context: Context, sign: str, a: Term, b: Term) -> Term:
    dtype = kinds.wider(a, b)
    a, b = context.steps.light(a, 4), context.steps.light(b, 4)
    x, y = wide(a), wide(b)
    if dtype == WIDE and sign in "+-*":
        x = _guarded(x, sign, x.cast(DOUBLE), y.cast(DOUBLE))
    return checked(context, _whole(sign, x, y), dtype, a, b)


def _guarded(x: pl.Expr, sign: str, fx: pl.Expr, fy: pl.Expr) -> pl.Expr:
    """Make an operand null where the result might not fit 128 bits."""
    near = fx * fy if sign == "*" else fx + fy if sign == "+" else fx - fy
    return pl.when(near.abs() < _NEAR_WIDE).then(x)


def _whole(sign: str, x: pl.Expr, y: pl.Expr) -> pl.Expr:
    match sign:
        case "+":
            return x + y
        case "-":
            return x - y
        case "*":
            return x * y
    divisor = pl.when(y != 0).then(y)
    if sign == "%":
        return x.sign() * (x.abs() % divisor.abs())
    return x.sign() * divisor.sign() * (x.abs() // divisor.abs())


def checked(context: Context, value: pl.Expr, dtype: pl.DataType, *parts: Term) -> Term:
    """Give a number of 128 bits as one of its type; one that does not fit has failed."""
    narrow = value if dtype == WIDE else value.cast(dtype, strict=False)
    return context.steps.combined(narrow, dtype, parts, fails=lost(narrow, *parts), uses=2)


def negated(context: Context, made: Term) -> Term:
    """Give `-x`."""
    if made.is_literal and isinstance(made.literal, int | float | Decimal):
        return number(-made.literal)
    zero = literal(0, made.dtype) if kinds.is_whole(made.dtype) else None
    if zero is not None:
        return operate(context, "-", zero, made)
    return context.steps.combined(-made.value, made.dtype, [made])


def number(value: int | float | Decimal) -> Term:
    """Give a number of the text: BIGINT, else a decimal; with an exponent it is a float."""
    if isinstance(value, float):
        return literal(value, DOUBLE)
    if isinstance(value, int) and kinds.fits(value, pl.Int64()):
        return literal(value, pl.Int64())
    exact = Decimal(value)
    scale = max(-int(exact.as_tuple().exponent), 0)
    digits = max(len(exact.as_tuple().digits), scale, 1)
    return literal(exact, pl.Decimal(digits, scale))


def unscaled(made: Term, scale: int) -> pl.Expr:
    """Give a decimal as the whole number of its last digit, at this scale; null beyond 128 bits."""
    digits, present = kinds.digits_of(made.dtype)
    if made.is_literal and made.literal is None:
        return pl.lit(None, dtype=WIDE)
    if made.is_literal:
        return pl.lit(int(Decimal(made.literal).scaleb(scale)), dtype=WIDE)
    value = (
        made.value.to_physical().cast(WIDE) if isinstance(made.dtype, pl.Decimal) else wide(made)
    )
    more = scale - present
    if not more:
        return value
    if digits + more > kinds.MAX_DIGITS:
        value = pl.when(value.cast(DOUBLE).abs() < _NEAR_WIDE / 10.0**more).then(value)
    return value * pl.lit(10**more, dtype=WIDE)


def scaled(value: pl.Expr, digits: int, scale: int) -> pl.Expr:
    """Give the decimal whose last digits a whole number counts; null where it has too many."""
    if digits > kinds.MAX_DIGITS:
        value = pl.when(value.is_between(-_MOST, _MOST)).then(value)
    whole = value.cast(pl.Decimal(kinds.MAX_DIGITS, 0), strict=False)
    if scale:
        unit = pl.lit(Decimal(1).scaleb(-scale), dtype=pl.Decimal(kinds.MAX_DIGITS, scale))
        whole = whole * unit
    if digits < kinds.MAX_DIGITS:
        return whole.cast(pl.Decimal(digits, scale), strict=False)
    return whole


def _decimals(context: Context, sign: str, a: Term, b: Term) -> Term:
    a, b = context.steps.light(a, 6), context.steps.light(b, 6)
    (p, s), (q, t) = kinds.digits_of(a.dtype), kinds.digits_of(b.dtype)
    if sign == "*":
        digits, scale = p + q, s + t
        value = _product(context, a, b, digits, scale)
    elif sign == "/":
        scale = min(s + _ADDED_DIGITS, kinds.MAX_DIGITS - 1)
        digits, value = kinds.MAX_DIGITS + 1, _quotient(a, b, scale, t)
    else:
        scale = max(s, t)
        digits = max(p - s, q - t) + scale + 1
        x, y = unscaled(a, scale), unscaled(b, scale)
        if sign in "+-" and digits > kinds.MAX_DIGITS:
            x = _guarded(x, sign, x.cast(DOUBLE), y.cast(DOUBLE))
        value = _whole("//" if sign == "//" else sign, x, y)
        scale = 0 if sign == "//" else scale
    made = scaled(value, digits, scale)
    dtype = pl.Decimal(min(digits, kinds.MAX_DIGITS), scale)
    return context.steps.combined(made, dtype, [a, b], fails=lost(made, a, b), uses=4)


def _product(context: Context, a: Term, b: Term, digits: int, scale: int) -> pl.Expr:
    if scale > kinds.MAX_DIGITS:
        raise context.refused(
            f"the product would have {scale} digits after the point; ROUND or CAST a factor"
        )
    x, y = (unscaled(made, kinds.digits_of(made.dtype)[1]) for made in (a, b))
    if digits > kinds.MAX_DIGITS:
        x = _guarded(x, "*", x.cast(DOUBLE), y.cast(DOUBLE))
    return x * y


def _quotient(a: Term, b: Term, scale: int, divisor_scale: int) -> pl.Expr:
    """Divide, rounding half away from zero at this scale."""
    x, y = unscaled(a, scale), unscaled(b, divisor_scale)
    if divisor_scale:
        x = pl.when(x.cast(DOUBLE).abs() < _NEAR_WIDE / 10.0**divisor_scale).then(x)
        x = x * pl.lit(10**divisor_scale, dtype=WIDE)
    return divided(x, pl.when(y != 0).then(y))


def divided(x: pl.Expr, y: pl.Expr) -> pl.Expr:
    """Divide whole numbers of 128 bits, rounding half away from zero."""
    rest = x.abs() % y.abs()
    up = (rest >= y.abs() - rest).cast(WIDE)
    return x.sign() * y.sign() * (x.abs() // y.abs() + up)


def total(context: Context, parts: list[tuple[int, Term]]) -> Term:
    """Add many numbers at once, each with its sign; the sum alone must fit."""
    dtypes = [made.dtype for _, made in parts]
    if any(dtype.is_float() for dtype in dtypes):
        terms = [as_double(made).value * sign for sign, made in parts]
        value, dtype = pl.sum_horizontal(terms, ignore_nulls=False), DOUBLE
        made = [part for _, part in parts]
        return context.steps.combined(value, dtype, made, fails=finite(value, *made))
    if any(isinstance(dtype, pl.Decimal) for dtype in dtypes):
        return _fold_decimals(context, parts)
    widest = parts[0][1]
    for _, part in parts[1:]:
        widest = literal(0, kinds.wider(widest, part)) if widest.is_literal else Term(
            widest.value, kinds.wider(widest, part))  # fmt: skip
    terms = [wide(made) * sign for sign, made in parts]
    value = pl.sum_horizontal(terms, ignore_nulls=False)
    return checked(context, value, widest.dtype, *(made for _, made in parts))


def _fold_decimals(context: Context, parts: list[tuple[int, Term]]) -> Term:
    """Add decimals in pairs, and these in pairs: no deeper than the logarithm of their number."""
    level = [made if sign > 0 else negated(context, made) for sign, made in parts]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [operate(context, "+", *pair) if pair[1:] else pair[0] for pair in pairs]
    return level[0]
