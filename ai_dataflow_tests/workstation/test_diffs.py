"""Two versions of a dataset, compared: clients, rows, columns; what is not read, what is gone."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ai_dataflow import Workstation
from ai_dataflow.workstation import diffs
from ai_dataflow.workstation.column_changes import ColumnChange, common_type
from ai_dataflow.workstation.datasets import Dataset
from ai_dataflow.workstation.readers import (
    ColumnNotPublishedError,
    DatasetNotFoundError,
    FilesGoneError,
)
from ai_dataflow_tests import projects
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.workstation.tables import publish, table


@pytest.fixture
def sales(tmp_path: Path) -> Dataset:
    """Give a dataset of three clients, of which one was published anew and one is new."""
    publish(tmp_path, USA={"n": [1, 2, 3], "s": ["a", "b", "c"]}, CAN={"n": [1], "s": ["z"]})
    publish(
        tmp_path, "run-2", USA={"n": [1, 2, 4], "s": ["a", "B", "d"]}, MEX={"n": [9], "s": [""]}
    )
    return Workstation(tmp_path / "workstation")["sales"]


def test_rows_are_counted_by_client(sales: Dataset) -> None:
    diff = sales.diff(0, key=["n"])
    assert diff.counts.rows() == [
        ("CAN", 1, 1, 0, 0, 0, 0), ("MEX", 0, 1, 1, 0, 0, 0), ("USA", 3, 3, 1, 1, 1, 0),
    ]  # fmt: skip
    assert diff.changed_columns.rows() == [("USA", "s", 1)]
    assert not diff.is_empty
    assert repr(diff) == (
        "sales, version 0 to 1, rows: 2 added, 1 removed, 1 changed; 2 of 3 clients published anew"
    )


def test_rows_are_given_lazily(sales: Dataset) -> None:
    diff = sales.diff(0, key=["n"], client="USA")
    assert diff.counts["client_code"].to_list() == ["USA"]
    assert diff.added().collect().rows() == [(4, "d", "USA")]
    assert diff.removed().collect().rows() == [(3, "c", "USA")]
    assert diff.changed().collect().to_dicts() == [
        {"client_code": "USA", "n": 2, "changed.columns": ["s"], "s.before": "b", "s.after": "B"}
    ]


def test_without_a_key_rows_come_and_go(sales: Dataset) -> None:
    diff = sales.diff(-1, client=["USA"])
    assert (diff.key, diff.before, diff.after) == ((), 0, 1)
    assert diff.counts.row(0) == ("USA", 3, 3, 2, 2, 0, 0)


def test_clients_are_compared_some_at_a_time(
    sales: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sales.diff(0, key=["n"])
    monkeypatch.setattr(diffs, "_ROWS_AT_ONCE", 1)
    parts = sales.diff(0, key=["n"])
    assert parts.counts.equals(whole.counts)
    assert parts.changed_columns.equals(whole.changed_columns)


def test_a_client_whose_files_are_the_same_is_not_read(sales: Dataset, tmp_path: Path) -> None:
    for file in Path(table(tmp_path).url).glob("client_code=CAN/*"):
        file.write_bytes(b"no Parquet")
    assert sales.diff(0).counts["rows_after"].to_list() == [1, 1, 3]


def test_a_version_is_named_by_number_run_or_moment(sales: Dataset) -> None:
    newest, oldest = sales.versions()
    same = sales.diff(newest.at, "1")
    assert (same.before, same.after, same.is_empty) == (1, 1, True)
    assert sales.diff(oldest.at.isoformat(), -1).after == 0
    for name, says in [("5", "no version 5"), (-7, "the newest is 1"), ("run-9", "no run run-9")]:
        with pytest.raises(DatasetNotFoundError, match=says):
            sales.diff(name)


def test_what_cannot_be_compared_is_told(sales: Dataset) -> None:
    with pytest.raises(ColumnNotPublishedError, match="no nosuch in both versions"):
        sales.diff(0, key=["nosuch"])
    with pytest.raises(DatasetNotFoundError, match="rows of FRA in neither version"):
        sales.diff(0, client="FRA")


def test_a_version_whose_files_are_gone_is_told(sales: Dataset, tmp_path: Path) -> None:
    files = Path(table(tmp_path).url).glob("client_code=USA/*.parquet")
    min(files, key=lambda file: file.stat().st_mtime_ns).unlink()
    with pytest.raises(FilesGoneError, match=r"version 0 of \S+ can no longer be read: 1 of its 1"):
        sales.diff(0).counts.height  # noqa: B018 - it is read now
    with pytest.raises(FilesGoneError, match="files are gone"):
        sales.scan(version=0)
    assert sales.scan("CAN", version=0).collect().height == 1


def test_columns_that_came_went_or_have_another_type_are_told(tmp_path: Path) -> None:
    publish(tmp_path, USA={"k": [1, 2], "old": ["x", "x"], "n": [5, 6]})
    publish(tmp_path, USA={"k": [1, 2], "new": [7, 7], "n": ["5", "7"]})
    diff = Workstation(tmp_path / "workstation")["sales"].diff(0, key=["k"])
    assert diff.columns == (
        ColumnChange("new", "added", "", "Int64"),
        ColumnChange("n", "retyped", "Int64", "String", compared=True),
        ColumnChange("old", "removed", "String", ""),
    )
    assert diff.changed().collect()["changed.columns"].to_list() == [["n"]]
    assert diff.counts.row(0) == ("USA", 2, 2, 0, 0, 1, 0)


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (pl.Int64(), pl.Float64(), pl.Float64()),
        (pl.Int32(), pl.Int64(), pl.Int64()),
        (pl.Date(), pl.Datetime("us"), pl.Datetime("us")),
        (pl.Datetime("us"), pl.Datetime("us", "UTC"), pl.String()),
        (pl.Boolean(), pl.Int64(), pl.String()),
        (pl.List(pl.Int64), pl.List(pl.String), None),
        (pl.List(pl.Int64), pl.List(pl.Int64), pl.List(pl.Int64)),
    ],
)
def test_values_of_two_types_are_compared_as_one(
    one: pl.DataType, other: pl.DataType, common: pl.DataType | None
) -> None:
    assert common_type(one, other) == common


def test_the_key_is_that_of_the_dictionary_with_the_product(tmp_path: Path) -> None:
    toml = 'ai_columns = "dictionary.csv"\n' + projects.TOML
    projects.project(tmp_path, toml=toml)
    projects.text_file(
        tmp_path, "dictionary.csv", "module_name,ai_column,is_key\nclaims,claim_id,Y\n"
    )
    spine.run(tmp_path)
    data = tmp_path / "data" / "claims.csv"
    data.write_text(data.read_text().replace("10.5", "11.5"))
    spine.run(tmp_path)
    diff = Workstation.of_project(tmp_path)["claims"].diff(-1)
    assert diff.key == ("product_code", "claim_id")
    assert diff.counts.row(0)[3:6] == (0, 0, 1)
    assert (diff.mapping.height, diff.code.height, diff.unprofiled) == (0, 0, [])


def test_what_was_mapped_otherwise_is_told_with_its_cell(tmp_path: Path) -> None:
    header, *rows = projects.MAPPING.strip().splitlines()
    mapping = "\n".join([f"{header},transform", *(f"{row}," for row in rows)])
    projects.project(tmp_path, mapping=mapping)
    spine.run(tmp_path)
    doubled = mapping.replace("float64,", "float64,CAST(Amount AS DOUBLE) * 2")
    more = "    claims,ORION,claim,Amount,digits,int64,length(Amount)"
    projects.table(tmp_path, "ai_mapping", f"    {doubled}\n{more}\n")
    spine.run(tmp_path)
    claims = Workstation.of_project(tmp_path)["claims"]
    diff = claims.diff(0)
    assert diff.mapping.rows() == [
        ("ORION", "amount", "ai_mapping.csv:3:transform", "claim · Amount · float64",
         "claim · Amount · CAST(Amount AS DOUBLE) * 2 · float64", 1),
        ("ORION", "digits", "ai_mapping.csv:4:transform", "",
         "claim · Amount · length(Amount) · int64", 1),
    ]  # fmt: skip
    assert diff.code.is_empty()
    assert diff.drift.select("client_code", "ai_column", "kind").rows()[:2]
    assert {row["kind"] for row in diff.drift.to_dicts() if row["ai_column"] == "amount"} >= {
        "level"
    }
    assert "claim_id" not in diff.drift["ai_column"]
    assert claims.diff(0, client="acme").mapping.height == 2


def test_what_has_no_profile_is_told(sales: Dataset) -> None:
    diff = sales.diff(0)
    assert diff.unprofiled == ["USA"]
    assert diff.mapping.is_empty()
    assert diff.drift.is_empty()
