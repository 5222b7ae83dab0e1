"""What Databricks writes by default in places: each table compared with another reader of Delta."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, QueryBuilder

from ai_dataflow.config.settings import Settings
from ai_dataflow_tests.sources import lake
from ai_dataflow_tests.sources.delta_tables import (
    actions,
    added,
    deletion_vector,
    field,
    logged,
    renamed,
    with_ids,
)

HERE = Settings(folder=Path())
NAMED, NUMBERED = ({"delta.columnMapping.mode": mode} for mode in ("name", "id"))
ROWS = pa.table({"n": pa.array([1, 2, 3, 4], pa.int64()), "s": ["a", "b", None, "d"]})
FIELDS = [field("n", "long"), field("s", "string")]
STORED = with_ids(ROWS.rename_columns(["col-1", "col-2"]), 1, 2)
MAPPED = [renamed("n", "long", 1, "col-1"), renamed("the s", "string", 2, "col-2")]


def _read(table: Path) -> list[tuple[Any, ...]]:
    return lake.load(str(table), HERE, "delta").rows()


def _by_query(table: Path) -> list[tuple[Any, ...]]:
    """Read by deltalake's own engine: other code than ours, from the log to the values."""
    query = QueryBuilder().register("t", DeltaTable(table)).execute("SELECT * FROM t")
    return [tuple(row.values()) for row in pa.table(query.read_all()).to_pylist()]


@pytest.mark.parametrize("mode", [NAMED, NUMBERED], ids=["name", "id"])
@pytest.mark.parametrize("more", [(), ("deletionVectors", "v2Checkpoint")])
def test_columns_that_files_call_otherwise(
    tmp_path: Path, mode: dict[str, str], more: tuple[str, ...]
) -> None:
    begin = actions(MAPPED, ["columnMapping", *more], mode)
    table = logged(tmp_path / "t", [*begin, added(tmp_path / "t", "a.parquet", STORED)])
    assert _read(table) == _by_query(table) == list(zip(*ROWS.to_pydict().values(), strict=True))


def test_fields_of_structs_are_called_otherwise_too(tmp_path: Path) -> None:
    of_one = [renamed("a", "long", 2, "col-2"), renamed("b", "string", 3, "col-3")]
    of_many = [renamed("a", "long", 5, "col-5"), renamed("b", "string", 6, "col-6")]
    one, each = ({"type": "struct", "fields": inner} for inner in (of_one, of_many))
    many = {"type": "array", "elementType": each, "containsNull": True}
    fields = [renamed("one", one, 1, "col-1"), renamed("many", many, 4, "col-4")]
    stored = pa.table({
        "col-1": [{"col-2": 1, "col-3": "x"}, None],
        "col-4": [[{"col-5": 2, "col-6": "y"}, None], []],
    })  # fmt: skip
    table = logged(tmp_path / "t", [*actions(fields, ["columnMapping"], NAMED),
                                    added(tmp_path / "t", "a.parquet", stored)])  # fmt: skip
    wanted = [({"a": 1, "b": "x"}, [{"a": 2, "b": "y"}, None]), (None, [])]
    assert _read(table) == _by_query(table) == wanted


def test_a_file_whose_names_are_not_those_of_the_ids_is_refused(tmp_path: Path) -> None:
    crossed = with_ids(ROWS.rename_columns(["col-1", "col-2"]), 7, 2)
    renamed_since = with_ids(ROWS.rename_columns(["other", "col-2"]), 1, 2)
    for number, stored in enumerate((crossed, renamed_since)):
        folder = tmp_path / f"t{number}"
        begin = actions(MAPPED, ["columnMapping"], NUMBERED)
        logged(folder, [*begin, added(folder, "a.parquet", stored)])
        problem = lake.refusal(str(folder), HERE, "delta")
        assert (problem.code, "column mapping" in problem.fix) == ("SRC-003", True)


@pytest.mark.parametrize("deleted", [[0], [1, 3], [0, 1, 2]])
def test_deleted_rows_are_not_read(tmp_path: Path, deleted: list[int]) -> None:
    folder = tmp_path / "t"
    first = added(folder, "a.parquet", ROWS)
    marked = added(folder, "b.parquet", ROWS, **deletion_vector(folder, deleted, 4))
    moment = added(folder, "c.parquet", ROWS)
    table = logged(folder, [*actions(FIELDS, ["deletionVectors"]), first, marked, moment])
    rows = list(zip(*ROWS.to_pydict().values(), strict=True))
    stays = [row for number, row in enumerate(rows) if number not in deleted]
    found = _read(table)
    assert sorted(found, key=str) == sorted(_by_query(table), key=str)
    assert sorted(found, key=str) == sorted(rows + stays + rows, key=str)


