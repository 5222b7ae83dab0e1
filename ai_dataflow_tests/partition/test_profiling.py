"""Profiles say what plain Python says of the same values, of whatever type."""

from __future__ import annotations

import datetime as dt
import math
import statistics
from collections import Counter
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.profiling import profiles_of
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.file_statistics import tallies
from ai_dataflow.workstation.layout import PRODUCT_COLUMN
from ai_dataflow.workstation.profile_merging import merge_profiles
from ai_dataflow.workstation.profiles import COARSE, FREQUENT, HASHES, LONGEST, POINTS, SCHEMA
from ai_dataflow_tests.partition.effort import settings_of

LONG = "x" * 300
FLOATS = st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 0.0, 1.5, -2.25, 1e30])
INSTANTS = st.datetimes(timezones=st.just(dt.UTC))
ENDS = st.sampled_from([dt.date(1, 1, 1), dt.date(9999, 12, 31)])
VALUES_OF: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=4) | st.sampled_from([LONG, "", " ", "1,5", "-7", "2024-02-29"]),
    "json": st.just('{"a": 1}'),
    "binary": st.binary(max_size=5),
    "boolean": st.booleans(),
    "int16": st.integers(-(2**15), 2**15 - 1),
    "int32": st.integers(0, 3),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float32": FLOATS,
    "float64": FLOATS | st.floats(-1e100, 1e100),
    "decimal(18,2)": st.decimals(-(10**15), 10**15, places=2, allow_nan=False),
    "decimal(38,4)": st.decimals(-(10**33), 10**33, places=4, allow_nan=False),
    "date": st.dates() | ENDS,
    "timestamp": INSTANTS,
    "list(string)": st.lists(st.text(max_size=2) | st.none(), max_size=3),
    "struct(a int64)": st.fixed_dictionaries({"a": st.integers(0, 2)}),
}
KEY = (PRODUCT_COLUMN, "ai_column")
COLUMNS = [AiColumn(ai_type, ai_type) for ai_type in VALUES_OF]
ORDERED = [t for t in VALUES_OF if t[:4] not in ("json", "stri", "bina", "list", "stru")]
GROUPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["orion", "vega"])), min_size=1, max_size=30
)


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Draw rows of some clients and products; some columns are all null."""
    groups = sorted(draw(GROUPS))
    columns = [
        pl.Series(CLIENT, [client for client, _ in groups], pl.UInt32()),
        pl.Series(PRODUCT_COLUMN, [product for _, product in groups], pl.String()),
    ]
    for ai_type, values in VALUES_OF.items():
        cells = draw(st.lists(st.none() | values, min_size=len(groups), max_size=len(groups)))
        nothing = draw(st.booleans()) and draw(st.booleans())
        dtype = ai_types.to_polars(ai_type)
        columns.append(pl.Series(ai_type, [None] * len(groups) if nothing else cells, dtype))
    return pl.DataFrame(columns)


@settings_of()
@given(frames())
def test_a_profile_says_what_plain_python_says(frame: pl.DataFrame) -> None:
    """Of each client, product and column; and one row tells of the rows alone."""
    profiles = profiles_of(frame, COLUMNS, COARSE)
    counts = profiles_of(frame, COLUMNS, None)
    known = tallied(frame)
    assert_frame_equal(profiles_of(frame, COLUMNS, COARSE, known), profiles)
    assert_frame_equal(profiles_of(frame, COLUMNS, None, known), counts)
    groups = frame.partition_by(CLIENT, PRODUCT_COLUMN, as_dict=True)
    assert profiles.height == len(groups) * (1 + len(COLUMNS)) == counts.height
    for row, few in zip(profiles.iter_rows(named=True), counts.iter_rows(named=True), strict=True):
        of = groups[row[CLIENT], row[PRODUCT_COLUMN]]
        assert (row["rows"], few["rows"]) == (of.height, of.height)
        if ai_type := row["ai_type"]:
            check(row, of[ai_type].to_list(), ai_type)
            for name in ("nulls", "distinct", "least", "greatest"):
                assert few[name] == row[name]


def tallied(frame: pl.DataFrame) -> pl.DataFrame:
    """Tally rows by client and product, as it is done of files that are read back."""
    keys = (CLIENT, PRODUCT_COLUMN)
    runs = frame.with_columns(pl.struct(keys).rle_id().alias("run"))
    by_run = runs.group_by("run", maintain_order=True)
    exprs = tallies(frame.drop(CLIENT).schema, (PRODUCT_COLUMN,))
    return by_run.agg(pl.col(keys).first(), *exprs)


def check(row: dict[str, Any], cells: list[Any], ai_type: str) -> None:
    """Compare a profile with plain Python's."""
    values = [cell for cell in cells if cell is not None]
    assert row["nulls"] == len(cells) - len(values)
    if ai_type in ("string", "json"):
        check_texts(row, values)
    elif ai_type in ORDERED:
        check_ordered(row, values, ai_type)
    elif ai_type.startswith("list"):
        check_lengths(row, [len(value) for value in values])
    else:
        assert row["distinct"] is None


