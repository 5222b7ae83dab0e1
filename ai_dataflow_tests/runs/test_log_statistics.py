"""Statistics of what runs publish: in the Delta log, of every file, and nowhere else (P10)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from ai_dataflow.config.settings import Settings
from ai_dataflow.partition import counting, writing
from ai_dataflow.partition.values import WrittenRejects
from ai_dataflow.workstation import publish as publishing
from ai_dataflow.workstation.commit import TableColumn
from ai_dataflow.workstation.data_files import DataFile, write_partition
from ai_dataflow.workstation.file_statistics import described, in_log
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.lease import lease
from ai_dataflow.workstation.publish import Made, publish
from ai_dataflow.workstation.reject_tables import left_out
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

CLIENTS = ("acme", "borealis")
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n" + "".join(
    f"ORION,claims,claim,{client},data/{client}.csv,Y\n" for client in CLIENTS
)
SHEET = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
    claims,ORION,claim,No,no,int64,
    claims,ORION,claim,Text,text,string,
    claims,ORION,claim,Value,value,{},
"""
LEAST, GREATEST, BAD = "aardvark-7141", "zymurgy-9377", "misfit-5512"


def shop(folder: Path) -> Path:
    """Write a project of two clients, each with a row that is rejected."""
    project(folder, control=CONTROL, mapping=SHEET.format("int64"))
    for client in CLIENTS:
        rows = f"1,{LEAST},700123\n2,m,800456\n3,{GREATEST},900789\n4,{BAD},{BAD}\n"
        text_file(folder, f"data/{client}.csv", f"No,Text,Value\n{rows}")
    return folder


def workstation(folder: Path) -> Folders:
    return open_workstation(Settings(folder=folder))


def ranges(folder: Path) -> list[dict[str, Any]]:
    """Give the log's statistics of each file; they are what reading the file gives."""
    table = workstation(folder).dataset("claims")
    statistics = in_log(DeltaTable(table.url))
    for path, text in statistics.items():
        read = described(table, DataFile(path, 0, 0)).statistics
        assert json.loads(text) == json.loads(read)
    return [json.loads(text) for text in statistics.values()]


