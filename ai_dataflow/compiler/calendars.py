"""Arithmetic of the calendar: units of time, what is added, what lies between.

A month that is added keeps the day, or takes the month's last where it has none: one month after
31 January is 28 or 29 February. What leaves the years 1 to 9999 is null, and has failed.
"""

from __future__ import annotations

import polars as pl

from ai_dataflow.compiler import dialects, kinds
from ai_dataflow.compiler.arithmetic import WIDE
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.conversions import checked_day
from ai_dataflow.compiler.registry import count_of
from ai_dataflow.compiler.terms import Term, literal

DAY, INSTANT, WHOLE = pl.Date(), kinds.NAIVE, pl.Int64()
SECOND = 1_000_000
_MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}
_MICROS = {
    "microsecond": 1, "millisecond": 1_000, "second": SECOND, "minute": 60 * SECOND,
    "hour": 3_600 * SECOND, "day": 86_400 * SECOND, "week": 7 * 86_400 * SECOND,
}  # fmt: skip
_SPELLED = {
    "year": "year years yy yyyy y yr yrs", "quarter": "quarter quarters qq q",
    "month": "month months mm m mon mons", "week": "week weeks wk ww w isowk isoww iso_week",
    "day": "day days dd d dayofmonth", "hour": "hour hours hh h hr hrs",
    "minute": "minute minutes mi n min mins", "second": "second seconds ss s sec secs",
    "millisecond": "millisecond milliseconds ms", "microsecond": "microsecond microseconds mcs us",
    "dayofyear": "dayofyear doy dy", "weekday": "weekday dw dayofweek dow",
    "isodow": "isodow dayofweek_iso", "isoyear": "isoyear yearofweek", "epoch": "epoch",
    "decade": "decade decades", "century": "century centuries", "nanosecond": "nanosecond ns",
    "millennium": "millennium",
}  # fmt: skip
_UNITS = {word: unit for unit, words in _SPELLED.items() for word in words.split()}
UNITS = tuple(_SPELLED)
LEAST, MOST = -719_162, 2_932_896  # days of the years 1 and 9999, from 1970
_FAR = 12 * 20_000  # months that lead out of every year
_FEBRUARY, _SHORT = 2, (4, 6, 9, 11)


def unit_named(context: Context, name: str) -> str:
    """Give a unit by any of its names.

    Raises:
        TransformError: there is none.
    """
    unit = _UNITS.get(name.strip("'\" ").lower())
    if unit is None:
        raise context.refused(f"`{name[:30]}` is no unit of time; such as day, month, year")
    return unit


def local(made: Term) -> pl.Expr:
    """Give a day or an instant without its zone, in UTC."""
    zone = getattr(made.dtype, "time_zone", None)
    if zone:
        return made.value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return made.value


