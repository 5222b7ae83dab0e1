"""A cast gives the value or says that it failed: never a null in silence, never both."""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.compiler.casts import cast
from ai_dataflow.tables import ai_types
from ai_dataflow_tests.compiler.casting import AI_TYPES, FAILED, cast_all, cast_one

UTC = dt.UTC


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-02-29", dt.date(2024, 2, 29)),
        (" 2024-02-29\t", dt.date(2024, 2, 29)),
        ("2024-02-29T23:59:59", dt.date(2024, 2, 29)),
        ("2024-02-29 10:11", dt.date(2024, 2, 29)),
        ("2024-02-29T23:30:00-02:00", dt.date(2024, 3, 1)),  # the day in UTC
        ("0001-01-01", dt.date(1, 1, 1)),
        ("9999-12-31", dt.date(9999, 12, 31)),
    ],
)
def test_iso_text_becomes_a_date(text: str, day: dt.date) -> None:
    assert cast_one(text, "date") == day


@pytest.mark.parametrize("ai_type", ["date", "timestamp"])
@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29", "2024-13-01", "29/02/2024", "20240229", "2024-02", "2024-02-29T25:00:00",
        "2024-02-29x", "2024-02-29T", "today", "0", "45000", "2024-1-1", "2024-01-1", "2024-1-01",
        "2024-01-01T1:02", "2024-01-01 10:2", "2024-01-01 10:02:3",
        "2016-12-31T23:59:60Z", "2016-12-31 12:34:60", "2016-12-31 12:34:60.5", "2016-12-31T12:60",
    ],
)  # fmt: skip
def test_text_that_is_no_iso_date_fails(text: str, ai_type: str) -> None:
    assert cast_one(text, ai_type) is FAILED


@pytest.mark.parametrize("ai_type", ["date", "timestamp"])
@pytest.mark.parametrize("text", ["-2024-01-01", "+12024-01-01"])
def test_a_year_that_iso_writes_with_a_sign_fails(text: str, ai_type: str) -> None:
    """Nothing that reads the dataset with Python could give such a year back."""
    assert cast_one(text, ai_type) is FAILED


@pytest.mark.parametrize(
    ("text", "hour", "microsecond"),
    [
        ("2024-06-01T10:11:12", 10, 0),
        ("2024-06-01 10:11:12", 10, 0),
        ("2024-06-01T10:11:12.5", 10, 500_000),
        ("2024-06-01 10:11:12.123456", 10, 123_456),
        ("2024-06-01 10:11:12.1234560", 10, 123_456),
        ("2024-06-01T10:11:12Z", 10, 0),
        ("2024-06-01T10:11:12+02:00", 8, 0),
        ("2024-06-01T10:11:12-0200", 12, 0),
        ("2024-06-01T10:11:12+02", 8, 0),
        ("2024-06-01 10:11:12.5 +02:00", 8, 500_000),
        ("  2024-06-01T10:11:12Z ", 10, 0),
    ],
)
def test_iso_text_becomes_an_instant_in_utc(text: str, hour: int, microsecond: int) -> None:
    expected = dt.datetime(2024, 6, 1, hour, 11, 12, microsecond, UTC)
    assert cast_one(text, "timestamp") == expected


def test_a_timestamp_may_lack_its_seconds_or_its_time() -> None:
    assert cast_all(["2024-06-01T10:11", "2024-06-01T10:11+02:00", "2024-06-01"], "timestamp") == [
        dt.datetime(2024, 6, 1, 10, 11, tzinfo=UTC),
        dt.datetime(2024, 6, 1, 8, 11, tzinfo=UTC),
        dt.datetime(2024, 6, 1, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1.00"), ("1.5", "1.50"), ("1.50", "1.50"), ("1.500000", "1.50"), ("1.", "1.00"),
        (".5", "0.50"), ("+1.5", "1.50"), (" -1.5 ", "-1.50"), ("-0.000", "0.00"),
        ("9999999999999999.99", "9999999999999999.99"), ("0000000000000000000001.5", "1.50"),
    ],
)  # fmt: skip
def test_text_becomes_a_decimal_exactly(text: str, number: str) -> None:
    assert cast_one(text, "decimal(18,2)") == Decimal(number)


