"""Which engine makes a run's partitions: processes of this machine, or a Spark cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import local
from ai_dataflow.extracts.stages import Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task

# Takes tasks, each with its job.
Engine = Callable[[Iterable[tuple[PartitionJob, Task]]], Iterator[PartitionResult]]


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
