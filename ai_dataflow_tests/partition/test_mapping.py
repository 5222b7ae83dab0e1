"""Mapping a source's rows: good rows become AI columns, every other row says why it did not."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ai_dataflow.compiler.mappings import compile_source
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.mapping import (
    count,
    good_rows,
    map_chunk,
    map_rows,
)
from ai_dataflow.partition.reading import BEFORE, NUMBERED
from ai_dataflow.partition.source_rejects import left_out, malformed_rejects
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow_tests.partition.jobs import PLACE, mapped, source
from ai_dataflow_tests.services.processes import wait_until

TOLD = [
    "product_code", "submodule_name", "source", "position", "reason", "ai_column", "mapping_cell",
    "raw_row",
]  # fmt: skip


def _map(rows: pl.DataFrame, *mappings: MappingRow) -> tuple[list[Any], list[dict[str, Any]]]:
    """Give the good rows, as tuples, and the rejects with their raw rows parsed."""
    job = source(Path("sales.csv"), *mappings)
    compiled = compile_source(job, rows.schema)
    good, bad = map_chunk(rows, compiled, (), 0)
    by_the_rules = map_rows(rows.lazy(), compiled)
    counted = count(by_the_rules, compiled)
    assert_frame_equal(good, good_rows(by_the_rules, compiled, counted).collect())
    if bad is None:
        assert counted.good == counted.total
        return good.rows(), []
    files = pl.DataFrame({BEFORE: [0], "source": ["sales.csv"], NUMBERED: [True]})
    rejects = left_out(bad.lazy(), job, compiled, files).select(TOLD).collect().to_dicts()
    return good.rows(), [r | {"raw_row": json.loads(r["raw_row"])} for r in rejects]


def _compile(schema: dict[str, Any], *mappings: MappingRow) -> DataflowError:
    with pytest.raises(DataflowError) as error:
        compile_source(source(Path("sales.csv"), *mappings), pl.Schema(schema))
    return error.value


def test_a_value_that_does_not_cast_rejects_its_row() -> None:
    rows = pl.DataFrame({"No": ["1", "2"], "Qty": ["5", "many"], "Note": ["a", "b"]})
    good, bad = _map(rows, mapped("id", "int64", "No"), mapped("quantity", "int64", "Qty"))
    assert good == [(1, 5)]
    assert bad == [
        {
            "product_code": "orion",
            "submodule_name": "line",
            "source": "sales.csv",
            "position": 2,
            "reason": "REJ-001",
            "ai_column": "quantity",
            "mapping_cell": "ai_mapping.csv:3:source_column",
            "raw_row": {"No": "2", "Qty": "many"},
        }
    ]


@pytest.mark.proves(
    "transform",
    "missing",
    "REJ-002: no value where one is required; the row is left out and listed",
)
@pytest.mark.parametrize("empty", [None, "", "  "])
def test_a_null_in_a_required_column_rejects_its_row(empty: str | None) -> None:
    rows = pl.DataFrame({"day": ["2024-01-31", empty]})
    good, bad = _map(rows, mapped("day", "date", required=True))
    assert good == [(dt.date(2024, 1, 31),)]
    assert [(r["reason"], r["ai_column"], r["raw_row"]) for r in bad] == [
        ("REJ-002", "day", {"day": empty})
    ]


def test_a_failed_cast_in_a_required_column_is_a_failed_cast() -> None:
    _, bad = _map(pl.DataFrame({"day": ["x"]}), mapped("day", "date", required=True))
    assert [r["reason"] for r in bad] == ["REJ-001"]


def test_a_null_in_an_optional_column_is_a_null() -> None:
    assert _map(pl.DataFrame({"day": [None, ""]}), mapped("day", "date")) == ([(None,)] * 2, [])


def test_several_bad_columns_make_one_reject_for_the_first_of_them() -> None:
    rows = pl.DataFrame({"a": ["x"], "b": ["y"], "c": [None]}, schema_overrides={"c": pl.String})
    good, bad = _map(rows, mapped("c", required=True), mapped("b", "date"), mapped("a", "int64"))
    assert good == []
    assert [(r["reason"], r["ai_column"]) for r in bad] == [("REJ-002", "c")]


def test_a_transform_that_fails_names_its_own_cell() -> None:
    rows = pl.DataFrame({"qty": ["2", "two"], "price": [1.5, 1.5]})
    good, bad = _map(rows, mapped("amount", "float64", transform="CAST(qty AS INT) * price"))
    assert good == [(3.0,)]
    assert [(r["reason"], r["mapping_cell"], r["raw_row"]) for r in bad] == [
        ("REJ-001", "ai_mapping.csv:2:transform", {"qty": "two", "price": "1.5"})
    ]


def test_what_a_transform_gives_is_cast_too() -> None:
    rows = pl.DataFrame({"day": ["31.01.2024", "31.02.2024"]})
    iso = "CONCAT(SUBSTR(day, 7, 4), '-', SUBSTR(day, 4, 2), '-', SUBSTR(day, 1, 2))"
    good, bad = _map(rows, mapped("day", "date", transform=iso))
    assert good == [(dt.date(2024, 1, 31),)]
    assert [(r["reason"], r["raw_row"]) for r in bad] == [("REJ-001", {"day": "31.02.2024"})]


def test_source_and_ai_columns_may_swap_their_names() -> None:
    rows = pl.DataFrame({"a": ["1", "2"], "b": ["x", "y"]})
    good, bad = _map(rows, mapped("b", "int64", "a"), mapped("a", "string", "b"))
    assert (good, bad) == ([(1, "x"), (2, "y")], [])


def test_a_raw_row_holds_source_values_even_where_names_are_swapped() -> None:
    rows = pl.DataFrame({"a": ["x"], "b": ["5"]})
    _, bad = _map(rows, mapped("b", "int64", "a"), mapped("a", "int64", "b"))
    assert bad[0]["raw_row"] == {"a": "x", "b": "5"}


@pytest.mark.parametrize("name", ["__reason", "__raw", "ai.id", "len", "literal", "raw_row"])
def test_a_source_column_may_have_any_name(name: str) -> None:
    good, bad = _map(pl.DataFrame({name: ["1", "x"]}), mapped("id", "int64", name))
    assert good == [(1,)]
    assert [r["raw_row"] for r in bad] == [{name: "x"}]


@pytest.mark.parametrize("name", ["reason", "raw", "raw_row", "len"])
def test_an_ai_column_may_have_any_name(name: str) -> None:
    good, bad = _map(pl.DataFrame({"n": ["1", "x"]}), mapped(name, "int64", "n"))
    assert good == [(1,)]
    assert [(r["ai_column"], r["raw_row"]) for r in bad] == [(name, {"n": "x"})]


def test_one_source_column_may_feed_several_ai_columns() -> None:
    good, _ = _map(
        pl.DataFrame({"n": ["7"]}), mapped("text", "string", "n"), mapped("number", "int64", "n")
    )
    assert good == [("7", 7)]


def test_a_mapping_of_literals_alone_counts_every_row() -> None:
    rows = pl.DataFrame({"n": [1, 2, 3]})
    good, bad = _map(rows, mapped("currency", transform="'EUR'"))
    assert (good, bad) == ([("EUR",)] * 3, [])


def test_literals_that_cannot_be_cast_reject_every_row() -> None:
    good, bad = _map(pl.DataFrame({"n": [1, 2]}), mapped("n", "int64", transform="'none'"))
    assert good == []
    assert [(r["reason"], r["raw_row"]) for r in bad] == [("REJ-001", {})] * 2


RAW = [
    (pl.Date, dt.date(2024, 1, 31), "2024-01-31"),
    (pl.Datetime("us", "UTC"), dt.datetime(2024, 1, 31, tzinfo=dt.UTC), "2024-01-31"),
    (pl.Decimal(9, 2), Decimal("1.10"), "1.10"),
    (pl.UInt64, 2**64 - 1, "18446744073709551615"),
    (pl.Time, dt.time(1, 2, 3), "01:02:03"),
    (pl.Struct({"a": pl.Int8}), {"a": 1}, '{"a": 1}'),
    (pl.List(pl.String), ["ü"], '["ü"]'),
    (pl.Boolean, True, "true"),
    (pl.Float64, 1.5, "1.5"),
    (pl.Categorical, "x", '"x"'),
    (pl.Binary, b"\xff\x00", ""),
    (pl.List(pl.Binary), [b"\xff"], ""),
]


@pytest.mark.parametrize(("dtype", "value", "shown"), RAW, ids=lambda value: str(value)[:20])
def test_a_raw_row_shows_values_of_every_type(dtype: Any, value: object, shown: str) -> None:
    rows = pl.DataFrame({"v": [value], "n": ["x"]}, schema_overrides={"v": dtype})
    _, bad = _map(rows, mapped("has", "boolean", transform="v IS NOT NULL"), mapped("n", "int64"))
    assert shown in json.dumps(bad[0]["raw_row"]["v"], ensure_ascii=False)


def test_only_mapped_columns_are_needed_each_once() -> None:
    job = source(
        Path("x"), mapped("a"), mapped("b", transform="a || c"), mapped("d", transform="'x'")
    )
    schema = pl.Schema(dict.fromkeys("abcd", pl.String()))
    assert compile_source(job, schema).needed == ["a", "c"]


def test_a_line_that_is_no_row_is_rejected_as_it_stands() -> None:
    rejects = malformed_rejects(['1,"ü",3'], source(Path("x"), mapped("a"))).select(TOLD)
    assert rejects.collect().to_dicts() == [
        {
            "product_code": "orion",
            "submodule_name": "line",
            "source": "x",
            "position": None,
            "reason": "REJ-003",
            "ai_column": "",
            "mapping_cell": PLACE,
            "raw_row": '{"line": "1,\\"ü\\",3"}',
        }
    ]


def test_all_of_a_mappings_problems_come_at_once() -> None:
    error = _compile(
        {"Amount": pl.String, "items": pl.List(pl.Int64)},
        mapped("amount", "float64", "Amuont"),
        mapped("net", "float64", transform="Amount +"),
        mapped("items", "string"),
        mapped("gross", "float64", transform="Amount || nosuch"),
    )
    assert [(problem.code, problem.place) for problem in error.diagnostics] == [
        ("MAP-014", "ai_mapping.csv:2:source_column"),
        ("MAP-011", "ai_mapping.csv:3:transform:8"),
        ("MAP-015", "ai_mapping.csv:4:ai_type"),
        ("MAP-014", "ai_mapping.csv:5:transform:11"),
    ]
    assert {(p.product, p.submodule) for p in error.diagnostics} == {("orion", "line")}


def test_a_missing_column_names_the_nearest_one() -> None:
    known = mapped("claim_id", "string", "ClaimNo")
    columns = {"Amount": pl.String, "ClaimNo": pl.String}
    error = _compile(columns, known, mapped("amount", "float64", "Amuont"))
    assert "did you mean `Amount`?" in error.diagnostics[0].message


@pytest.mark.parametrize("text", ["NOW()", '"now"()', "LOCALTIME", "/* ' */ now() /* ' */"])
def test_a_transform_that_reads_the_clock_is_compiled_anew_each_time(text: str) -> None:
    """Polars puts the time into the expression when it parses it."""
    own = source(Path("a.csv"), mapped("at", transform=f"CAST({text} AS VARCHAR)"))
    rows = pl.DataFrame({"a": [1]})

    def made() -> object:
        compiled = compile_source(own, rows.schema)
        out = map_rows(rows.lazy(), compiled)
        return good_rows(out, compiled, count(out, compiled)).collect().item()

    first = made()
    assert wait_until(lambda: made() != first, 10)


def test_what_is_built_of_a_mapping_is_built_once_for_all_clients() -> None:
    rows = pl.DataFrame({"No": ["1"]})
    first, other = (
        compile_source(source(Path(name), mapped("No", "int64")), rows.schema)
        for name in ("a.csv", "b.csv")
    )
    assert first.columns is other.columns
    assert first.memo is other.memo


def test_long_transforms_are_mapped_beside_short_ones() -> None:
    rows = pl.DataFrame({"code": ["7", "x", None], "n": ["1", "2", "three"]})
    branches = " ".join(f"WHEN code = '{i}' THEN CAST(n AS INT) * {i}" for i in range(100))
    good, bad = _map(
        rows,
        mapped("word", "int64", transform=f"CASE {branches} ELSE 0 END"),
        mapped("again", "int64", transform=f"CASE {branches} ELSE -1 END"),
        mapped("n", "int64"),
    )
    assert good == [(7, 7, 1), (0, -1, 2)]
    assert [row["ai_column"] for row in bad] == ["n"]