@pytest.mark.parametrize(
    "text",
    ["1.501", "0.001", "10000000000000000", "1e2", "1,5", "1.5.0", ".", "-", "NaN", "1 000", "٣"],
)
def test_a_decimal_that_would_lose_a_digit_fails(text: str) -> None:
    assert cast_one(text, "decimal(18,2)") is FAILED


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (Decimal("1.234"), pl.Decimal(10, 3)),
        (Decimal("12345678901234567890.00"), pl.Decimal(38, 2)),
        (1.5e300, pl.Float64),
        (float("nan"), pl.Float64),
        (2**63 - 1, pl.Int64),
    ],
)
def test_a_number_that_does_not_fit_a_decimal_fails(value: object, dtype: Any) -> None:
    assert cast_one(value, "decimal(18,2)", dtype) is FAILED


def test_floats_are_rounded_to_a_decimals_scale() -> None:
    values = cast_all([1.5, 2.239, 0.1 + 0.2], "decimal(18,2)", pl.Float64)
    assert values == [Decimal("1.50"), Decimal("2.24"), Decimal("0.30")]


@given(st.lists(st.floats(min_value=4.6e13, max_value=1e17)))
def test_large_floats_become_decimals_by_their_digits(numbers: list[float]) -> None:
    unit = Decimal("0.01")
    wanted = [Decimal(repr(number)).quantize(unit, ROUND_HALF_UP) for number in numbers]
    assert cast_all(numbers, "decimal(20,2)", pl.Float64) == wanted
    assert cast_all([1.1, 12345678901234568.0], "decimal(38,18)", pl.Float64) == [
        Decimal("1.1"), Decimal(12345678901234568),
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", [pl.Float32, pl.Float64])
@pytest.mark.parametrize(
    ("value", "ai_type"),
    [(1.1e16, "decimal(18,2)"), (1.1e28, "decimal(38,10)"), (-1e37, "decimal(38,10)")],
)
def test_a_float_too_large_for_a_decimal_fails_alone(
    value: float, ai_type: str, dtype: Any
) -> None:
    assert cast_all([1.0, value], ai_type, dtype) == [Decimal(1), FAILED]


@pytest.mark.parametrize(
    ("texts", "value"),
    [
        (["true", "TRUE", "T", "yes", "Y", "on", "1", " True "], True),
        (["false", "False", "f", "no", "N", "OFF", "0"], False),
        (["2", "maybe", "yess", "1.0", "-1", "null"], FAILED),
    ],
)
def test_booleans_have_their_usual_spellings(texts: list[str], value: object) -> None:
    assert cast_all(texts, "boolean") == [value] * len(texts)


def test_only_one_and_zero_are_boolean_numbers() -> None:
    assert cast_all([1, 0, 2, -1], "boolean", pl.Int8) == [True, False, FAILED, FAILED]
    assert cast_all([1.0, 0.0, 0.5], "boolean", pl.Float64) == [True, False, FAILED]


@pytest.mark.parametrize("text", ["12", " 12 ", "12.0", "12.", "+12", "012", "12.000", "\t12\n"])
@pytest.mark.parametrize("ai_type", ["int16", "int32", "int64"])
def test_a_whole_number_becomes_an_int(text: str, ai_type: str) -> None:
    assert cast_one(text, ai_type) == 12


@pytest.mark.parametrize("text", ["12.5", "1e3", "1,000", "abc", "0x10", "--1", ".", "12.0.0"])
def test_text_that_is_no_whole_number_fails(text: str) -> None:
    assert cast_one(text, "int64") is FAILED


@pytest.mark.parametrize(("ai_type", "bits"), [("int16", 16), ("int32", 32), ("int64", 64)])
def test_an_int_is_kept_to_its_limits_and_no_further(ai_type: str, bits: int) -> None:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    texts = [str(low), str(high), str(low - 1), str(high + 1)]
    assert cast_all(texts, ai_type) == [low, high, FAILED, FAILED]


def test_numbers_become_ints_only_where_nothing_is_lost() -> None:
    assert cast_all([2.0, 2.5, float("nan"), float("inf"), 1e19], "int64", pl.Float64) == [
        2, FAILED, FAILED, FAILED, FAILED,
    ]  # fmt: skip
    assert cast_all([2**64 - 1, 7], "int64", pl.UInt64) == [FAILED, 7]
    assert cast_all([Decimal("2.00"), Decimal("2.50")], "int16", pl.Decimal(9, 2)) == [2, FAILED]


@pytest.mark.parametrize(
    ("text", "value"), [("1.5", 1.5), (" 1e3 ", 1000.0), ("1E3", 1000.0), (".5", 0.5), ("-7", -7.0)]
)
def test_text_becomes_a_float(text: str, value: float) -> None:
    assert cast_one(text, "float64") == value


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e400", "1,5", "abc"])
def test_text_that_is_no_finite_number_fails(text: str) -> None:
    assert cast_one(text, "float64") is FAILED


@pytest.mark.parametrize("value", [1e300, -1e39])
def test_a_float_too_large_for_its_type_does_not_become_infinite(value: float) -> None:
    assert cast_one(value, "float32", pl.Float64) is FAILED


@pytest.mark.parametrize("ai_type", AI_TYPES)
@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_blank_text_is_null_and_no_failure(blank: str, ai_type: str) -> None:
    assert cast_one(blank, ai_type) == (blank if ai_type == "string" else None)


def test_text_stays_as_it_is() -> None:
    texts = [" a ", "", "ü\n", None]
    assert cast_all(texts, "string") == texts


def test_bytes_that_are_no_text_fail_alone() -> None:
    assert cast_all([b"abc", b"\xff"], "string", pl.Binary) == ["abc", FAILED]


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["1", "x"])])
def test_categories_are_text(dtype: Any) -> None:
    assert cast_all(["1", "x", None], "int64", dtype) == [1, FAILED, None]


