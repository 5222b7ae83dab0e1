"""Numbers and days of a text format: what is not spelled so is no value, and never another."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.compiler.casts import cast
from ai_dataflow.compiler.plain_casts import plain
from ai_dataflow.compiler.text_formats import TextFormats
from ai_dataflow.compiler.transforms import compile_transform
from ai_dataflow_tests.partition.effort import settings_of

NUMBER = pl.Decimal(18, 2)
GERMAN = TextFormats(decimal=",", thousands=".")
SWISS = TextFormats(thousands="'")


def _cast(formats: TextFormats, texts: list[str | None], target: pl.DataType) -> list[Any]:
    """Cast texts by the full rules, and make sure that the first tier gives nothing else."""
    usual = formats.usual(formats.read(pl.col("x")), target)
    done, cheap = cast(usual, pl.String(), target), plain(usual, pl.String(), target)
    assert done is not None
    given_plain = done.value if cheap is None else cheap
    frame = pl.DataFrame({"x": texts}, schema={"x": pl.String()}).select(
        value=done.value, failed=done.failed(), cheap=given_plain
    )
    wrong = frame.filter(pl.col("cheap").is_not_null() & (pl.col("cheap") != pl.col("value")))
    assert wrong.is_empty()
    return [Ellipsis if failed else value for value, failed, _ in frame.rows()]


def _right(text: str, point: str, group: str) -> Any:
    """Read a number as Python does, where it is spelled so."""
    stripped = text.strip()
    if not stripped:
        return None
    groups = rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}})+|" if group else ""
    spelled = rf"[+-]?(?:(?:{groups}\d+)(?:{re.escape(point)}\d*)?|{re.escape(point)}\d+)"
    if not re.fullmatch(spelled, stripped, re.ASCII):
        return Ellipsis
    number = Decimal(stripped.replace(group or " ", "").replace(point, "."))
    is_exact = number == round(number, 2) and abs(number) < 10**16
    return number if is_exact else Ellipsis


@given(st.lists(st.text("0123.,'-+ ", max_size=9), max_size=30))
@settings_of(2)
def test_a_number_is_what_python_reads(texts: list[str]) -> None:
    for formats, point, group in ((GERMAN, ",", "."), (SWISS, ".", "'")):
        assert _cast(formats, [*texts], NUMBER) == [_right(text, point, group) for text in texts]


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.003,25", Decimal("1003.25")), ("1003,25", Decimal("1003.25")), ("-,5", Decimal("-0.5")),
     ("1.5", ...), ("1.00,25", ...), ("1,003.25", ...), ("1.003.", ...), ("1 003,25", ...),
     ("", None), ("12,0", Decimal(12)), ("inf", ...), ("\ue000", ...)],
)  # fmt: skip
def test_numbers_with_a_decimal_comma(text: str, value: Any) -> None:
    assert _cast(GERMAN, [text], NUMBER) == [value]


def test_whole_numbers_and_floats_are_spelled_so_too() -> None:
    assert _cast(GERMAN, ["1.234", "12,0", "1,5"], pl.Int64()) == [1234, 12, ...]
    assert _cast(GERMAN, ["1.234,5", "1e3", "1.5"], pl.Float64()) == [1234.5, 1000.0, ...]


DAYS = TextFormats(dates="%d.%m.%Y")


@given(st.dates())
@settings_of(2)
def test_every_day_of_the_calendar_is_read(day: date) -> None:
    text = f"{day.day:02}.{day.month:02}.{day.year:04}"
    assert _cast(DAYS, [text], pl.Date()) == [day]


@pytest.mark.parametrize(
    "text",
    ["1.2.2026", "30.02.2026", "2026-01-31", "31.01.26", "31.01.02026", "+1.01.2026",
     "31.01.2026 x", "31. 1.2026", "00.01.2026", "31.01.0000"],
)  # fmt: skip
def test_what_is_no_day_of_the_format_is_none(text: str) -> None:
    assert _cast(DAYS, [text], pl.Date()) == [...]


def test_each_format_is_for_its_type() -> None:
    both = TextFormats(dates="%-d/%-m/%y", timestamps="%d.%m.%Y %H:%M:%S", times="%H.%M")
    moment = pl.Datetime("us")
    short = [date(2026, 2, 1), date(2069, 12, 31), date(1970, 1, 1)]
    assert _cast(both, ["1/2/26", "31/12/69", "1/1/70"], pl.Date()) == short
    assert _cast(both, ["01.02.2026 03:04:05", "2026-02-01"], moment) == [
        datetime(2026, 2, 1, 3, 4, 5), ...
    ]  # fmt: skip
    assert str(_cast(both, ["13.45", "13:45"], pl.Time())[0]) == "13:45:00"
    assert _cast(both, ["13:45"], pl.Time()) == [...]
    days_alone = [datetime(2026, 2, 1), datetime(2026, 2, 1, 10)]
    assert _cast(DAYS, ["01.02.2026", "2026-02-01T10:00"], moment) == days_alone


@pytest.mark.parametrize("form", ["%H:%M:%S", "%-H:%-M:%-S", "%T", "%X"])
def test_the_second_60_is_none(form: str) -> None:
    """Polars' parser takes it, in any minute, for the first second of the next one."""
    both = TextFormats(timestamps=f"%d.%m.%Y {form}", times=form)
    texts = ["31.12.2016 23:59:60", "01.02.2026 12:34:60", "01.02.2026 12:34:59"]
    last = datetime(2026, 2, 1, 12, 34, 59)
    assert _cast(both, texts, pl.Datetime("us")) == [..., ..., last]
    assert _cast(both, ["12:34:60", "12:34:59"], pl.Time()) == [..., last.time()]
    assert _cast(TextFormats(), ["12:34:60", "12:34:60.5", "12:34:59"], pl.Time())[:2] == [..., ...]


