"""The Spark engine: each partition is a task of a Spark cluster, classic or through Spark Connect.

Each partition is a Spark job of its own with one task, and threads of the driver keep as many of
them going as `workers` says. One Spark job with a task per partition costs a little less each, but
gives results in the order of its tasks only, and ends when one of them fails for good. Here a
result comes back as soon as it is there, the largest partitions begin first (Spark's queue is first
in, first out), and what is lost is one partition. It needs nothing but a DataFrame of one row.

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
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine.versions import versions
from ai_dataflow.extracts.stages import Failure, Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task

if TYPE_CHECKING:
    from pyarrow import RecordBatch

_CONNECT_PORT = 15002
_PATIENCE = 10.0  # seconds
# A progress bar would run through what the command prints.
_DEFAULTS = {"spark.app.name": "ai_dataflow", "spark.ui.showConsoleProgress": "false"}
_NOTHING = pickle.dumps(None)
_SCHEMA = "versions string, result binary"
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
    """Run tasks on a cluster, `workers` at once, and give each result as soon as it is there.

    What is left early, by an interrupt say, is cancelled on the cluster too.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="partition") as pool:
        try:
            futures = [pool.submit(cluster.make, job, task) for job, task in tasks]
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            cluster.cancel()
            raise


class Cluster:
    """A session while a run lasts; once it is gone, nothing more is sent to it."""

    def __init__(self, session: Any, stages: Sequence[Stage]) -> None:
        """Take a SparkSession, of either kind; `stages` are what fails where a task is lost."""
        self.tag = f"ai_dataflow-{uuid.uuid4().hex}"
        self._session = session
        self._stages = stages
        self._gone: Diagnostic | None = None

    def cancel(self) -> None:
        """End what is running there."""
        with suppress(Exception):  # it may be the session that is gone
            self._session.interruptTag(self.tag)

    def make(self, job: PartitionJob, task: Task) -> PartitionResult:
        """Let a task make a partition; never raises, what goes wrong with the task is a failure."""
        if self._gone:
            return self._failed(job, self._gone)
        try:
            self._session.addTag(self.tag)  # of this thread
            # `range` has exactly one row in each of its partitions: one task.
            rows = self._session.range(0, 1, 1, 1).mapInArrow(_sent(task), _SCHEMA)
            (row,) = rows.collect()
            other = json.loads(row.versions) if row.result is None else None
            result: PartitionResult = pickle.loads(row.result or _NOTHING)  # noqa: S301 - our own
        except Exception as error:
            problem = _problem(error)
            if problem.meaning.transient:  # it is the session; no `Breaker`: none comes back
                self._gone = problem
            return self._failed(job, problem)
        return result if other is None else self._failed(job, _other_versions(other))

    def _failed(self, job: PartitionJob, problem: Diagnostic) -> PartitionResult:
        failures = tuple(Failure(stage, problem) for stage in self._stages)
        return PartitionResult(job, failures=failures)


def _sent(task: Task) -> Callable[[Iterator[RecordBatch]], Iterator[RecordBatch]]:
    """Give the function that a Spark task runs. It is sent by value, since it is a nested one.

    So it can tell that this package is missing over there, or another: nothing of ours is unpickled
    before the versions are known to be the same.
    """
    content, expected = pickle.dumps(task), versions()

    def make_partition(batches: Iterator[RecordBatch]) -> Iterator[RecordBatch]:
        import json  # noqa: PLC0415
        import pickle  # noqa: PLC0415

        import pyarrow as pa  # noqa: PLC0415

        for _ in batches:
            pass
        try:
            from ai_dataflow.engine.versions import versions  # noqa: PLC0415

            installed = versions()
        except ImportError as error:
            installed = {"ai_dataflow": f"none that can be used ({error})"}
        result = pickle.dumps(pickle.loads(content)()) if installed == expected else None  # noqa: S301
        schema = pa.schema({"versions": pa.string(), "result": pa.binary()})
        row = {"versions": json.dumps(installed), "result": result}
        yield pa.RecordBatch.from_pylist([row], schema)

    return make_partition


def _problem(error: Exception) -> Diagnostic:
    """Classify why there is no result of a task."""
    text, cause = f"{type(error).__name__}: {error}", redacted(error)
    # A cluster that says why a stage failed is there, whatever refused a connection in it.
    if "stage failure" not in text and _GONE.search(text):
        return Diagnostic(
            "RUN-020",
            "the Spark session is gone",
            "spark",
            "see that the cluster runs",
            cause=cause,
        )
    missing = _MISSING.search(text)
    if missing or _OTHER_PYTHON in text:
        return _mismatch(missing[0] if missing else "they have another version of Python", cause)
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
        fix = "install ai_dataflow[spark]; for Databricks Connect see docs/scaling.md"
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
