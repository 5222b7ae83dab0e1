"""Partitions made together are what each is when it is made alone, whatever the others are."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from ai_dataflow.config.settings import Settings
from ai_dataflow.partition import making, shapes
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.partition.making import make, run
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.partition.steps import Steps
from ai_dataflow.sources.files.finding import find_one
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.locations import FileLocation, SqlLocation
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.partition.jobs import (
    PLACE,
    database,
    key,
    mapped,
    problems,
    settings,
    source,
    workstation,
)
from ai_dataflow_tests.partition.test_taking import rule

ORDERS = {"No": pl.String, "Day": pl.String, "Who": pl.String}
LINES = {"No": pl.String, "Qty": pl.String}
NOTES = {"Text": pl.String}
PEOPLE = {"Name": pl.String, "Rank": pl.String, "Tags": pl.List(pl.String)}
COLUMNS = (
    AiColumn("id", "int64"),
    AiColumn("day", "date"),
    AiColumn("who", "string"),
    AiColumn("quantity", "float64"),
    AiColumn("note", "string"),
    AiColumn("rank", "int64"),
    AiColumn("tags", "list(string)"),
    AiColumn("half", "float64"),
    AiColumn("whose", "string"),
)
# In an order in which they cannot be computed; `half` fails where nothing is to be halved.
COMPUTED = tuple(
    replace(row, submodule="", line=line)
    for line, row in enumerate(
        (
            mapped("half", "float64", transform="1 / (quantity - LENGTH(whose) + 4)"),
            mapped("whose", transform="client_code || '/' || who", required=True),
        ),
        start=20,
    )
)
numbers = st.sampled_from(["1", "2", "3", " 4 ", "5.0", "x", "", None])
keys = st.sampled_from(["1", "2", "3", "4", "5", "6", None])
days = st.sampled_from(["2024-01-31", " 2024-02-29", "2024-02-30", "2024-1-1", "", None])
names = st.sampled_from(["ann", "bob", None])
rules = st.tuples(
    st.sampled_from(["", "", "No <> '2'", "CAST(No AS INT) < 5", "CAST(Who AS INT) = 1"]),
    st.sampled_from(["", "No", "No, Who"]),
    st.sampled_from(["", "latest:TRY_CAST(Day AS DATE)", "first:CAST(No AS INT)"]),
)


def _rows(of: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(st.fixed_dictionaries(of), max_size=6)


clients = st.fixed_dictionaries(
    {
        "orders": st.lists(_rows({"No": keys, "Day": days, "Who": names}), min_size=1, max_size=2),
        "lines": st.lists(_rows({"No": keys, "Qty": numbers}), min_size=1, max_size=3),
        "notes": st.lists(_rows({"Text": names}), min_size=1, max_size=1),
        "broken": st.sampled_from([""] * 8 + ["cut", "gone", "changed", "page"]),
    }
)


# A lookup that all clients have; mostly it can be used.
people = st.fixed_dictionaries(
    {
        "rows": _rows({
            "Name": names, "Rank": numbers, "Tags": st.sampled_from([["a"], ["a", None], [], None])
        }),
        "is_unique": st.sampled_from([True] * 4 + [False]),
        "broken": st.sampled_from([""] * 5 + ["cut", "gone"]),
    }
)  # fmt: skip


@given(
    st.lists(clients, min_size=2, max_size=7),
    st.sampled_from(["parquet", "csv", "sql"]),
    rules,
    st.booleans(),
    people | st.none(),
)
@settings_of(share=4)
def test_each_is_as_if_it_were_alone(
    tmp_path_factory: pytest.TempPathFactory,
    several: list[dict[str, Any]],
    kind: str,
    said: tuple[str, str, str],
    computes: bool,
    looked_up: dict[str, Any] | None,
) -> None:
    folder = tmp_path_factory.mktemp("together")
    jobs = [_ruled(_job(folder, f"c{i}", given, kind), said) for i, given in enumerate(several)]
    if looked_up:
        lookup = _people(folder, looked_up)
        jobs = [replace(job, sources=(*job.sources, lookup)) for job in jobs]
    if computes:
        jobs = [replace(job, computed={"orion": COMPUTED}) for job in jobs]
    together = make(jobs, _settings(folder), "run")
    for job, result in zip(jobs, together, strict=True):
        assert result.job.client == job.client
        _assert_same(result, run(job, _settings(folder), "run"), folder)


def _ruled(job: PartitionJob, said: tuple[str, str, str]) -> PartitionJob:
    """Say which of the orders' rows are taken."""
    where, unique_by, keep = said
    order = replace(job.sources[0], rule=rule(where, unique_by, keep if unique_by else ""))
    return replace(job, sources=(order, *job.sources[1:]))


