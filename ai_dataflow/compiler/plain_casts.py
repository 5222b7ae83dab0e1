"""Plain casts: the first tier gives what the full rules of `casts` give, or leaves it to them.

A plain cast is cheap, for it knows only the usual spellings. Where it is null though there was a
value, nothing is said yet: the full rules decide, for such rows alone. Only pairs of types are here
whose plain cast takes clearly less time than the full rules; a property test shows for each that
it never accepts what those refuse, and never gives another value.
"""

from __future__ import annotations

import polars as pl

from ai_dataflow.compiler.calendar_days import calendar_limits, has_outer_days
from ai_dataflow.compiler.casts import FALSE, TRUE, moved

_DAY = "(?:[1-9][0-9]{3}|0001)-[01][0-9]-[0-3][0-9]"  # 0001-01-01 stands for none in places
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"  # no leap second
_IN_UTC = rf"^{_DAY}(?:[T ]{_TIME}Z?)?$"
_SECONDS = len("2024-02-29T10:11:12")
_UTC = pl.Datetime("us", "UTC")


def plain(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    """Cast what is spelled as usual; None where no plain cast is proved for these types.

    Each value is what `casts.cast` gives, or null: null where there was one says nothing of it.
    """
    if source == target:  # nothing is cast
        return _within_calendar(expr, source) if has_outer_days(source) else None
    if isinstance(source, pl.Categorical | pl.Enum):
        return plain(expr.cast(pl.String), pl.String(), target)
    if source == pl.String:
        return _from_text(expr, target)
    if isinstance(source, pl.Date | pl.Datetime):
        return _from_temporal(expr, source, target)
    if isinstance(source, pl.Decimal):
        return _from_decimal(expr, source, target)
    if source.is_integer() and target.is_float():
        return _to_float(expr, source, target)
    if source == pl.Float64 and target == pl.Float32:
        return _finite(expr, target)
    return None


def _from_text(text: pl.Expr, target: pl.DataType) -> pl.Expr | None:
    if target == pl.Boolean:
        return _boolean(text)
    if target.is_integer():
        return text.cast(target, strict=False)
    if target.is_float():
        return _finite(text, target)
    if isinstance(target, pl.Decimal):
        return _decimal(text, target)
    if target == pl.Date:
        return _day(_iso(text).str.head(10))
    return _instant(_iso(text)) if target == _UTC else None


def _finite(expr: pl.Expr, target: pl.DataType) -> pl.Expr:
    number = expr.cast(target, strict=False)
    return pl.when(number.is_finite()).then(number)


def _boolean(text: pl.Expr) -> pl.Expr:
    """Look a text up among the usual spellings, the true ones before the others."""
    true, false = _spellings(TRUE), _spellings(FALSE)
    return text.cast(pl.Enum([*true, *false]), strict=False).to_physical() < len(true)


def _spellings(words: tuple[str, ...]) -> list[str]:
    return sorted({form for word in words for form in (word, word.upper(), word.capitalize())})


def _decimal(text: pl.Expr, target: pl.Decimal) -> pl.Expr:
    """Cast what has no exponent and no digit beyond the scale; Polars would round it."""
    exact = text.str.contains(rf"^[+-]?[0-9]*\.?[0-9]{{0,{target.scale}}}$")
    return pl.when(exact).then(text.cast(target, strict=False))


def _iso(text: pl.Expr) -> pl.Expr:
    """Keep days and instants of UTC; Polars' parser would take blanks before digits, and signs."""
    return pl.when(text.str.contains(_IN_UTC)).then(text)


def _day(text: pl.Expr) -> pl.Expr:
    return text.str.to_date("%Y-%m-%d", strict=False, cache=False)


def _instant(iso: pl.Expr) -> pl.Expr:
    """Parse seconds by a format without fractions: that alone is fast. Then add the fraction."""
    between = iso.str.slice(10, 1)
    seconds = [
        pl.when(between == sign).then(iso.str.head(_SECONDS)).str.to_datetime(
            f"%Y-%m-%d{sign}%H:%M:%S", time_unit="us", strict=False, cache=False
        )
        for sign in ("T", " ")
    ]  # fmt: skip
    fraction = iso.str.strip_suffix("Z").str.slice(_SECONDS, 7).cast(pl.Float64, strict=False)
    micros = (fraction.fill_null(0) * 1_000_000).round().cast(pl.Duration("us"))
    midnight = pl.when(between == "").then(_day(iso)).cast(pl.Datetime("us"))
    return pl.coalesce(pl.coalesce(*seconds) + micros, midnight).dt.replace_time_zone("UTC")


def _from_temporal(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    """Cast what is within the years 1 to 9999; nanoseconds cost the full rules as little."""
    if target not in (pl.Date(), _UTC) or not has_outer_days(source):
        return None
    return moved(_within_calendar(expr, source), source, target)


def _within_calendar(expr: pl.Expr, source: pl.DataType) -> pl.Expr:
    return pl.when(expr.to_physical().is_between(*calendar_limits(source))).then(expr)


def _from_decimal(expr: pl.Expr, source: pl.Decimal, target: pl.DataType) -> pl.Expr | None:
    """Cast what has no digit to lose: the type has as many after the point."""
    scale = target.scale if isinstance(target, pl.Decimal) else 0
    wanted = isinstance(target, pl.Decimal) or target.is_integer()
    return expr.cast(target, strict=False) if wanted and scale >= source.scale else None


def _to_float(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr:
    """Cast what has no more bits than the float's own digits."""
    largest = 2**24 if target == pl.Float32 else 2**53
    smallest = 0 if source.is_unsigned_integer() else -largest
    return pl.when(expr.is_between(smallest, largest)).then(expr.cast(target))
