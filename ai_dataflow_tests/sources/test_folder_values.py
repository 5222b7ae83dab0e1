"""Columns that a file and its folder both have: they say the same, or nobody reads the file."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files import folder_values, open_files
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.runs import run_project
from ai_dataflow_tests.sources import lake

FORMATS = ["parquet", "csv", "jsonl", "avro"]
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n"
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,n,claim_id,int64
    other,ORION,claim,n,claim_id,int64
"""


def _put(folder: Path, path: str, rows: pl.DataFrame) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(lake.content(file.name, rows))


def _check(folder: str, values: pl.Series) -> str:
    twice = folder_values.named_twice(f"{folder}/part.parquet", ["c"], ["c"])
    try:
        folder_values.check(values.alias("c").to_frame().lazy(), twice, "it", "cell")
    except DataflowError as error:
        (problem,) = error.diagnostics
        return problem.code
    return ""


MOMENT = datetime(2026, 1, 5, 10, 30)


@pytest.mark.parametrize(
    ("text", "value", "dtype"),
    [
        ("01", 1, pl.Int8()),
        ("2026", 2026, pl.UInt16()),
        ("1.5", 1.5, pl.Float32()),
        ("0.10", Decimal("0.1"), pl.Decimal(10, 2)),
        ("TRUE", True, pl.Boolean()),
        ("2026-01-05", date(2026, 1, 5), pl.Date()),
        ("2026-01-05 10%3A30%3A00", MOMENT, pl.Datetime("us")),
        ("2026-01-05 10%3A30%3A00", MOMENT.replace(tzinfo=UTC), pl.Datetime("ns", "UTC")),
        ("a%2Fb", "a/b", pl.String()),
        ("a", "a", pl.Categorical()),
        ("__HIVE_DEFAULT_PARTITION__", None, pl.Int64()),
    ],
)
def test_a_value_is_compared_in_the_type_of_its_column(text: str, value: Any, dtype: Any) -> None:
    same = pl.Series([value, value], dtype=dtype)
    assert _check(f"c={text}", same) == ""
    assert _check(f"c={text}", same.clear()) == ""
    assert _check("c=9", same) == _check("c=", same) == "SRC-061"
    if value is not None:
        assert _check(f"c={text}", pl.Series([value, None], dtype=dtype)) == "SRC-061"
        assert _check("c=__HIVE_DEFAULT_PARTITION__", same) == "SRC-061"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1.005", pl.Series([Decimal("1.00")], dtype=pl.Decimal(10, 2))),
        ("1.005", pl.Series([Decimal("1.01")], dtype=pl.Decimal(10, 2))),
        ("01", pl.Series(["1"])),
        ("300", pl.Series([44], dtype=pl.UInt8())),
        ("maybe", pl.Series([False])),
        ("05-01-2026", pl.Series([date(2026, 1, 5)])),
        ("a", pl.Series([["a"]])),
        ("a", pl.Series([None])),
    ],
)
def test_what_the_text_only_comes_near_to_is_another_value(text: str, values: pl.Series) -> None:
    assert _check(f"c={text}", values) == "SRC-061"


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1), st.lists(st.text()))
def test_texts_are_the_same_letter_by_letter(text: str, others: list[str]) -> None:
    code = _check(f"c={quote(text, safe='')}", pl.Series([text, *others]))
    assert code == ("SRC-061" if any(other != text for other in others) else "")


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_file_its_column_and_its_folder_are_told(tmp_path: Path, suffix: str) -> None:
    for folder, value in (("a", "a"), ("b", "a")):
        _put(tmp_path, f"d/c={folder}/x.{suffix}", pl.DataFrame({"n": [1], "c": [value]}))
    problem = lake.refusal(str(tmp_path / "d"), Settings(folder=tmp_path))
    assert problem.code == "SRC-061"
    assert f"(c=b/x.{suffix}) has another value in `c` than its folder `c=b`" in problem.message


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_column_that_nobody_reads_may_differ(tmp_path: Path, suffix: str) -> None:
    _put(tmp_path, f"d/c=a/x.{suffix}", pl.DataFrame({"n": [1], "c": ["b"]}))
    settings = Settings(folder=tmp_path)
    files = open_files.opened(lake.pin(str(tmp_path / "d"), settings), "cell", settings)
    wanted = lake.wanted(files, "n")
    if files.is_scanned:
        rows = files.rows(wanted).collect()
    else:
        rows = pl.concat(frame for _, frame in files.rows_by_file(wanted))
    assert rows.height == 1


def test_files_that_differ_elsewhere_are_compared_too(tmp_path: Path) -> None:
    _put(tmp_path, "d/c=1/x.parquet", pl.DataFrame({"n": [1], "c": [1]}))
    _put(tmp_path, "d/c=2/x.parquet", pl.DataFrame({"n": [1.5], "c": [1], "m": [1]}))
    settings = Settings(folder=tmp_path)
    files = open_files.opened(lake.pin(str(tmp_path / "d"), settings), "cell", settings)
    with pytest.raises(DataflowError, match="SRC-061"):
        files.rows(lake.wanted(files, "c"))


@pytest.mark.parametrize("suffix", FORMATS)
def test_clients_that_share_the_files_fail_and_no_other(tmp_path: Path, suffix: str) -> None:
    both = "".join(
        f"ORION,claims,claim,{client},data/shared?client_column=c,Y\n" for client in "ab"
    )
    control = f"{CONTROL}{both}ORION,other,claim,a,data/alone,Y\n"
    folder = project(tmp_path / "p", control=control, mapping=MAPPING)
    _put(folder, f"data/shared/c=a/x.{suffix}", pl.DataFrame({"n": [1, 2], "c": ["a", "b"]}))
    _put(folder, f"data/alone/c=a/x.{suffix}", pl.DataFrame({"n": [1], "c": ["b"]}))
    report = run_project(folder)
    failed = {p.partition: [error.code for error in p.errors] for p in report.failed}
    assert failed == {"claims|a": ["SRC-061"], "claims|b": ["SRC-061"]}
    for client in "ab":
        rows = pl.DataFrame({"n": [1, 2], "c": [client, client]})
        _put(folder, f"data/shared/c={client}/x.{suffix}", rows)
    assert run_project(folder).exit_code == 0
