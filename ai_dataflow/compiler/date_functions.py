"""Functions of days and times. Arithmetic that leaves the years 1 to 9999 fails its row.

A month that is added keeps the day, or takes the month's last where it has none: one month after
31 January is 28 or 29 February. A timestamp with a zone is computed in UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import polars as pl

from ai_dataflow.compiler import dialects, formats, kinds
from ai_dataflow.compiler.arithmetic import WIDE
from ai_dataflow.compiler.calendars import (
    LEAST,
    MOST,
    SECOND,
    added,
    as_type,
    between,
    day_of,
    last_of,
    local,
    micros,
    whole_units,
    zoned,
)
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.conversions import convert, read_by, written_by
from ai_dataflow.compiler.registry import Call, count_of, function
from ai_dataflow.compiler.terms import Term, literal

DAY, INSTANT, WHOLE, TEXT = pl.Date(), kinds.NAIVE, pl.Int64(), pl.String()
_ZONED = "in UTC where it has a zone"
_day = partial(function, family="dates")
_part = partial(function, family="dates", gives="BIGINT")


@_day("DATEADD", "unit", "whole", "day", gives="as the day", also=("DATE_ADD", "TIMESTAMPADD"),
      limits="fails beyond the years 1 to 9999", note="a date stays one where whole days are added",
      differs={"spark": "DATE_ADD(date, days) too"})  # fmt: skip
def _dateadd(call: Call) -> Term:
    return added(call.context, call[1], call[0], call.unit)


@_day("ADD_MONTHS", "day", "whole", gives="as the day", limits="fails beyond the years 1 to 9999")
def _add_months(call: Call) -> Term:
    return added(call.context, call[0], call[1], "month")


@_day("ADD_DAYS", "day", "whole", gives="as the day", limits="fails beyond the years 1 to 9999")
def _add_days(call: Call) -> Term:
    return added(call.context, call[0], call[1], "day")


@_day("DATE_SUB", "day", "whole", gives="as the day", limits="fails beyond the years 1 to 9999",
      note="so many days before")  # fmt: skip
def _date_sub(call: Call) -> Term:
    return added(call.context, call[0], call[1], "day", -1)


@_day("DATEDIFF", "unit", "day", "day", gives="BIGINT", also=("DATEDIFF_BIG", "DATE_DIFF",
      "TIMESTAMPDIFF"), note="how many limits of the unit lie between the second and the third",
      differs={"spark": "whole units between; DATEDIFF(end, start) is days",
               "tsql": "weeks begin on Sunday", "duckdb": "weeks begin on Monday"})  # fmt: skip
def _datediff(call: Call) -> Term:
    return between(call.context, call[0], call[1], call.unit)


@_day(
    "MONTHS_BETWEEN",
    "date",
    "date",
    gives="BIGINT",
    note="whole months from the second to the first",
)
def _months_between(call: Call) -> Term:
    value = whole_units(call.context, call[1], call[0], "month")
    return call.made(value, WHOLE, uses=8)


def part(context: Context, made: Term, unit: str) -> Term:
    """Give a part of a day or an instant as a number."""
    if made.dtype == pl.Time and unit not in ("hour", "minute", "second"):
        raise context.refused(f"{unit} is no part that a time has")
    value = _part_of(context, made, unit)
    dtype = pl.Float64() if unit == "epoch" else WHOLE
    return context.steps.combined(value.cast(dtype), dtype, [made], uses=3)


_SIMPLE = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "week", "day": "day",
    "hour": "hour", "minute": "minute", "second": "second", "dayofyear": "ordinal_day",
    "isodow": "weekday", "isoyear": "iso_year",
}  # fmt: skip
_OF_TIME = frozenset({"hour", "minute", "second", "millisecond", "microsecond"})
_YEARS = {"decade": (10, 0), "century": (100, 99), "millennium": (1000, 999)}


def _part_of(context: Context, made: Term, unit: str) -> pl.Expr:
    value = made.value
    if unit in _OF_TIME and made.dtype == pl.Date:
        value = value.cast(INSTANT)
    if unit == "week" and context.dialect == dialects.TSQL:
        first = value.dt.truncate("1y").dt.weekday().cast(WHOLE) % 7
        return (value.dt.ordinal_day().cast(WHOLE) + first - 1) // 7 + 1
    if unit in _SIMPLE:
        number: pl.Expr = getattr(value.dt, _SIMPLE[unit])()
        return number
    if unit in _YEARS:
        size, more = _YEARS[unit]
        return (value.dt.year().cast(WHOLE) + more) // size
    if unit == "weekday":
        return _weekday(context, value)
    if unit in _OF_TIME:
        return _fraction(context, value, unit)
    if unit == "epoch":
        return micros(made).cast(pl.Float64) / SECOND
    raise context.refused(f"{unit} is no part that a day has")


def _weekday(context: Context, value: pl.Expr) -> pl.Expr:
    context.differs(
        "Sunday is day 0 of the week here, as in PostgreSQL and DuckDB; T-SQL and Spark count it 1"
    )
    day = value.dt.weekday().cast(WHOLE) % 7
    return day + 1 if context.dialect in (dialects.TSQL, dialects.SPARK) else day


def _fraction(context: Context, value: pl.Expr, unit: str) -> pl.Expr:
    """Give the fraction of a second; elsewhere than in T-SQL the seconds are in it."""
    every = {"millisecond": 1_000, "microsecond": 1}[unit]
    part = value.dt.microsecond().cast(WHOLE) // every
    if context.dialect == dialects.TSQL:
        return part
    return value.dt.second().cast(WHOLE) * (SECOND // every) + part


@_part("DATE_PART", "unit", "clock", also=("DATEPART", "EXTRACT"),
       differs={"tsql": "`week` is that of the year, from Sunday; `weekday` of Sunday is 1",
                "spark": "`dow` of Sunday is 1", "postgres": "`week` is ISO's; Sunday is 0",
                "duckdb": "`week` is ISO's; Sunday is 0"})  # fmt: skip
def _date_part(call: Call) -> Term:
    return part(call.context, call[0], call.unit)


def _named_part(name: str, unit: str, *also: str) -> None:
    @_part(name, "clock", also=also)
    def _made(call: Call) -> Term:
        return part(call.context, call[0], unit)


for _name, _unit, *_also in (
    ("YEAR", "year"), ("QUARTER", "quarter"), ("MONTH", "month"), ("WEEK", "week", "WEEKOFYEAR"),
    ("DAY", "day", "DAYOFMONTH"), ("HOUR", "hour"), ("MINUTE", "minute"), ("SECOND", "second"),
    ("DAYOFYEAR", "dayofyear"), ("DAYOFWEEK", "weekday", "DOW"), ("ISODOW", "isodow"),
    ("MILLISECOND", "millisecond"), ("EPOCH", "epoch", "UNIX_TIMESTAMP"),
):  # fmt: skip
    _named_part(_name, _unit, *_also)


@_day("DATENAME", "unit", "day", gives="text", note="English names of months and weekdays")
def _datename(call: Call) -> Term:
    form = {"month": "%B", "weekday": "%A"}.get(call.unit)
    if form:
        return call.made(call.value(0).dt.strftime(form), TEXT)
    return convert(call.context, part(call.context, call[0], call.unit), TEXT)


@_day("MONTHNAME", "day", gives="text", note="in English")
def _monthname(call: Call) -> Term:
    return call.made(call.value(0).dt.strftime("%B"), TEXT)


@_day("DAYNAME", "day", gives="text", note="in English")
def _dayname(call: Call) -> Term:
    return call.made(call.value(0).dt.strftime("%A"), TEXT)


@_day("DATE_TRUNC", "unit", "day", gives="as the day", also=("DATETRUNC",),
      note="the beginning of the unit; weeks begin on Monday, in T-SQL on Sunday")  # fmt: skip
def _date_trunc(call: Call) -> Term:
    return truncated(call, call[0], call.unit)


@_day("TRUNC_DATE", "day", "unit", gives="as the day", note="Spark's TRUNC(day, unit)")
def _trunc_date(call: Call) -> Term:
    return truncated(call, call[0], call.unit)


def truncated(call: Call, made: Term, unit: str) -> Term:
    """Give the beginning of a unit."""
    every = {"year": "1y", "quarter": "1q", "month": "1mo", "week": "1w", "day": "1d", "hour": "1h",
             "minute": "1m", "second": "1s", "millisecond": "1ms", "decade": "10y"}  # fmt: skip
    if unit not in every:
        raise call.context.refused(f"{unit} is nothing that a day is cut to")
    value = local(made)
    if unit in ("hour", "minute", "second", "millisecond") and made.dtype == pl.Date:
        return call.made(value, made.dtype)
    if unit == "week":
        sunday = call.context.dialect == dialects.TSQL
        back = (value.dt.weekday().cast(WHOLE) - (0 if sunday else 1)) % 7
        days = value.cast(DAY).to_physical().cast(WHOLE) - back
        day = pl.when(days >= LEAST).then(days).cast(pl.Int32).cast(DAY)
        done = (
            as_type(zoned(day.cast(INSTANT), made.dtype), made.dtype) if made.dtype != DAY else day
        )
        return call.strict(done, made.dtype, uses=4)
    if unit == "decade":
        year = value.dt.year().cast(WHOLE) // 10 * 10
        day = day_of(year, pl.lit(1, dtype=WHOLE), pl.lit(1, dtype=WHOLE))
        done = (
            as_type(zoned(day.cast(INSTANT), made.dtype), made.dtype) if made.dtype != DAY else day
        )
        return call.strict(done, made.dtype, uses=4)
    return call.made(zoned(value.dt.truncate(every[unit]), made.dtype), made.dtype)


@_day("LAST_DAY", "date", "whole?", gives="DATE", also=("EOMONTH",),
      limits="fails beyond the years 1 to 9999",
      note="of the month, or so many months on")  # fmt: skip
def _last_day(call: Call) -> Term:
    start = call[0]
    if len(call) > 1:
        start = added(call.context, start, call[1], "month")
    return call.context.steps.combined(start.value.dt.month_end(), DAY, [start])


@_day("DATEFROMPARTS", "whole", "whole", "whole", gives="DATE", also=("MAKE_DATE",),
      limits="fails for what is no day")  # fmt: skip
def _from_parts(call: Call) -> Term:
    year, month, day = (count_of(made) for made in call.args)
    is_day = year.is_between(1, 9999) & month.is_between(1, 12)
    last = last_of(year, month)
    is_day = is_day & day.is_between(1, last)
    parts = [pl.when(is_day).then(number) for number in (year, month, day)]
    value = pl.date(parts[0].cast(pl.Int32), parts[1].cast(pl.Int8), parts[2].cast(pl.Int8))
    return call.strict(value, DAY, uses=12)


@_day("TO_DATE", "any", "text?", gives="DATE", also=("DATE", "STR_TO_DATE"),
      limits="fails for what does not have the format",
      note="ISO 8601 without a format; formats of strptime, Java or PostgreSQL")  # fmt: skip
def _to_date(call: Call) -> Term:
    return _read(call, DAY)


@_day("TO_TIMESTAMP", "any", "text?", gives="TIMESTAMP", also=("TIMESTAMP", "DATETIME"),
      limits="fails for what does not have the format", note="as TO_DATE")  # fmt: skip
def _to_timestamp(call: Call) -> Term:
    return _read(call, INSTANT)


@_day("STRPTIME", "text", "text", gives="TIMESTAMP",
      limits="fails for what does not have the format")  # fmt: skip
def _strptime(call: Call) -> Term:
    return _read(call, INSTANT)


@_day("TRY_STRPTIME", "text", "text", gives="TIMESTAMP", also=("TRY_TO_TIMESTAMP",),
      note="null for what does not have the format")  # fmt: skip
def _try_strptime(call: Call) -> Term:
    made = _read(call, INSTANT)
    return replace(made, failed=call[0].failed, failed_weight=call[0].failed_weight)


def _read(call: Call, target: pl.DataType) -> Term:
    form = call.written(1, "the format")
    if not form:
        if call[0].dtype != pl.String and not kinds.is_day(call[0].dtype):
            raise call.context.refused(f"{call.name} takes text or a day")
        return convert(call.context, call[0], target)
    if call[0].dtype != pl.String:
        raise call.context.refused(f"{call.name} with a format takes text")
    return read_by(call.context, call[0], _format(call, str(form)), target)


def _format(call: Call, pattern: str) -> str:
    """Give a pattern as strptime's.

    Raises:
        TransformError: something in it is not known.
    """
    form = formats.strptime_of(pattern, call.context.dialect)
    if pattern and not form:
        raise call.context.refused(f"`{pattern[:40]}` is no format of days and times that is known")
    return form


@_day("STRFTIME", "day", "text", gives="text", also=("DATE_FORMAT", "TO_CHAR", "FORMAT"),
      note="formats of strptime, Java, .NET or PostgreSQL")  # fmt: skip
def _strftime(call: Call) -> Term:
    form = str(call.written(1, "the format") or "")
    return written_by(call.context, call[0], _format(call, form))


@_day("UNIX_SECONDS", "instant", gives="BIGINT", note=f"seconds since 1970, {_ZONED}")
def _unix_seconds(call: Call) -> Term:
    return call.made(micros(call[0]) // SECOND, WHOLE)


@_day("FROM_UNIXTIME", "whole", gives="TIMESTAMP", also=("TO_TIMESTAMP_SECONDS",),
      limits="fails beyond the years 1 to 9999", note="of seconds since 1970, in UTC")  # fmt: skip
def _from_unix(call: Call) -> Term:
    moved = count_of(call[0]).cast(WIDE) * SECOND
    day = 86_400 * SECOND
    within = pl.when(moved.is_between(LEAST * day, (MOST + 1) * day - 1)).then(moved)
    return call.strict(within.cast(WHOLE, strict=False).cast(INSTANT), INSTANT)


@_day("ISDATE", "text", gives="BIGINT", null="0", note="1 for ISO 8601, else 0")
def _isdate(call: Call) -> Term:
    made = convert(call.context, call[0], INSTANT, strict=False)
    return call.made(made.value.is_not_null().cast(WHOLE), WHOLE, uses=10)


CLOCK = ("NOW", "GETDATE", "GETUTCDATE", "SYSDATETIME", "SYSUTCDATETIME", "SYSDATE", "TODAY",
         "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_DATETIME", "CURDATE",
         "LOCALTIME", "LOCALTIMESTAMP")  # fmt: skip
_DATES = frozenset({"TODAY", "CURRENT_DATE", "CURDATE"})
_TIMES = frozenset({"CURRENT_TIME", "LOCALTIME"})


@_day(CLOCK[0], gives="TIMESTAMP, DATE or TIME", also=CLOCK[1:],
      note="the time of the run, in UTC, which is warned of (MAP-024)")  # fmt: skip
def _now(call: Call) -> Term:
    now = datetime.now(UTC).replace(tzinfo=None)
    if call.name in _DATES:
        return literal(now.date(), DAY)
    return literal(now.time(), pl.Time()) if call.name in _TIMES else literal(now, INSTANT)
