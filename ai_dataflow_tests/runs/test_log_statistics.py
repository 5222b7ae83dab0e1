"""Statistics of what runs publish: in the Delta log, of every file, and nowhere else (P10)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from ai_dataflow.config.settings import Settings
from ai_dataflow.partition import counting, writing
from ai_dataflow.workstation import publish as publishing
from ai_dataflow.workstation.commit import TableColumn
from ai_dataflow.workstation.data_files import DataFile, write_partition
from ai_dataflow.workstation.file_statistics import described, in_log
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.lease import lease
from ai_dataflow.workstation.publish import Made, publish
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


def ranges(folder: Path, *, rejects: bool = False) -> list[dict[str, Any]]:
    """Give the log's statistics of each file; they are what reading the file gives."""
    at = workstation(folder)
    table = at.rejects("claims") if rejects else at.dataset("claims")
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
    of_rows, of_rejects = ranges(folder), ranges(folder, rejects=True)
    assert [of["minValues"]["text"] for of in of_rows] == [LEAST] * 2
    assert [of["maxValues"]["value"] for of in of_rows] == [900789] * 2
    assert [of["minValues"]["ai_column"] for of in of_rejects] == ["value"] * 2
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
    assert [of["numRecords"] for of in ranges(tmp_path, rejects=True)] == [1] * 2


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
