"""Which engine makes a run's partitions: processes of this machine, or a Spark cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.extras import is_installed, not_installed
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import local
from ai_dataflow.extracts.stages import Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task

# Takes tasks, each with its job.
Engine = Callable[[Iterable[tuple[PartitionJob, Task]]], Iterator[PartitionResult]]


def check_engine(settings: Settings) -> tuple[Diagnostic, ...]:
    """Tell what the engine of the settings needs and is not installed (CFG-022); opens nothing."""
    if settings.execution.engine == "local":
        return ()
    remote = settings.spark.remote.get_secret_value() if settings.spark.remote else ""
    needed = ("databricks.connect",) if remote == "databricks" else ("pyspark", "dagster_pyspark")
    place = f"{settings.file_name}:execution.engine"
    missing = next((package for package in needed if not is_installed(package)), "")
    return (not_installed(missing, "engine `spark`", place),) if missing else ()


def open_engine(settings: Settings, stages: Sequence[Stage]) -> Engine:
    """Open the engine that the settings name.

    Raises:
        DataflowError: RUN-020, where it is Spark and there is none.
    """
    if settings.execution.engine == "local":
        return lambda tasks: local.run_tasks(list(tasks), settings, stages)
    from ai_dataflow.engine import spark  # noqa: PLC0415 - it digests all of the code

    workers = settings.execution.workers
    cluster = spark.Cluster(spark.open_session(settings), stages)
    return lambda tasks: spark.run_tasks(_largest_first(tasks), cluster, workers)


def _largest_first(
    tasks: Iterable[tuple[PartitionJob, Task]],
) -> list[tuple[PartitionJob, Task]]:
    """Let the largest begin first: else the last of them could keep everybody waiting."""
    return sorted(tasks, key=lambda task: task[0].size, reverse=True)
