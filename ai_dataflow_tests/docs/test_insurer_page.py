"""The rows and figures that docs/insurer.md shows are those of the project."""

from __future__ import annotations

import csv
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow_tests.docs.markdown import DOCS, ROOT, tables

PAGE = DOCS / "insurer.md"
INSURER = ROOT / "examples/insurer"
_FIGURES = re.compile(r"figures: (\w+) (\w+)")


def test_the_rows_of_the_page_are_those_of_the_sheet() -> None:
    written = {file.stem: list(_rows(file)) for file in (INSURER / "sheet").glob("*.csv")}
    shown = 0
    for label, table in tables(PAGE):
        like = [rows for rows in written.values() if rows[0].keys() >= table[0].keys()]
        for row in table if like and not label else ():
            shown += 1
            assert any(row.items() <= other.items() for rows in like for other in rows), row
    assert shown > 30


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


@pytest.fixture(scope="module")
def totals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("insurer") / "project"
    subprocess.run([sys.executable, INSURER / "generate.py", folder], check=True)
    computed: dict[str, Any] = runpy.run_path(str(INSURER / "totals.py"))["totals"](folder)
    return computed


def test_the_figures_of_the_page_are_those_of_the_program(totals: dict[str, Any]) -> None:
    shown = [
        (match, table) for label, table in tables(PAGE) if (match := _FIGURES.fullmatch(label))
    ]
    assert len(shown) > 5
    for match, table in shown:
        module, product = match.groups()
        for row in table:
            counts = totals[f"{module}|{row['client']}"][product]["rows"]
            names = set(row) - {"client"}
            assert {name: counts.get(name, 0) for name in names} == {n: int(row[n]) for n in names}
            assert {name for name, count in counts.items() if count} <= names  # no term is left out
