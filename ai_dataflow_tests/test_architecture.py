"""The house's rules: imports go downward only, and each room knows no more than its sign says."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ai_dataflow.cli import app
from ai_dataflow.cli.starter import write_project
from ai_dataflow.config.codes import families
from ai_dataflow_tests import rooms
from ai_dataflow_tests.rooms import FLOORS, PACKAGE, Import, imports, room_of
from ai_dataflow_tests.walk import Stay, drawing, partition_walk, watched

# A code, or a part of one that tells one from another.
CODE = re.compile(rf"({'|'.join(families())})(-(\d{{3}})?)?|-?\d{{3}}")
# Rooms of one floor that know each other, in one direction.
BESIDE = {("extracts", "compiler"), ("tables", "connections")}
# What a process asks for the time that has passed, and the names of what is made of that.
_CLOCKS = re.compile(r"\b(monotonic|perf_counter|process_time|time\.time|elapsed|took)\b(?!')")
# Words that do not say what a thing is.
_EMPTY = ("own", "found", "known", "told", "give")


def test_imports_go_downward() -> None:
    assert [str(found) for found in imports() if _goes_up(found)] == []


def _goes_up(found: Import) -> bool:
    is_beside = found.room == found.other or (found.room, found.other) in BESIDE
    return not is_beside and _floor(found.room) <= _floor(found.other)


def _floor(room: str) -> int:
    return next(i for i, floor in enumerate(FLOORS) if room in floor)


def test_every_room_has_its_floor() -> None:
    there = {room_of(file) for file in PACKAGE.rglob("*.py")} - {"__init__"}
    assert there == set(chain(*FLOORS))


def test_no_stem_names_two_modules() -> None:
    stems = Counter(file.stem for file in PACKAGE.rglob("*.py") if file.stem != "__init__")
    assert [stem for stem, times in stems.items() if times > 1] == []


def test_names_say_what_a_thing_is() -> None:
    empty = {
        f"{path}: {name}"
        for file in PACKAGE.rglob("*.py")
        for path in [file.relative_to(PACKAGE).as_posix()]
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in (getattr(node, part, None) for part in ("id", "attr", "arg", "name"))
        if isinstance(name, str) and name.strip("_").lower() in _EMPTY
    }
    assert empty == set()


def test_no_test_asserts_a_duration() -> None:
    """A busy machine takes its time; what happens is asserted, or a clock of the test's own."""
    timed = {
        f"{file.name}:{node.lineno}"
        for file in Path(__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Assert) and _CLOCKS.search(ast.unparse(node))
    }
    assert timed == set()


def test_no_class_is_two_things() -> None:
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in PACKAGE.rglob("*.py")]
    names = Counter(
        node.name for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)
    )
    assert [name for name, times in names.items() if times > 1] == []


def _page() -> str:
    return (PACKAGE.parent / "docs/architecture.md").read_text(encoding="utf-8")


def test_the_graph_in_the_docs_is_that_of_the_code() -> None:
    assert rooms.graph() in _page()


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Stay:
    return partition_walk(tmp_path_factory.mktemp("walk") / "project")


def test_a_partitions_walk_enters_no_room_from_below(walk: Stay) -> None:
    up = [
        f"{stay.room} calls {into.room}: {into.function}"
        for stay, into in walk.steps()
        if stay.room and _floor(into.room) >= _floor(stay.room)
        if (stay.room, into.room) not in BESIDE
    ]
    assert up == []


def test_a_partitions_walk_does_each_thing_once(walk: Stay) -> None:
    times = Counter(into.function for _, into in walk.steps())
    sources = 3  # of the starter's first partition
    assert times["make_all"] == times["extract_sources"] == times["publish"] == 1
    assert times["compile_source"] == times["opened"] == times["Listing.pin"] == sources


def test_the_walk_in_the_docs_is_that_of_the_code(walk: Stay) -> None:
    assert drawing(walk) in _page()


def test_a_command_plans_once_and_surveys_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    _, walk = watched(lambda: CliRunner().invoke(app, ["run"]))
    times = Counter(into.function for _, into in walk.steps())
    once = ("make_draft", "survey", "read_schemas", "changes", "complete", "execute")
    assert {name: times[name] for name in once} == dict.fromkeys(once, 1)


def test_no_branch_asks_for_a_code() -> None:
    """It asks for the kind of a fault, the meaning of a diagnostic, a flag or a type.

    But for what is read from a report, whose contract the code is.
    """
    found = {
        f"{file.relative_to(PACKAGE)}: {ast.unparse(node)}"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare) or _asks_for_its_ends(node)
        for leaf in ast.walk(node)
        if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
        if CODE.fullmatch(leaf.value)
    }
    assert found == {"orchestration/assets.py: d['code'] == 'COV-001'"}


def _asks_for_its_ends(node: ast.AST) -> bool:
    ends = ("startswith", "endswith")
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ends
    )


def _run(script: str) -> None:
    subprocess.run([sys.executable, "-c", script], check=True)


def test_runs_and_what_is_below_know_no_dagster() -> None:
    _run("""
import pkgutil, importlib, sys
sys.modules["dagster"] = None
import ai_dataflow
for name in ("notifications", "runs", "planning", "engine", "partition", "compiler", "extracts",
             "workstation", "sources", "tables", "connections", "config"):
    package = importlib.import_module(f"ai_dataflow.{name}")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
assert "pyspark" not in sys.modules
""")


def test_only_one_module_knows_spark() -> None:
    named = ("pyspark", "dagster_pyspark", "databricks")
    spark = {found.file for found in imports(named)}
    assert spark == {"engine/spark.py"}


def test_the_embedded_default_needs_neither_java_nor_odbc_nor_azure() -> None:
    _run("""
import sys
for name in ("pyspark", "pyodbc", "arrow_odbc", "azure", "dagster_azure", "dagster_pyspark"):
    sys.modules[name] = None
import ai_dataflow.cli, ai_dataflow.definitions
""")


def test_importing_the_package_costs_nothing() -> None:
    _run("import ai_dataflow, sys; sys.exit('polars' in sys.modules or 'dagster' in sys.modules)")
