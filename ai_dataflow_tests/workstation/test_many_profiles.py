"""Profiles of many clients: what is left out of their points and hashes costs little accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ai_dataflow.workstation.profile_merging import merge_profiles
from ai_dataflow.workstation.profile_sketches import KEPT
from ai_dataflow.workstation.profiles import HASH_BITS, HASHES, POINTS, SCHEMA

CLIENTS, ROWS = 300, 500
BY = ["product_code", "ai_column"]


def _profiles(values: Sequence[Any], hashes: Sequence[Any]) -> pl.DataFrame:
    """Make the profiles of clients of which these are the values, and the hashes of them."""
    least = [np.sort(np.unique(some))[:HASHES] for some in hashes]
    frame = pl.DataFrame(
        {
            "client_code": [f"c{i}" for i in range(len(values))],
            "rows": [len(some) for some in values],
            "nulls": 0,
            "distinct": [len(np.unique(some)) for some in hashes],
            "distinct_error": 0.0,
            "mean": [float(some.mean()) for some in values],
            "quantiles": [np.quantile(some, np.linspace(0, 1, POINTS)) for some in values],
            "hashes": least,
        }
    ).with_columns(product_code=pl.lit("ORION"), ai_column=pl.lit("x"), ai_type=pl.lit("int64"))
    lacking = [pl.lit(None, t).alias(n) for n, t in SCHEMA.items() if n not in frame.columns]
    return frame.with_columns(lacking).select(SCHEMA.names()).cast(dict(SCHEMA))


def _hashed(numbers: Any) -> Any:
    """Hash numbers, as evenly as chance would."""
    mixed = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed ^ (mixed >> np.uint64(30))) >> np.uint64(64 - HASH_BITS)


@pytest.mark.parametrize("spread", [0.0, 3.0])
def test_the_quantiles_of_many_are_those_of_all_their_values(spread: float) -> None:
    generator = np.random.default_rng(5)
    values = [generator.lognormal(generator.normal(3, spread), 1, ROWS) for _ in range(CLIENTS)]
    values[0] = generator.normal(50, 1, 40 * ROWS)  # one of them is a large part
    hashes = [_hashed(np.arange(ROWS))] * CLIENTS
    merged = merge_profiles(_profiles(values, hashes), BY)["quantiles"].to_list()[0]
    together = np.sort(np.concatenate(values))
    ranks = np.searchsorted(together, merged) / together.size
    assert (merged[0], merged[-1]) == (together[0], together[-1])
    assert ranks == pytest.approx(np.linspace(0, 1, POINTS), abs=1 / 32)


@pytest.mark.parametrize("most", [1_000, 20_000, 10**12])
def test_distinct_values_of_many_are_estimated_within_three_errors(most: int) -> None:
    generator = np.random.default_rng(6)
    numbers = [generator.integers(0, most, ROWS) for _ in range(CLIENTS)]
    merged = merge_profiles(_profiles(numbers, list(map(_hashed, numbers))), BY).to_dicts()[0]
    true = len(np.unique(np.concatenate(numbers)))
    assert abs(merged["distinct"] - true) <= 3 * merged["distinct_error"] * true
    assert len(merged["hashes"]) <= KEPT


def test_few_values_of_each_of_many_are_counted_exactly() -> None:
    numbers = [np.arange(i, i + 40) for i in range(CLIENTS)]
    merged = merge_profiles(_profiles(numbers, list(map(_hashed, numbers))), BY).to_dicts()[0]
    assert (merged["distinct"], merged["distinct_error"]) == (CLIENTS + 39, 0)


@pytest.mark.parametrize(("each", "error"), [(1_000, 0.03), (900, 0.06)])
def test_one_profile_that_has_most_values_tells_how_many_there_are(each: int, error: float) -> None:
    generator = np.random.default_rng(9)
    numbers = [generator.choice(1_000, each, replace=False) for _ in range(CLIENTS)]
    merged = merge_profiles(_profiles(numbers, list(map(_hashed, numbers))), BY).to_dicts()[0]
    assert abs(merged["distinct"] - 1_000) <= 3 * merged["distinct_error"] * 1_000
    assert 0 < merged["distinct_error"] < error


def test_sketches_that_are_read_as_they_are_needed_give_the_same(tmp_path: Path) -> None:
    generator = np.random.default_rng(10)
    of = {
        "ALL": [np.arange(1_000)] * CLIENTS,  # the first hashes of each are not enough
        "OWN": [np.arange(i * ROWS, (i + 1) * ROWS) for i in range(CLIENTS)],
        "FEW": [np.arange(i, i + 40) for i in range(CLIENTS)],
        "SOME": [generator.integers(0, 900, ROWS) for _ in range(3)],
        "ONE": [generator.integers(0, 900, ROWS)],
    }
    frames = [
        _profiles(numbers, list(map(_hashed, numbers))).with_columns(product_code=pl.lit(product))
        for product, numbers in of.items()
    ]
    frame = pl.concat(frames).sample(fraction=1, shuffle=True, seed=1)
    for i, part in enumerate(frame.iter_slices(400)):
        part.write_parquet(tmp_path / f"{i}.parquet")
    later = pl.scan_parquet([tmp_path / f"{i}.parquet" for i in range(3)])
    sketches = later.select("distinct", "hashes")
    merged = merge_profiles(frame.drop("hashes"), BY, sketches=sketches)
    assert_frame_equal(merged, merge_profiles(frame, BY))
    assert merged.height == len(of)


def test_sketches_merge_in_any_order() -> None:
    generator = np.random.default_rng(8)
    numbers = [generator.integers(0, 5_000, ROWS) for _ in range(CLIENTS)]
    frame = _profiles(numbers, list(map(_hashed, numbers)))
    at_once = merge_profiles(frame, BY).to_dicts()[0]
    halves = [merge_profiles(frame.slice(i, CLIENTS // 2), BY) for i in (0, CLIENTS // 2)]
    in_turn = merge_profiles(pl.concat(halves), BY).to_dicts()[0]
    assert in_turn["rows"] == at_once["rows"]
    error = at_once["distinct_error"] + in_turn["distinct_error"]
    assert in_turn["distinct"] == pytest.approx(at_once["distinct"], rel=3 * error)
