"""Which engine makes a run's partitions: threads of this machine, or a Spark cluster.

Nothing of Spark is imported, and no JVM starts, unless the settings ask for it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, redacted
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import local, spark
from ai_dataflow.extracts.stages import Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task

Engine = Callable[
    [Sequence[PartitionJob], Callable[[PartitionJob], Task]], Iterator[PartitionResult]
]
_CONNECT_PORT = 15002
_PATIENCE = 10.0  # seconds
# A progress bar would run through what the command prints.
_DEFAULTS = {"spark.app.name": "ai_dataflow", "spark.ui.showConsoleProgress": "false"}


def open_engine(settings: Settings, stages: Sequence[Stage]) -> Engine:
    """Open the engine that the settings name.

    Raises:
        DataflowError: RUN-020, where it is Spark and there is none.
    """
    workers = settings.execution.workers
    if settings.execution.engine == "local":
        return lambda jobs, task_of: local.run_jobs(jobs, lambda job: task_of(job)(), workers)
    cluster = spark.Cluster(open_session(settings), stages)
    return lambda jobs, task_of: spark.run_jobs(jobs, task_of, cluster, workers)


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
    chosen = {"spark.remote": remote, "spark.master": settings.spark.master}
    conf = {name: value for name, value in chosen.items() if value}
    own = {**_DEFAULTS, **conf, **settings.spark.conf}
    session = LazyPySparkResource(spark_config=own).spark_session
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
