"""The local engine gives every job's result, however many run at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from ai_dataflow.engine.local import run_tasks
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task
from ai_dataflow_tests.partition.jobs import job

JOBS = [job(client=str(i)) for i in range(20)]


def _tasks(
    work: Callable[[PartitionJob], PartitionResult], jobs: list[PartitionJob]
) -> list[tuple[PartitionJob, Task]]:
    return [(job, partial(work, job)) for job in jobs]


@pytest.mark.parametrize("workers", [1, 4, 64])
def test_every_job_gives_one_result(workers: int) -> None:
    results = run_tasks(_tasks(PartitionResult, JOBS), workers)
    assert sorted(r.job.client for r in results) == sorted(j.client for j in JOBS)


def test_as_many_jobs_run_at_once_as_there_are_workers() -> None:
    together = threading.Barrier(4, timeout=30)

    def meet(partition: PartitionJob) -> PartitionResult:
        together.wait()
        return PartitionResult(partition)

    assert len(list(run_tasks(_tasks(meet, JOBS), 4))) == len(JOBS)


def test_a_result_is_given_before_the_others_are_done() -> None:
    others = threading.Event()

    def wait(partition: PartitionJob) -> PartitionResult:
        assert partition.client == "0" or others.wait(30)
        return PartitionResult(partition)

    results = run_tasks(_tasks(wait, JOBS[:2]), 2)
    assert next(results).job.client == "0"
    others.set()
    assert [r.job.client for r in results] == ["1"]
