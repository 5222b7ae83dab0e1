"""The local engine gives every job's result, however many run at once, whatever ends a process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import local
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.engine import calls
from ai_dataflow_tests.partition.jobs import job

SOURCE = SourceJob("ORION", "claim", FileLocation("data/claims.csv"), "control_table.csv:2", ())
JOBS = [job(SOURCE, client=str(i)) for i in range(20)]


def _run(
    work: Callable[[PartitionJob], PartitionResult], jobs: list[PartitionJob], **execution: Any
) -> Any:
    tasks: list[tuple[PartitionJob, Task]] = [(job, partial(work, job)) for job in jobs]
    settings = Settings(folder=Path(), execution=execution)
    return local.run_tasks(tasks, settings, STAGES)


@pytest.mark.parametrize("workers", [1, 4, 64])
def test_every_job_gives_one_result(workers: int) -> None:
    results = _run(PartitionResult, JOBS, workers=workers)
    assert sorted(r.job.client for r in results) == sorted(j.client for j in JOBS)


def test_as_many_jobs_run_at_once_as_there_are_workers(tmp_path: Path) -> None:
    assert len(list(_run(partial(calls.meet, tmp_path, 4), JOBS, workers=4))) == len(JOBS)


def test_a_result_is_given_before_the_others_are_done(tmp_path: Path) -> None:
    results = _run(partial(calls.wait_for, tmp_path / "go"), JOBS[:2], workers=2)
    assert next(results).job.client == "0"
    (tmp_path / "go").touch()
    assert [r.job.client for r in results] == ["1"]


def test_a_job_that_ends_its_process_fails_and_says_over_which_source() -> None:
    results = {r.job.client: r for r in _run(calls.crash, JOBS[:4], workers=4)}
    problems = [failure.diagnostic for failure in results.pop("1").failures]
    assert len(problems) == len(STAGES)
    assert {(p.code, p.place, p.product, p.submodule) for p in problems} == {
        ("RUN-022", SOURCE.place, SOURCE.product, SOURCE.submodule)
    }
    assert f"ended with SIGSEGV over {SOURCE.location}" in problems[0].message
    assert not any(result.failures for result in results.values())


def test_a_source_that_gives_nothing_fails_its_job() -> None:
    execution = {"workers": 4, "read_timeout": 2, "retry_seconds": 0}
    results = {r.job.client: r for r in _run(calls.do_nothing, JOBS[:4], **execution)}
    (problem,) = {failure.diagnostic for failure in results.pop("1").failures}
    assert problem.code == "SRC-014"
    assert "gave nothing for 2 s" in problem.message
    assert not any(result.failures for result in results.values())
