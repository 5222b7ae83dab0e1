"""Recasting: a value is kept, there and back, or it is said that it would be lost."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import permutations
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.partition.recasting import losing, recast
from ai_dataflow.tables.ai_types import to_polars
from ai_dataflow_tests.runs.recast_model import is_kept

INTS = {f"int{bits}": st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (16, 32, 64)}
DAYS = st.dates(dt.date(1, 1, 2), dt.date(9999, 12, 30))
TEXTS = st.sampled_from(
    ["", "7", "007", "7.0", " 7", "-0", "+7", "true", "True", "1", "2024-01-31", "2024-01-31T00:00",
     "x", "1e3", "1.50", "9223372036854775808", "NaN", "inf"]
)  # fmt: skip
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **INTS,
    "string": TEXTS | st.text(max_size=4),
    "boolean": st.booleans(),
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "date": DAYS,
    "timestamp": st.datetimes(
        dt.datetime(1, 1, 3), dt.datetime(9999, 12, 29), timezones=st.just(dt.UTC)
    ),
    "binary": st.binary(max_size=4),
    "decimal(18,2)": st.decimals(-(10**15), 10**15, places=2),
    "decimal(38,10)": st.decimals(-(10**27), 10**27, places=10),
}  # fmt: skip
# What docs/merging.md says: types that keep every value of another.
ALWAYS = {
    "boolean": ("int16", "int32", "int64", "float32", "float64", "decimal(18,2)", "string"),
    "int16": ("int32", "int64", "float32", "float64", "decimal(18,2)", "string"),
    "int32": ("int64", "float64", "decimal(18,2)", "string"),
    "int64": ("decimal(38,10)", "string"),
    "float32": ("float64",),
    "date": ("timestamp", "string"),
    "timestamp": ("string",),
    "decimal(18,2)": ("decimal(38,10)", "string"),
    "decimal(38,10)": ("string",),
}
PAIRS = list(permutations(VALUES, 2))
KEPT = [(old, new) for old, news in ALWAYS.items() for new in news]


def frame(kind: str, values: list[Any]) -> pl.LazyFrame:
    return pl.LazyFrame({"v": pl.Series(values, dtype=to_polars(kind))})


def as_kind(rows: pl.LazyFrame, kind: str) -> pl.LazyFrame:
    return recast(rows, {"v": to_polars(kind)})


@given(pair=st.sampled_from(PAIRS), data=st.data())
def test_what_loses_nothing_is_the_same_again_after_the_way_back(
    pair: tuple[str, str], data: st.DataObject
) -> None:
    old, new = pair
    rows = frame(old, data.draw(st.lists(VALUES[old] | st.none(), max_size=3)))
    there = as_kind(rows, new)
    assert there.collect_schema()["v"] == to_polars(new)
    if not losing(rows, {"v": to_polars(new)}):
        assert as_kind(there, old).collect().equals(rows.collect())
        assert not losing(there, {"v": to_polars(old)})


@given(pair=st.sampled_from(KEPT), data=st.data())
def test_some_types_keep_every_value(pair: tuple[str, str], data: st.DataObject) -> None:
    old, new = pair
    rows = frame(old, data.draw(st.lists(VALUES[old] | st.none(), max_size=3)))
    assert not losing(rows, {"v": to_polars(new)})


@given(
    pair=st.sampled_from(list(permutations(["int64", "string", "date"], 2))), data=st.data()
)  # fmt: skip
def test_plain_python_says_the_same(pair: tuple[str, str], data: st.DataObject) -> None:
    old, new = pair
    texts = st.sampled_from(["7", "007", "x", "2024-01-31", "-3", "1.5"])
    value = data.draw(VALUES[old] if old != "string" else texts)
    assert bool(losing(frame(old, [value]), {"v": to_polars(new)})) is not is_kept(value, old, new)


LOST = [
    ("string", "007", "int64"), ("string", " 7", "int64"), ("string", "", "int64"),
    ("string", "7", "float64"), ("string", "yes", "boolean"), ("string", "2024-01-31", "timestamp"),
    ("string", "x", "int64"), ("int64", 2**53 + 1, "float64"), ("int64", 2**31, "int32"),
    ("int64", 2, "boolean"), ("int64", 10**16, "decimal(18,2)"), ("int64", 20240131, "date"),
    ("float64", 0.1, "float32"), ("float64", 1.234, "decimal(18,2)"), ("float64", 1.5, "int64"),
    ("float64", float("nan"), "string"), ("decimal(18,2)", Decimal("1.50"), "int64"),
    ("decimal(38,10)", Decimal("0.001"), "decimal(18,2)"), ("binary", b"\xff", "string"),
    ("timestamp", dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC), "date"),
    ("date", dt.date(2024, 1, 31), "int64"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "value", "new"), LOST)
def test_a_value_that_would_be_lost_is_seen(old: str, value: object, new: str) -> None:
    rows = frame(old, [None, value])
    assert losing(rows, {"v": to_polars(new)}) == {"v"}
    assert not losing(rows.filter(pl.col("v").is_null()), {"v": to_polars(new)})


HELD = [
    ("string", "7", "int64", 7), ("string", "2024-01-31", "date", dt.date(2024, 1, 31)),
    ("string", "1.50", "decimal(18,2)", Decimal("1.50")), ("string", "true", "boolean", True),
    ("int64", 7, "string", "7"), ("int64", 7, "int16", 7), ("float64", 7.0, "int64", 7),
    ("float64", 1.1, "decimal(18,2)", Decimal("1.10")),
    ("decimal(18,2)", Decimal("7.00"), "int64", 7),
    ("timestamp", dt.datetime(2024, 1, 31, tzinfo=dt.UTC), "date", dt.date(2024, 1, 31)),
]  # fmt: skip


@pytest.mark.parametrize(("old", "value", "new", "now"), HELD)
def test_a_value_that_fits_is_kept(old: str, value: object, new: str, now: object) -> None:
    rows = frame(old, [value])
    assert not losing(rows, {"v": to_polars(new)})
    assert as_kind(rows, new).collect()["v"].to_list() == [now]


def test_columns_that_are_not_there_lose_nothing() -> None:
    rows = pl.LazyFrame({"w": [1]})
    types = {"v": pl.String()}
    assert not losing(rows, types)
    assert recast(rows, types).collect().equals(rows.collect())