def zoned(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Give an instant of UTC in the zone of a type."""
    zone = getattr(dtype, "time_zone", None)
    return value.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else value


def micros(made: Term) -> pl.Expr:
    """Give an instant as microseconds since 1970, in UTC."""
    return local(made).cast(INSTANT).to_physical().cast(WHOLE)


def added(context: Context, made: Term, number: Term, unit: str, sign: int = 1) -> Term:
    """Add so many units to a day or an instant."""
    made, number = context.steps.light(made, 8), context.steps.light(number, 6)
    dtype = made.dtype
    keeps = dtype == pl.Date and (
        unit in _MONTHS or unit in ("day", "week", "dayofyear", "weekday")
    )
    target = dtype if keeps or dtype != pl.Date else INSTANT
    amount = count_of(number) * sign if sign < 0 else count_of(number)
    if unit in _MONTHS:
        value = _months_on(made, amount.clip(-_FAR, _FAR) * _MONTHS[unit], target)
    else:
        unit = "day" if unit in ("dayofyear", "weekday") else unit
        if unit not in _MICROS:
            raise context.refused(f"{unit} cannot be added")
        value = _time_on(made, amount, _MICROS[unit], target)
    return checked_day(context, value, target, made, number)


def in_order(context: Context, amounts: list[tuple[int, str]]) -> list[tuple[Term, str]]:
    """Give the parts of an interval as they are added: all months at once, then days, then time."""
    sums = dict.fromkeys(("month", "day", "microsecond"), 0)
    for amount, name in amounts:
        unit = unit_named(context, name)
        if unit in _MONTHS:
            sums["month"] += amount * _MONTHS[unit]
        elif unit in ("day", "week"):
            sums["day"] += amount * _MICROS[unit] // _MICROS["day"]
        elif unit in _MICROS:
            sums["microsecond"] += amount * _MICROS[unit]
        else:
            raise context.refused(f"{unit} cannot be added")
    given = [(amount, unit) for unit, amount in sums.items() if amount] or [(0, "day")]
    return [(literal(amount, WHOLE), unit) for amount, unit in given]


def lengthened(context: Context, made: Term, length: Term, sign: int) -> Term:
    """Add a length of time to a day or to another length."""
    if isinstance(made.dtype, pl.Duration):
        value = made.value + length.value if sign > 0 else made.value - length.value
        return context.steps.combined(value, made.dtype, [made, length])
    target = INSTANT if made.dtype == DAY else made.dtype
    amount = length.value.dt.total_microseconds() * sign
    return checked_day(context, _time_on(made, amount, 1, target), target, made, length)


def _time_on(made: Term, amount: pl.Expr, size: int, target: pl.DataType) -> pl.Expr:
    """Add a time, in 128 bits: no product of 64 bits wraps."""
    moved = micros(made).cast(WIDE) + amount.cast(WIDE) * size
    day = 86_400 * SECOND
    within = pl.when(moved.is_between(LEAST * day, (MOST + 1) * day - 1)).then(moved)
    instant = within.cast(WHOLE, strict=False).cast(INSTANT)
    return instant.dt.date() if target == pl.Date else as_type(zoned(instant, target), target)


def as_type(value: pl.Expr, target: pl.DataType) -> pl.Expr:
    """Give a day or an instant as a type of them."""
    return value.cast(target, strict=False)


def _months_on(made: Term, months: pl.Expr, target: pl.DataType) -> pl.Expr:
    """Add months by the calendar's own numbers; the day is the month's last at most."""
    start = local(made)
    month = start.dt.year().cast(WHOLE) * 12 + start.dt.month().cast(WHOLE) - 1 + months
    year = month // 12
    moved = day_of(year, month % 12 + 1, start.dt.day().cast(WHOLE))
    if target == pl.Date:
        return moved
    time = micros(made) - start.dt.date().cast(INSTANT).to_physical().cast(WHOLE)
    instant = (moved.cast(INSTANT).to_physical().cast(WHOLE) + time).cast(INSTANT)
    return as_type(zoned(instant, target), target)


def day_of(year: pl.Expr, month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Give the day of a month, its last where it has no such; null outside of the calendar."""
    in_calendar = pl.when(year.is_between(1, 9999)).then(year)
    last = last_of(in_calendar, month)
    return pl.date(
        in_calendar.cast(pl.Int32), month.cast(pl.Int8), pl.min_horizontal(day, last).cast(pl.Int8)
    )


def last_of(year: pl.Expr, month: pl.Expr) -> pl.Expr:
    """Give the last day of a month."""
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    short = pl.when(leap).then(29).otherwise(28)
    return pl.when(month == _FEBRUARY).then(short).when(month.is_in(_SHORT)).then(30).otherwise(31)


def between(context: Context, start: Term, end: Term, unit: str) -> Term:
    """Count the limits of a unit that lie between two days."""
    start, end = context.steps.light(start, 6), context.steps.light(end, 6)
    if context.dialect == dialects.SPARK:
        value = whole_units(context, start, end, unit)
    else:
        value = _number(context, end, unit) - _number(context, start, unit)
    return context.steps.combined(value, WHOLE, [start, end], uses=6)


def _number(context: Context, made: Term, unit: str) -> pl.Expr:
    """Number the units of time: a day's, an hour's, a month's place in all of time."""
    value = local(made)
    if unit in _MONTHS:
        months = value.dt.year().cast(WHOLE) * 12 + value.dt.month().cast(WHOLE) - 1
        return months // _MONTHS[unit]
    days = value.cast(DAY).to_physical().cast(WHOLE)
    if unit in ("day", "dayofyear", "weekday"):
        return days
    if unit == "week":
        sunday = context.dialect == dialects.TSQL
        if not context.dialect:
            context.differs("weeks begin on Monday here, as in DuckDB; in T-SQL on Sunday")
        return (days + (4 if sunday else 3)) // 7
    if unit not in _MICROS:
        raise context.refused(f"{unit} cannot be counted")
    return micros(made) // _MICROS[unit]


def whole_units(context: Context, start: Term, end: Term, unit: str) -> pl.Expr:
    """Count whole units, as Spark does: a month is whole when its day is reached."""
    if unit not in _MONTHS:
        size = _MICROS.get("day" if unit in ("dayofyear", "weekday") else unit)
        if size is None:
            raise context.refused(f"{unit} cannot be counted")
        gone = micros(end) - micros(start)
        return gone.sign() * (gone.abs() // size)
    months = _number(context, end, "month") - _number(context, start, "month")
    a, b = _in_month(start), _in_month(end)
    late = (months > 0) & (b < a)
    early = (months < 0) & (b > a)
    whole = pl.when(late).then(months - 1).when(early).then(months + 1).otherwise(months)
    return whole.sign() * (whole.abs() // _MONTHS[unit])


def _in_month(made: Term) -> pl.Expr:
    value = local(made)
    return micros(made) - value.cast(DAY).dt.month_start().cast(INSTANT).to_physical().cast(WHOLE)
