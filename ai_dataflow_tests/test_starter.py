"""The projects of `ai-dataflow init`: right as they are written, and projects of Dagster too."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import openpyxl
import pytest
from dagster._cli.utils import get_possibly_temporary_instance_for_cli
from dagster._core.workspace.load_target import PyProjectFileTarget

from ai_dataflow import load
from ai_dataflow.cli import starter
from ai_dataflow.cli.starter import Template, write_project
from ai_dataflow.config.settings import load_settings
from ai_dataflow.orchestration.instance import dagster_home, open_instance
from ai_dataflow_tests.docs.markdown import ROOT, tables
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

TEMPLATES: tuple[Template, ...] = get_args(Template)
TABLES = Path(starter.__file__).with_name("templates") / "shared"


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_init_writes_validates_without_a_warning(tmp_path: Path, template: Template) -> None:
    made = cli(tmp_path, "init", "mine", "--template", template)
    assert made.returncode == 0, made.stderr
    away = ("--offline",) if template == "azure" else ()  # it has no accounts
    told = cli(tmp_path / "mine", "validate", *away)
    assert told.returncode == 0, told.stdout
    assert told.stdout.startswith("0 errors, 0 warnings")


def test_the_readme_shows_the_starters_tables_and_what_a_client_gets(tmp_path: Path) -> None:
    write_project(tmp_path / "mine")
    assert spine.run(tmp_path / "mine").exit_code == 0
    rows = load("claims", client="acme", config=tmp_path / "mine").collect()
    published = [
        {name: str("" if v is None else v) for name, v in row.items()} for row in rows.to_dicts()
    ]
    written = [
        list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        for file in TABLES.glob("*.csv")
    ]
    shown = [table for _, table in tables(ROOT / "README.md") if "_" in next(iter(table[0]))]
    assert len(shown) == 5
    assert published in shown
    for table in (table for table in shown if table != published):
        (like,) = (every for every in written if every[0].keys() >= table[0].keys())
        assert all(any(row.items() <= other.items() for other in like) for row in table), table


def test_init_tells_where_it_can_make_no_folder(tmp_path: Path) -> None:
    text_file(tmp_path, "file", "")
    made = cli(tmp_path, "init", "file/mine")
    assert (made.returncode, "error[CFG-033]" in made.stderr) == (2, True)


def test_init_prints_the_commands_that_come_next(tmp_path: Path) -> None:
    said = cli(tmp_path, "init", "mine").stdout
    commands = ["cd mine", "ai-dataflow validate", "ai-dataflow run", "dg dev"]
    assert [line.split("   ")[0].strip() for line in said.splitlines()[1:]] == commands


@pytest.mark.parametrize("template", TEMPLATES)
def test_each_column_of_the_sheet_has_a_note(tmp_path: Path, template: Template) -> None:
    write_project(tmp_path / "mine", template)
    header = openpyxl.load_workbook(tmp_path / "mine/ai_mapping.xlsx")["AI_Map"][1]
    assert all(cell.comment for cell in header)


def test_dagster_in_the_folder_has_the_instance_of_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    write_project(folder)
    settings = load_settings(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PWD", str(folder))
    with get_possibly_temporary_instance_for_cli() as theirs:
        assert Path(theirs.root_directory) == dagster_home(settings)
        assert not theirs.telemetry_enabled
    with open_instance(settings) as ours:
        assert ours.root_directory == theirs.root_directory


def test_an_instance_that_is_set_for_everybody_is_not_hidden_by_the_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, shared = tmp_path / "mine", tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(shared))
    write_project(folder)
    monkeypatch.chdir(folder)
    with get_possibly_temporary_instance_for_cli() as theirs:
        assert Path(theirs.root_directory) == shared == dagster_home(load_settings(folder))


def test_dagster_dev_loads_the_place_that_the_runs_of_the_command_line_are_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    (origin,) = PyProjectFileTarget("pyproject.toml").create_origins()
    assert origin.location_name == "ai_dataflow.definitions"  # as `dagster dev -m` calls it


@pytest.mark.slow
def test_dg_loads_the_assets_and_those_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_project(folder)
    asset = "import dagster as dg\n\n\n@dg.asset\ndef summary() -> None: ...\n"
    (folder / "dagster_defs/defs/summary.py").write_text(asset)
    dg = Path(sys.executable).with_name("dg")
    listed = subprocess.run(
        [dg, "list", "defs", "--json"],
        cwd=folder,
        env={**os.environ, "PWD": str(folder), "DAGSTER_DG_CLI_TELEMETRY_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    assert '"ai_dataset"' in listed.stdout
    assert '"summary"' in listed.stdout
