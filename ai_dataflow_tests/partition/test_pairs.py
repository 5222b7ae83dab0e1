"""Pairs of rows make what Polars' own full join makes, in the order of the left, then the right."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.pairs import LEFT, RIGHT, gathered, paired
from ai_dataflow_tests.partition.effort import settings_of

KEYS: list[tuple[pl.DataType, st.SearchStrategy[Any]]] = [
    (pl.Int64(), st.none() | st.integers(0, 4)),
    (pl.String(), st.none() | st.sampled_from(["", "a", "b"])),
    (pl.Float64(), st.sampled_from([None, 0.0, -0.0, float("nan"), 1.5])),
]


@st.composite
def _sides(draw: st.DrawFn) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Draw two sides with one or two keys; each row has a value of its own."""
    kinds = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2))
    names = [f"key{i}" for i in range(len(kinds))]

    def side(value: str) -> pl.DataFrame:
        height = draw(st.integers(0, 8))
        keys = [
            pl.Series(name, draw(st.lists(cells, min_size=height, max_size=height)), dtype)
            for name, (dtype, cells) in zip(names, kinds, strict=True)
        ]
        return pl.DataFrame([*keys, pl.Series(value, range(height), pl.Int64())])

    return side("left"), side("right"), names


@settings_of()
@given(_sides())
def test_pairs_make_the_rows_of_a_full_join(
    drawn: tuple[pl.DataFrame, pl.DataFrame, list[str]],
) -> None:
    left, right, on = drawn
    wanted = left.join(right, on=on, how="full", coalesce=True, maintain_order="left_right")
    rows = gathered(paired(left, right, on), left, right, on)
    assert rows.collect_schema() == wanted.schema
    assert rows.collect().equals(wanted)
    assert rows.collect(engine="streaming").equals(wanted)
    column = wanted.columns[-1]  # what a query leaves out, or asks of the rows, is not passed on
    assert rows.select(column).collect().equals(wanted.select(column))
    some = pl.col(column).is_not_null()
    assert rows.filter(some).collect().equals(wanted.filter(some))
    assert rows.head(3).collect().equals(wanted.head(3))


def test_pairs_are_in_the_order_of_clients() -> None:
    left = pl.DataFrame({CLIENT: [0, 1], "k": [7, 8], "a": [1, 2]})
    right = pl.DataFrame({CLIENT: [0, 0, 1], "k": [5, 7, 7], "b": [3, 4, 5]})
    on = [CLIENT, "k"]
    pairs = paired(left, right, on)
    assert pairs.select(CLIENT, LEFT, RIGHT).rows() == [
        (0, 0, 1), (0, None, 0), (1, 1, None), (1, None, 2),
    ]  # fmt: skip
    assert gathered(pairs, left, right, on).collect().rows() == [
        (0, 7, 1, 4), (0, 5, None, 3), (1, 8, 2, None), (1, 7, None, 5),
    ]  # fmt: skip
