"""What a command imports: nothing heavy that it does not use. To import is most of its time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ai_dataflow.cli import mails_after_run
from ai_dataflow_tests.projects import CONTROL, project
from ai_dataflow_tests.runs.runs import run_project

# What takes 0.02 s of processor time or more, with what it brings along.
HEAVY = frozenset({
    "azure", "dagster", "deltalake", "fsspec", "jinja2", "numpy", "obstore", "openpyxl", "pandas",
    "polars", "pyarrow", "pydantic_settings", "pyspark", "requests", "sqlalchemy", "sqlglot",
})  # fmt: skip
STORES = {"deltalake", "obstore", "polars"}
PLANNING = STORES | {"sqlglot"}
# Dagster keeps its events with SQLAlchemy.
RUNNING = PLANNING | {"dagster", "sqlalchemy"}
_TOLD = f"""
import atexit, sys
atexit.register(lambda: print("heavy:", *sorted({set(HEAVY)!r} & sys.modules.keys())))
"""
_COMMAND = "from ai_dataflow.cli import main; main()"
# What a worker is called for: to look at sources, to make partitions.
_WORKER = "import ai_dataflow.engine.worker, ai_dataflow.partition.making, ai_dataflow.engine.sight"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project that has run: nothing changed since."""
    folder = project(tmp_path_factory.mktemp("shop") / "p")
    assert run_project(folder).exit_code == 0
    return folder


def imported(folder: Path, code: str, arguments: Sequence[str] = ()) -> set[str]:
    """Give the heavy modules that a process has when it ends."""
    ran = subprocess.run(
        [sys.executable, "-c", _TOLD + code, *arguments],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *_, last = ran.stdout.splitlines()
    return set(last.removeprefix("heavy:").split())


@pytest.mark.parametrize(
    ("command", "used"),
    [
        ("--help", set()),
        ("run --help", set()),
        ("notify --help", set()),
        ("help MAP-014", set()),
        ("notify status", {"obstore"}),
        ("notify status --json", {"obstore"}),
        ("status", STORES),
        ("plan", PLANNING),
        ("run", PLANNING),
        ("validate", PLANNING),
        ("cleanup", STORES),
        ("run --full", RUNNING | {"numpy"}),  # profiles are compared with it
    ],
)
def test_a_command_imports_what_it_uses(shop: Path, command: str, used: set[str]) -> None:
    assert imported(shop, _COMMAND, command.split()) - used == set()


def test_a_first_run_imports_what_it_uses(tmp_path: Path) -> None:
    """Nothing was before, so nothing is compared; rows and profiles are what workers make."""
    assert imported(project(tmp_path), _COMMAND, ["run"]) - RUNNING == set()


def test_the_mails_of_a_broken_file_cost_no_more_than_sending_them(tmp_path: Path) -> None:
    """The process that sends them has no Dagster, no planning, nothing that reads rows."""
    missing = CONTROL.replace("data/claims.csv", "data/nowhere.csv")
    run_id = run_project(project(tmp_path, control=missing)).run_id
    sent = [*mails_after_run._SEND, "--json", "--run", run_id]
    assert imported(tmp_path, _COMMAND, sent) == {"jinja2", "obstore"}
    assert len(list((tmp_path / "mails").glob("*.eml"))) == 1


def test_a_worker_imports_what_it_uses(tmp_path: Path) -> None:
    """Pyarrow comes when CSV is read, SQLAlchemy when a table is."""
    assert imported(tmp_path, _WORKER) - PLANNING == {"numpy"}  # it counts
