"""Groups of small jobs: what shares a Spark task, and what becomes of a task that is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.engine.spark_groups import grouped
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow_tests.engine.test_spark import (
    LOST,
    Session,
    codes,
    run,
    sized,
    tasks_of,
)
from ai_dataflow_tests.partition.jobs import job, mapped, source

SMALL = [sized(9 - i, f"client{i}") for i in range(8)]
CLIENTS = [one.client for one in SMALL]


@given(st.lists(st.none() | st.integers(0, 40_000_000), max_size=200), st.integers(1, 16))
def test_a_group_is_small_and_each_task_is_in_one(sizes: list[int | None], workers: int) -> None:
    jobs = [job(client=str(i)) if size is None else sized(size, str(i))
            for i, size in enumerate(sizes)]  # fmt: skip
    groups = list(grouped(tasks_of(jobs), workers))
    assert sorted(int(one.client) for group in groups for one, _ in group) == [*range(len(jobs))]
    assert all(sum(one.size for one, _ in group) <= 32_000_000
               for group in groups if len(group) > 1)  # fmt: skip
    assert all(len(group) == 1 for group in groups if any(not one.sources for one, _ in group))
    assert all(len(group) <= 64 for group in groups)
    if len(jobs) >= workers:  # each has something to do
        assert len(groups) >= workers


def test_small_jobs_share_a_task_and_each_has_its_result() -> None:
    session = Session()
    results = run(session, SMALL)
    assert session.tasks == [4, 4]
    assert sorted(result.job.client for result in results) == CLIENTS  # who is first is not said
    assert codes(results) == [[]] * len(SMALL)


def test_large_jobs_and_those_of_unknown_size_have_tasks_of_their_own() -> None:
    session = Session()
    run(session, [*(sized(20_000_000, str(i)) for i in range(4)), job(client="sql"), job()])
    assert session.tasks == [1] * 6


def test_jobs_with_tables_share_a_task_of_a_few() -> None:
    tables = (
        SqlLocation("erp", "claims", client_column="client", client=str(i)) for i in range(90)
    )
    jobs = [job(source(table, mapped("id", "int64", "a")), client=table.client) for table in tables]
    assert {len(group) for group in grouped(tasks_of(jobs), 2)} == {8, 2}


def test_a_lost_group_is_made_again_one_by_one() -> None:
    session = Session(errors=[RuntimeError(LOST)])
    results = run(session, SMALL)
    assert codes(results) == [[]] * len(SMALL)
    assert session.tasks == [4, 1, 1, 1, 1]


class Killed(Session):
    """Loses each task with the client that kills it."""

    def collect(self, function: bytes) -> list[Any]:
        if b"client5" in function:
            raise RuntimeError(LOST)
        return super().collect(function)


@pytest.mark.parametrize("workers", [1, 2])
def test_what_kills_its_task_each_time_costs_its_own_partition(workers: int) -> None:
    results = run(Killed(), SMALL, workers)
    assert _failed(results) == {"client5": ["RUN-022"]}
    assert sorted(result.job.client for result in results) == CLIENTS


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Cannot call methods on a stopped SparkContext", "RUN-020"),
        ("ModuleNotFoundError: No module named 'pyarrow'", "RUN-021"),
    ],
)
def test_a_group_is_not_tried_again_where_its_work_is_not_to_blame(said: str, code: str) -> None:
    one_task = SMALL[:2]
    session = Session(errors=[RuntimeError(said)])
    results = run(session, one_task + [_far(i) for i in range(2)], 1)
    failed = _failed(results)
    assert [failed.get(one.client) for one in one_task] == [[code]] * 2
    assert not {one.client for one in one_task} & set(session.sent)


def _failed(results: list[PartitionResult]) -> dict[str, list[str]]:
    """Give the codes of clients that failed: groups that end together come in any order."""
    each = zip(results, codes(results), strict=True)
    return {result.job.client: of_it for result, of_it in each if of_it}


def _far(index: int) -> PartitionJob:
    return sized(0, f"far{index}")


class Garbled(Session):
    """Gives what is no result for a client."""

    def collect(self, function: bytes) -> list[Any]:
        rows = super().collect(function)
        for row in rows:
            if b"client2" in row.result:
                row.result = row.result[:-20]
        return rows


def test_a_result_that_is_not_understood_is_no_other_partitions() -> None:
    results = run(Garbled(), SMALL)
    assert [code for code in codes(results) if code] == [["RUN-022"]]


@pytest.mark.slow
@pytest.mark.proves(
    "write", "killed", "a partition that kills its Spark task each time fails alone (RUN-022)"
)
def test_on_spark_too_what_kills_its_task_costs_its_own_partition() -> None:
    command = [sys.executable, "-m", "ai_dataflow_tests.engine.killing"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    became = json.loads(done.stdout.splitlines()[-1])
    assert became.pop("client2") == ["RUN-022"]
    assert became == {f"client{i}": [] for i in range(6) if i != 2}
