"""Where a reject is: its file among several, and its number in that file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow_tests.partition.jobs import (
    csv_file,
    database,
    job,
    left_out,
    mapped,
    run_job,
    source,
)

WRITERS: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "csv": pl.DataFrame.write_csv,
    "parquet": pl.DataFrame.write_parquet,
    "jsonl": pl.DataFrame.write_ndjson,
}


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_a_reject_says_which_of_several_files_it_is_in(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in").mkdir()
    parts = {"a": ["1", "x"], "b": [], "c": ["y", "2", "z"]}
    for name, values in parts.items():
        frame = pl.DataFrame({"n": values}, schema={"n": pl.String})
        if suffix == "jsonl" and not values:
            continue
        WRITERS[suffix](frame, tmp_path / "in" / f"{name}.{suffix}")
    result = run_job(job(source(tmp_path / "in", mapped("n", "int64"))), tmp_path)
    found = [(r["source"], r["position"], r["raw_row"]["n"]) for r in left_out(result, tmp_path)]
    if suffix == "jsonl":  # has no footer to count its rows by
        assert found == [("in", 2, "x"), ("in", 3, "y"), ("in", 5, "z")]
        return
    a, c = f"in (a.{suffix})", f"in (c.{suffix})"
    assert found == [(a, 2, "x"), (c, 1, "y"), (c, 3, "z")]


def test_a_line_that_is_no_row_says_which_of_several_files_it_is_in(tmp_path: Path) -> None:
    csv_file(tmp_path / "in" / "a.csv", "n,m 1,2")
    csv_file(tmp_path / "in" / "b.csv", "n,m 3 x,4")
    partition = job(source(tmp_path / "in", mapped("n", "int64"), mapped("m")))
    found = [
        (r["source"], r["position"], r["reason"])
        for r in left_out(run_job(partition, tmp_path), tmp_path)
    ]
    assert found == [("in (b.csv)", 1, "REJ-001"), ("in (b.csv)", None, "REJ-003")]


def test_a_row_of_a_database_has_no_position(tmp_path: Path) -> None:
    database(tmp_path, "CREATE TABLE t (n)", "INSERT INTO t VALUES (1), ('lots')")
    result = run_job(job(source(SqlLocation("db", "t"), mapped("n", "int64"))), tmp_path)
    assert [(r["source"], r["position"]) for r in left_out(result, tmp_path)] == [
        ("sql://db/t", None)
    ]
