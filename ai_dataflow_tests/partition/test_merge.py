"""Merging, on tables small enough to check by eye, and against plain Python at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition import merge
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.merge import Merged, union_products
from ai_dataflow.partition.parts import Part
from ai_dataflow.partition.scratch import scratch
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.jobs import PLACE, codes, key, mapped, source


def _part(name: str, rows: Mapping[str, Sequence[Any]], *keys: str, **types: Any) -> Part:
    frame = pl.DataFrame(rows, schema_overrides=dict.fromkeys(keys, pl.Int64) | types)
    mappings = [key(c) if c in keys else mapped(c) for c in frame.columns]
    made = source(Path(name), *mappings, submodule=name)
    return Part(made, keys, frame.lazy(), np.array([frame.height]), _values(frame))


@pytest.fixture(params=["whole", "pieces"], scope="module")
def memory(request: pytest.FixtureRequest) -> Iterator[None]:
    """Join as one, and in pieces: memory must not change what comes out, but for its order."""
    with pytest.MonkeyPatch.context() as patched:
        if request.param == "pieces":
            patched.setattr("ai_dataflow.partition.scratch.PIECE_BYTES", 64)
            patched.setattr("ai_dataflow.partition.pieces._FEW_ROWS", 0)
        yield


def merge_product(parts: list[Part]) -> Merged:
    """Merge, and read the rows while there is scratch space; in any order."""
    with scratch(1 << 30) as space:
        merged = merge.merge_product(parts, (), space)
        return replace(merged, rows=merged.rows.collect().lazy())


def _values(frame: pl.DataFrame) -> dict[str, int]:
    """Count the values of each column, as merging has to foretell them."""
    return frame.select(pl.all().count()).to_dicts()[0]


def _rows(merged: Merged) -> list[dict[str, Any]]:
    return merged.rows.collect().to_dicts()


ORDERS: dict[str, Any] = {"order_id": [1, 2, 3], "customer": ["ann", "bob", "cy"]}
LINES: dict[str, Any] = {"order_id": [1, 1, 2, 9], "item": ["tea", "jam", "ham", "egg"]}


def test_one_to_many_gives_every_line_its_order_and_keeps_both_sides() -> None:
    merged = merge_product([_part("order", ORDERS, "order_id"), _part("line", LINES, "order_id")])
    assert _rows(merged) == [
        {"order_id": 1, "customer": "ann", "item": "tea"},
        {"order_id": 1, "customer": "ann", "item": "jam"},
        {"order_id": 2, "customer": "bob", "item": "ham"},
        {"order_id": 3, "customer": "cy", "item": None},
        {"order_id": 9, "customer": None, "item": "egg"},
    ]
    assert merged.rows_merged == 2  # orders 1 and 2 became parts of their lines


def test_many_to_one_is_the_same_the_other_way_round() -> None:
    merged = merge_product([_part("line", LINES, "order_id"), _part("order", ORDERS, "order_id")])
    assert _rows(merged) == [
        {"order_id": 1, "item": "tea", "customer": "ann"},
        {"order_id": 1, "item": "jam", "customer": "ann"},
        {"order_id": 2, "item": "ham", "customer": "bob"},
        {"order_id": 9, "item": "egg", "customer": None},
        {"order_id": 3, "item": None, "customer": "cy"},
    ]
    assert merged.rows_merged == 2


def test_three_submodules_join_in_a_chain_each_on_what_it_shares() -> None:
    merged = merge_product(
        [
            _part("customer", {"customer_id": [1, 2], "name": ["ann", "bob"]}, "customer_id"),
            _part(
                "order",
                {"customer_id": [1, 1, 3], "order_id": [10, 11, 12]},
                "customer_id", "order_id",
            ),
            _part("line", {"order_id": [10, 10, 13], "item": ["tea", "jam", "egg"]}, "order_id"),
        ]
    )  # fmt: skip
    assert _rows(merged) == [
        {"customer_id": 1, "name": "ann", "order_id": 10, "item": "tea"},
        {"customer_id": 1, "name": "ann", "order_id": 10, "item": "jam"},
        {"customer_id": 1, "name": "ann", "order_id": 11, "item": None},
        {"customer_id": 2, "name": "bob", "order_id": None, "item": None},
        {"customer_id": 3, "name": None, "order_id": 12, "item": None},
        {"customer_id": None, "name": None, "order_id": 13, "item": "egg"},
    ]
    assert merged.rows_merged == 2  # customer 1, then order 10


def test_null_keys_match_nothing() -> None:
    merged = merge_product(
        [
            _part("order", {"order_id": [None, None], "customer": ["ann", "bob"]}, "order_id"),
            _part("line", {"order_id": [None, None], "item": ["tea", "jam"]}, "order_id"),
        ]
    )
    assert _rows(merged) == [
        {"order_id": None, "customer": "ann", "item": None},
        {"order_id": None, "customer": "bob", "item": None},
        {"order_id": None, "customer": None, "item": "tea"},
        {"order_id": None, "customer": None, "item": "jam"},
    ]
    assert merged.rows_merged == 0


def test_a_key_of_two_columns_matches_only_where_both_are_equal_and_there() -> None:
    left: dict[str, Any] = {
        "order_id": [1, 1, 2],
        "line": [1, 2, None],
        "item": ["tea", "jam", "ham"],
    }
    right: dict[str, Any] = {"order_id": [1, 1, 2], "line": [1, 3, None], "price": ["5", "6", "7"]}
    merged = merge_product(
        [_part("line", left, "order_id", "line"), _part("price", right, "order_id", "line")]
    )
    assert _rows(merged) == [
        {"order_id": 1, "line": 1, "item": "tea", "price": "5"},
        {"order_id": 1, "line": 2, "item": "jam", "price": None},
        {"order_id": 2, "line": None, "item": "ham", "price": None},
        {"order_id": 1, "line": 3, "item": None, "price": "6"},
        {"order_id": 2, "line": None, "item": None, "price": "7"},
    ]
    assert merged.rows_merged == 1


@pytest.mark.usefixtures("memory")
def test_many_to_many_is_refused_with_counts_and_without_values() -> None:
    parts = [
        _part("order", {"order_id": [471, 471, 2, 3], "a": list("wxyz")}, "order_id"),
        _part("line", {"order_id": [471, 471, 2, 2], "b": list("wxyz")}, "order_id"),
    ]
    with pytest.raises(DataflowError) as error:
        merge_product(parts)
    (problem,) = error.value.diagnostics
    assert (problem.code, problem.place, problem.submodule) == ("DAT-001", PLACE, "line")
    assert problem.message.startswith("1 values of order_id are repeated in `line`")
    assert "`order`" in problem.message
    assert "471" not in str(problem)


def test_a_key_that_is_repeated_on_different_sides_for_different_values_is_no_many_to_many() -> (
    None
):
    merged = merge_product(
        [
            _part("a", {"k": [1, 1, 2], "x": ["p", "q", "r"]}, "k"),
            _part("b", {"k": [1, 2, 2], "y": ["s", "t", "u"]}, "k"),
        ]
    )
    assert [tuple(row.values()) for row in _rows(merged)] == [
        (1, "p", "s"), (1, "q", "s"), (2, "r", "t"), (2, "r", "u"),
    ]  # fmt: skip


def test_keys_that_are_not_shared_are_refused() -> None:
    with pytest.raises(DataflowError) as error:
        merge_product([_part("a", {"k": [1]}, "k"), _part("b", {"other": [1]}, "other")])
    assert codes(error.value) == ["MAP-013"]


def test_submodules_without_keys_are_appended() -> None:
    merged = merge_product(
        [
            _part("shop", {"item": ["tea"], "price": [5]}),
            _part("web", {"price": [6, 7], "url": ["u", "v"]}),
        ]
    )
    assert _rows(merged) == [
        {"item": "tea", "price": 5, "url": None},
        {"item": None, "price": 6, "url": "u"},
        {"item": None, "price": 7, "url": "v"},
    ]
    assert merged.rows_merged == 0


def test_keyed_submodules_join_and_the_others_are_appended_after_them() -> None:
    merged = merge_product(
        [
            _part("order", {"k": [1], "customer": ["ann"]}, "k"),
            _part("import", {"customer": ["zoe"], "item": ["oil"]}),
            _part("line", {"k": [1], "item": ["tea"]}, "k"),
        ]
    )
    assert _rows(merged) == [
        {"k": 1, "customer": "ann", "item": "tea"},
        {"k": None, "customer": "zoe", "item": "oil"},
    ]
    assert merged.rows_merged == 1


@pytest.mark.parametrize("keys", [("k",), ()])
def test_one_submodule_is_left_as_it_is(keys: tuple[str, ...]) -> None:
    merged = merge_product([_part("a", {"k": [2, 1, 2, None]}, *keys, k=pl.Int64)])
    assert [row["k"] for row in _rows(merged)] == [2, 1, 2, None]
    assert merged.rows_merged == 0


def test_products_are_unioned_by_column_name_in_sheet_order() -> None:
    columns = [AiColumn("id", "int64"), AiColumn("paid", "decimal(9,2)"), AiColumn("day", "date")]
    products = union_products(
        {
            "orion": pl.LazyFrame({"day": [None], "id": [1]}, {"day": pl.Date, "id": pl.Int64}),
            "vega": pl.LazyFrame({"paid": ["1.50"]}).cast({"paid": pl.Decimal(9, 2)}),
        },
        columns,
    )
    union = pl.concat(products).collect()
    assert union.schema == {
        "id": pl.Int64, "paid": pl.Decimal(9, 2), "day": pl.Date, "product_code": pl.String,
    }  # fmt: skip
    assert [tuple(map(str, row)) for row in union.rows()] == [
        ("1", "None", "None", "orion"),
        ("None", "1.50", "None", "vega"),
    ]


Side = list[tuple[int | None, int | None]]


def _outer_join(left: Side, right: Side) -> Counter[tuple[int | None, int | None, int | None]]:
    """Join as a person would: a row with every row of its key; those without one, alone."""
    rows: list[tuple[int | None, int | None, int | None]] = []
    for k, value in left:
        partners = [other for other_k, other in right if other_k == k and k is not None]
        rows += [(k, value, other) for other in partners] or [(k, value, None)]
    known = {k for k, _ in left} - {None}
    return Counter([*rows, *((k, None, value) for k, value in right if k not in known)])


KEYS = st.none() | st.integers(1, 6)


@st.composite
def _one_to_many(draw: st.DrawFn) -> tuple[Side, Side]:
    """Draw two sides on which no key is repeated on both."""
    ones = draw(st.lists(KEYS, max_size=6, unique=True)) + draw(st.lists(st.none(), max_size=2))
    many = draw(st.lists(KEYS, max_size=12))
    sides = [(k, i) for i, k in enumerate(ones)], [(k, i) for i, k in enumerate(many)]
    return sides if draw(st.booleans()) else sides[::-1]


def _side(name: str, rows: Side, column: str) -> Part:
    values: dict[str, Any] = {"k": [k for k, _ in rows], column: [value for _, value in rows]}
    return _part(name, values, "k", **{column: pl.Int64})


@pytest.mark.usefixtures("memory")
@settings_of()
@given(_one_to_many())
def test_a_join_loses_nothing_and_invents_nothing(sides: tuple[Side, Side]) -> None:
    left, right = sides
    merged = merge_product([_side("left", left, "a"), _side("right", right, "b")])
    rows = merged.rows.collect().rows()
    assert merged.filled == _values(merged.rows.collect())
    assert Counter(rows) == _outer_join(left, right)
    assert len(left) + len(right) == merged.rows_merged + len(rows)


@pytest.mark.usefixtures("memory")
@settings_of()
@given(_one_to_many(), st.lists(st.integers(0, 9), max_size=4))
@pytest.mark.slow
def test_rows_read_are_rows_merged_and_rows_left(
    sides: tuple[Side, Side], extra: list[int]
) -> None:
    left, right = list(dict(sides[0]).items()), sides[1]
    third: Side = [(k, k if k % 2 else None) for k in range(4, 9)]
    parts = [_side("third", third, "c"), _side("left", left, "a"), _side("right", right, "b")]
    merged = merge_product([*parts, _part("extra", {"d": extra}, d=pl.Int64)])
    read = len(third) + len(left) + len(right) + len(extra)
    assert read == merged.rows_merged + merged.rows.collect().height
    assert merged.filled == _values(merged.rows.collect())
