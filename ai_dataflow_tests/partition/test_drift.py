"""Files of one location that differ: united by name, in the smallest type that has all values.

What was written is read again by pyarrow, in plain Python.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.orchestration.metadata import dataset_metadata
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.locations import FileLocation, SqlLocation
from ai_dataflow.workstation.reports import PartitionReport
from ai_dataflow_tests.partition.jobs import (
    PLACE,
    codes,
    csv_file,
    database,
    job,
    left_out,
    mapped,
    problems,
    run_job,
    source,
    workstation,
    written,
)

ADD = FormatSettings(type="parquet", drift="add")
DAY, MOMENT = date(9999, 12, 31), datetime(2024, 1, 2, 3, 4, 5, 6)


def _parquet(folder: Path, **files: dict[str, Any]) -> Path:
    (folder / "out").mkdir(exist_ok=True)
    for name, columns in files.items():
        pl.DataFrame(columns).write_parquet(folder / "out" / f"{name}.parquet")
    return folder / "out"


def _run(
    folder: Path, *rows: MappingRow, written: FormatSettings | None = None, **more: Any
) -> PartitionResult:
    at = FileLocation(str(folder), text="out", written=written, **more)
    return run_job(job(source(at, *rows)), folder.parent)


def _values(result: PartitionResult, folder: Path) -> list[Any]:
    return written(result, folder)["x"].to_list()


@pytest.mark.parametrize(
    ("first", "second", "ai_type", "values"),
    [
        (pl.Series([1], dtype=pl.Int32), pl.Series([2**40]), "int64", [1, 2**40]),
        (pl.Series([1], dtype=pl.UInt64), pl.Series([-1]), "int64", [1, -1]),
        (pl.Series([{"a": 1, "b": {"c": "x", "d": 2}}]),
         pl.Series([{"b": {"d": 4, "c": "y"}, "a": 3}]),
         "struct(a int64, b struct(c string, d int64))",
         [{"a": 1, "b": {"c": "x", "d": 2}}, {"a": 3, "b": {"c": "y", "d": 4}}]),
        (pl.Series([[{"a": 1, "b": "x"}]]), pl.Series([[{"b": "y", "a": 2}]]),
         "list(struct(a int64, b string))", [[{"a": 1, "b": "x"}], [{"a": 2, "b": "y"}]]),
        (pl.Series([1]), pl.Series([Decimal("2.50")]), "decimal(18,2)", [1, Decimal("2.50")]),
        (pl.Series([2**60]), pl.Series([Decimal("0.25")], dtype=pl.Decimal(5, 2)),
         "decimal(30,2)", [2**60, Decimal("0.25")]),
        (pl.Series([Decimal("0.125")], dtype=pl.Decimal(4, 3)),
         pl.Series([Decimal("9.5")], dtype=pl.Decimal(36, 1)), "string", ["0.125", "9.500"]),
        (pl.Series([DAY]), pl.Series([MOMENT]), "timestamp",
         [datetime(9999, 12, 31, tzinfo=UTC), MOMENT.replace(tzinfo=UTC)]),
        (pl.Series([MOMENT]), pl.Series([MOMENT]).dt.replace_time_zone("Asia/Kolkata"),
         "timestamp", [MOMENT.replace(tzinfo=UTC), datetime(2024, 1, 1, 21, 34, 5, 6, tzinfo=UTC)]),
        (pl.Series([None]), pl.Series(["a"]), "string", [None, "a"]),
        (pl.Series([1], dtype=pl.Int32), pl.Series([0.5]), "float64", [1.0, 0.5]),
        (pl.Series(["a"], dtype=pl.Categorical), pl.Series(["b"]), "string", ["a", "b"]),
        (pl.Series([[1]], dtype=pl.List(pl.Int8)), pl.Series([[2**40]]), "list(int64)",
         [[1], [2**40]]),
    ],
)  # fmt: skip
def test_the_smallest_type_that_has_all_is_taken(
    tmp_path: Path, first: pl.Series, second: pl.Series, ai_type: str, values: list[Any]
) -> None:
    folder = _parquet(tmp_path, a={"v": first}, b={"other": [1], "v": second})
    assert _values(_run(folder, mapped("x", ai_type, "v")), tmp_path) == values


@pytest.mark.proves("read file", "corrupt", "SRC-010: no type has all values of a column")
@pytest.mark.parametrize(
    ("first", "second"),
    [([1], ["1"]), ([2**60], [0.5]), ([Decimal("0.1")], [0.1]), ([True], [1]), ([[1]], [1])],
)
def test_values_that_no_type_has_together_are_the_files_fault(
    tmp_path: Path, first: list[Any], second: list[Any]
) -> None:
    folder = _parquet(tmp_path, a={"v": first, "n": [1]}, b={"n": [2], "v": second})
    (problem,) = problems(_run(folder, mapped("x", "string", "v")))
    assert (problem.code, problem.place) == ("SRC-010", PLACE)
    assert "in a.parquet" in problem.message
    assert "in b.parquet" in problem.message
    assert _values(_run(folder, mapped("x", "int64", "n")), tmp_path) == [1, 2]  # nobody reads it


def test_a_column_that_files_lack_is_null_where_that_is_allowed(tmp_path: Path) -> None:
    folder = _parquet(tmp_path, a={"n": [1]}, b={"v": ["b"], "n": [2]})
    assert codes(_run(folder, mapped("x", "string", "v"))) == ["SRC-010"]
    added = _run(folder, mapped("x", "string", "v"), mapped("n", "int64"), written=ADD)
    assert written(added, tmp_path).select("n", "x").rows() == [(1, None), (2, "b")]
    assert codes(_run(folder, mapped("x", "string", "w"), written=ADD)) == ["MAP-014"]


def test_what_was_united_is_in_the_counts_of_its_source(tmp_path: Path) -> None:
    small = pl.Series([1], dtype=pl.Int32)
    folder = _parquet(
        tmp_path, a={"n": small, "amount": [1]}, b={"v": ["b"], "n": [2**40], "amt": [2]}
    )
    rows = mapped("x", "string", "v"), mapped("n", "int64"), mapped("y", "int64", "amount | amt")
    (result, alike) = (
        _run(folder, *rows, written=ADD),
        run_job(job(source(folder / "b.parquet", *rows)), tmp_path),
    )
    report = PartitionReport(partition="sales|USA", status="ok", products=dict(result.counts))
    (of_source,) = json.loads(report.model_dump_json())["products"]["orion"]["sources"].values()
    assert of_source["united"] == {
        "v": "null in files without it",
        "n": "Int32 and Int64 read as Int64",
        "amount": "called `amount` and `amt`",
    }
    shown = dataset_metadata(result, 1, workstation(tmp_path), "report.json")
    assert "orion · line: `n` Int32 and Int64 read as Int64" in shown["united"]
    report = PartitionReport(partition="sales|USA", status="ok", products=dict(alike.counts))
    assert "united" not in report.model_dump_json()
    assert "united" not in dataset_metadata(alike, 1, workstation(tmp_path), "report.json")


def test_a_file_without_rows_needs_no_types(tmp_path: Path) -> None:
    empty = {"v": pl.Series([], dtype=pl.List(pl.Int8))}
    folder = _parquet(tmp_path, a=empty, b={"v": ["b"], "n": [1]})
    assert _values(_run(folder, mapped("x", "string", "v"), mapped("n")), tmp_path) == ["b"]


def test_csv_files_are_united_by_name(tmp_path: Path) -> None:
    csv_file(tmp_path / "out" / "a.csv", "n,v 1,one")
    csv_file(tmp_path / "out" / "b.csv", "v,more,n two,m,2")
    rows = mapped("x", "string", "v"), mapped("n", "int64")
    result = _run(tmp_path / "out", *rows)
    assert written(result, tmp_path).select("n", "x").rows() == [(1, "one"), (2, "two")]
    csv_file(tmp_path / "out" / "c.csv", "n 3")
    assert codes(_run(tmp_path / "out", *rows)) == ["SRC-010"]
    added = _run(tmp_path / "out", *rows, written=replace_type("csv"))
    assert _values(added, tmp_path) == ["one", "two", None]


def replace_type(kind: Any) -> FormatSettings:
    """Give the settings of another format that adds columns."""
    return ADD.model_copy(update={"type": kind})


def test_folders_that_name_a_column_in_other_ways_are_read(tmp_path: Path) -> None:
    for folder, number in (("year=2024", 1), ("year=unknown", 2), ("plain", 3)):
        (tmp_path / "out" / folder).mkdir(parents=True)
        pl.DataFrame({"n": [number]}).write_parquet(tmp_path / "out" / folder / "a.parquet")
    assert _values(_run(tmp_path / "out", mapped("x", "int64", "n")), tmp_path) == [3, 1, 2]
    year = _run(tmp_path / "out", mapped("x", "string", "year"), written=ADD)
    assert _values(year, tmp_path) == [None, "2024", "unknown"]


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_each_file_has_the_first_of_several_names(tmp_path: Path, kind: str) -> None:
    (tmp_path / "out").mkdir()
    rows = {"1": {"amount": 1}, "2": {"amt": 2}, "3": {"amt": 0, "amount": 3}, "4": {"AMT": 4}}
    for name, row in rows.items():
        frame, file = pl.DataFrame([row]), tmp_path / "out" / f"{name}.{kind}"
        {"parquet": frame.write_parquet, "csv": frame.write_csv, "jsonl": frame.write_ndjson}[kind](
            file
        )
    doubled = mapped("y", "int64", "amount | amt")
    doubled = replace(doubled, source_column="amount | amt", transform="amount * 2")
    if kind == "csv":
        doubled = replace(doubled, transform="CAST(amount AS BIGINT) * 2")
    result = _run(tmp_path / "out", mapped("x", "int64", "amount | amt"), doubled)
    assert written(result, tmp_path).select("x", "y").rows() == [(1, 2), (2, 4), (3, 6), (4, 8)]
    assert codes(_run(tmp_path / "out", mapped("x", "int64", "value | val"))) == ["MAP-014"]


def test_a_name_with_a_bar_is_quoted_or_is_just_there(tmp_path: Path) -> None:
    folder = _parquet(tmp_path, a={"a|b": [1]}, b={"c": [2]})
    assert _values(_run(folder, mapped("x", "int64", '"a|b" | c')), tmp_path) == [1, 2]
    alone = _parquet(tmp_path, a={"a|b": [1]}, b={"a|b": [2]})
    assert _values(_run(alone, mapped("x", "int64", "a|b")), tmp_path) == [1, 2]


def test_a_reject_has_the_name_that_the_sheet_has(tmp_path: Path) -> None:
    folder = _parquet(tmp_path, a={"amount": ["1"]}, b={"amt": ["two"]})
    result = _run(folder, mapped("x", "int64", "amount | amt"))
    (reject,) = left_out(result, tmp_path)
    assert (reject["raw_row"], reject["source"]) == ({"amount": "two"}, "out (b.parquet)")


@pytest.mark.parametrize(
    "zone",
    ["+05:30", "Z", "UTC+02:00", "-02:15", "US/Pacific-New", "GMT+2", "Asia/Kolkata", "UTC"],
)
def test_an_instant_is_the_same_in_every_zone(tmp_path: Path, zone: str) -> None:
    moment = datetime(2025, 1, 1, 12, tzinfo=UTC)
    (tmp_path / "out").mkdir()
    for name, tz in (("a", zone), ("b", "UTC")):  # beside one that Polars reads
        values = pa.array([int(moment.timestamp() * 1e6)], pa.int64()).cast(pa.timestamp("us", tz))
        pq.write_table(pa.table({"v": values}), tmp_path / "out" / f"{name}.parquet")
    result = _run(tmp_path / "out", mapped("x", "timestamp", "v"))
    assert _values(result, tmp_path) == [moment, moment]
    one = run_job(job(source(tmp_path / "out/a.parquet", mapped("x", "timestamp", "v"))), tmp_path)
    assert _values(one, tmp_path) == [moment]


def _twice(folder: Path) -> Path:
    schema = pa.schema([("v", pa.int64()), ("v", pa.string()), ("n", pa.int64())])
    columns = [pa.array([1]), pa.array(["one"]), pa.array([2])]
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), folder / "a.parquet")
    return folder / "a.parquet"


def _wide(folder: Path) -> Path:
    wide = pa.array([Decimal("1" * 60)], pa.decimal256(76, 2))
    pq.write_table(pa.table({"v": wide, "n": pa.array([2])}), folder / "a.parquet")
    return folder / "a.parquet"


@pytest.mark.proves("read file", "corrupt", "SRC-018: a column that nobody can read, to its owner")
@pytest.mark.parametrize(
    ("make", "why"), [(_twice, "is there 2 times"), (_wide, "decimal of 76 digits")]
)
def test_a_column_that_cannot_be_read_is_told_where_it_is_mapped(
    tmp_path: Path, make: Any, why: str
) -> None:
    file = make(tmp_path)
    (problem,) = problems(run_job(job(source(file, mapped("x", "string", "v"))), tmp_path))
    assert (problem.code, problem.place) == ("SRC-018", PLACE)
    assert why in problem.message
    assert _values(run_job(job(source(file, mapped("x", "int64", "n"))), tmp_path), tmp_path) == [2]


_TYPES = {
    "v": [pa.int8(), pa.int32(), pa.int64(), pa.uint16(), pa.decimal128(5, 2), pa.null()],
    "t": [pa.date32(), pa.timestamp("ms"), pa.timestamp("us", "+01:00"), pa.null()],
}
_VALUES = {
    "v": st.none() | st.integers(0, 99),
    "t": st.none() | st.dates(date(1, 1, 2), date(9999, 12, 30)),
}


@st.composite
def _tables(draw: st.DrawFn) -> list[pa.Table]:
    """Draw files: of each column a type and values, columns in any order, some lacking."""
    tables = []
    for _ in range(draw(st.integers(1, 4))):
        height = draw(st.integers(0, 3))
        columns = {"client": pa.array(draw(_of(st.sampled_from(["USA", "FRA"]), height)))}
        if not height:
            columns = {"client": pa.array([], pa.string())}
        for name in draw(st.permutations(["v", "t", "extra"])):
            if name == "extra":
                columns[name] = pa.nulls(height)
            elif dtype := draw(st.none() | st.sampled_from(_TYPES[name])):
                values = [None] * height if dtype == pa.null() else draw(_of(_VALUES[name], height))
                columns[name] = _array(values, dtype)
        tables.append(pa.table(columns))
    return tables


def _of(values: st.SearchStrategy[Any], height: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, min_size=height, max_size=height)


def _array(values: list[Any], dtype: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(dtype):
        midnights = [v and datetime(v.year, v.month, v.day, tzinfo=UTC) for v in values]
        return pa.array(midnights, pa.timestamp(dtype.unit, "UTC")).cast(dtype)
    return pa.array(values, dtype)


def _plain(row: dict[str, Any]) -> tuple[Any, Any]:
    """Give a row's number and instant as plain Python has them."""
    number, moment = row.get("v"), row.get("t")
    if isinstance(moment, datetime):
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    elif moment:
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return (None if number is None else Decimal(number), moment and moment.astimezone(UTC))