def test_a_struct_becomes_json() -> None:
    assert cast_all([{"a": 1}, None], "string", pl.Struct({"a": pl.Int64})) == ['{"a":1}', None]


@given(st.lists(st.times(), min_size=1))
def test_a_time_of_day_keeps_what_is_below_a_second_as_text(times: list[dt.time]) -> None:
    texts = cast_all(times, "string", pl.Time())
    assert texts is not None
    assert list(map(dt.time.fromisoformat, texts)) == times
    whole = [text for text, time in zip(texts, times, strict=True) if not time.microsecond]
    assert all(len(text) == len("12:30:00") for text in whole)


def test_days_and_instants_become_each_other() -> None:
    day = dt.date(2024, 2, 29)
    assert cast_one(day, "timestamp", pl.Date) == dt.datetime(2024, 2, 29, tzinfo=UTC)
    late = dt.datetime(2024, 2, 29, 23, 30)
    assert cast_one(late, "date", pl.Datetime("us")) == day
    in_new_york = pl.Series([late]).dt.replace_time_zone("America/New_York")
    done = cast(pl.col("x"), in_new_york.dtype, pl.Date())
    assert done is not None
    assert pl.DataFrame({"x": in_new_york}).select(done.value).item() == dt.date(2024, 3, 1)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_an_instant_without_a_zone_is_utc_in_every_unit(unit: Any) -> None:
    moment = dt.datetime(2024, 2, 29, 1, 2, 3, 4000)
    assert cast_one(moment, "timestamp", pl.Datetime(unit)) == moment.replace(tzinfo=UTC)


def test_a_day_beyond_all_instants_fails_alone() -> None:
    days = pl.Series("x", [0, 2**31 - 1], dtype=pl.Int32).cast(pl.Date)
    done = cast(pl.col("x"), days.dtype, ai_types.to_polars("timestamp"))
    assert done is not None
    assert days.to_frame().select(done.failed()).to_series().to_list() == [False, True]


