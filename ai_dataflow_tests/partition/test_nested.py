"""Lists, structs and JSON as AI types: mapped, rejected, published and replayed."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from ai_dataflow_tests import projects
from ai_dataflow_tests.partition.jobs import codes, job, left_out, mapped, run_job, source, written
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

ROWS = pl.DataFrame(
    {
        "id": [1, 2, 3],
        "embedding": [[0.5, None], [], None],
        "tags": [["a", "b"], None, []],
        "codes": [["1", "2"], ["3", "x"], None],
        "item": [
            {"z": Decimal("1.50"), "A": date(2025, 1, 2), "l": [1, 2], "t": "\ue000#1.5"},
            None,
            {"z": None, "A": date.max, "l": [], "t": 'ü"'},
        ],
    }
)


def _made(folder: Path, rows: pl.DataFrame, *types: tuple[str, str]) -> Any:
    rows.write_parquet(folder / "rows.parquet")
    rows_of = [mapped(f"c{i}", ai_type, name) for i, (name, ai_type) in enumerate(types)]
    return run_job(job(source(folder / "rows.parquet", *rows_of)), folder)


def _values(folder: Path, column: str, ai_type: str) -> list[Any]:
    result = _made(folder, ROWS, (column, ai_type))
    return written(result, folder)["c0"].to_list()


@pytest.mark.parametrize(
    ("column", "ai_type", "values"),
    [
        ("embedding", "list(float32)", [[0.5, None], [], None]),
        ("tags", "list(string)", [["a", "b"], None, []]),
        ("tags", "json", ['["a","b"]', None, "[]"]),
        ("item", "struct(l list(int16),A date)",
         [{"l": [1, 2], "A": date(2025, 1, 2)}, None, {"l": [], "A": date.max}]),
        ("item", "json",
         ['{"z":1.50,"A":"2025-01-02","l":[1,2],"t":"\ue000#1.5"}', None,
          '{"z":null,"A":"9999-12-31","l":[],"t":"ü\\""}']),
    ],
)  # fmt: skip
def test_a_nested_value_arrives_as_it_is(
    tmp_path: Path, column: str, ai_type: str, values: list[Any]
) -> None:
    assert _values(tmp_path, column, ai_type) == values
    if ai_type == "json":
        assert all(value is None or json.loads(value) is not None for value in values)


@pytest.mark.proves("transform", "corrupt", "REJ-001 for one bad element of a list, or field")
def test_one_element_that_cannot_be_cast_rejects_its_row(tmp_path: Path) -> None:
    result = _made(tmp_path, ROWS, ("id", "int64"), ("codes", "list(int64)"))
    assert written(result, tmp_path)["c0"].to_list() == [1, 3]
    (reject,) = left_out(result, tmp_path)
    assert (reject["reason"], reject["ai_column"], reject["position"]) == ("REJ-001", "c1", 2)
    assert reject["raw_row"]["codes"] == ["3", "x"]


@pytest.mark.parametrize(
    ("values", "kept"),
    [([[1.0], [float("nan")]], ["[1.0]"]), (['{"a": 1}', "{a}"], ['{"a": 1}'])],
)
def test_what_json_does_not_have_is_a_reject(
    tmp_path: Path, values: list[Any], kept: list[str]
) -> None:
    result = _made(tmp_path, pl.DataFrame({"v": values}), ("v", "json"))
    assert written(result, tmp_path)["c0"].to_list() == kept
    assert [reject["reason"] for reject in left_out(result, tmp_path)] == ["REJ-001"]


@pytest.mark.parametrize(
    ("text", "ai_type"), [('{"a": %s}', "struct(a string)"), ("[%s, 1]", "list(string)")]
)
def test_half_a_character_in_a_text_of_json_rejects_its_row(
    tmp_path: Path, text: str, ai_type: str
) -> None:
    texts = [text % '"x"', text % r'"\ud800"', text % r'"\ud83d\ude00"']
    result = _made(tmp_path, pl.DataFrame({"v": texts}), ("v", ai_type))
    assert "\U0001f600" in str(written(result, tmp_path)["c0"].to_list()[1])
    (reject,) = left_out(result, tmp_path)
    assert (reject["reason"], reject["position"]) == ("REJ-001", 2)


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_map_is_a_list_of_entries(tmp_path: Path, kind: str) -> None:
    of_maps = pa.map_(pa.string(), pa.int64())
    rows = pa.table({"m": pa.array([[("a", 1), ("b", None)], [], None], of_maps)})
    place = tmp_path / f"rows.{kind}"
    (pq.write_table if kind == "parquet" else _write_delta)(rows, place)
    done = run_job(
        job(
            source(
                place,
                mapped("x", "list(struct(key string,value int16))", "m"),
                mapped("j", "json", "m"),
            )
        ),
        tmp_path,
    )
    entries = [{"key": "a", "value": 1}, {"key": "b", "value": None}]
    assert written(done, tmp_path).select("x", "j").rows() == [
        (entries, json.dumps(entries, separators=(",", ":"))), ([], "[]"), (None, None),
    ]  # fmt: skip


def _write_delta(rows: pa.Table, place: Path) -> None:
    write_deltalake(place, rows)


def test_a_list_is_no_text(tmp_path: Path) -> None:
    result = _made(tmp_path, ROWS, ("tags", "string"))
    assert codes(result) == ["MAP-015"]
    assert "`json`" in result.failures[0].diagnostic.fix


@pytest.mark.slow
def test_nested_columns_are_published_and_read_by_others(tmp_path: Path) -> None:
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,required
        claims,ORION,claim,id,id,int64,
        claims,ORION,claim,tags,tags,list(string),Y
        claims,ORION,claim,codes,codes,list(string),
        claims,ORION,claim,item,item,"struct(A date, l list(int64))",
        """
    control = """
        product_code,module_name,submodule_name,client_code,module_location,active
        ORION,claims,claim,acme,rows.parquet,Y
        """
    projects.project(tmp_path, control=control, mapping=mapping)
    ROWS.write_parquet(tmp_path / "rows.parquet")
    report = spine.run(tmp_path)
    assert [partition.status for partition in report.partitions] == ["ok"]
    table = DeltaTable(tmp_path / "workstation" / "claims")
    (file,) = table.file_uris()
    rows = {row["id"]: row for row in pq.ParquetFile(file).read().to_pylist()}
    assert (rows[1]["tags"], rows[1]["codes"]) == (["a", "b"], ["1", "2"])
    assert rows[3]["item"] == {"A": date.max, "l": []}
    assert table.schema().to_json().count('"array"') == 3
    sheet = tmp_path / "ai_mapping.csv"
    sheet.write_text(sheet.read_text().replace("list(string),Y", "list(string),"))
    assert cli(tmp_path, "replay").returncode == 0
    rows_after = pl.read_delta(str(tmp_path / "workstation" / "claims")).sort("id")
    assert rows_after["codes"].to_list() == [["1", "2"], ["3", "x"], None]
    assert rows_after["tags"].to_list() == [["a", "b"], None, []]
