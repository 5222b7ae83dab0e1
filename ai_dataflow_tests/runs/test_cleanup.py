"""Cleaning up: what nobody names goes, what any version names stays."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from ai_dataflow import load
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.stores import Folder
from ai_dataflow.definitions import build_definitions
from ai_dataflow.runs.cleanup import clean
from ai_dataflow.workstation.commit import open_table
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.lease import Holder
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.runs import instance_of, run_project

NOW = timedelta(0)
KILLED = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a project on whose workstation one module was published three times; for copies."""
    folder = project(tmp_path_factory.mktemp("published"))
    for _ in range(3):
        run_project(folder)
    return folder


@pytest.fixture
def workstation(published: Path, tmp_path: Path) -> Folders:
    """Give a workstation on which one module was published three times."""
    shutil.copytree(published, tmp_path, dirs_exist_ok=True)
    return open_workstation(Settings(folder=tmp_path))


def _leave(folder: Folder, path: str, hours: float = 48) -> str:
    folder.write(path, b"left over")
    past = time.time() - hours * 3600
    os.utime(Path(folder.url) / path, (past, past))
    return folder.join(path)


def test_a_workstation_without_left_overs_keeps_every_file(workstation: Folders) -> None:
    before = workstation.root.files()
    assert [found.files for found in clean(workstation, "c", NOW).values()] == [()]
    left = [file for file in workstation.root.files() if not file.path.startswith("_leases/")]
    assert left == [file for file in before if not file.path.startswith("_leases/")]


def test_all_versions_stay_readable(workstation: Folders, tmp_path: Path) -> None:
    table = open_table(workstation.dataset("claims"))
    assert table is not None
    table.create_checkpoint()
    clean(workstation, "c", NOW)
    for version in range(3):
        assert load("claims", version=version, config=tmp_path).collect().height == 2


def test_what_no_version_and_no_manifest_names_is_removed(workstation: Folders) -> None:
    urls = {
        _leave(workstation.dataset("claims"), f"client_code=acme/{KILLED}.parquet"),
        _leave(workstation.rejects("claims"), f"client_code=acme/{KILLED}.parquet"),
        _leave(workstation.staging("claims", "acme"), f"ORION.claim.{KILLED}.parquet"),
        _leave(workstation.staging("gone", "acme"), f"ORION.claim.{KILLED}.parquet"),
    }
    told = clean(workstation, "c", dry_run=True)
    assert {url for found in told.values() for url in found.files} == urls
    assert clean(workstation, "c") == told
    assert not any(KILLED in file.path for file in workstation.root.files())
    assert {url for found in clean(workstation, "c").values() for url in found.files} == set()


def test_what_was_being_written_is_removed(workstation: Folders) -> None:
    """A local file has another name until it is whole, which no listing of the store shows."""
    left = {
        f"claims/_delta_log/{3:020}.json#1",
        "_rejects/claims/_delta_log/_last_checkpoint#2",
        f"_staging/claims/acme/VEGA.claim.{KILLED}.parquet#1",
        "_staging/claims/acme/extracts.json#1",
        "_leases/claims/00000001.json#1",
    }
    foreign = {"claims/notes#1", "_staging/claims/acme/extracts.json#old"}
    for path in left | foreign:
        file = Path(workstation.root.url) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"half")
    assert clean(workstation, "c")["claims"].files == ()
    found = clean(workstation, "c", NOW)["claims"]
    assert set(found.files) == {workstation.root.join(path) for path in left}
    assert found.bytes == len(left) * len(b"half")
    there = {path for path in left | foreign if (Path(workstation.root.url) / path).exists()}
    assert there == foreign


def test_what_is_young_stays(workstation: Folders) -> None:
    url = _leave(workstation.dataset("claims"), f"client_code=acme/{KILLED}.parquet", hours=23)
    assert clean(workstation, "c")["claims"].files == ()
    assert clean(workstation, "c", timedelta(hours=22))["claims"].files == (url,)


def test_a_module_that_is_being_made_is_passed_over(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ai_dataflow.workstation.lease.WAIT_SECONDS", 0.0)
    other = Holder(run_id="other", host="elsewhere.example.org").model_dump_json()
    workstation.leases("claims").write("00000099.json", other.encode())
    _leave(workstation.dataset("claims"), f"client_code=acme/{KILLED}.parquet")
    found = clean(workstation, "c")["claims"]
    assert (found.files, [problem.code for problem in found.problems]) == ((), ["WST-006"])


def test_the_command_tells_and_the_job_removes(workstation: Folders, tmp_path: Path) -> None:
    _leave(workstation.dataset("claims"), f"client_code=acme/{KILLED}.parquet")
    command = [sys.executable, "-c", "from ai_dataflow.cli import main; main()", "cleanup"]
    told = subprocess.run(
        [*command, "--dry-run"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "claims" in told.stdout
    assert "Nothing was removed" in told.stdout
    job = build_definitions(str(tmp_path)).resolve_job_def("cleanup")
    with instance_of(tmp_path) as instance:
        assert job.execute_in_process(instance=instance).success
    printed = subprocess.run(
        [*command, "--json"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (left,) = json.loads(printed.stdout)["items"]
    assert left == {"module": "claims", "files": [], "bytes": 0, "problems": []}


def test_what_is_not_ours_is_left_alone(workstation: Folders) -> None:
    foreign = ("README.md", "deletion_vector_1.bin", "_change_data/a.parquet", "part-0.parquet",
               "client_code=acme/part-00000.snappy.parquet")  # fmt: skip
    for path in foreign:
        _leave(workstation.dataset("claims"), path)
    clean(workstation, "c", NOW)
    assert {path for path in foreign if workstation.dataset("claims").stat(path)} == {*foreign}


def _checkpoint(workstation: Folders, name: str) -> None:
    """Make a checkpoint under another name, and remove the commits that it stands for."""
    table = open_table(workstation.dataset("claims"))
    assert table is not None
    table.create_checkpoint()
    log = Path(workstation.dataset("claims").url) / "_delta_log"
    (whole,) = log.glob("*.checkpoint.parquet")
    whole.rename(log / name)
    for commit in log.glob("*.json"):
        commit.unlink()


def test_a_checkpoint_in_parts_names_files_too(workstation: Folders) -> None:
    _checkpoint(workstation, f"{2:020}.checkpoint.{1:010}.{1:010}.parquet")
    pointer = {"version": 2, "size": 1, "parts": 1}
    workstation.dataset("claims").write("_delta_log/_last_checkpoint", json.dumps(pointer).encode())
    seen = open_table(workstation.dataset("claims"))
    assert seen is not None
    (current,) = seen.file_uris()
    clean(workstation, "c", NOW)
    assert Path(current).exists()


def test_a_log_that_cannot_be_read_whole_stops_the_cleaning(
    workstation: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ai_dataflow.runs.cleanup._named_by_log", lambda _: iter(()))
    before = workstation.dataset("claims").files()
    found = clean(workstation, "c", NOW)["claims"]
    assert [problem.code for problem in found.problems] == ["WST-007"]
    assert workstation.dataset("claims").files() == before