@given(st.lists(st.integers(-800_000, 3_000_000), min_size=1), st.integers(0, 86_399))
@pytest.mark.parametrize("zone", [None, "UTC", "Pacific/Kiritimati", "America/New_York"])
@pytest.mark.parametrize("ai_type", ["date", "timestamp"])
def test_an_instant_is_kept_in_the_years_1_to_9999_of_utc_and_fails_outside(
    zone: str | None, ai_type: str, days: list[int], second: int
) -> None:
    first, last = ((day - dt.date(1970, 1, 1)).days for day in (dt.date.min, dt.date.max))
    days = [*days, first, last, first - 1, last + 1]
    numbers = [day * 86_400_000_000 + second * 1_000_000 for day in days]
    held = pl.Series("x", numbers, dtype=pl.Int64).cast(pl.Datetime("us", zone))
    done = cast(pl.col("x"), held.dtype, ai_types.to_polars(ai_type))
    assert done is not None
    rows = held.to_frame().select(value=done.value, failed=done.failed()).rows()
    epoch = dt.datetime(1970, 1, 1, tzinfo=UTC)
    for day, (value, failed) in zip(days, rows, strict=True):
        assert failed is not (first <= day <= last)
        if not failed:
            moment = epoch + dt.timedelta(day, second)
            assert value == (moment if ai_type == "timestamp" else moment.date())


DTYPES = [
    pl.String(), pl.Boolean(), pl.Int8(), pl.Int16(), pl.Int32(), pl.Int64(), pl.Int128(),
    pl.UInt8(), pl.UInt16(), pl.UInt32(), pl.UInt64(), pl.Float32(), pl.Float64(),
    pl.Decimal(38, 0), pl.Decimal(18, 4), pl.Date(), pl.Time(), pl.Duration(), pl.Datetime("ns"),
    pl.Datetime("us"), pl.Datetime("ms"), pl.Datetime("us", "Europe/Paris"), pl.Binary(),
    pl.Null(), pl.Categorical(), pl.Enum(["a"]), pl.Struct({"a": pl.Int64}), pl.List(pl.Int64),
    pl.Array(pl.Int64, 2),
]  # fmt: skip


@pytest.mark.parametrize("ai_type", AI_TYPES)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_null_stays_null_and_is_no_failure(dtype: pl.DataType, ai_type: str) -> None:
    assert cast_all([None, None], ai_type, dtype) in ([None, None], None)


VALUES = [
    (True, pl.Boolean), (1, pl.Int8), (1, pl.UInt64), (1, pl.Int128), (1.0, pl.Float32),
    (Decimal(1), pl.Decimal(38, 2)), ("1", pl.Categorical),
]  # fmt: skip


@pytest.mark.parametrize(
    "ai_type", [t for t in AI_TYPES if t not in ("string", "binary", "date", "timestamp")]
)
@pytest.mark.parametrize(("one", "dtype"), VALUES, ids=str)
def test_one_is_one_in_every_number_type(one: object, dtype: Any, ai_type: str) -> None:
    assert cast_one(one, ai_type, dtype) == 1


def test_what_can_never_become_a_type_is_known_before_any_row_is_read() -> None:
    assert cast_all([[1]], "string", pl.List(pl.Int64)) is None
    assert cast_all([dt.date(2024, 1, 1)], "int64", pl.Date) is None
    assert cast_all([1], "date", pl.Int64) is None
    assert cast_all([b"1"], "int64", pl.Binary) is None


@pytest.mark.parametrize(
    ("text", "ai_type", "value"),
    [
        ("[1, 2.50, null]", "list(decimal(38,18))", [Decimal(1), Decimal("2.5"), None]),
        ("[12345678901234567890.5]", "list(decimal(38,1))", [Decimal("12345678901234567890.5")]),
        ('["a", "1", 1, true]', "list(string)", ["a", "1", "1", "true"]),
        (" [] ", "list(int64)", []),
        ('{"b": "x", "a": 1, "c": 2}', "struct(a int64,b string)", {"a": 1, "b": "x"}),
        ('[{"a": [1]}, {}]', "list(struct(a list(int64)))", [{"a": [1]}, {"a": None}]),
        ("null", "list(int64)", None),
        ("", "list(int64)", None),
        ("[1, 2.5]", "list(int64)", FAILED),
        ("[1", "list(int64)", FAILED),
        ("[NaN]", "list(float64)", FAILED),
        ("1", "list(int64)", FAILED),
        ("[[1]]", "list(int64)", FAILED),
        ('[{"a": 1}]', "list(string)", FAILED),
        ('{"a": 1, "a": 2}', "struct(a int64)", FAILED),
        ("[" * 3000, "list(int64)", FAILED),
    ],
)
def test_a_text_that_is_json_becomes_a_list_or_a_struct(
    text: str, ai_type: str, value: object
) -> None:
    assert cast_one(text, ai_type) == value
