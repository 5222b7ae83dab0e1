"""A file of the workstation that something else cut off: commands say so, and where."""

from __future__ import annotations

import json
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