def _people(folder: Path, given: dict[str, Any]) -> SourceJob:
    """Make the lookup of people; of each client it is the same."""
    rows = [*{row["Name"]: row for row in given["rows"]}.values()]
    files = [rows if given["is_unique"] else given["rows"]]
    lookup = _source(
        folder / "people", files, PEOPLE, "parquet", "people",
        mapped("who", "string", "Name", is_key=True), mapped("rank", "int64", "Rank"),
        mapped("tags", "list(string)", "Tags"),
    )  # fmt: skip
    _spoil(given["broken"], folder / "people" / "0.parquet")
    return replace(lookup, rule=replace(rule(), join="lookup"))


def _settings(folder: Path) -> Settings:
    return settings(folder, shop=f"sqlite:///{folder / 'shop.sqlite'}")


def _assert_same(one: PartitionResult, other: PartitionResult, folder: Path) -> None:
    assert problems(one) == problems(other)
    assert one.counts == other.counts
    assert one.origins == other.origins
    assert_frame_equal(_data(one, folder), _data(other, folder))
    assert_frame_equal(_rejects(one, folder), _rejects(other, folder))
    assert _kept(one, folder) == _kept(other, folder)


def _read(root: str, files: Iterable[Any]) -> pl.DataFrame:
    paths = [f"{root}/{file.path}" for file in files]
    assert [pl.scan_parquet(path).select(pl.len()).collect().item() for path in paths] == [
        file.rows for file in files
    ]
    return pl.read_parquet(paths, glob=False, hive_partitioning=False) if paths else pl.DataFrame()


def _data(result: PartitionResult, folder: Path) -> pl.DataFrame:
    return _read(workstation(folder).dataset("sales").url, result.data)


def _rejects(result: PartitionResult, folder: Path) -> pl.DataFrame:
    rows = _read(workstation(folder).rejects("sales").url, result.rejects)
    return rows.drop("rejected_at", strict=False)


def _kept(result: PartitionResult, folder: Path) -> dict[str, list[Any]]:
    root = Path(workstation(folder).kept("sales").url) / result.job.client / result.publication
    return {
        file.relative_to(root).as_posix(): pl.read_parquet(file).rows()
        for file in sorted(root.rglob("*.parquet"))
    }


def _job(folder: Path, client: str, given: dict[str, Any], kind: str) -> PartitionJob:
    order = _source(
        folder / client / "orders", given["orders"], ORDERS, kind, "order",
        key("id", "No"), mapped("day", "date", "Day"),
        mapped("who", "string", "Who", required=True, is_key=True),
    )  # fmt: skip
    line = _source(
        folder / client / "lines", given["lines"], LINES, kind, "line",
        key("id", "No"), mapped("quantity", "float64", transform="CAST(Qty AS DOUBLE)"),
    )  # fmt: skip
    note = _source(
        folder / client / "notes",
        given["notes"],
        NOTES,
        kind,
        "note",
        mapped("note", "string", "Text"),
    )
    if kind != "sql":
        _spoil(given["broken"], folder / client / "lines" / f"0.{kind}")
    elif given["broken"]:
        database(folder, f"DROP TABLE {client}_lines")
    sources = (order, line, replace(note, product="vega"))
    return PartitionJob("sales", client, COLUMNS, sources)


