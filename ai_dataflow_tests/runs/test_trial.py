"""A trial: what a run would do to rows is told, and nothing of it is anywhere afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ai_dataflow.runs.prospect import look_ahead, read_draft
from ai_dataflow.runs.trial import Compared, Trial, try_out
from ai_dataflow_tests.projects import MAPPING, project, table, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

KEY = "claims|acme"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a project that ran once, and whose sheet was edited then: five of eight rows fail."""
    project(tmp_path, mapping=MAPPING.replace("float64", "string"))
    rows = "".join(f"{n},{amount}\n" for n, amount in enumerate("123xxxxx", 1))
    text_file(tmp_path, "data/claims.csv", f"ClaimNo,Amount\n{rows}")
    assert spine.run(tmp_path).exit_code == 0
    table(tmp_path, "ai_mapping", MAPPING)
    return tmp_path


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def _tried(folder: Path) -> Trial:
    return try_out(look_ahead(read_draft(folder)))


def test_rows_that_would_go_are_told_and_nothing_is_written(shop: Path) -> None:
    before = _files(shop)
    assert _tried(shop) == Trial((Compared(KEY, "ORION", 8, 3, 0, 5, waits=True),), {})
    assert _files(shop) == before
    (partition,) = spine.run_changed(shop).partitions
    assert (partition.status, partition.rows_published) == ("waiting", 3)


def test_what_would_fail_is_told(shop: Path) -> None:
    text_file(shop, "data/claims.csv", "ClaimNo,Amount\n1,x\n")
    tried = _tried(shop)
    assert (tried.products, [p.code for p in tried.failed.values()]) == ((), ["DAT-004"])
    assert spine.run_changed(shop).statuses() == {"failed": 1}


def test_a_first_making_gains_all_its_rows(tmp_path: Path) -> None:
    project(tmp_path)
    assert _tried(tmp_path).products == (Compared(KEY, "ORION", 0, 2, 0, 0, waits=False),)
    assert not (tmp_path / "workstation").exists()


def test_the_plan_shows_it(shop: Path) -> None:
    shown = cli(shop, "plan", "--rows", columns=80).stdout
    assert "claims|acme · ORION would wait    8     3             0              5\n" in shown
    told = json.loads(cli(shop, "plan", "--rows", "--json").stdout)
    (row,) = told["rows"]
    assert (row["rows_before"], row["rows"], row["waits"], told["would_fail"]) == (8, 3, True, {})
