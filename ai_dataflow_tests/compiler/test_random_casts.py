"""Random values are cast to what they say, and back, or fail: none becomes null in silence."""

from __future__ import annotations

import datetime as dt
import string
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow_tests.compiler.casting import AI_TYPES, cast_all

UTC = dt.UTC


CHARACTERS = string.printable + "\u00a0\u2003ü٣€😀"
TEXTS = st.lists(
    st.none()
    | st.text(CHARACTERS, max_size=12)
    | st.text(alphabet=string.digits + "+-.eE: TZ", max_size=24)
    | st.sampled_from(["true", "no", "2024-02-29", "2024-02-29T10:11:12Z", " 12.0 ", "1.10"]),
    max_size=20,
)


@given(TEXTS)
@pytest.mark.parametrize("ai_type", [t for t in AI_TYPES if t not in ("string", "binary")])
def test_a_text_is_null_only_where_it_failed_or_is_blank(
    ai_type: str, texts: list[str | None]
) -> None:
    values = cast_all(texts, ai_type)
    assert values is not None
    blank = [text is None or not text.strip() for text in texts]
    assert [value is None for value in values] == blank


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_ints_round_trip_from_their_text(numbers: list[int]) -> None:
    assert cast_all([f" {n} " for n in numbers], "int64") == numbers
    assert cast_all([f"{n}.0" for n in numbers], "int64") == numbers


DECIMALS = st.decimals(-(10**28), 10**28, places=10, allow_nan=False, allow_infinity=False).filter(
    lambda number: abs(number) < 10**28
)


@given(st.lists(DECIMALS))
def test_decimals_round_trip_from_their_text(numbers: list[Decimal]) -> None:
    assert cast_all([format(n, "f") for n in numbers], "decimal(38,10)") == numbers


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_round_trip_from_their_text(numbers: list[float]) -> None:
    assert cast_all([repr(n) for n in numbers], "float64") == numbers


@given(st.lists(st.dates()))
def test_dates_round_trip_from_their_text(days: list[dt.date]) -> None:
    assert cast_all([day.isoformat() for day in days], "date") == days


@given(st.lists(st.datetimes(timezones=st.just(UTC))), st.sampled_from("T "))
def test_instants_round_trip_from_their_text(moments: list[dt.datetime], between: str) -> None:
    assert cast_all([moment.isoformat(between) for moment in moments], "timestamp") == moments


@given(st.lists(st.floats()))
@pytest.mark.parametrize("ai_type", ["int16", "int64", "decimal(18,2)", "decimal(38,10)"])
def test_a_float_is_never_null_in_silence(ai_type: str, numbers: list[float]) -> None:
    values = cast_all(numbers, ai_type, pl.Float64)
    assert values is not None
    assert None not in values
