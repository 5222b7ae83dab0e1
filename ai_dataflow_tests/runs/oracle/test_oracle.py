"""Random companies of many clients whose modules share shapes: each client's is what it has to be.

What this looks for are rows, rejects, counts and failures that end up with another client, and one
client's broken file that costs another's rows: many are made together. Each company is run three
times, each time over what changed since.
"""

from __future__ import annotations

import ast
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from ai_dataflow_tests.partition.effort import VARIABLE
from ai_dataflow_tests.runs.oracle.checking import PARTITIONS, check_company
from ai_dataflow_tests.runs.oracle.companies import Company, make_company
from ai_dataflow_tests.runs.oracle.dressing import CELLS
from ai_dataflow_tests.runs.oracle.history import History
from ai_dataflow_tests.runs.oracle.merging import Outcome
from ai_dataflow_tests.runs.oracle.shapes import LIST, OBJECTS, Shape
from ai_dataflow_tests.runs.oracle.sheets import check_sheets, make_sheet
from ai_dataflow_tests.services.processes import ServiceError
from ai_dataflow_tests.services.spark import java_home

# A fifth of what `make properties` asks for: by default 2,000 partitions.
_ASKED = int(os.environ.get(VARIABLE, "0")) // 5
_COMPANIES = _ASKED // PARTITIONS
_FEWER = 40  # of a company of CI, which has as many shapes
_SHEETS = int(os.environ.get(VARIABLE, "0"))
_CHUNKS = 10 if _SHEETS else 1
_ORACLE = (
    "cells", "tables", "rules", "formats", "reading", "transforms", "reshaping", "mapping",
    "joining", "dictionary", "computing", "merging", "history", "references",
)  # fmt: skip


def _seed(number: int) -> int:
    """Give the seed of a company: one of CI's, which are always the same, or a new one."""
    return random.SystemRandom().randrange(1_000_000) if _COMPANIES else number


@pytest.mark.slow
@pytest.mark.proves(
    "read file",
    "corrupt",
    "a broken file among many costs its own client; all rows and rejects "
    "of the others are their own",
)
@pytest.mark.parametrize("number", range(_COMPANIES or 2))
def test_each_client_comes_to_what_the_oracle_says(number: int, tmp_path: Path) -> None:
    check_company(tmp_path, _seed(number), PARTITIONS if _COMPANIES else _FEWER)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(_CHUNKS))
def test_small_sheets_come_to_what_the_oracle_says(chunk: int) -> None:
    """As many as `make properties` asks for; in CI a few, always the same."""
    first = _seed(0) + chunk * _SHEETS
    assert not check_sheets(first, _SHEETS // _CHUNKS or 15)


@pytest.mark.slow
def test_each_client_comes_to_the_same_on_spark() -> None:
    """In a process of its own: a session stays as long as that."""
    try:
        home = java_home()
    except ServiceError as error:
        pytest.skip(str(error))
    companies, partitions = (_COMPANIES, PARTITIONS) if _COMPANIES else (1, 12)
    asked = str(_seed(2)), str(companies), "spark", str(partitions)
    command = [sys.executable, "-m", "ai_dataflow_tests.runs.oracle", *asked]
    env = os.environ | {"JAVA_HOME": home}
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-6_000:]


@pytest.mark.parametrize("name", _ORACLE)
def test_the_oracle_knows_nothing_of_our_code(name: str) -> None:
    tree = ast.parse(Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8"))
    modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules += [
        a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names
    ]
    assert not [module for module in modules if module.split(".")[0] in ("ai_dataflow", "polars")]


def _made(
    folder: Path, seeds: Iterable[int], make: Callable[[Path, int], Company]
) -> tuple[list[Shape], list[Outcome]]:
    """Make companies or sheets, and say what has to come of them."""
    shapes, outcomes = list[Shape](), list[Outcome]()
    for seed in seeds:
        (at := folder / str(seed)).mkdir(parents=True)
        shapes += make(at, seed).shapes
        outcomes += filter(None, History(at).run().values())
    return shapes, outcomes


def test_small_sheets_say_all_that_a_sheet_can_say(tmp_path: Path) -> None:
    shapes, outcomes = _made(tmp_path, range(40), make_sheet)
    sources = [source for shape in shapes for source in shape.sources]
    fields = [field for source in sources for field in source.fields]
    assert {name for field in fields for name in field.cells} == {*CELLS}
    assert {source.join for source in sources} == {"", "full", "left", "inner", "lookup"}
    rules = [source.rule for source in sources if source.rule]
    made = [rule.columns[0] if rule.explode else rule.unpivot[:6] for rule in rules]
    assert {*made} == {LIST, OBJECTS, "amount"}
    listed = {names for rule in rules for names in rule.several if len(names) > 1}
    assert {names[0] for names in listed} == {LIST, OBJECTS, "Q1", "Q 2", "Q 3"}
    assert any(field.alternative for field in fields)
    for said in ("own", "own_where", "as_of", "shared", "taking", "is_ruled_for_all"):
        assert any(getattr(source, said) for source in sources), said
    for said in ("computed", "stars", "rules"):
        assert any(getattr(shape, said) for shape in shapes), said
    said_of = [said for shape in shapes for said in shape.rules.values()]
    assert {name for said in said_of for name, text in said.items() if text} == {
        "required", "min", "max", "pattern", "code_list", "is_key", "max_null", "references",
        "severity", "blocks",
    }  # fmt: skip
    assert sum(outcome.status == "ok" for outcome in outcomes) > len(outcomes) / 2


def test_companies_and_sheets_have_all_that_can_go_wrong(tmp_path: Path) -> None:
    companies = 1, 2, 4, 5, 6, 12
    _, outcomes = _made(tmp_path, companies, lambda at, seed: make_company(at, seed, 40))
    outcomes += _made(tmp_path / "sheets", (*range(70), 81, 245), make_sheet)[1]
    codes = {code for outcome in outcomes for code in outcome.codes}
    assert codes >= {"SRC-001", "SRC-002", "SRC-003", "SRC-004", "SRC-010", "DAT-001", "DAT-004",
                     "DAT-025", "DAT-026", "DAT-030", "DAT-033", "DAT-034", "DAT-036", "MAP-014",
                     "MAP-015", "MAP-044", "DAT-021", "DAT-022"}  # fmt: skip
    reasons = {reject.reason for outcome in outcomes for reject in outcome.rejects}
    assert reasons == {"REJ-001", "REJ-002", "REJ-003", "REJ-004", "REJ-006", "REJ-010", "REJ-011",
                       "REJ-012", "REJ-013", "REJ-014", "REJ-015", "REJ-016", "REJ-017", "REJ-018",
                       "REJ-019"}  # fmt: skip
    counts = [c for outcome in outcomes for c in outcome.counts.values()]
    assert all(any(getattr(c, term) for c in counts)
               for term in ("unmatched", "produced", "not_found"))  # fmt: skip
    assert sum(outcome.status == "ok" for outcome in outcomes) > len(outcomes) / 3
