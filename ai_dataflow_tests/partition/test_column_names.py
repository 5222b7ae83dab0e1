"""Columns of sources may have any name, also one that Polars takes for a pattern."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ai_dataflow.partition import scratch
from ai_dataflow_tests.partition.jobs import (
    csv_file,
    job,
    left_out,
    mapped,
    run_job,
    source,
    written,
)
from ai_dataflow_tests.partition.test_raw_rows import there_and_back

WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "csv": pl.DataFrame.write_csv,
    "parquet": pl.DataFrame.write_parquet,
    "jsonl": pl.DataFrame.write_ndjson,
}
PATTERNS = ["*", "^a.*$", "^.*$", "^", "$", "^(.)\\1$", "[a]", "a", "am*nt", "{n}"]
NAMES = st.sampled_from(PATTERNS) | st.text("^$*.a", min_size=1, max_size=4)


@pytest.mark.parametrize("suffix", WRITERS)
@examples(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(NAMES, min_size=3, max_size=3, unique_by=str.casefold))
def test_a_column_is_read_by_its_name_whatever_it_is(
    tmp_path: Path, suffix: str, names: list[str]
) -> None:
    """As it is, in a transform, and in the raw row of a reject."""
    rows = pl.DataFrame({name: [f"{i}", f"{i}x"] for i, name in enumerate(names)})
    file = tmp_path / f"rows.{suffix}"
    WRITERS[suffix](rows, file)
    first, second, third = names
    result = run_job(
        job(source(file, mapped("n", "int64", first), mapped("s", "string", second),
                   mapped("t", "string", transform=f'concat("{third}", "{second}")'))),
        tmp_path,
    )  # fmt: skip
    assert written(result, tmp_path).select("n", "s", "t").rows() == [(0, "1", "21")]
    (reject,) = left_out(result, tmp_path)
    assert reject["raw_row"] == {first: "0x", second: "1x", third: "2x"}


@pytest.mark.parametrize("spill", [False, True])
def test_the_columns_of_folders_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spill: bool
) -> None:
    if spill:
        monkeypatch.setattr(scratch, "SPILL_BYTES", 0)
    csv_file(tmp_path / "out/*=7/^b$=8/a.csv", "b,c 1,2")
    columns = [mapped("star", "string", "*"), mapped("caret", "string", "^b$"), mapped("b")]
    result = run_job(job(source(tmp_path / "out", *columns)), tmp_path)
    assert written(result, tmp_path).select("star", "caret", "b").rows() == [("7", "8", "1")]


def test_a_field_is_read_by_its_name_whatever_it_is(tmp_path: Path) -> None:
    fields = [{name: i for i, name in enumerate(PATTERNS)}]
    pl.DataFrame({"s": fields}).write_parquet(tmp_path / "rows.parquet")
    columns = [mapped(f"c{i}", "int64", transform=f's."{name}"')
               for i, name in enumerate(PATTERNS)]  # fmt: skip
    result = run_job(job(source(tmp_path / "rows.parquet", *columns)), tmp_path)
    assert written(result, tmp_path).drop("product_code").rows() == [tuple(range(len(PATTERNS)))]


def test_rows_with_such_names_come_back_from_their_rejects() -> None:
    rows = pl.DataFrame({name: [1, None] for name in PATTERNS})
    nested = rows.select(pl.struct(pl.all()).alias("*"), pl.lit("x").alias("^a$"))
    assert_frame_equal(there_and_back(rows), rows)
    assert_frame_equal(there_and_back(nested), nested)
