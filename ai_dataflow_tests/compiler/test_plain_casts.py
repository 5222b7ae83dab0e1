"""A plain cast gives what the full rules give, or null; for every pair of types that has one.

`make properties N=20000` tries as many; CI always the same few, and all texts one slip away from
good ones.
"""

from __future__ import annotations

import datetime as dt
import functools
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.compiler.casts import Cast, cast
from ai_dataflow.compiler.plain_casts import plain
from ai_dataflow.tables import ai_types
from ai_dataflow_tests.compiler import spellings
from ai_dataflow_tests.compiler.test_casts import DTYPES
from ai_dataflow_tests.partition.effort import settings_of

DECIMALS = [
    pl.Decimal(*size)
    for size in ((1, 0), (5, 2), (5, 5), (18, 0), (18, 2), (18, 4), (19, 0), (38, 0), (38, 2),
                 (38, 10), (38, 38))
]  # fmt: skip
INSTANTS = [
    pl.Datetime(unit, zone)
    for unit in ("ms", "us", "ns")
    for zone in (None, "UTC", "Pacific/Kiritimati", "America/New_York")
]
TARGETS = [
    *(ai_types.to_polars(name) for name in ai_types.NAMES), *DECIMALS, pl.Int8(), pl.UInt8(),
    pl.UInt64(), pl.Int128(), pl.Datetime("us"), pl.Time(),
]  # fmt: skip
SOURCES = [*DTYPES, *DECIMALS, *INSTANTS]
Pair = tuple[pl.DataType, pl.Expr, Cast]


@functools.cache
def _pairs(source: pl.DataType) -> list[Pair]:
    """Give all types that a plain cast is there for, with it and with the full rules."""
    pairs = []
    for target in dict.fromkeys(TARGETS):
        if (value := plain(pl.col("x"), source, target)) is not None:
            full = cast(pl.col("x"), source, target)
            assert full is not None, (source, target)
            pairs.append((target, value, full))
    return pairs


NUMBERS = [
    dtype
    for dtype in dict.fromkeys(SOURCES)
    if _pairs(dtype) and (dtype.is_numeric() or dtype.is_temporal())
]


def _check(column: pl.Series) -> None:
    """Compare the two tiers, value by value."""
    source = column.dtype
    for target, value, full in _pairs(source):
        given = column.to_frame().with_columns(plain=value).filter(pl.col("plain").is_not_null())
        both = given.with_columns(full=full.value, failed=full.failed())
        assert both.schema["plain"] == both.schema["full"] == target
        wrong = both.filter(pl.col("failed") | ~_same(target))
        assert wrong.is_empty(), (source, target, column.filter(column.is_in(wrong["x"])).to_list())


def _same(target: pl.DataType) -> pl.Expr:
    """Compare floats by their text: a zero has a sign."""
    exact = pl.String if target.is_float() else target
    return pl.col("plain").cast(exact).eq_missing(pl.col("full").cast(exact))


def test_every_text_one_slip_from_a_good_one_is_as_the_full_rules_say() -> None:
    _check(pl.Series("x", list(dict.fromkeys(spellings.one_slip_away()))))


@given(st.lists(st.none() | spellings.TEXTS, max_size=60))
@settings_of(4)
def test_a_text_is_as_the_full_rules_say(texts: list[str | None]) -> None:
    _check(pl.Series("x", texts, dtype=pl.String))


@pytest.mark.parametrize("source", NUMBERS, ids=str)
def test_every_edge_is_as_the_full_rules_say(source: pl.DataType) -> None:
    _check(spellings.series(spellings.edges(source), source))


@given(st.data(), st.sampled_from(NUMBERS))
@settings_of(2)
def test_a_number_or_an_instant_is_as_the_full_rules_say(
    data: st.DataObject, source: pl.DataType
) -> None:
    values = data.draw(st.lists(st.none() | spellings.numbers(source), max_size=60))
    _check(spellings.series(values, source))


def test_categories_are_as_the_full_rules_say() -> None:
    texts = pl.Series("x", spellings.GOOD)
    _check(texts.cast(pl.Categorical))
    _check(texts.cast(pl.Enum(texts.unique())))


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_null_stays_null(source: pl.DataType) -> None:
    nothing = pl.DataFrame({"x": pl.Series([None, None], dtype=source)})
    for target, value, _ in _pairs(source):
        assert nothing.select(value).to_series().to_list() == [None, None], target


@pytest.mark.parametrize(
    ("ai_type", "texts"),
    [
        ("int32", ["0", "-12", "+7", "007"]),
        ("float64", ["0", "-1.5", ".5", "1e5", "1E-3"]),
        ("decimal(18,2)", ["0", "-1.5", "+.25", "12.", "9999999999999999.99"]),
        ("boolean", ["true", "False", "YES", "n", "0"]),
        ("date", ["2024-02-29", "0001-01-01", "9999-12-31", "2024-02-29T10:11:12.5Z"]),
        ("timestamp", ["2024-02-29", "2024-02-29 10:11:12", "0001-01-01T00:00:00",
                       "2024-02-29T10:11:12.123Z", "9999-12-31 23:59:59.9999999"]),
    ],
)  # fmt: skip
def test_usual_spellings_need_no_full_rules(ai_type: str, texts: list[str]) -> None:
    value = plain(pl.col("x"), pl.String(), ai_types.to_polars(ai_type))
    assert value is not None
    assert pl.DataFrame({"x": texts}).select(value).to_series().null_count() == 0


DAY, MOMENT = dt.date(9999, 12, 31), dt.datetime(1, 1, 1, 10, 11, 12)


@pytest.mark.parametrize(
    ("value", "source", "ai_type"),
    [
        ("12", pl.Categorical(), "int64"), (2**53, pl.Int64(), "float64"),
        (7, pl.UInt8(), "float32"), (1.5, pl.Float64(), "float32"),
        (Decimal(12), pl.Decimal(38, 0), "int16"),
        (Decimal("1.50"), pl.Decimal(38, 2), "decimal(18,2)"), (DAY, pl.Date(), "timestamp"),
        (MOMENT, pl.Datetime("ms"), "timestamp"), (MOMENT, pl.Datetime("us"), "date"),
    ],
)  # fmt: skip
def test_usual_values_need_no_full_rules(value: Any, source: pl.DataType, ai_type: str) -> None:
    values = pl.DataFrame({"x": pl.Series([value], dtype=source)})
    cast_plainly = plain(pl.col("x"), source, ai_types.to_polars(ai_type))
    assert cast_plainly is not None
    assert values.select(cast_plainly).item() is not None
