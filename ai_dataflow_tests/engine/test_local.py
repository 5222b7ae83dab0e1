"""The local engine gives every job's result, however many run at once."""

from __future__ import annotations

import threading

import pytest

from ai_dataflow.engine.local import run_jobs
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow_tests.partition.jobs import job

JOBS = [job(client=str(i)) for i in range(20)]


@pytest.mark.parametrize("workers", [1, 4, 64])
def test_every_job_gives_one_result(workers: int) -> None:
    results = run_jobs(JOBS, PartitionResult, workers)
    assert sorted(r.job.client for r in results) == sorted(j.client for j in JOBS)


def test_as_many_jobs_run_at_once_as_there_are_workers() -> None:
    together = threading.Barrier(4, timeout=30)

    def meet(partition: PartitionJob) -> PartitionResult:
        together.wait()
        return PartitionResult(partition)

    assert len(list(run_jobs(JOBS, meet, 4))) == len(JOBS)


def test_a_result_is_given_before_the_others_are_done() -> None:
    others = threading.Event()

    def wait(partition: PartitionJob) -> PartitionResult:
        assert partition.client == "0" or others.wait(30)
        return PartitionResult(partition)

    results = run_jobs(JOBS[:2], wait, 2)
    assert next(results).job.client == "0"
    others.set()
    assert [r.job.client for r in results] == ["1"]