@given(_tables(), st.booleans())
def test_any_files_give_what_is_in_them(tables: Sequence[pa.Table], shared: bool) -> None:
    rows = [row for table in tables for row in table.to_pylist()]
    wanted = [_plain(row) for row in rows if not shared or row["client"] == "USA"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "out"
        folder.mkdir()
        for i, table in enumerate(tables):
            pq.write_table(table, folder / f"{i}.parquet")
        by_client = {"client_column": "client", "client": "USA"} if shared else {}
        names = {n for table in tables for n in table.column_names}
        mappings = [mapped(n, _AI[n]) for n in _AI if n in names] or [mapped("client")]
        result = _run(folder, *mappings, written=ADD, **by_client)
        if not wanted:
            assert codes(result) == ["SRC-002"]
            return
        made = written(result, Path(name)).to_dicts()
        assert [(row.get("v"), row.get("t")) for row in made] == wanted


_AI = {"v": "decimal(20,4)", "t": "timestamp"}


def test_a_table_has_the_first_of_several_names(tmp_path: Path) -> None:
    database(tmp_path, "CREATE TABLE t (amt INTEGER)", "INSERT INTO t VALUES (7)")
    doubled = mapped("y", "int64", transform="amount * 2")
    doubled = replace(doubled, source_column="amount | amt")
    of_table = source(SqlLocation("db", "t"), mapped("x", "int64", "amount | amt"), doubled)
    result = run_job(job(of_table), tmp_path)
    assert written(result, tmp_path).select("x", "y").rows() == [(7, 14)]
