"""Days of the years 1 to 9999: what is outside is null, for no calendar and no reader has it."""

from __future__ import annotations

from datetime import date

import polars as pl


def has_outer_days(dtype: pl.DataType) -> bool:
    """Tell whether a type has days outside the years 1 to 9999; nanoseconds reach less far."""
    return isinstance(dtype, pl.Date | pl.Datetime) and getattr(dtype, "time_unit", "") != "ns"


def within_calendar(expr: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Make days outside the years 1 to 9999, of UTC, null: Polars panics on some, readers on all.

    The first day and the last are within: they stand for "since ever" and "for ever" in places.
    """
    if not has_outer_days(source):
        return expr
    first, last = calendar_limits(source)
    # What is negative becomes null; unlike `when`, this names the expression once.
    after = _none_negative(expr.to_physical().cast(pl.Int64) - first)
    within = last - _none_negative(last - first - after)
    return within.cast(pl.Int32).cast(source) if source == pl.Date else within.cast(source)


def within_local_calendar(expr: pl.Expr, source: pl.DataType) -> pl.Expr:
    """Make null, too, what is outside the years 1 to 9999 where its zone's clocks are read."""
    inside = within_calendar(expr, source)
    if not has_outer_days(source) or getattr(source, "time_zone", None) in (None, "UTC"):
        return inside
    local = inside.dt.replace_time_zone(None).to_physical()
    return pl.when(local.is_between(*calendar_limits(source))).then(inside)


def calendar_limits(source: pl.DataType) -> tuple[int, int]:
    """Give the first and the last physical value within the years 1 to 9999."""
    first, last = (date.min - date(1970, 1, 1)).days, (date.max - date(1970, 1, 1)).days
    unit = getattr(source, "time_unit", "")
    per_day = {"us": 86_400_000_000, "ms": 86_400_000}.get(unit, 1)
    return first * per_day, (last + 1) * per_day - 1


def _none_negative(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.UInt64, strict=False).cast(pl.Int64)
