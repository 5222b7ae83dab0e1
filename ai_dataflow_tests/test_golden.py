"""What `validate` prints for each code, as text and as JSON: of tiny broken projects.

A family of codes has one golden file of each format.

`pytest ai_dataflow_tests/test_golden.py --update-golden` writes them anew; read the difference.
"""

from __future__ import annotations

import io
import json
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from rich.console import Console

from ai_dataflow.cli.show.problems import show_diagnostics, show_verdict
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.golden_cases import CASES
from ai_dataflow_tests.projects import project, text_file

GOLDEN = Path(__file__).parent / "golden"
FAMILIES = sorted({code.partition("-")[0] for code in CASES})
TYPED = {
    "No": pl.Int64, "Amount": pl.Float64, "Big": pl.Decimal(18, 4), "Note": pl.String,
    "Day": pl.Date, "Ref": pl.String, "REF": pl.String,
}  # fmt: skip


def broken(folder: Path, case: dict[str, Any]) -> Path:
    """Write a case's project: its tables, its other files, and the cells of its workbooks.

    Beside them are `data/claims.csv`, `data/typed.parquet` and the table `Claims` of `policydb`.
    """
    folder.mkdir()
    given = dict(case)
    elsewhere: dict[str, str] = given.pop("tables", {})
    files, cells, merged = given.pop("files", {}), given.pop("cells", {}), given.pop("merged", "")
    project(folder, workbooks=bool(cells or merged) or given.pop("workbooks", False), **given)
    pl.DataFrame(schema=TYPED).write_parquet(folder / "data/typed.parquet")
    with sqlite3.connect(folder / "data/policy.sqlite") as connection:
        connection.execute("CREATE TABLE Claims (No INTEGER, Client TEXT)")
    for name, text in files.items():
        if text is None:
            (folder / name).unlink()
        elif isinstance(text, bytes):
            (folder / name).write_bytes(text)
        else:
            text_file(folder, name, text)
    settings = folder / "ai_dataflow.toml"
    for name, reference in elsewhere.items():
        said = settings.read_text(encoding="utf-8")
        settings.write_text(said.replace(f'"{name}.csv"', f'"{reference}"'), encoding="utf-8")
    if cells or merged:
        _edit(folder / "ai_mapping.xlsx", cells, merged)
    return folder


def _edit(file: Path, cells: dict[str, str], merged: str) -> None:
    book = openpyxl.load_workbook(file)
    for cell, value in cells.items():
        book.worksheets[0][cell] = value
    if merged:
        book.worksheets[0].merge_cells(merged)
    book.save(file)


def compiled(folder: Path) -> tuple[Sequence[Diagnostic], Plan | None]:
    try:
        plan = look_live(make_draft(load_project(folder))).plan
    except DataflowError as error:
        return error.diagnostics, None
    return plan.diagnostics, plan


def as_text(diagnostics: Sequence[Diagnostic], plan: Plan | None) -> str:
    console = Console(file=io.StringIO(), width=100, no_color=True, highlight=False)
    for problem in diagnostics:
        show_diagnostics(console, [problem])
        console.print()
    if plan:
        show_verdict(console, plan)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_output_is_the_golden_one(
    tmp_path: Path, family: str, request: pytest.FixtureRequest
) -> None:
    texts, documents = [], {}
    for code in (code for code in CASES if code.startswith(family)):
        diagnostics, plan = compiled(broken(tmp_path / code, CASES[code]))
        assert code in {problem.code for problem in diagnostics}
        texts.append(f"=== {code}\n\n{as_text(diagnostics, plan)}")
        documents[code] = [problem.to_json() for problem in diagnostics]
    found = {"txt": "\n".join(texts), "json": json.dumps(documents, indent=2, ensure_ascii=False)}
    for suffix, text in found.items():
        file = GOLDEN / f"{family}.{suffix}"
        shown = re.sub(rf"{re.escape(str(tmp_path))}/{family}-\d+", "PROJECT", text) + "\n"
        shown = re.sub(r"attempt over \d+ s", "attempt over 0 s", shown)  # on a busy machine more
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(shown, encoding="utf-8")
        assert shown == file.read_text(encoding="utf-8"), "see --update-golden"


def test_every_golden_file_has_its_family() -> None:
    names = {f"{family}.{suffix}" for family in FAMILIES for suffix in ("txt", "json")}
    assert {file.name for file in GOLDEN.iterdir()} == names, "or: --update-golden"
    assert len(CASES) >= 30
