"""The Spark engine: partitions are made by tasks of a Spark cluster, classic or Spark Connect.

Each task is a Spark job of its own, and threads of the driver keep as many of them going as
`workers` says. One Spark job with many tasks costs a little less each, but gives results in the
order of its tasks only, and ends when one of them fails for good. Here results come back as soon as
they are there, the largest partitions begin first (Spark's queue is first in, first out). It needs
nothing but a DataFrame of one row. A large partition has a task of its own; small ones share one,
see `spark_groups`. A group whose task is lost is tried once more, each of its partitions alone: so
what is lost in the end is one partition.

What a task is to do, its job and the settings with their secrets, is in the function that is sent:
Spark shows plans, rows and configuration in its pages and its event log, and never the bytes of a
function. Data goes from sources to the workstation; the driver gets counts and names of files.

A failure of the job is a result, so Spark does not try it again. A task whose executor is lost it
does try again, and a slow one it may run twice (speculation): every attempt writes under names of
its own, and only those in the one result that comes back are ever published.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import socket
import sys
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.extras import install_line
from ai_dataflow.config.interrupts import check
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine.spark_groups import SCHEMA, Group, grouped, sent
from ai_dataflow.engine.versions import versions
from ai_dataflow.extracts.stages import Failure, Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task

_CONNECT_PORT = 15002
_PATIENCE = 10.0  # seconds
_LOOK_SECONDS = 1.0  # between two looks whether somebody asked for the end
# A progress bar would run through what the command prints.
_DEFAULTS = {"spark.app.name": "ai_dataflow", "spark.ui.showConsoleProgress": "false"}
_OTHER_PYTHON = "PYTHON_VERSION_MISMATCH"
_MISSING = re.compile(r"No module named '[\w.]+'")
_GONE = re.compile(
    r"UNAVAILABLE|Py4JNetworkError|Connection refused|SparkContext (?:was|has been) shut ?down"
    r"|stopped SparkContext|SESSION_CLOSED|SESSION_NOT_FOUND|INVALID_HANDLE",
    re.IGNORECASE,
)


def run_tasks(
    tasks: Iterable[tuple[PartitionJob, Task]], cluster: Cluster, workers: int
) -> Iterator[PartitionResult]:
    """Run tasks on a cluster, `workers` at once, and give results as soon as they are there.

    What is left early, by an interrupt say, is cancelled on the cluster too.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="partition") as pool:
        try:
            lost: list[Group] = []
            yield from _made(pool, cluster, grouped(tasks, workers), lost)
            alone = [(one,) for group in lost for one in group]
            yield from _made(pool, cluster, alone, [])
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            cluster.cancel()
            raise


def _made(
    pool: ThreadPoolExecutor, cluster: Cluster, groups: Iterable[Group], lost: list[Group]
) -> Iterator[PartitionResult]:
    """Give the results of groups; note those of which the task was lost."""
    futures = {pool.submit(cluster.make, group): group for group in groups}
    place = {future: number for number, future in enumerate(futures)}
    left = set(futures)
    while left:
        check()
        done, left = wait(left, _LOOK_SECONDS, FIRST_COMPLETED)
        for future in sorted(done, key=place.__getitem__):
            results = future.result()
            if results is None:
                lost.append(futures[future])
            yield from results or ()


class Cluster:
    """A session while a run lasts; once it is gone, nothing more is sent to it."""

    def __init__(self, session: Any, stages: Sequence[Stage]) -> None:
        """Take a SparkSession, of either kind; `stages` are what fails where a task is lost."""
        self.tag = f"ai_dataflow-{uuid.uuid4().hex}"
        self._session = session
        self._cores = _cores_of_a_task(session)
        self._stages = stages
        self._gone: Diagnostic | None = None

    def cancel(self) -> None:
        """End what is running there."""
        with suppress(Exception):  # it may be the session that is gone
            self._session.interruptTag(self.tag)

    def make(self, group: Group) -> list[PartitionResult] | None:
        """Let a task make the partitions of a group. Never raises.

        What goes wrong with the task is a failure; None where it is one of several partitions that
        may be to blame.
        """
        if self._gone:
            return self._failed(group, self._gone)
        try:
            return self._results(group)
        except Exception as error:
            problem, is_lost = _problem(error)
            if problem.meaning.transient:  # it is the session; no `Breaker`: none comes back
                self._gone = problem
            return None if is_lost and len(group) > 1 else self._failed(group, problem)

    def _results(self, group: Group) -> list[PartitionResult]:
        """Send a group and give its results."""
        self._session.addTag(self.tag)  # of this thread
        # `range` has exactly one row in each of its partitions: one task.
        function = sent(group, self._cores)
        rows = self._session.range(0, 1, 1, 1).mapInArrow(function, SCHEMA).collect()
        others = [json.loads(row.versions) for row in rows if row.result is None]
        if others:
            return self._failed(group, _other_versions(others[0]))
        # One for each: what one of them lacks is no result of another.
        return [pickle.loads(row.result) for _, row in zip(group, rows, strict=True)]  # noqa: S301

    def _failed(self, group: Group, problem: Diagnostic) -> list[PartitionResult]:
        failures = tuple(Failure(stage, problem) for stage in self._stages)
        return [PartitionResult(job, failures=failures) for job, _ in group]


