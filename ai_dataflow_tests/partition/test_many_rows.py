"""Profiles of many rows: exact where they say so, near where they say how near, always alike."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections import Counter
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.partition import (
    profile_many,
    profile_samples,
    profile_totals,
)
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.profile_pieces import Pieces
from ai_dataflow.partition.profile_samples import level_of, places, stays
from ai_dataflow.partition.profiling import profiles_of
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.layout import PRODUCT_COLUMN
from ai_dataflow.workstation.profiles import COARSE, SCHEMA
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.test_profiling import COLUMNS, KEY, frames

EXACT = ["rows", "nulls", "least", "greatest"]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few rows be many."""
    monkeypatch.setattr(profile_samples, "SAMPLE", 8)
    for module in (profile_many, profile_totals):
        monkeypatch.setattr(module, "FEW", 4)


def in_pieces(frame: pl.DataFrame, columns: list[AiColumn], size: int) -> pl.DataFrame:
    """Profile rows in pieces of so many."""
    pieces = Pieces(columns, COARSE)
    for begin in range(0, frame.height, size):
        pieces.see(frame[begin : begin + size])
    return pieces.profiles().sort(CLIENT, *KEY)


@settings_of()
@given(frames(), st.integers(1, 9))
def test_pieces_do_not_matter_and_what_is_exact_is(frame: pl.DataFrame, size: int) -> None:
    """Rows, nulls, ends, and distinct values where no error is told, of all types."""
    told, again = (in_pieces(frame, COLUMNS, each) for each in (size, frame.height))
    rounded = pl.col("mean", "deviation").round_sig_figs(9)
    assert told.with_columns(rounded).equals(again.with_columns(rounded))
    whole = profiles_of(frame, COLUMNS, COARSE).select(told.columns).sort(CLIENT, *KEY)
    for one, other in zip(told.iter_rows(named=True), whole.iter_rows(named=True), strict=True):
        assert [one[name] for name in EXACT] == [other[name] for name in EXACT], one["ai_column"]
        if not one["distinct_error"]:
            assert one["distinct"] == other["distinct"]
        if one["rows"] <= 8:
            assert one == other


@given(st.integers(0, 300), st.integers(1, 90))
def test_a_sample_has_one_of_each_block_wherever_it_is_cut(rows: int, size: int) -> None:
    """And the sample of a level is a part of that of the level below."""
    level = level_of(rows)
    whole = places(0, rows, level)
    cut = [places(begin, min(begin + size, rows), level) for begin in range(0, rows, size)]
    assert np.array_equal(whole, np.concatenate([*cut, np.empty(0, np.int64)]))
    assert len(whole) <= profile_samples.SAMPLE
    blocks = whole >> level
    assert len(np.unique(blocks)) == len(whole) >= rows >> level
    if level:
        below = places(0, rows, level - 1)
        assert np.array_equal(below[stays(rows, level - 1).to_numpy()], whole)


def test_each_row_of_a_block_is_as_likely_to_be_in_the_sample() -> None:
    """Of 20,000 blocks each of the eight rows has its eighth, to four standard errors."""
    blocks, level = 20_000, 3
    of_place = Counter((places(0, blocks << level, level) & 7).tolist())
    expected = blocks / 8
    assert all(abs(of_place[place] - expected) < 4 * math.sqrt(expected) for place in range(8))


