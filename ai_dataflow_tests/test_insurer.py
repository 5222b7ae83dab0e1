"""The insurer of the examples: it is the same each time, its tables as they should be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ai_dataflow_tests.runs.runs import cli

INSURER = Path(__file__).parents[1] / "examples/insurer"


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _generated(tmp_path_factory.mktemp("insurer") / "project")


def _generated(folder: Path) -> Path:
    subprocess.run([sys.executable, INSURER / "generate.py", folder], check=True)
    return folder


def test_the_insurer_is_the_same_each_time(insurer: Path, tmp_path: Path) -> None:
    assert _bytes(_generated(tmp_path / "again")) == _bytes(insurer)


def _bytes(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.suffix in (".csv", ".jsonl"))
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_its_tables_are_spelled_as_sheet_format_spells_them(insurer: Path) -> None:
    assert cli(insurer, "sheet", "format", "--check").returncode == 0


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    done = subprocess.run([sys.executable, INSURER / "generate.py", tmp_path], check=False)
    assert done.returncode == 2
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
