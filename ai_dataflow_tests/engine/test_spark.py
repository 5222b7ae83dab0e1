"""The Spark engine before a session that is none: what is sent to it, and what becomes of it."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from pyspark import cloudpickle

from ai_dataflow.config.interrupts import Interrupted, heeding, taking_signals
from ai_dataflow.connections.stores import StoredFile
from ai_dataflow.engine import choice, spark
from ai_dataflow.engine.versions import code_of
from ai_dataflow.extracts.stages import STAGES
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.engine.spark import package
from ai_dataflow_tests.partition.jobs import job, mapped, source

LOST = "Job aborted due to stage failure: ExecutorLostFailure (executor 1): Connection refused"
JOBS = [job(client=str(i)) for i in range(6)]
Function = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


@dataclass
class Session:
    """Runs what it is sent, pickled as Spark does; `errors` are raised instead, one each.

    `sent` are the clients that were made, `tasks` how many each task made.
    """

    errors: list[Exception] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    interrupted: list[str] = field(default_factory=list)

    def addTag(self, tag: str) -> None:  # noqa: N802 - as Spark calls it
        self.tags.add(tag)

    def interruptTag(self, tag: str) -> None:  # noqa: N802
        self.interrupted.append(tag)

    def range(self, start: int, end: int, step: int, partitions: int) -> Any:
        assert (start, end, step, partitions) == (0, 1, 1, 1)
        return SimpleNamespace(mapInArrow=self._map)

    def _map(self, function: Function, _: str) -> Any:
        return SimpleNamespace(collect=lambda: self.collect(cloudpickle.dumps(function)))

    def collect(self, function: bytes) -> list[Any]:
        """Run a task."""
        if self.errors:
            raise self.errors.pop(0)
        batches = list(cloudpickle.loads(function)(iter([])))
        rows = [row for batch in batches for row in batch.to_pylist()]
        results = [pickle.loads(row["result"]) for row in rows if row["result"]]  # noqa: S301
        self.sent += [result.job.client for result in results]
        self.tasks.append(len(rows))
        return [SimpleNamespace(**row) for row in rows]


def run(session: Any, jobs: list[PartitionJob], workers: int = 1) -> list[PartitionResult]:
    """Let a session make jobs."""
    cluster = spark.Cluster(session, STAGES)
    return list(spark.run_tasks(choice._largest_first(tasks_of(jobs)), cluster, workers))


def tasks_of(jobs: list[PartitionJob]) -> list[tuple[PartitionJob, Task]]:
    """Give tasks that come to nothing, and to no failure."""
    return [(one, partial(PartitionResult, one)) for one in jobs]


def sized(size: int, client: str = "") -> PartitionJob:
    """Give a job of a file that a survey has seen."""
    path = Path(f"{size}.csv")
    seen = Listing(FileLocation(str(path), "", ""), "", "csv", (StoredFile("a", size, ""),))
    return job(replace(source(path, mapped("n")), seen=seen), client=client or str(size))


def codes(results: list[PartitionResult]) -> list[list[str]]:
    """Give the codes of each result's failures."""
    return [sorted({f.diagnostic.code for f in result.failures}) for result in results]


def test_every_job_gives_its_result() -> None:
    results = run(Session(), JOBS, workers=3)
    assert sorted(r.job.client for r in results) == [one.client for one in JOBS]
    assert all(not result.failures for result in results)


def test_the_largest_begin_first() -> None:
    session = Session()
    run(session, [sized(5), job(client="unknown"), sized(900), sized(70)])
    assert session.sent == ["900", "70", "unknown", "5"]
    assert session.tasks == [2, 1, 1]


def test_a_task_that_is_lost_fails_its_partition_in_all_stages_and_no_other() -> None:
    results = run(Session(errors=[RuntimeError(LOST)]), JOBS)
    (failed,) = [result for result in results if result.failures]
    assert codes([failed]) == [["RUN-022"]]
    assert failed.failed_stages == set(STAGES)
    assert "ExecutorLostFailure" in failed.failures[0].diagnostic.cause