ROWS = 60_000
TYPES = {
    "id": "string", "number": "int64", "few": "string", "code": "int32", "amount": "float64",
    "price": "decimal(18,2)", "long": "decimal(38,2)", "day": "date", "odd": "float64",
    "seldom": "int64", "tags": "list(string)",
}  # fmt: skip


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Give rows, their profile as a whole, and that of a sample of them."""
    monkeypatch.setattr(profile_samples, "SAMPLE", 4_096)
    for module in (profile_many, profile_totals):
        monkeypatch.setattr(module, "FEW", 1_000)
    some = random.Random(7)  # noqa: S311
    odd = [math.nan, math.inf, -math.inf, -0.0]
    cells: dict[str, list[Any]] = {
        "id": [f"id {number}" for number in range(ROWS)],
        "number": [number // 2 for number in range(ROWS)],
        "few": some.choices(["north", "south", "", "2024-02-29", None], (5, 3, 1, 1, 1), k=ROWS),
        "code": [min(int(some.expovariate(0.5)), 30) for _ in range(ROWS)],
        "amount": [some.gauss(100, 20) for _ in range(ROWS)],
        "price": [some.choice([None, round(some.uniform(-500, 500), 2)]) for _ in range(ROWS)],
        "long": [some.randrange(10**6) for _ in range(ROWS)],
        "day": [dt.date(2026, 1, 1) + dt.timedelta(some.randrange(400)) for _ in range(ROWS)],
        "odd": [some.choice(odd) if some.random() < 0.1 else some.random() for _ in range(ROWS)],
        "seldom": [some.randrange(9**9) if some.random() < 0.05 else None for _ in range(ROWS)],
        "tags": [["a"] * some.randrange(4) for _ in range(ROWS)],
    }  # fmt: skip
    frame = pl.DataFrame({
        CLIENT: pl.repeat(0, ROWS, dtype=pl.UInt32, eager=True),
        PRODUCT_COLUMN: ["orion"] * (ROWS // 3) + ["vega"] * (ROWS - ROWS // 3),
        **{n: pl.Series(v).cast(ai_types.to_polars(TYPES[n])) for n, v in cells.items()},
    })  # fmt: skip
    columns = [AiColumn(name, ai_type) for name, ai_type in TYPES.items()]
    whole = profiles_of(frame, columns, COARSE).select(CLIENT, *SCHEMA).sort(CLIENT, *KEY)
    return frame, whole, in_pieces(frame, columns, 7_000)


def test_a_sample_tells_of_all_rows_with_the_error_that_is_stated(
    many: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame],
) -> None:
    """Few distinct values are exact; of many, ranks and shares are right to five errors."""
    frame, whole, told = many
    for one, other in zip(told.iter_rows(named=True), whole.iter_rows(named=True), strict=True):
        name, product = one["ai_column"], one[PRODUCT_COLUMN]
        assert [one[each] for each in EXACT] == [other[each] for each in EXACT], name
        if name in ("few", "code", "day", "seldom"):  # few values, or few distinct ones
            assert one | dict.fromkeys(("mean", "deviation")) == other | dict.fromkeys(
                ("mean", "deviation")
            )
        for each in ("mean", "deviation") if name not in ("", "long") else ():
            assert (one[each] is None) == (other[each] is None)
            assert (one[each] or 0) == pytest.approx(other[each] or 0, rel=1e-9, abs=1e-9)
        if other["distinct"]:
            assert one["distinct"] == pytest.approx(
                other["distinct"], rel=5 * one["distinct_error"], abs=0
            )
            assert one["hashes"] == other["hashes"]
        if name == "odd":
            assert one["frequent"] == other["frequent"]
        if name == "id":
            assert sum(one["looks"].values()) == one["rows"]
            assert one["length_mean"] == pytest.approx(other["length_mean"], abs=0.1)
        if one["quantiles"] and name not in ("few", "code"):
            check_ranks(one["quantiles"], frame.filter(product_code=product)[name])


def check_ranks(quantiles: list[float], column: pl.Series) -> None:
    """Compare the quantiles with all finite values, by rank: to five standard errors."""
    numbers = column.drop_nulls()
    if column.dtype == pl.Date:
        numbers = numbers.to_physical()
    finite = np.sort(numbers.cast(pl.Float64).to_numpy())
    finite = finite[np.isfinite(finite)]
    if column.dtype != pl.Decimal(38, 2):
        assert (quantiles[0], quantiles[-1]) == (finite[0], finite[-1])
    for i, point in enumerate(quantiles):
        low, high = (
            np.searchsorted(finite, point, side) / len(finite) for side in ("left", "right")
        )
        error = 5 * 0.5 / math.sqrt(profile_samples.SAMPLE / 2)
        assert low - error <= i / (len(quantiles) - 1) <= high + error