def test_an_offset_is_converted_to_utc() -> None:
    zoned = TextFormats(timestamps="%d.%m.%Y %H:%M %z")
    made = _cast(zoned, ["01.02.2026 10:00 +0200"], pl.Datetime("us", "UTC"))
    assert made[0].isoformat() == "2026-02-01T08:00:00+00:00"


def test_null_words_are_null_letter_by_letter() -> None:
    formats = TextFormats(null_values=("NULL", "-", r"\N"))
    assert _cast(formats, ["NULL", "-", r"\N", "null", " - ", "1"], NUMBER) == [
        None, None, None, ..., ..., Decimal(1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("transform", "value"),
    [
        ("CAST(amount AS DECIMAL(18,2))", Decimal("1003.25")),
        ("CAST((amount) AS DECIMAL(18,2)) + 1", Decimal("1004.25")),
        ("TRY_CAST(other AS DECIMAL(18,2))", None),
        ("amount", "1.003,25"),
        ("CAST(amount || '' AS VARCHAR)", "1.003,25"),
        ("COALESCE(nothing, 'none')", "none"),
    ],
)
def test_casts_of_a_column_in_a_transform(transform: str, value: Any) -> None:
    formats = TextFormats(decimal=",", thousands=".", null_values=("n/a",))
    rows = pl.DataFrame({"amount": ["1.003,25"], "other": ["1.5"], "nothing": ["n/a"]})
    made = compile_transform(transform, rows.schema, formats=formats)
    for step in made.steps:
        rows = rows.with_columns(step)
    assert rows.select(x=made.value).item() == value


def test_a_cast_that_fails_in_a_transform_fails_its_row() -> None:
    rows = pl.DataFrame({"amount": ["1.5", "1,5"]})
    formats = TextFormats(decimal=",")
    made = compile_transform("CAST(amount AS DOUBLE)", rows.schema, formats=formats)
    assert made.failed is not None
    assert rows.select(x=made.failed)["x"].to_list() == [True, False]