def _cores_of_a_task(session: Any) -> int:
    with suppress(Exception):  # a session that is gone tells so where it is used
        return int(session.conf.get("spark.task.cpus", "1"))
    return 1


def _problem(error: Exception) -> tuple[Diagnostic, bool]:
    """Classify why there is no result of a task, and whether its work may be the reason."""
    text, cause = f"{type(error).__name__}: {error}", redacted(error)
    # A cluster that says why a stage failed is there, whatever refused a connection in it.
    if "stage failure" not in text and _GONE.search(text):
        return _gone(cause), False
    missing = _MISSING.search(text)
    if missing or _OTHER_PYTHON in text:
        difference = missing[0] if missing else "they have another version of Python"
        return _mismatch(difference, cause), False
    return _lost(cause), True


def _gone(cause: str) -> Diagnostic:
    return Diagnostic(
        "RUN-020", "the Spark session is gone", "spark", "see that the cluster runs", cause=cause
    )


def _lost(cause: str) -> Diagnostic:
    return Diagnostic(
        "RUN-022",
        "the cluster could not finish the partition's task",
        fix="look at the task in Spark's pages; if memory ran out, give executors more of it, "
        "or fewer cores",
        cause=cause,
    )


def _other_versions(theirs: dict[str, str]) -> Diagnostic:
    ours = versions()
    differences = [
        f"{name} {theirs.get(name, 'unknown')}, here {version}"
        for name, version in ours.items()
        if theirs.get(name) != version and (name in theirs or len(theirs) > 1)
    ]
    return _mismatch("; ".join(differences))


def _mismatch(difference: str, cause: str = "") -> Diagnostic:
    return Diagnostic(
        "RUN-021",
        f"the executors are not like this machine: {difference}",
        fix="install for the executors what is installed here; docs/scaling.md tells how",
        cause=cause,
    )


def open_session(settings: Settings) -> Any:
    """Open the Spark session of `[spark]`, classic or Connect; one that is open is taken.

    Raises:
        DataflowError: RUN-020.
    """
    try:
        session = _session(settings)
        _send(settings, session)
    except ImportError as error:
        fix = install_line(error.name or "pyspark")
        raise _no_spark(error, fix) from None
    except Exception as error:
        fix = (
            "see that the cluster runs and that [spark] names it; a classic one needs Java here too"
        )
        raise _no_spark(error, fix) from None
    return session


def _session(settings: Settings) -> Any:
    remote = settings.spark.remote.get_secret_value() if settings.spark.remote else ""
    if remote == "databricks":
        from databricks.connect import DatabricksSession  # noqa: PLC0415

        return DatabricksSession.builder.getOrCreate()
    from dagster_pyspark import LazyPySparkResource  # noqa: PLC0415

    if remote:
        # Spark's client would ask again for ten minutes.
        server = urlsplit(remote.partition(";")[0])
        address = (server.hostname or "", server.port or _CONNECT_PORT)
        socket.create_connection(address, _PATIENCE).close()
    elif settings.spark.master.startswith("local"):
        # Executors of this machine are this Python, not whatever `python3` is.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    chosen = {"spark.remote": remote, "spark.master": settings.spark.master}
    conf = {name: value for name, value in chosen.items() if value}
    options = {**_DEFAULTS, **conf, **settings.spark.conf}
    session = LazyPySparkResource(spark_config=options).spark_session
    session.version  # noqa: B018 - a Connect server is asked here, and not by the first partition
    return session


def _send(settings: Settings, session: Any) -> None:
    """Send what `artifacts` names; sent again it is the same."""
    for artifact in settings.spark.artifacts:
        path = str(settings.folder / Path(artifact).expanduser())
        is_archive = "#" in artifact or artifact.endswith((".tar.gz", ".tgz"))
        session.addArtifacts(path, archive=is_archive, pyfile=not is_archive)


def _no_spark(error: Exception, fix: str) -> DataflowError:
    message = f"there is no Spark session: {type(error).__name__}"
    return DataflowError(Diagnostic("RUN-020", message, "spark", fix, cause=redacted(error)))
