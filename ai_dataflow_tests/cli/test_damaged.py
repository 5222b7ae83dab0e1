"""A file of the workstation that something else cut off: commands say so, and where."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that was published twice, each time with a reject."""
    folder = tmp_path_factory.mktemp("damaged")
    project(folder)
    for number in (2, 3):
        text_file(folder, "data/claims.csv", f"ClaimNo,Amount\n1,1\n{number},2\nx,3\n")
        spine.run(folder)
    return folder


@contextmanager
def damaged(table: Path) -> Iterator[None]:
    """Cut the end off all data files of a table, in the block."""
    whole = {file: file.read_bytes() for file in table.rglob("*.parquet")}
    for file, content in whole.items():
        file.write_bytes(content[:-20])
    yield
    for file, content in whole.items():
        file.write_bytes(content)


@pytest.mark.proves("report", "corrupt", "a command says which place has a damaged file: WST-001")
@pytest.mark.parametrize(
    ("place", "command"),
    [
        ("_profiles/claims", "profile claims"),
        ("_profiles/claims", "describe claims"),
        ("_rejects/claims", "describe claims"),
        ("_rejects/claims", "rejects"),
        ("claims", "diff claims --rows 1"),
    ],
)
def test_a_command_says_where_a_file_is_damaged(published: Path, place: str, command: str) -> None:
    table = next(published.glob(f"*/{place}"))
    with damaged(table):
        told = cli(published, *command.split(), "--json")
    assert told.returncode == 2, told.stderr
    (problem,) = json.loads(told.stdout)["items"]
    assert (problem["code"], problem["place"]) == ("WST-001", str(table))
    assert "a file in it is damaged" in problem["message"]


def test_cleanup_goes_on_where_a_file_is_damaged(published: Path) -> None:
    with damaged(next(published.glob("*/_profiles/claims"))):
        told = cli(published, "cleanup", "--json")
    assert told.returncode == 1, told.stderr
    assert "WST-001" in told.stdout


@pytest.mark.proves("report", "corrupt", "`status` names the run whose report it does not count")
@pytest.mark.parametrize("content", [b"", b'{"run_id": "run-', b"[]"])
def test_status_tells_of_a_report_that_is_damaged(tmp_path: Path, content: bytes) -> None:
    folder = project(tmp_path)
    runs = [spine.run(folder).run_id for _ in range(2)]
    assert "damaged" not in json.loads(cli(folder, "status", "--json").stdout)
    (folder / "workstation/_runs" / f"{runs[1]}.json").write_bytes(content)
    told = json.loads(cli(folder, "status", "--json").stdout)
    assert (told["damaged"], told["items"][0]["run_id"]) == ([runs[1]], runs[0])
    said = f"1 run report in _runs cannot be read and is not counted here: {runs[1]}"
    assert said in cli(folder, "status").stdout


def test_a_replay_tells_what_is_wrong_with_it_as_a_run_does(tmp_path: Path) -> None:
    """Profiles that cannot be kept are a warning of the run, and of no partition."""
    folder = project(tmp_path)
    text_file(folder, "data/claims.csv", "ClaimNo,Amount\n1,1\n2,2\n3,n/a\n")
    spine.run(folder)
    profiles = folder / "workstation/_profiles"
    shutil.rmtree(profiles)
    profiles.write_text("a file, where a folder should be")
    mapping = (folder / "ai_mapping.csv").read_text()
    for before, after in {
        "ai_type": "ai_type,null_values",
        "int64": "int64,",
        "float64": "float64,n/a",
    }.items():
        mapping = mapping.replace(before, after)
    (folder / "ai_mapping.csv").write_text(mapping)
    replayed = cli(folder, "replay")
    assert (replayed.returncode, "1 reject was published" in replayed.stdout) == (0, True)
    assert "warning[WST-009]" in replayed.stderr


_LONG = "x" * 300


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["status", "--config", _LONG], "CFG-001"),
        (["plan", "--sheet", f"{_LONG}.csv"], "CFG-006"),
        (["sheet", "workbook", f"{_LONG}.xlsx"], "CFG-033"),
        (["sheet", "check", "--out", f"{_LONG}.xlsx"], "CFG-033"),
        (["describe", "claims", "--html", f"{_LONG}.html"], "CFG-033"),
    ],
)
def test_a_name_that_no_file_can_have_is_told(
    published: Path, tmp_path: Path, command: list[str], code: str
) -> None:
    where = project(tmp_path, workbooks=True) if "check" in command else published
    if "check" in command:
        command = [*command[:2], "ai_mapping.xlsx", *command[2:]]
    told = cli(where, *command)
    assert (told.returncode, f"error[{code}]" in told.stderr) == (2, True), told.stderr