def test_a_type_that_was_widened(tmp_path: Path) -> None:
    """No other reader here has this: what was written is right."""
    changes = {
        "n": ("integer", "long"), "f": ("float", "double"), "d": ("decimal(5,2)", "decimal(9,2)"),
        "i": ("integer", "double"),
    }  # fmt: skip
    fields = [
        field(name, to, **{"delta.typeChanges": [{"fromType": since, "toType": to}]})
        for name, (since, to) in changes.items()
    ]
    old = pa.table({"n": pa.array([1], pa.int32()), "f": pa.array([0.5], pa.float32()),
                    "d": pa.array([1], pa.decimal128(5, 2)),
                    "i": pa.array([7], pa.int32())})  # fmt: skip
    new = pa.table({"n": pa.array([2**40]), "f": [0.1], "d": pa.array([2], pa.decimal128(9, 2)),
                    "i": [0.25]})  # fmt: skip
    files = [added(tmp_path / "t", f"{i}.parquet", rows) for i, rows in enumerate((old, new))]
    table = logged(tmp_path / "t", [*actions(fields, ["typeWidening"]), *files])
    assert sorted(_read(table)) == [(1, 0.5, 1, 7.0), (2**40, 0.1, 2, 0.25)]


def test_a_day_that_became_a_moment_is_refused(tmp_path: Path) -> None:
    changed = {"delta.typeChanges": [{"fromType": "date", "toType": "timestamp_ntz"}]}
    fields = [field("d", "timestamp_ntz", **changed)]
    days = added(tmp_path / "t", "a.parquet", pa.table({"d": [dt.date(2025, 1, 31)]}))
    table = logged(tmp_path / "t", [*actions(fields, ["typeWidening", "timestampNtz"]), days])
    assert lake.refusal(str(table), HERE, "delta").code in ("SRC-003", "SRC-010")


def test_a_vacuum_that_checks_the_protocol_is_no_business_of_readers(tmp_path: Path) -> None:
    file = added(tmp_path / "t", "a.parquet", ROWS)
    table = logged(tmp_path / "t", [*actions(FIELDS, ["vacuumProtocolCheck"]), file])
    assert _read(table) == list(zip(*ROWS.to_pydict().values(), strict=True))


@pytest.mark.parametrize("kind", ["inline", "sidecar"])
def test_a_checkpoint_of_the_second_kind(tmp_path: Path, kind: str) -> None:
    """The log before it is gone: all that is known is in the checkpoint."""
    folder, said = tmp_path / "t", {"delta.checkpointPolicy": "v2"}
    begin, file = actions(FIELDS, ["v2Checkpoint"], said), added(folder, "a.parquet", ROWS)
    lines = [{"checkpointMetadata": {"version": 0}}, *begin]
    if kind == "inline":
        lines.append(file)
    else:
        (folder / "_delta_log" / "_sidecars").mkdir(parents=True)
        side = folder / "_delta_log" / "_sidecars" / "s.parquet"
        kinds = {
            "path": pa.string(), "partitionValues": pa.map_(pa.string(), pa.string()),
            "size": pa.int64(), "modificationTime": pa.int64(), "dataChange": pa.bool_(),
        }  # fmt: skip
        adds = pa.array([{**file["add"], "partitionValues": []}], pa.struct(kinds))
        pq.write_table(pa.table({"add": adds}), side)
        lines.append({"sidecar": {"path": "s.parquet", "sizeInBytes": side.stat().st_size,
                                  "modificationTime": 1}})  # fmt: skip
    name = f"{0:020}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json"
    logged(folder, lines, name)
    (folder / "_delta_log" / "_last_checkpoint").write_text('{"version":0,"size":4}')
    logged(folder, [{"commitInfo": {"timestamp": 1}}], f"{1:020}.json")
    assert _read(folder) == _by_query(folder)
    assert _read(folder) == list(zip(*ROWS.to_pydict().values(), strict=True))


def test_partitions_are_those_of_the_log(tmp_path: Path) -> None:
    """With column mapping, folders have names that say nothing."""
    fields = [renamed("n", "long", 1, "col-1"), renamed("day", "date", 2, "col-2")]
    folder = tmp_path / "t"
    stored = ROWS.select(["n"]).rename_columns(["col-1"])
    files = []
    for name, day in (("xY", "2025-01-31"), ("zz", None)):
        (folder / name).mkdir(parents=True)
        files.append(added(folder, f"{name}/a.parquet", stored, partitionValues={"col-2": day}))
    table = logged(folder, [*actions(fields, ["columnMapping"], NAMED, ["day"]), *files])
    found = _read(table)
    assert sorted(found, key=str) == sorted(_by_query(table), key=str)
    assert {day for _, day in found} == {dt.date(2025, 1, 31), None}
