"""Publishing: all partitions of a commit at once, the others untouched, always readable."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.connections.stores import Folder
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation import commit as committing
from ai_dataflow.workstation.commit import TableColumn, commit, open_table
from ai_dataflow.workstation.data_files import write_partition
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.readers import read_dataset
from ai_dataflow_tests.workstation.tables import publish, table

Published = dict[str, list[Any]]


def _published(folder: Path, column: str = "n", version: int | None = None) -> Published:
    """Give each client's values of a column."""
    rows = read_dataset(table(folder), version=version).sort("client_code", column).collect()
    return {str(client): own[column].to_list() for (client,), own in rows.group_by("client_code")}


def _refused(folder: Path, **clients: Any) -> str:
    with pytest.raises(DataflowError) as error:
        publish(folder, **clients)
    return error.value.diagnostics[0].code


def test_all_clients_of_a_commit_become_visible_at_once(tmp_path: Path) -> None:
    version = publish(tmp_path, USA={"n": [1, 2]}, CAN={"n": [3]})
    assert _published(tmp_path, version=version) == {"CAN": [3], "USA": [1, 2]}
    with pytest.raises(Exception, match=str(version)):
        read_dataset(table(tmp_path), version=version + 1)


def test_the_first_publication_is_the_first_version(tmp_path: Path) -> None:
    """A table that is made empty and then filled could be seen, or left, empty."""
    assert publish(tmp_path, USA={"n": [1]}) == 0


def test_nothing_is_visible_before_the_commit(tmp_path: Path) -> None:
    publish(tmp_path, USA={"n": [1]})
    write_partition(pl.LazyFrame({"n": [9]}), table(tmp_path), "USA")
    write_partition(pl.LazyFrame({"n": [9]}), table(tmp_path), "CAN")
    assert _published(tmp_path) == {"USA": [1]}


def test_only_the_clients_of_a_commit_are_replaced(tmp_path: Path) -> None:
    publish(tmp_path, USA={"n": [1, 2]}, CAN={"n": [3]}, MEX={"n": [4]})
    publish(tmp_path, CAN={"n": [5, 6]}, FRA={"n": [7]})
    assert _published(tmp_path) == {"CAN": [5, 6], "FRA": [7], "MEX": [4], "USA": [1, 2]}


def test_publishing_the_same_again_adds_nothing(tmp_path: Path) -> None:
    for _ in range(3):
        publish(tmp_path, USA={"n": [1, 2]})
    assert _published(tmp_path) == {"USA": [1, 2]}


def test_a_client_can_be_emptied(tmp_path: Path) -> None:
    publish(tmp_path, USA={"n": [1]}, CAN={"n": [2]}, MEX={"n": [3]})
    publish(tmp_path, USA=None, CAN={"n": [5]})
    assert _published(tmp_path) == {"CAN": [5], "MEX": [3]}


def test_a_client_without_rows_is_no_rows(tmp_path: Path) -> None:
    empty = pl.LazyFrame(schema={"n": pl.Int64})
    file = write_partition(empty, table(tmp_path), "USA")
    commit(table(tmp_path), [TableColumn("n", "long")], {"USA": file}, Writer("run-1"))
    assert read_dataset(table(tmp_path)).collect().height == file[0].rows == 0


def test_a_client_may_have_several_files_and_all_are_replaced(tmp_path: Path) -> None:
    many = pl.LazyFrame({"n": range(25)})
    files = write_partition(many, table(tmp_path), "USA", rows_per_file=10)
    commit(table(tmp_path), [TableColumn("n", "long")], {"USA": files}, Writer("run-1"))
    assert len(DeltaTable(table(tmp_path).url).file_uris()) == len(files) == 3
    assert sorted(read_dataset(table(tmp_path)).collect()["n"]) == [*range(25)]
    publish(tmp_path, USA={"n": [1]})
    assert _published(tmp_path) == {"USA": [1]}


def test_every_version_stays_readable(tmp_path: Path) -> None:
    versions = [publish(tmp_path, USA={"n": [n]}) for n in (1, 2, 3)]
    assert [_published(tmp_path, version=v) for v in versions] == [
        {"USA": [1]}, {"USA": [2]}, {"USA": [3]},
    ]  # fmt: skip


def test_a_new_column_is_null_for_the_clients_that_lack_it(tmp_path: Path) -> None:
    publish(tmp_path, USA={"n": [1]}, CAN={"n": [2]})
    publish(tmp_path, CAN={"n": [3], "s": ["x"]})
    assert _published(tmp_path, "n") == {"CAN": [3], "USA": [1]}
    assert _published(tmp_path, "s") == {"CAN": ["x"], "USA": [None]}


def test_a_column_that_is_no_longer_mapped_is_gone(tmp_path: Path) -> None:
    publish(tmp_path, USA={"n": [1], "s": ["x"]}, CAN={"n": [2], "s": ["y"]})
    publish(tmp_path, USA={"n": [3]}, CAN={"n": [4]})
    assert read_dataset(table(tmp_path)).collect_schema().names() == ["n", "client_code"]
    assert _published(tmp_path) == {"CAN": [4], "USA": [3]}


def test_a_new_type_is_refused_while_other_clients_hold_the_old_one(tmp_path: Path) -> None:
    publish(tmp_path, USA={"n": [1]}, CAN={"n": [2]})
    assert _refused(tmp_path, CAN={"n": ["two"]}) == "WST-002"
    assert _published(tmp_path) == {"CAN": [2], "USA": [1]}


