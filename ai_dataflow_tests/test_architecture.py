"""The house's rule: imports go downward only, and the engine knows nothing of Dagster."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ai_dataflow

PACKAGE = Path(ai_dataflow.__file__).parent
# Rooms by floor, from the ground up; a room may import from its own floor and from those below.
FLOORS = (
    {"config"},
    {"sources", "workstation"},
    {"engine", "planning", "notifications"},
    {"orchestration", "terminal", "starter"},
    {"definitions"},
    {"cli"},
)
# Within a floor the data flows one way too.
NEVER = {
    "sources": {"workstation"},
    "engine": {"planning", "notifications", "dagster"},
    "planning": {"notifications", "dagster"},
    "notifications": {"engine", "planning", "dagster"},
}


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _room(module: str) -> str:
    return module.removeprefix("ai_dataflow.").partition(".")[0]


def _files() -> list[Path]:
    return [f for f in sorted(PACKAGE.rglob("*.py")) if f.parent != PACKAGE or f.stem != "__init__"]


@pytest.mark.parametrize("file", _files(), ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_go_downward(file: Path) -> None:
    room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    floor = next(i for i, rooms in enumerate(FLOORS) if room in rooms)
    above = set().union(*FLOORS[floor + 1 :])
    for module in _imports(file):
        if module.startswith("ai_dataflow."):
            assert _room(module) not in above, f"{file} imports {module}"
        assert _room(module) not in NEVER.get(room, set()), f"{file} imports {module}"


def test_the_embedded_default_needs_neither_java_nor_odbc_nor_azure() -> None:
    script = """
import sys
for name in ("pyspark", "pyodbc", "arrow_odbc", "azure", "dagster_azure", "dagster_pyspark"):
    sys.modules[name] = None
import ai_dataflow.cli, ai_dataflow.definitions
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_importing_the_package_costs_nothing() -> None:
    script = (
        "import ai_dataflow, sys; sys.exit('polars' in sys.modules or 'dagster' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