@pytest.mark.slow
def test_a_run_tells_the_log_and_nobody_else(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    said = cli(folder, "run", "--json")
    report = spine.run(folder)
    of_rows = ranges(folder)
    assert [of["minValues"]["text"] for of in of_rows] == [LEAST] * 2
    assert [of["maxValues"]["value"] for of in of_rows] == [900789] * 2
    told = [said.stdout, said.stderr, str(report)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    public = (
        "_runs",
        "_inputs",
        "_arrivals",
        "_outbox",
        "_runs_order",
        "_leases",
        ".dagster",
        ".cache",
    )
    told += [path.read_bytes().decode("latin-1") for path in files if {*public} & {*path.parts}]
    assert len(told) > 6
    for value in (LEAST, GREATEST, BAD, "700123", "900789"):
        assert not [text for text in told if value in text]


@pytest.mark.usefixtures("in_process")
def test_large_partitions_have_statistics_of_each_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MANY_ROWS", 1)
    monkeypatch.setattr(counting, "LARGE", 1)
    monkeypatch.setattr(writing, "FILE_BYTES", 40)
    spine.run(shop(tmp_path), ["claims|acme"])
    of_files = ranges(tmp_path)
    assert sum(of["numRecords"] for of in of_files) == 3
    assert len({of["minValues"]["no"] for of in of_files}) == len(of_files) > 1


def test_recast_files_have_statistics_in_their_new_type(tmp_path: Path) -> None:
    spine.run_changed(shop(tmp_path))
    text_file(tmp_path, "ai_mapping.csv", SHEET.format("string"))
    (tmp_path / "data/borealis.csv").unlink()
    spine.run_changed(tmp_path)
    assert [of["minValues"]["value"] for of in ranges(tmp_path)] == ["700123"] * 2


def test_a_replay_leaves_statistics_too(tmp_path: Path) -> None:
    spine.run(shop(tmp_path))
    sheet = SHEET.format("int64").replace("Value,value,int64,", ",value,int64,LENGTH(Value)")
    text_file(tmp_path, "ai_mapping.csv", sheet)
    report = spine.replay(tmp_path)
    assert {partition.rows_published for partition in report.partitions} == {4}
    assert [of["maxValues"]["text"] for of in ranges(tmp_path)] == [GREATEST] * 2
    rejects = pl.DataFrame(
        DeltaTable(workstation(tmp_path).rejects("claims").url).get_add_actions()
    )
    assert rejects["num_records"].to_list() == [1] * 2


@pytest.mark.parametrize(("name", "value"), [("_rejects", BAD), ("_profiles", LEAST)])
def test_no_value_of_rejects_and_profiles_is_in_a_log_or_a_footer(
    tmp_path: Path, name: str, value: str
) -> None:
    """A log is read by more people than rows are, and outlives them."""
    spine.run(shop(tmp_path))
    table = tmp_path / "workstation" / name / "claims"
    assert value in str(pl.read_delta(str(table)).to_dicts()), "its rows have it"
    DeltaTable(table).create_checkpoint()
    (log,) = table.glob("_delta_log/*.json")
    added = [json.loads(line)["add"] for line in log.read_text().splitlines() if '"add"' in line]
    assert {tuple(json.loads(file["stats"])) for file in added} == {("numRecords",)}
    (checkpoint,) = table.glob("_delta_log/*.checkpoint.parquet")
    told = log.read_text() + str(pq.read_table(checkpoint).to_pylist())
    footers = [pq.read_metadata(table / file["path"]) for file in added]
    told += str([footer.to_dict() for footer in footers])
    assert added
    assert not [each for each in (LEAST, GREATEST, BAD, "700123", "900789") if each in told]
    of_columns = [column for footer in footers for column in _columns(footer)]
    assert not [column for column in of_columns if column.statistics.has_min_max]
    assert sum(column.statistics.null_count for column in of_columns)


def _columns(footer: pq.FileMetaData) -> Iterator[pq.ColumnChunkMetaData]:
    for group in map(footer.row_group, range(footer.num_row_groups)):
        yield from map(group.column, range(group.num_columns))


@pytest.mark.usefixtures("in_process")
def test_rejects_whose_log_has_their_ends_stay_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions before wrote them so."""
    at = workstation(shop(tmp_path))
    table, count = at.rejects("claims"), counting.count_rejects

    def as_before(*given: Any) -> dict[int, WrittenRejects]:
        return {
            client: replace(rejects, files=tuple(described(table, f) for f in rejects.files))
            for client, rejects in count(*given).items()
        }

    monkeypatch.setattr(writing, "count_rejects", as_before)
    spine.run(tmp_path)
    monkeypatch.undo()
    assert [BAD in text for text in in_log(DeltaTable(table.url)).values()] == [True] * 2
    assert left_out(at, "claims").collect().height == 2
    text_file(tmp_path, "data/acme.csv", "No,Text,Value\n1,a,1\n2,b,2\n3,c,3\n")
    spine.run_changed(tmp_path)
    assert left_out(at, "claims").collect()["raw_row"].str.contains(BAD).to_list() == [True]


@pytest.mark.parametrize("has_statistics", [True, False])
def test_files_that_come_back_have_the_statistics_that_they_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_statistics: bool
) -> None:
    """Another program takes the new files away while they are committed."""
    at = workstation(tmp_path)
    table, commit = at.dataset("claims"), publishing.commit

    def made(text: str) -> Made:
        (file,) = write_partition(pl.LazyFrame({"text": [text]}), table, "acme")
        return Made("acme", (described(table, file) if has_statistics else file,))

    def published(made: Made) -> None:
        with lease(at.leases("claims"), "claims", "run") as held:
            publish(at, "claims", [TableColumn("text", "string")], [made], held)

    published(made("old"))
    (before,) = in_log(DeltaTable(table.url)).values()
    new = made("new")

    def vacuumed(*given: Any) -> int:
        (Path(table.url) / new.data[0].path).unlink(missing_ok=True)
        return commit(*given)

    monkeypatch.setattr(publishing, "commit", vacuumed)
    published(new)
    delta = DeltaTable(table.url)
    assert (delta.version(), [*in_log(delta).values()]) == (2, [before])
    assert ("old" in before) == has_statistics