def _source(
    place: Path, files: list[Any], schema: dict[str, Any], kind: str, name: str, *mappings: Any
) -> SourceJob:
    if kind == "sql":
        table = f"{place.parent.name}_{place.name}"
        _fill(place.parents[1], table, [row for rows in files for row in rows], schema)
        return source(SqlLocation("shop", table, "main"), *mappings, submodule=name)
    place.mkdir(parents=True)
    for i, rows in enumerate(files):
        frame = pl.DataFrame(rows, schema=schema)
        path = place / f"{i}.{kind}"
        if kind == "parquet":
            frame.write_parquet(path, row_group_size=3)
        else:
            frame.write_csv(path)
    location = FileLocation(str(place), kind, place.name)
    seen = find_one(location, PLACE, settings(place.parent))
    made = source(location, *mappings, submodule=name)
    return replace(made, seen=seen, schema=pl.Schema(schema))


def _fill(folder: Path, table: str, rows: list[Any], schema: dict[str, Any]) -> None:
    """Make a table; what SQLite takes for no number makes a text of its column in the copy."""
    types = {name: "INTEGER" if name in ("No", "Qty") else "TEXT" for name in schema}
    with closing(sqlite3.connect(folder / "shop.sqlite")) as connection, connection:
        names = ", ".join(f"{name} {dtype}" for name, dtype in types.items())
        connection.execute(f"CREATE TABLE {table} ({names})")
        marks = ", ".join(f":{name}" for name in schema)
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608


def _spoil(how: str, file: Path) -> None:
    if how == "gone":
        file.unlink()
    elif how == "changed":
        file.write_bytes(file.read_bytes() + b"\n")
    elif how and (content := file.read_bytes()):
        stat = file.stat()
        at = 4 if how == "page" else len(content) - 9
        file.write_bytes(content[:at] + b"\xff" * 5 + content[at + 5 :])
        os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_who_lost_all_rows_before_a_file_was_broken_fails_alone(tmp_path: Path) -> None:
    well = {
        "orders": [[{"No": "1", "Day": "2024-01-31", "Who": "ann"}]],
        "lines": [[{"No": "1", "Qty": "2"}]],
        "notes": [[{"Text": "a"}]],
        "broken": "",
    }
    lost = well | {"orders": [[{"No": "1", "Day": "never", "Who": "ann"}]], "broken": "gone"}
    jobs = [_job(tmp_path, client, given, "csv") for client, given in (("a", lost), ("b", well))]
    first, second = make(jobs, settings(tmp_path), "run")
    assert [problem.code for problem in problems(first)] == ["SRC-001"]
    assert not second.failures
    _assert_same(first, run(jobs[0], settings(tmp_path), "run"), tmp_path)
    _assert_same(second, run(jobs[1], settings(tmp_path), "run"), tmp_path)


def _tables(folder: Path, **quantities: list[Any]) -> list[PartitionJob]:
    """Give jobs of clients whose lines are tables with such quantities."""
    return [
        _job(folder, client, {
            "orders": [[{"No": "1", "Day": "2024-01-31", "Who": "ann"}]],
            "lines": [[{"No": "1", "Qty": quantity} for quantity in of_client]],
            "notes": [[{"Text": "a"}]],
            "broken": "",
        }, "sql")
        for client, of_client in quantities.items()
    ]  # fmt: skip


def test_copies_of_one_schema_are_made_together_and_large_ones_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text among the numbers of a column of SQLite makes texts of them, of that client."""
    made: list[list[str]] = []
    make_steps = making._make

    def noted(steps: Steps, *given: Any) -> None:
        made.append([job.client for job in steps.jobs])
        make_steps(steps, *given)

    monkeypatch.setattr(making, "_make", noted)
    jobs = _tables(tmp_path, a=[1], b=["x"], c=[2, 3], d=["y", 1])
    results = make(jobs, _settings(tmp_path), "run")
    assert made == [["a", "c"], ["b", "d"]]
    assert [result.total("rows_published") for result in results] == [2, 2, 3, 2]
    made.clear()
    monkeypatch.setattr(shapes, "_BYTES", 1)
    make(jobs, _settings(tmp_path), "run")
    assert made == [["a"], ["c"], ["b"], ["d"]]