def test_a_session_that_is_gone_is_asked_no_more() -> None:
    session = Session(errors=[RuntimeError("Cannot call methods on a stopped SparkContext")])
    assert codes(run(session, JOBS)) == [["RUN-020"]] * len(JOBS)
    assert session.sent == []


@pytest.mark.parametrize(
    "said",
    [
        "[PYTHON_VERSION_MISMATCH] Python in worker has different version: 3.12 than in driver",
        "ModuleNotFoundError: No module named 'pyarrow'",
    ],
)
def test_an_executor_that_cannot_even_begin_is_one_of_other_versions(said: str) -> None:
    assert codes(run(Session(errors=[RuntimeError(said)]), JOBS[:1])) == [["RUN-021"]]


def test_other_versions_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class OtherVersions(Session):
        def collect(self, function: bytes) -> list[Any]:
            other = spark.versions() | {"Polars": "2.0.0"}
            with monkeypatch.context() as patch:
                patch.setattr("ai_dataflow.engine.versions.versions", lambda: other)
                return super().collect(function)

    session = OtherVersions()
    (result,) = run(session, JOBS[:1])
    assert session.sent == []
    message = result.failures[0].diagnostic.message
    assert "Polars 2.0.0, here" in message
    assert "Python" not in message


def test_code_in_an_archive_is_the_same_code_and_other_code_is_not(tmp_path: Path) -> None:
    own = spark.versions()["its code"]
    for version, is_same in (("", True), ("0.0.1", False)):
        archive = zipfile.Path(package(tmp_path / f"a{version}.zip", version), "ai_dataflow/")
        assert (code_of(archive) == own) == is_same


def test_where_the_package_is_missing_the_task_says_so(tmp_path: Path) -> None:
    """What is sent is understood by a Python that has pyarrow and nothing of ours."""
    sent = cloudpickle.dumps(spark.sent(((JOBS[0], partial(PartitionResult, JOBS[0])),), 1))
    (tmp_path / "sent").write_bytes(sent)
    script = f"""
import sys
sys.modules["ai_dataflow"] = None
import pickle
(batch,) = pickle.loads(open({str(tmp_path / "sent")!r}, "rb").read())(iter([]))
print(batch.to_pylist())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "none that can be used" in done.stdout
    assert "'result': None" in done.stdout


def test_what_is_left_early_is_cancelled_on_the_cluster() -> None:
    session = Session()
    cluster = spark.Cluster(session, STAGES)
    results = spark.run_tasks(tasks_of(JOBS[:2]), cluster, 1)
    next(results)
    results.close()
    assert session.interrupted == list(session.tags)


def test_who_asks_for_the_end_waits_for_no_task() -> None:
    session = Session()
    cluster = spark.Cluster(session, STAGES)
    with taking_signals(), heeding():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Interrupted):
            list(spark.run_tasks(tasks_of(JOBS[:2]), cluster, 1))
    assert session.interrupted == [cluster.tag]


def test_a_result_that_is_not_understood_costs_its_partition_alone() -> None:
    class Garbled(Session):
        def collect(self, function: bytes) -> list[Any]:
            (row,) = super().collect(function)
            if row.result and self.sent == ["1"]:
                row.result = row.result[:-20]
            return [row]

    results = run(Garbled(), JOBS[1:4])
    assert codes(results) == [["RUN-022"], [], []]


def test_a_session_that_is_gone_is_not_asked_again_for_the_next_module() -> None:
    session = Session([RuntimeError("SESSION_CLOSED")])
    cluster = spark.Cluster(session, STAGES)
    for own in (JOBS[:2], JOBS[2:]):
        made = spark.run_tasks(tasks_of(own), cluster, 1)
        assert codes(list(made)) == [["RUN-020"]] * len(own)
    assert session.sent == []