def check_texts(row: dict[str, Any], values: list[str]) -> None:
    """Compare the profile of texts."""
    ordered = sorted(values, key=str.encode)
    ends = (ordered[0][:LONGEST], ordered[-1][:LONGEST]) if ordered else (None, None)
    assert (row["least"], row["greatest"]) == ends
    check_lengths(row, [len(value) for value in values])
    assert sum(row["looks"].values()) == len(values)
    check_distinct(row, Counter(values))
    check_frequent(row, Counter(value for value in values if len(value) <= LONGEST))


def check_lengths(row: dict[str, Any], lengths: list[int]) -> None:
    """Compare lengths."""
    ends = (min(lengths), max(lengths)) if lengths else (None, None)
    assert (row["length_least"], row["length_greatest"]) == ends
    assert row["length_mean"] == (pytest.approx(statistics.fmean(lengths)) if lengths else None)


def check_ordered(row: dict[str, Any], values: list[Any], ai_type: str) -> None:
    """Compare the profile of numbers, dates, instants, booleans."""
    counter = Counter("NaN" if value != value else value for value in values)  # noqa: PLR0124
    check_distinct(row, counter)
    numbers = sorted(value for value in values if value == value)  # noqa: PLR0124
    ends = [text_of(numbers[0]), text_of(numbers[-1])] if numbers else [None, None]
    told = [row["least"], row["greatest"]]
    if ai_type.startswith("float") and numbers:  # the texts of some have fewer digits
        assert [*map(float, told)] == pytest.approx([*map(float, ends)], rel=1e-6)
    else:
        assert told == ends
    finite = [number for value in numbers if math.isfinite(number := number_of(value))]
    if not finite:
        assert (row["mean"], row["deviation"], row["quantiles"]) == (None, None, None)
        return
    scale = 1e-9 * max(map(abs, finite))
    assert row["mean"] == pytest.approx(statistics.fmean(finite), abs=scale)
    assert row["deviation"] == pytest.approx(statistics.pstdev(finite), rel=1e-6, abs=scale)
    places = [math.floor(i / (POINTS - 1) * (len(finite) - 1) + 0.5) for i in range(POINTS)]
    assert row["quantiles"] == pytest.approx([finite[place] for place in places])
    if ai_type[:3] in ("int", "dat", "boo"):
        check_frequent(row, Counter(map(text_of, values)))


def check_distinct(row: dict[str, Any], counter: Counter[Any]) -> None:
    """Compare distinct values, and what the sketch has of them."""
    assert (row["distinct"], row["distinct_error"]) == (len(counter), 0)
    assert row["hashes"] == sorted({*row["hashes"]})
    assert len(row["hashes"]) == min(len(counter), HASHES)


def check_frequent(row: dict[str, Any], counter: Counter[str]) -> None:
    """Compare the most frequent values; which of equally frequent ones are there is left open."""
    told = [(each["value"], each["rows"]) for each in row["frequent"]]
    rows = sorted(counter.values(), reverse=True)[:FREQUENT]
    wanted = rows if len(counter) <= FREQUENT else [n for n in rows if n > 1]
    assert [n for _, n in told] == wanted
    assert dict(told).items() <= counter.items()
    assert len(dict(told)) == len(told)


def text_of(value: Any) -> str:
    """Give a value's text as it is in the table."""
    match value:
        case bool():
            return str(value).lower()
        case dt.datetime():
            return value.isoformat(" ", "microseconds")
        case Decimal():
            return f"{value:f}"
        case _:
            return str(value)


def number_of(value: Any) -> float:
    """Give the number that statistics take for a value."""
    if isinstance(value, dt.datetime):
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return (value - epoch) / dt.timedelta(seconds=1)
    if isinstance(value, dt.date):
        return float((value - dt.date(1970, 1, 1)).days)
    return float(value)


@settings_of()
@given(frames())
def test_profiles_of_clients_merge_into_that_of_all(frame: pl.DataFrame) -> None:
    """What is exact in both is the same."""
    by_client = profiles_of(frame, COLUMNS, COARSE)
    merged = merge_profiles(by_client.select(SCHEMA.names()), [PRODUCT_COLUMN, "ai_column"])
    together = frame.with_columns(pl.lit(0, pl.UInt32()).alias(CLIENT)).sort(
        PRODUCT_COLUMN, maintain_order=True
    )
    of_all = profiles_of(together, COLUMNS, COARSE).select(SCHEMA.names())
    keys = (PRODUCT_COLUMN, "ai_column")
    rows = zip(merged.sort(keys).to_dicts(), of_all.sort(keys).to_dicts(), strict=True)
    exact = ["rows", "nulls", "distinct", "distinct_error", "least", "greatest", "length_least",
             "length_greatest", "hashes", "looks"]  # fmt: skip
    for some, whole in rows:
        assert [some[name] for name in exact] == [whole[name] for name in exact], some["ai_column"]
        scale = 1e-9 * max(map(abs, whole["quantiles"] or [0]))
        for name in ("mean", "deviation", "length_mean"):
            assert (some[name] is None) == (whole[name] is None)
            assert (some[name] or 0) == pytest.approx(whole[name] or 0, rel=1e-6, abs=scale)
        if whole["quantiles"]:
            assert some["quantiles"][::32] == whole["quantiles"][::32]
