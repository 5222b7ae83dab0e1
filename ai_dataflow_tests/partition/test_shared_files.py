"""Files that clients share: each gets its own rows; what is nobody's goes nowhere in silence."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ai_dataflow.engine.batches import batched
from ai_dataflow.partition import making, scratch
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.partition.tasks import Making
from ai_dataflow.sources.files.csv_files import CsvFile
from ai_dataflow.sources.files.finding import find_one
from ai_dataflow.sources.source_job import Strays
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.partition.jobs import (
    codes,
    count_rows,
    job,
    left_out,
    mapped,
    problems,
    settings,
    source,
    written,
)


def _gzipped(rows: pl.DataFrame, file: Path) -> None:
    file.write_bytes(gzip.compress(rows.write_csv().encode()))


def _delta(rows: pl.DataFrame, file: Path) -> None:
    rows.write_delta(file, mode="overwrite")


WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    ".csv": pl.DataFrame.write_csv,
    ".csv.gz": _gzipped,
    ".parquet": pl.DataFrame.write_parquet,
    ".jsonl": pl.DataFrame.write_ndjson,
    ".delta": _delta,
}
SPELLINGS = [
    "a",
    "A",
    "ab",
    "b",
    "a ",
    "7",
    "07",
    "7.0",
    "ä",
    "a\u0308",
    "x",
    "a,b",
    '"',
    "-1",
    "*",
]
AGAIN = examples(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _jobs(file: Path, clients: Sequence[str], strays: Sequence[Strays] = ()) -> list[PartitionJob]:
    """Make a partition of each client; their names are numbers, and their spellings the texts."""
    jobs = []
    for i, spelled in enumerate(clients):
        where = FileLocation(str(file), "", file.name, "client", spelled)
        own = source(where, mapped("id", "int64"), mapped("n", "int64"))
        own = replace(own, strays=strays[i] if strays else "fail", shared_at="first cell")
        jobs.append(job(own, client=f"c{i}"))
    return jobs


def _made(jobs: Sequence[PartitionJob], folder: Path) -> list[PartitionResult]:
    return making.make(jobs, settings(folder), "run-1")


def _write(folder: Path, suffix: str, rows: pl.DataFrame) -> Path:
    file = folder / f"all{suffix}"
    WRITERS[suffix](rows, file)
    return file


@pytest.mark.parametrize("spill", [False, True], ids=["", "spilled"])
@pytest.mark.parametrize("suffix", WRITERS)
@AGAIN
@given(
    owners=st.lists(st.sampled_from(SPELLINGS), min_size=1, max_size=30),
    clients=st.lists(st.sampled_from(SPELLINGS), min_size=1, max_size=6, unique=True),
)
def test_each_client_gets_just_its_rows(
    tmp_path: Path, suffix: str, spill: bool, owners: list[str], clients: list[str]
) -> None:
    """Together or alone, in the order of the file; what cannot be mapped is its own reject."""
    ids = ["x" if i % 7 == 3 else str(i) for i in range(len(owners))]
    rows = pl.DataFrame({"client": owners, "id": ids, "n": range(len(owners))})
    file = _write(tmp_path, suffix, rows)
    with pytest.MonkeyPatch.context() as patch:
        if spill:
            patch.setattr(scratch, "SPILL_BYTES", 0)
        together = _made(_jobs(file, clients), tmp_path)
        alone = [_made([one], tmp_path)[0] for one in _jobs(file, clients)]
    for spelled, *results in zip(clients, together, alone, strict=True):
        own = [row for row in rows.rows() if row[0] == spelled]
        good = [(int(i), n) for _, i, n in own if i != "x"]
        for result in results:
            if not own:
                assert codes(result) == ["SRC-002"]
            elif not good:
                assert codes(result) == ["DAT-004"]
            else:
                assert written(result, tmp_path).select("id", "n").rows() == good
                assert count_rows(result)["orion"] == (len(own), len(own) - len(good), 0, len(good))


@AGAIN
@given(
    owners=st.lists(st.integers(-3, 12), min_size=1, max_size=20),
    dtype=st.sampled_from([pl.Int8, pl.Int64, pl.UInt64, pl.Int128]),
)
def test_a_whole_number_has_one_text(
    tmp_path: Path, owners: list[int], dtype: type[pl.DataType]
) -> None:
    if dtype == pl.UInt64:
        owners = [abs(owner) for owner in owners]
    rows = pl.DataFrame(
        {"client": pl.Series(owners, dtype=dtype), "id": 1, "n": range(len(owners))}
    )
    file = _write(tmp_path, ".parquet", rows)
    clients = ["7", "07", "7.0", "7e0", "+7", " 7", "-1", "-0", "0", "300", "٧", "1_0", "10"]
    for spelled, result in zip(clients, _made(_jobs(file, clients), tmp_path), strict=True):
        own = [(1, n) for n, owner in enumerate(owners) if str(owner) == spelled]
        if own:
            assert written(result, tmp_path).select("id", "n").rows() == own
        else:
            assert codes(result) == ["SRC-002"]
            assert "which holds numbers" in problems(result)[0].message


@pytest.mark.parametrize("dtype", [pl.Float64, pl.Decimal(5, 1), pl.Date, pl.Boolean])
def test_other_types_have_no_sure_text(tmp_path: Path, dtype: pl.DataType) -> None:
    rows = pl.DataFrame({"client": [1, 0], "id": 1, "n": 1}).cast({"client": pl.Int32})
    file = _write(tmp_path, ".parquet", rows.cast({"client": dtype}))
    for result in _made(_jobs(file, ["1", "0"]), tmp_path):
        assert codes(result) == ["CTL-022"]


def test_without_the_column_nobody_gets_anything(tmp_path: Path) -> None:
    file = _write(tmp_path, ".csv", pl.DataFrame({"clients": ["a"], "id": 1, "n": 1}))
    for result in _made(_jobs(file, ["a", "b"]), tmp_path):
        assert codes(result) == ["CTL-014"]


STRAYS = pl.DataFrame({"client": ["a", None, "b", " ", "a"], "id": 1, "n": range(5)})


@pytest.mark.parametrize("suffix", WRITERS)
def test_rows_that_are_nobodys_fail_all_clients(tmp_path: Path, suffix: str) -> None:
    file = _write(tmp_path, suffix, STRAYS)
    for results in (_made(_jobs(file, ["a", "b"]), tmp_path), _made(_jobs(file, ["a"]), tmp_path)):
        for result in results:
            (problem,) = problems(result)
            assert (problem.code, problem.place) == ("SRC-016", "first cell")
            assert problem.message.startswith("2 rows of ")


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("suffix", WRITERS)
def test_rows_that_are_nobodys_may_be_rejects_of_one(
    tmp_path: Path, suffix: str, together: bool
) -> None:
    file = _write(tmp_path, suffix, STRAYS)
    jobs = _jobs(file, ["a", "b"], ["reject", "leave"])
    first, second = _made(jobs, tmp_path) if together else [_made([j], tmp_path)[0] for j in jobs]
    assert [count_rows(r)["orion"] for r in (first, second)] == [(4, 2, 0, 2), (1, 0, 0, 1)]
    assert left_out(second, tmp_path) == []
    rejects = left_out(first, tmp_path)
    assert [r["reason"] for r in rejects] == ["REJ-005"] * 2
    assert {str(r["raw_row"]["n"]) for r in rejects} == {"1", "3"}
    assert {r["raw_schema"] for r in rejects} == {None}  # a replay would make them anybody's


def test_lines_that_are_no_rows_are_nobodys(tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    file.write_text("client,id,n\na,1,1\nb,2\nb,3,3\n")
    assert [codes(r) for r in _made(_jobs(file, ["a", "b"]), tmp_path)] == [["SRC-016"]] * 2
    jobs = _jobs(file, ["a", "b"], ["leave", "reject"])
    first, second = _made(jobs, tmp_path)
    assert [count_rows(r)["orion"] for r in (first, second)] == [(1, 0, 0, 1), (2, 1, 0, 1)]
    assert [r["raw_row"] for r in left_out(second, tmp_path)] == [{"line": "b,2"}]


def test_a_file_is_read_once_for_all_that_are_made_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [f"client{i}" for i in range(40)]
    rows = pl.DataFrame({"client": clients, "id": 1, "n": range(40)})
    file = _write(tmp_path, ".csv", rows)
    jobs = []
    for each in _jobs(file, clients):
        (own,) = each.sources
        seen = find_one(FileLocation(str(file)), "cell", settings(tmp_path))
        types = dict.fromkeys(rows.columns, pl.String())
        jobs.append(replace(each, sources=(replace(own, seen=seen, schema=pl.Schema(types)),)))
    pairs = [(j, Making(j, settings(tmp_path), "run-1")) for j in jobs]
    assert [len(batch) for batch in batched(pairs, 1, memory=30 * 2 * jobs[0].size)] == [40]
    opened: list[str] = []
    stream = CsvFile._stream

    def opening(file: CsvFile) -> Any:
        opened.append(file.name)
        return stream(file)

    monkeypatch.setattr(CsvFile, "_stream", opening)
    assert not any(result.failures for result in _made(jobs, tmp_path))
    assert len(opened) == 1
