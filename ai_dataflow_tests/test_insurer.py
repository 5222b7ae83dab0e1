"""The insurer of the examples: what is published is what an independent program says.

The program is examples/insurer/totals.py: plain Python over the files, which knows nothing of the
sheet.
"""

from __future__ import annotations

import hashlib
import json
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow import load
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

INSURER = Path(__file__).parents[1] / "examples/insurer"
TERMS = ("produced", "rejected", "merged", "filtered", "superseded", "unmatched", "not_found")


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _generated(tmp_path_factory.mktemp("insurer") / "project")


def _generated(folder: Path) -> Path:
    subprocess.run([sys.executable, INSURER / "generate.py", folder], check=True)
    return folder


def test_what_is_published_is_what_the_program_says(insurer: Path) -> None:
    wanted = runpy.run_path(str(INSURER / "totals.py"))["totals"](insurer)
    report = spine.run(insurer)
    assert [made.partition for made in report.partitions if made.status != "ok"] == []
    assert {made.partition for made in report.partitions} == wanted.keys()
    for made in report.partitions:
        module, client = made.partition.split("|")
        rows = load(module, client=client, config=insurer).drop("client_code").collect()
        assert made.products.keys() == wanted[made.partition].keys()
        for product, like in wanted[made.partition].items():
            of_product = rows.filter(pl.col("product_code") == product).drop("product_code")
            came = {"rows": _terms(made.products[product]), **_figures(of_product, like)}
            assert came == like, (made.partition, product)


def _terms(counts: Any) -> dict[str, int]:
    """Give the terms of a product's balance, and what was not found; what is zero is left out."""
    further = {term: getattr(counts, f"rows_{term}") for term in TERMS}
    both = {"read": counts.rows_read, "published": counts.rows_published}
    return both | {term: count for term, count in further.items() if count}


def _figures(rows: pl.DataFrame, like: Mapping[str, Any]) -> dict[str, Any]:
    """Give of published rows the figures that the program gives."""
    filled = {name: rows.height - rows[name].null_count() for name in sorted(rows.columns)}
    texts = sorted(
        json.dumps({n: v for n, v in sorted(row.items()) if v is not None}, default=str)
        for row in rows.iter_rows(named=True)
    )
    return {
        "filled": {name: count for name, count in filled.items() if count},
        "sums": {name: str(rows[name].sum()) for name in like["sums"]},
        "counts": {
            name: {str(value): count for value, count in rows[name].value_counts().iter_rows()}
            for name in like["counts"]
        },
        "content": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
    }


def test_nothing_is_told_of_the_insurers_sheet_but_what_was_united(insurer: Path) -> None:
    told = cli(insurer, "validate", "--json")
    assert {item["code"] for item in json.loads(told.stdout)["items"]} == {"MAP-032"}


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