def test_a_new_type_is_well_where_all_clients_get_it(tmp_path: Path) -> None:
    publish(tmp_path, USA={"n": [1]}, CAN={"n": [2]})
    publish(tmp_path, USA={"n": ["one"]}, CAN=None, MEX={"n": ["three"]})
    assert _published(tmp_path) == {"MEX": ["three"], "USA": ["one"]}


def test_a_column_that_comes_back_with_another_type_breaks_no_other_client(tmp_path: Path) -> None:
    """CAN's file has held a number all along, also while the table did not have the column."""
    publish(tmp_path, USA={"n": [1], "s": ["x"]}, CAN={"n": [2], "s": ["y"]})
    publish(tmp_path, USA={"s": ["x"]})
    with suppress(DataflowError):  # to refuse it (WST-002) is one right answer
        publish(tmp_path, USA={"s": ["x"], "n": ["one"]})
    assert _published(tmp_path, "s") == {"CAN": ["y"], "USA": ["x"]}
    assert read_dataset(table(tmp_path), client="CAN").collect().height == 1


def test_descriptions_travel_in_the_schema(tmp_path: Path) -> None:
    columns = [TableColumn("n", "long", "how many"), TableColumn("s", "string")]
    file = write_partition(pl.LazyFrame({"n": [1], "s": ["x"]}), table(tmp_path), "USA")
    commit(table(tmp_path), columns, {"USA": file}, Writer("run-1"))
    fields = {f.name: f.metadata for f in DeltaTable(table(tmp_path).url).schema().fields}
    assert fields == {"n": {"comment": "how many"}, "s": {}, "client_code": {}}


def test_a_changed_description_is_published_with_the_next_commit(tmp_path: Path) -> None:
    for text in ("how many", "pieces sold"):
        file = write_partition(pl.LazyFrame({"n": [1]}), table(tmp_path), "USA")
        commit(table(tmp_path), [TableColumn("n", "long", text)], {"USA": file}, Writer("run-1"))
    assert DeltaTable(table(tmp_path).url).schema().fields[0].metadata == {"comment": "pieces sold"}


def test_the_history_names_the_run(tmp_path: Path) -> None:
    publish(tmp_path, "run-7", USA={"n": [1]})
    assert DeltaTable(table(tmp_path).url).history()[0]["run_id"] == "run-7"


VALUES = {
    "string": "ü", "boolean": True, "int16": 2**15 - 1, "int32": 2**31 - 1, "int64": 2**63 - 1,
    "float32": 1.5, "float64": 1.1, "date": dt.date(1969, 7, 20), "binary": b"\xff",
    "timestamp": dt.datetime(1969, 7, 20, 20, 17, 40, 1, dt.UTC), "decimal(18,2)": Decimal("-1.10"),
    "decimal(38,10)": Decimal("1234567890123456789012345678.0123456789"),
}  # fmt: skip


@pytest.mark.parametrize("ai_type", VALUES)
def test_every_ai_type_is_read_back_as_it_was_written(tmp_path: Path, ai_type: str) -> None:
    values = [VALUES[ai_type], None]
    rows = pl.DataFrame({"v": pl.Series(values, dtype=ai_types.to_polars(ai_type))})
    file = write_partition(rows.lazy(), table(tmp_path), "USA")
    columns = [TableColumn("v", ai_types.to_delta(ai_type))]
    commit(table(tmp_path), columns, {"USA": file}, Writer("run-1"))
    assert read_dataset(table(tmp_path)).select("v").collect().equals(rows)
    as_arrow = DeltaTable(table(tmp_path).url).to_pyarrow_table(columns=["v"])
    assert pl.DataFrame(as_arrow).equals(rows)


@pytest.mark.parametrize("name", ["two words", "ünï日本", "no #5 b", "50%", "it's"])
def test_a_workstation_may_be_in_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    publish(tmp_path / name, USA={"n": [1]})
    publish(tmp_path / name, CAN={"n": [2]})
    assert _published(tmp_path / name) == {"CAN": [2], "USA": [1]}


def test_a_table_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert open_table(table(tmp_path)) is None


def test_a_table_that_cannot_be_written_is_a_failure_of_the_platform(tmp_path: Path) -> None:
    (tmp_path / "sales").write_text("a file, where a table should be")
    folder = Folder(str(tmp_path / "sales"))
    with pytest.raises(DataflowError) as error:
        commit(folder, [TableColumn("n", "long")], {"USA": ()}, Writer("run-1"))
    assert error.value.diagnostics[0].code == "WST-001"


def _stale(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next commit begin on the table as it is now, whatever is committed meanwhile."""
    seen = committing.open_table(table(folder))
    monkeypatch.setattr(committing, "open_table", lambda _: seen)


def test_a_table_that_is_optimized_meanwhile_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in (1, 2):
        files = {"USA": write_partition(pl.LazyFrame({"n": [n]}), table(tmp_path), "USA")}
        committing.amend(table(tmp_path), [TableColumn("n", "long")], files, (), Writer("run-1"))
    _stale(tmp_path, monkeypatch)
    DeltaTable(table(tmp_path).url).optimize.compact()
    publish(tmp_path, USA={"n": [3]})
    assert _published(tmp_path) == {"USA": [3]}


def test_a_client_that_is_published_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(tmp_path, USA={"n": [1]}, CAN={"n": [1]})
    stale = [committing.open_table(table(tmp_path)) for _ in range(2)]
    publish(tmp_path, USA={"n": [2]})
    monkeypatch.setattr(committing, "open_table", lambda _: stale.pop())
    publish(tmp_path, CAN={"n": [3]})  # another client's
    assert _published(tmp_path) == {"CAN": [3], "USA": [2]}
    stale *= 4
    assert _refused(tmp_path, USA={"n": [4]}) == "WST-003"
