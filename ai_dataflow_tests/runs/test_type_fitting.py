"""A type changes in the sheet while some clients do not run: everybody reads one schema."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from ai_dataflow import load
from ai_dataflow.connections.stores import Folder
from ai_dataflow.partition import writing
from ai_dataflow.runs.cleanup import clean
from ai_dataflow.workstation import publish as publishing
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.data_files import recast_name
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.azure import abfss, storage
from ai_dataflow_tests.runs.fitting import (
    CELL,
    CLIENTS,
    CONTROL,
    codes,
    deliver,
    kind_of,
    lose,
    only,
    published,
    retype,
    shop,
    statuses,
    workstation,
)
from ai_dataflow_tests.services.azurite import Azurite


def test_one_failing_client_holds_nobody_where_nothing_is_lost(tmp_path: Path) -> None:
    folder = shop(tmp_path, "int64", acme="7 8", borealis="007 x")
    lose(folder, "acme")
    retype(folder, "string")
    report = spine.run_changed(folder)
    assert statuses(report) == {"acme": "failed", "borealis": "ok", "cobalt": "ok"}
    assert codes(report) == {"acme": ["SRC-001"]}
    assert published(folder) == {
        "acme": ["7", "8"], "borealis": ["007", "x"], "cobalt": ["1", "2"]
    }  # fmt: skip


def test_what_is_recast_is_recast_once_and_its_client_stays_failed(tmp_path: Path) -> None:
    folder = shop(tmp_path, "int64")
    lose(folder, "acme")
    retype(folder, "string")
    spine.run_changed(folder)
    version, before = DeltaTable(str(folder / "workstation/claims")).version(), published(folder)
    report = spine.run_changed(folder)
    assert statuses(report) == {"acme": "failed", "borealis": "unchanged", "cobalt": "unchanged"}
    assert DeltaTable(str(folder / "workstation/claims")).version() == version
    deliver(folder, "borealis", "3")
    spine.run_changed(folder)
    deliver(folder, "acme", "1 2")
    assert statuses(spine.run_changed(folder))["acme"] == "ok"
    assert published(folder) == before | {"borealis": ["3"]}


def test_the_old_types_versions_stay_as_they_were(tmp_path: Path) -> None:
    folder = shop(tmp_path, "int64")
    lose(folder, "acme")
    retype(folder, "string")
    spine.run_changed(folder)
    assert load("claims", version=0, config=folder).collect_schema()["value"] == pl.Int64


def test_a_value_that_would_be_lost_keeps_the_old_type_for_all(tmp_path: Path) -> None:
    folder = shop(tmp_path, "string", acme="7 x")
    lose(folder, "acme")
    retype(folder, "int64")
    report = spine.run_changed(folder)
    assert codes(report) == {"acme": ["SRC-001", "WST-002"]}
    assert statuses(report) == {"acme": "failed", "borealis": "ok", "cobalt": "ok"}
    error = only(report, "acme").errors[1]
    assert (error.place, error.concern, error.owner) == (CELL, "mapping", "ai-mapping")
    assert "`value` cannot become int64 yet and stays string" in error.message
    assert "acme" in error.message
    assert kind_of(folder) == pl.String
    assert published(folder) == {"acme": ["7", "x"], "borealis": ["1", "2"], "cobalt": ["1", "2"]}


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """Give a project where acme holds text that keeps a column from becoming a number."""
    folder = shop(tmp_path, "string", acme="7 x", borealis="1 y")
    lose(folder, "acme")
    retype(folder, "int64")
    spine.run_changed(folder)
    return folder


def test_the_others_go_on_under_the_old_type(waiting: Path) -> None:
    assert published(waiting)["borealis"] == ["1"]
    deliver(waiting, "cobalt", "5 z")
    report = spine.run_changed(waiting)
    assert statuses(report) == {"acme": "failed", "borealis": "unchanged", "cobalt": "ok"}
    assert published(waiting)["cobalt"] == ["5"]
    again = spine.run_changed(waiting)
    assert statuses(again) == {"acme": "failed", "borealis": "unchanged", "cobalt": "unchanged"}


def test_the_new_type_is_there_as_soon_as_the_client_runs(waiting: Path) -> None:
    deliver(waiting, "acme", "7 8")
    report = spine.run_changed(waiting)
    assert statuses(report) == {"acme": "ok", "borealis": "unchanged", "cobalt": "unchanged"}
    assert kind_of(waiting) == pl.Int64
    assert published(waiting) == {"acme": [7, 8], "borealis": [1], "cobalt": [1, 2]}
    assert set(spine.run_changed(waiting).statuses()) == {"unchanged"}


def test_the_new_type_is_there_after_the_clients_rows_are_deleted(waiting: Path) -> None:
    DeltaTable(str(waiting / "workstation/claims")).delete("client_code = 'acme'")
    assert statuses(spine.run_changed(waiting)) == dict.fromkeys(CLIENTS, "ok") | {"acme": "failed"}
    assert kind_of(waiting) == pl.Int64
    again = spine.run_changed(waiting)
    assert statuses(again) == dict.fromkeys(CLIENTS, "unchanged") | {"acme": "failed"}


def test_going_back_to_the_old_type_is_no_failure(waiting: Path) -> None:
    retype(waiting, "string")
    report = spine.run_changed(waiting)
    assert codes(report) == {"acme": ["SRC-001"]}
    assert published(waiting) == {"acme": ["7", "x"], "borealis": ["1", "y"], "cobalt": ["1", "2"]}


def test_rows_that_do_not_fit_the_old_type_keep_what_is_published(tmp_path: Path) -> None:
    """No date can be a number: nobody but the client in the way can help."""
    folder = shop(tmp_path, "int64")
    lose(folder, "acme")
    retype(folder, "date")
    for client in ("borealis", "cobalt"):
        deliver(folder, client, "2024-01-31")
    report = spine.run_changed(folder)
    assert codes(report) == {
        "acme": ["SRC-001", "WST-002"], "borealis": ["WST-002"], "cobalt": ["WST-002"]
    }  # fmt: skip
    causes = {e.identity for p in report.failed for e in p.errors if e.code == "WST-002"}
    assert len(causes) == 1
    assert published(folder) == {client: [1, 2] for client in CLIENTS}
    deliver(folder, "acme", "2024-02-29")
    assert set(statuses(spine.run_changed(folder)).values()) == {"ok"}
    assert kind_of(folder) == pl.Date


def test_who_does_not_fit_ends_nobody_elses_partition(tmp_path: Path) -> None:
    """Of no value at all, any type is right."""
    folder = shop(tmp_path, "int64", cobalt="3")
    lose(folder, "acme")
    retype(folder, "date")
    deliver(folder, "borealis", "2024-01-31")
    text_file(folder, "data/cobalt.csv", "No,Value\n1,\n")
    report = spine.run_changed(folder)
    assert statuses(report) == {"acme": "failed", "borealis": "failed", "cobalt": "ok"}
    assert published(folder) == {"acme": [1, 2], "borealis": [1, 2], "cobalt": [None]}


def test_a_client_that_left_the_control_table_is_named_too(tmp_path: Path) -> None:
    folder = shop(tmp_path, "string", acme="x")
    text_file(folder, "control_table.csv", CONTROL.replace("acme.csv,Y", "acme.csv,N"))
    retype(folder, "int64")
    report = spine.run_changed(folder)
    assert codes(report) == {"acme": ["WST-002"]}
    assert statuses(report) == {"acme": "failed", "borealis": "ok", "cobalt": "ok"}
    assert kind_of(folder) == pl.String


def test_one_client_alone_may_run_after_the_type_changed(tmp_path: Path) -> None:
    folder = shop(tmp_path, "int64")
    retype(folder, "string")
    assert spine.run(folder, ["claims|cobalt"]).exit_code == 0
    assert published(folder) == {client: ["1", "2"] for client in CLIENTS}
    assert statuses(spine.run_changed(folder)) == {
        "acme": "ok", "borealis": "ok", "cobalt": "unchanged"
    }  # fmt: skip


def test_a_column_that_comes_back_with_another_type_is_recast(tmp_path: Path) -> None:
    folder = shop(tmp_path, "int64")
    whole = (folder / "ai_mapping.csv").read_text()
    (folder / "ai_mapping.csv").write_text("".join(whole.splitlines(keepends=True)[:2]))
    lose(folder, "acme")
    spine.run_changed(folder)
    retype(folder, "string")
    assert codes(spine.run_changed(folder)) == {"acme": ["SRC-001"]}
    assert published(folder) == {client: ["1", "2"] for client in CLIENTS}


def test_files_that_another_program_wrote_are_recast_and_stay_its_own(tmp_path: Path) -> None:
    folder = shop(tmp_path, "int64")
    table = DeltaTable(str(folder / "workstation/claims"))
    acme = load("claims", "acme", config=folder).collect()
    table.delete("client_code = 'acme'")
    for part in (acme[:1], acme[1:]):
        part.write_delta(str(folder / "workstation/claims"), mode="append")
    DeltaTable(str(folder / "workstation/claims")).optimize.compact()
    lose(folder, "acme")
    retype(folder, "string")
    assert codes(spine.run_changed(folder)) == {"acme": ["SRC-001"]}
    assert published(folder) == {client: ["1", "2"] for client in CLIENTS}
    current = reject_tables.current(workstation(folder), "claims")["acme"]
    assert current.publication == ""


def test_a_file_that_is_gone_holds_its_column_and_nobody_else(tmp_path: Path) -> None:
    folder = shop(tmp_path, "int64")
    lose(folder, "acme")
    shutil.rmtree(folder / "workstation/claims/client_code=acme")
    retype(folder, "string")
    report = spine.run_changed(folder)
    assert codes(report) == {"acme": ["SRC-001", "WST-002"]}
    assert load("claims", "cobalt", config=folder).collect()["value"].to_list() == [1, 2]
    again = spine.run_changed(folder)
    assert statuses(again) == {"acme": "failed", "borealis": "unchanged", "cobalt": "unchanged"}


def test_a_client_in_the_way_that_is_optimized_is_still_there(waiting: Path) -> None:
    DeltaTable(str(waiting / "workstation/claims")).optimize.z_order(["no"])
    spine.run_changed(waiting)
    again = spine.run_changed(waiting)
    assert statuses(again) == {"acme": "failed", "borealis": "unchanged", "cobalt": "unchanged"}
    assert kind_of(waiting) == pl.String


def test_rejects_of_the_old_type_are_replayed_into_recast_rows(tmp_path: Path) -> None:
    folder = shop(tmp_path, "int64", acme="7 x")
    lose(folder, "acme")
    retype(folder, "string")
    spine.run_changed(folder)
    assert published(folder)["acme"] == ["7"]
    assert only(spine.replay(folder, client="acme"), "acme").rows_replayed == 1
    assert published(folder)["acme"] == ["7", "x"]
    assert only(spine.replay(folder, client="acme"), "acme").status == "unchanged"


def test_rejects_of_a_type_that_waits_are_replayed_under_the_old_one(waiting: Path) -> None:
    sheet = (waiting / "ai_mapping.csv").read_text()
    readable = sheet.replace("ai_type\n", "ai_type,transform\n").replace(
        "No,no,int64", "No,no,int64,"
    )
    readable = readable.replace("Value,value,int64", ",value,int64,\"REPLACE(Value, 'y', '9')\"")
    (waiting / "ai_mapping.csv").write_text(readable)
    report = spine.replay(waiting, client="borealis")
    assert only(report, "borealis").rows_replayed == 1
    assert codes(report) == {"acme": ["WST-002"]}
    assert published(waiting)["borealis"] == ["1", "9"]


def test_kept_rows_of_another_type_need_a_run(tmp_path: Path) -> None:
    """A join by keys of another type would not be that of a run."""
    both = CONTROL + CONTROL.partition("\n")[2].replace(",claim,", ",line,").replace(
        ".csv", "2.csv"
    )
    sheet = (
        "module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key\n"
        "claims,ORION,claim,No,no,{0},Y\nclaims,ORION,claim,Value,value,int64,\n"
        "claims,ORION,line,No,no,{0},Y\nclaims,ORION,line,Value,amount,int64,\n"
    )
    project(tmp_path, control=both, mapping=sheet.format("int64"))
    for client in CLIENTS:
        deliver(tmp_path, client, "1 x")
        text_file(tmp_path, f"data/{client}2.csv", "No,Value\n1,5\n")
    spine.run(tmp_path)
    lose(tmp_path, "acme")
    readable = sheet.format("string").replace("Value,value,int64,", "No,value,int64,")
    text_file(tmp_path, "ai_mapping.csv", readable)
    assert codes(spine.run_changed(tmp_path)) == {"acme": ["SRC-001"]}
    assert codes(spine.replay(tmp_path, client="acme")) == {"acme": ["DAT-005"]}


def test_rejects_that_were_never_published_are_there_after_a_recast(tmp_path: Path) -> None:
    folder = shop(tmp_path, "int64")
    deliver(folder, "acme", "x y")
    assert codes(spine.run_changed(folder)) == {"acme": ["DAT-004"]}
    before = reject_tables.current(workstation(folder), "claims")["acme"]
    lose(folder, "acme")
    retype(folder, "string")
    spine.run_changed(folder)
    assert kind_of(folder) == pl.String
    after = reject_tables.current(workstation(folder), "claims")["acme"]
    assert (after.publication, after.unpublished) == (before.publication, before.unpublished)
    assert after.unpublished


@pytest.mark.usefixtures("in_process")
def test_a_partition_of_many_files_is_recast_file_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MANY_ROWS", 2)
    monkeypatch.setattr(writing, "FILE_BYTES", 40)
    folder = shop(tmp_path, "int64", acme=" ".join(map(str, range(9))))
    files = len(list((folder / "workstation/claims/client_code=acme").iterdir()))
    assert files > 1
    lose(folder, "acme")
    retype(folder, "string")
    spine.run_changed(folder)
    assert published(folder)["acme"] == [str(n) for n in range(9)]
    current = reject_tables.current(workstation(folder), "claims")["acme"]
    assert len(current.data) == files
    assert current.publication


def test_what_was_recast_and_is_read_by_nobody_is_cleaned_up(waiting: Path) -> None:
    """The files of the type that waits have gone; what killed runs leave has names of ours."""
    table = waiting / "workstation/claims"
    named = {Path(uri).name for uri in DeltaTable(str(table)).file_uris()}
    old = {file.name for file in table.glob("client_code=*/*")}
    (one,) = (table / "client_code=acme").iterdir()
    left = Path(recast_name(str(one)))
    shutil.copy(one, left)
    foreign = one.with_name(Path(recast_name("a/part-0.parquet")).name)
    shutil.copy(one, foreign)
    cleaned = clean(workstation(waiting), "cleanup", timedelta(0))["claims"]
    assert {Path(url).name for url in cleaned.files} == {left.name, foreign.name}
    assert {file.name for file in table.glob("client_code=*/*")} == old
    assert named <= old


def test_recast_files_that_another_program_removes_leave_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shop(tmp_path, "int64")
    lose(folder, "acme")
    retype(folder, "string")
    commit = publishing.commit

    def vacuumed(table: Folder, columns: Any, files: Any, *given: Any) -> int:
        for file in files["acme"]:
            Path(table.join(file.path)).unlink(missing_ok=True)
        monkeypatch.undo()
        return commit(table, columns, files, *given)

    monkeypatch.setattr(publishing, "commit", vacuumed)
    report = spine.run_changed(folder)
    assert codes(report) == {
        "acme": ["SRC-001"], "borealis": ["WST-008"], "cobalt": ["WST-008"]
    }  # fmt: skip
    assert published(folder) == {client: [1, 2] for client in CLIENTS}
    assert codes(spine.run_changed(folder)) == {"acme": ["SRC-001"]}
    assert kind_of(folder) == pl.String


@pytest.mark.parametrize("old", ["int64", "string"])
def test_it_is_the_same_in_a_storage_account(tmp_path: Path, azurite: Azurite, old: str) -> None:
    container = azurite.create_container("workstation")
    where = f'[workstation]\nurl = "{abfss("workstation", container, "ai")}"\n'
    toml = f"{where}{storage(azurite, ['workstation'])}"
    folder = shop(tmp_path, old, toml=toml, acme="7 x")
    lose(folder, "acme")
    retype(folder, "string" if old == "int64" else "int64")
    assert statuses(spine.run_changed(folder)) == {
        "acme": "failed", "borealis": "ok", "cobalt": "ok"
    }  # fmt: skip
    assert published(folder) == {
        "acme": ["7"] if old == "int64" else ["7", "x"], "borealis": ["1", "2"],
        "cobalt": ["1", "2"],
    }  # fmt: skip
    assert statuses(spine.run_changed(folder))["cobalt"] == "unchanged"
