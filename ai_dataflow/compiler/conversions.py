"""From one type to another: what a CAST says, and what an operator does by itself.

Text follows the rules of `ai_type` (see `casts`). A number that does not fit fails, a decimal that
would lose digits too; a fraction that becomes a whole number is cut off, or rounded where the
dialect rounds.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from numbers import Number

import polars as pl
from polars.exceptions import PolarsError

from ai_dataflow.compiler import dialects, formats, kinds
from ai_dataflow.compiler.calendar_days import within_calendar
from ai_dataflow.compiler.casts import cast
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.terms import Term, literal, lost

TEXT = pl.String()
_ROUNDING = frozenset({dialects.POSTGRES, dialects.DUCKDB})
_CUTTING = frozenset({dialects.TSQL, dialects.POSTGRES})
_DIGITS_BESIDE_WHOLE = 10
_DAY = re.compile(r"\s*\d{4}-\d\d-\d\d\s*")


def convert(context: Context, made: Term, target: pl.DataType, *, strict: bool = True) -> Term:
    """Cast a value; a strict cast that fails fails its row, another one gives null."""
    if made.dtype == target:
        return made
    if made.dtype == pl.Null:
        return replace(made, value=pl.lit(None, dtype=target), dtype=target)
    if made.dtype.is_nested():
        raise context.refused(f"{kinds.type_name(made.dtype)} cannot be cast")
    if (exact := _exact_literal(made, target)) is not None:
        return exact
    # A day's text is named often, any other value seldom.
    uses = 8 if made.dtype == pl.String and target.is_temporal() else 2
    made = context.steps.light(made, uses)
    value, given = _value(context, made, target)
    fails = None if given is None or not strict else given & value.is_null()
    done = context.steps.combined(value, target, [made], fails=fails, uses=uses)
    if fails is not None and made.is_literal and made.dtype == TEXT:
        _doubt_text(context, made, target)
    return done


def _doubt_text(context: Context, made: Term, target: pl.DataType) -> None:
    context.doubt(
        f"{_quoted(made)} is no {kinds.shown(target)}: each row that computes it is rejected",
        "correct it: dates are ISO 8601, such as '2024-01-31'", "MAP-029", is_failure=True,
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _text_value(text: str, target: pl.DataType) -> tuple[object, bool]:
    """Cast a text that is written out: the value, and whether there is none."""
    done = cast(pl.lit(text), TEXT, target)
    if done is None:
        return None, True
    value, failed = pl.select(value=done.value, failed=done.failed()).row(0)
    return value, failed


def _quoted(made: Term) -> str:
    return f"`{str(made.literal)[:40]}`"


def _exact_literal(made: Term, target: pl.DataType) -> Term | None:
    """Give what is written in the text as another type that has it."""
    value = made.literal
    if made.is_literal and isinstance(value, str) and (target.is_temporal() or target.is_numeric()):
        read, failed = _text_value(value, target)
        return None if failed else literal(read, target)
    if not made.is_literal or not isinstance(value, int | Decimal) or isinstance(value, bool):
        return None
    if target.is_integer() and value == int(value) and kinds.fits(int(value), target):
        return literal(int(value), target)
    if target.is_float():
        return literal(float(value), target)
    return None


def _value(context: Context, made: Term, target: pl.DataType) -> tuple[pl.Expr, pl.Expr | None]:
    """Give the cast value, and where there was one to cast."""
    source = made.dtype
    if target.is_integer() and (source.is_float() or isinstance(source, pl.Decimal)):
        return _whole(context, made, target), made.value.is_not_null()
    if source.is_numeric() and target == pl.Boolean:
        return made.value != 0, None
    if source.is_integer() and target.is_float():
        return made.value.cast(target), None
    done = cast(made.value, source, target)
    if done is not None:
        return done.value, done.given
    return _plainly(context, made, target), made.value.is_not_null()


def _whole(context: Context, made: Term, target: pl.DataType) -> pl.Expr:
    value = made.value
    if context.dialect in _ROUNDING:
        half_away = isinstance(made.dtype, pl.Decimal)
        value = value.round(0, mode="half_away_from_zero" if half_away else "half_to_even")
    return value.cast(target, strict=False)


def _plainly(context: Context, made: Term, target: pl.DataType) -> pl.Expr:
    """Cast as Polars does what has no rule of ours: days to numbers and back."""
    value = made.value.cast(target, strict=False)
    try:
        pl.LazyFrame({"x": pl.Series([], dtype=made.dtype)}).select(
            pl.col("x").cast(target)
        ).collect()
    except PolarsError:
        shown = f"{kinds.shown(made.dtype)} cannot become {kinds.shown(target)}"
        raise context.refused(shown) from None
    return within_calendar(value, target) if kinds.is_day(target) else value


def as_text(context: Context, made: Term) -> Term:
    """Give any value as text."""
    return convert(context, made, TEXT)


def texts_of(context: Context, parts: list[Term]) -> list[Term]:
    """Give values as text, as `||` and CONCAT do."""
    return [implied(context, part, TEXT) for part in parts]


def cut(context: Context, made: Term, length: int | None) -> Term:
    """Cut a text to the length that its type names, where the dialect does."""
    if length is None:
        return made
    if context.dialect in _CUTTING:
        return context.steps.combined(made.value.str.head(length), TEXT, [made])
    context.differs(f"VARCHAR({length}) keeps the whole text here, as in DuckDB and Spark; "
                    "T-SQL and PostgreSQL cut it")  # fmt: skip
    return made


def implied(context: Context, made: Term, target: pl.DataType) -> Term:
    """Convert what an operator or a function needs in another type; `plan --explain` shows it."""
    if made.dtype == target:
        return made
    done = convert(context, made, target)
    if made.node is not None and made.dtype != pl.Null and not isinstance(done.literal, Number):
        context.casts.setdefault(id(made.node), kinds.shown(target))
    return done


def common(context: Context, parts: list[Term], *, texts_win: bool = True) -> list[Term]:
    """Give values one type, as the branches of a CASE or the sides of a comparison need it.

    Beside text a number becomes text where `texts_win`; in T-SQL and Spark, text becomes a number.

    Raises:
        TransformError: they have none.
    """
    target = _common_type(context, parts, texts_win=texts_win)
    return [implied(context, part, target) for part in parts]


def _common_type(context: Context, parts: list[Term], *, texts_win: bool) -> pl.DataType:
    typed = [part for part in parts if part.dtype != pl.Null]
    if not typed:
        return pl.Null()
    first = typed[0]
    for part in typed[1:]:
        first = _joined(context, first, part, texts_win=texts_win)
    return first.dtype


def _joined(context: Context, a: Term, b: Term, *, texts_win: bool) -> Term:
    """Give something of the type that two values have in common."""
    if a.dtype == b.dtype:
        return a if b.is_literal else b
    types = {a.dtype, b.dtype}
    if all(kinds.is_number(dtype) for dtype in types):
        return Term(a.value, number_type(a, b))
    if pl.Boolean() in types and any(map(kinds.is_number, types)):
        return a if b.dtype == pl.Boolean else b
    if all(map(kinds.is_day, types)):
        zones = [zone for dtype in types if (zone := getattr(dtype, "time_zone", None))]
        return Term(a.value, pl.Datetime("us", zones[0]) if zones else kinds.NAIVE)
    if pl.String() in types:
        text, other = (a, b) if a.dtype == pl.String else (b, a)
        return Term(a.value, _beside_text(context, text, other, texts_win=texts_win))
    raise _unlike(context, a, b)


def number_type(a: Term, b: Term) -> pl.DataType:
    """Give the type of two numbers: DOUBLE before DECIMAL before whole numbers."""
    if a.dtype.is_float() or b.dtype.is_float():
        return a.dtype if a.dtype == b.dtype else pl.Float64()
    if isinstance(a.dtype, pl.Decimal) or isinstance(b.dtype, pl.Decimal):
        (p, s), (q, t) = kinds.digits_of(a.dtype), kinds.digits_of(b.dtype)
        scale = max(s, t)
        return pl.Decimal(min(max(p - s, q - t) + scale, kinds.MAX_DIGITS), scale)
    return kinds.wider(a, b)


def _beside_text(context: Context, text: Term, other: Term, *, texts_win: bool) -> pl.DataType:
    reads = context.reads_text and not (texts_win and context.dialect == dialects.SPARK)
    is_moment = kinds.is_day(other.dtype) or other.dtype == pl.Time
    if is_moment and text.is_literal and _DAY.fullmatch(str(text.literal)):
        return other.dtype
    if reads or (text.is_literal and is_moment):
        return beside_text(other.dtype)
    if texts_win and context.dialect in ("", dialects.SPARK, dialects.DUCKDB):
        return TEXT
    raise _unlike(context, text, other)


def beside_text(dtype: pl.DataType) -> pl.DataType:
    """Give what text is read as beside a value: whole numbers may meet fractions."""
    if dtype.is_integer():
        return pl.Decimal(kinds.MAX_DIGITS, _DIGITS_BESIDE_WHOLE)
    if isinstance(dtype, pl.Decimal):
        return pl.Decimal(kinds.MAX_DIGITS, max(dtype.scale, _DIGITS_BESIDE_WHOLE))
    return kinds.NAIVE if dtype == pl.Date else dtype


def _unlike(context: Context, a: Term, b: Term) -> Exception:
    return context.refused(
        f"{kinds.shown(a.dtype)} and {kinds.shown(b.dtype)} do not go together; CAST one of them"
    )


def read_by(context: Context, made: Term, form: str, target: pl.DataType) -> Term:
    """Read a text by a format; what does not have it fails, a blank text is null."""
    if not formats.is_format(form):
        raise context.refused(f"`{form[:40]}` is no format of days and times")
    made = context.steps.light(made, 5)
    text = made.value.str.strip_chars()
    has_time = any(sign in form for sign in ("%H", "%I", "%s", "%T", "%R", "%c"))
    forms = [form + more for more in (("",) if has_time else formats.TIMES)]
    moments = [text.str.to_datetime(one, time_unit="us", strict=False) for one in forms]
    instant = pl.coalesce(moments) if moments[1:] else moments[0]
    if "z" in form:
        instant = instant.dt.replace_time_zone(None)
    if second_60 := formats.with_second_60(form if has_time else forms[1]):
        instant = pl.when(~text.str.contains(second_60)).then(instant)
    inside = within_calendar(instant, kinds.NAIVE)
    value = inside.dt.date() if target == pl.Date else inside
    fails = (text != "").fill_null(value=False) & value.is_null()
    return context.steps.combined(value, target, [made], fails=fails, uses=6)


def written_by(context: Context, made: Term, form: str) -> Term:
    """Write a day by a format."""
    if not formats.is_format(form):
        raise context.refused(f"`{form[:40]}` is no format of days and times")
    return context.steps.combined(made.value.dt.strftime(form), TEXT, [made])


def checked_day(context: Context, value: pl.Expr, dtype: pl.DataType, *parts: Term) -> Term:
    """Give a day that was computed; one beyond the years 1 to 9999 is null, and has failed."""
    return context.steps.combined(value, dtype, parts, fails=lost(value, *parts), uses=3)
