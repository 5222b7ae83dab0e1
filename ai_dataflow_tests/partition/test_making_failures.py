"""What goes wrong in one partition comes out classified, with its place and owner's scope."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_dataflow.sources.schemas import read_schemas
from ai_dataflow.tables.locations import FileLocation, SqlLocation
from ai_dataflow_tests.partition.jobs import (
    PLACE,
    codes,
    csv_file,
    database,
    job,
    key,
    left_out,
    make_shop,
    mapped,
    problems,
    run_job,
    settings,
    source,
    written,
)


@pytest.mark.proves(
    "read file",
    "missing",
    "SRC-001: the partition fails; the message has the cell, nothing of it is written",
)
def test_a_missing_file_is_a_failure_of_its_source(tmp_path: Path) -> None:
    shop = make_shop(tmp_path)
    (tmp_path / "orders.csv").unlink()
    result = run_job(shop, tmp_path)
    (failure,) = result.failures
    problem = failure.diagnostic
    assert (problem.code, problem.meaning.kind, problem.place) == (
        "SRC-001", "missing_source", PLACE,
    )  # fmt: skip
    assert (problem.product, problem.submodule) == ("orion", "order")
    assert result.failed_stages == {"adls_extract", "ai_dataset"}
    assert (result.data, result.rejects) == ((), ())


@pytest.mark.proves(
    "read SQL", "missing", "SRC-001: the partition fails; all its missing sources are named at once"
)
def test_all_sources_that_are_missing_are_named_at_once(tmp_path: Path) -> None:
    partition = job(
        source(tmp_path / "a.csv", mapped("n"), submodule="a"),
        source(SqlLocation("db", "nosuch"), mapped("n"), submodule="b"),
        source(tmp_path / "c.csv", mapped("n"), submodule="c"),
    )
    database(tmp_path)
    found = run_job(partition, tmp_path)
    assert [(p.code, p.submodule) for p in problems(found)] == [
        ("SRC-001", "a"), ("SRC-001", "b"), ("SRC-001", "c"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("transform", "place"),
    [("n +", 3), ("FROBNICATE(n)", 1), ("n = 1", 1), ("UPPER(DATE(n))", 7)],
)
def test_a_transform_that_does_not_fit_its_source_is_a_failure_of_the_mapping(
    tmp_path: Path, transform: str, place: int
) -> None:
    file = csv_file(tmp_path / "n.csv", "n 1")
    (problem,) = problems(run_job(job(source(file, mapped("n", transform=transform))), tmp_path))
    assert (problem.code, problem.place) == ("MAP-011", f"ai_mapping.csv:2:transform:{place}")
    assert (problem.product, problem.submodule) == ("orion", "line")


@pytest.mark.proves(
    "transform",
    "corrupt",
    "REJ-001 where a function cannot take a value; it costs only its row",
)
def test_a_value_that_a_function_cannot_take_costs_only_its_row(tmp_path: Path) -> None:
    rows = pl.DataFrame({"word": ["hunter2", "x"], "n": [1, -471]})
    rows.write_parquet(tmp_path / "words.parquet")
    cut = mapped("start", transform="SUBSTR(word, 1, n)")
    result = run_job(job(source(tmp_path / "words.parquet", cut)), tmp_path)
    assert written(result, tmp_path)["start"].to_list() == ["h"]
    assert [row["reason"] for row in left_out(result, tmp_path)] == ["REJ-001"]


def test_a_type_that_no_transform_has_is_a_failure_of_the_mapping(tmp_path: Path) -> None:
    file = csv_file(tmp_path / "words.csv", "word hunter2")
    partition = job(source(file, mapped("start", transform="CAST(word AS JSON)")))
    (problem,) = problems(run_job(partition, tmp_path))
    assert (problem.meaning.concern, problem.code) == ("mapping", "MAP-011")
    assert (problem.product, problem.submodule) == ("orion", "line")
    assert "hunter2" not in repr(problem)


def test_many_to_many_is_a_failure_of_its_source(tmp_path: Path) -> None:
    left = csv_file(tmp_path / "left.csv", "k 1 1")
    right = csv_file(tmp_path / "right.csv", "k,v 1,a 1,b")
    partition = job(
        source(left, key("k"), submodule="left"),
        source(right, key("k"), mapped("v"), submodule="right"),
    )
    (problem,) = problems(run_job(partition, tmp_path))
    assert (problem.code, problem.meaning.kind, problem.place) == ("DAT-001", "join", PLACE)
    assert (problem.product, problem.submodule) == ("orion", "right")


def test_files_of_one_source_that_lack_a_column_are_a_failure_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    pl.DataFrame({"n": [1], "m": [1]}).write_parquet(tmp_path / "parts" / "1.parquet")
    pl.DataFrame({"n": [1]}).write_parquet(tmp_path / "parts" / "2.parquet")
    partition = job(source(tmp_path / "parts", mapped("n", "int64"), mapped("m", "int64")))
    assert codes(run_job(partition, tmp_path)) == ["SRC-010"]


@pytest.mark.proves(
    "transform", "corrupt", "REJ-001 even where Polars would panic; it costs only its row"
)
def test_a_value_on_which_polars_panics_costs_only_its_row(tmp_path: Path) -> None:
    days = pl.Series([0, 2**31 - 1], dtype=pl.Int32).cast(pl.Date)
    pl.DataFrame({"day": days}).write_parquet(tmp_path / "days.parquet")
    partition = job(source(tmp_path / "days.parquet", mapped("day", "timestamp")))
    result = run_job(partition, tmp_path)
    assert written(result, tmp_path).height == len(left_out(result, tmp_path)) == 1


def test_bytes_among_a_rejected_rows_columns_do_not_stop_the_others(tmp_path: Path) -> None:
    rows = pl.DataFrame({"scan": [b"\xff", b"\xfe"], "n": ["1", "x"]})
    rows.write_parquet(tmp_path / "scans.parquet")
    columns = (mapped("scan", "binary"), mapped("n", "int64"))
    result = run_job(job(source(tmp_path / "scans.parquet", *columns)), tmp_path)
    assert written(result, tmp_path).rows() == [(b"\xff", 1, "orion")]
    assert [r["reason"] for r in left_out(result, tmp_path)] == ["REJ-001"]


def test_a_workstation_that_cannot_be_written_is_a_failure_of_the_platform(tmp_path: Path) -> None:
    shop = make_shop(tmp_path)
    (tmp_path / "workstation").write_text("a file, where a folder should be")
    result = run_job(shop, tmp_path)
    assert {(p.code, p.meaning.concern) for p in problems(result)} == {("WST-001", "platform")}


def test_a_job_without_sources_fails_and_does_not_raise(tmp_path: Path) -> None:
    assert run_job(job(), tmp_path).failures


ZONES = ("+05:30", "-02:15", "Z", "UTC+02:00", "No/Such")


@pytest.mark.parametrize("zone", ZONES)
def test_a_file_on_which_a_library_panics_is_read_by_another(tmp_path: Path, zone: str) -> None:
    """Other languages' writers name time zones that Polars has never heard of, and panics on."""
    fine, odd = tmp_path / "fine.parquet", tmp_path / "odd.parquet"
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    for file, name in ((fine, "UTC"), (odd, zone)):
        column = pa.array([moment], pa.timestamp("us", tz=name))
        pq.write_table(pa.table({"at": column}), file)
    jobs = [job(source(file, mapped("at", "timestamp")), client=file.stem) for file in (fine, odd)]
    results = {one.client: run_job(one, tmp_path) for one in jobs}
    assert written(results["fine"], tmp_path).height == 1
    assert written(results["odd"], tmp_path)["at"].to_list() == [moment]


def test_a_plan_sees_a_source_on_which_a_library_panics_as_another_does(tmp_path: Path) -> None:
    column = pa.array([dt.datetime(2026, 1, 1, tzinfo=dt.UTC)], pa.timestamp("us", tz="-02:15"))
    pq.write_table(pa.table({"at": column}), tmp_path / "odd.parquet")
    location = FileLocation(str(tmp_path / "odd.parquet"))
    (look,) = read_schemas({location: "cell"}, settings(tmp_path)).values()
    assert look == pl.Schema({"at": pl.Datetime("us", "UTC")})
