"""Which engine makes a run's partitions: threads of this machine, or a Spark cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import local, spark
from ai_dataflow.extracts.stages import Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task

Engine = Callable[
    [Sequence[PartitionJob], Callable[[PartitionJob], Task]], Iterator[PartitionResult]
]


def open_engine(settings: Settings, stages: Sequence[Stage]) -> Engine:
    """Open the engine that the settings name.

    Raises:
        DataflowError: RUN-020, where it is Spark and there is none.
    """
    workers = settings.execution.workers
    if settings.execution.engine == "local":
        return lambda jobs, task_of: local.run_jobs(jobs, lambda job: task_of(job)(), workers)
    cluster = spark.Cluster(spark.open_session(settings), stages)
    return lambda jobs, task_of: spark.run_jobs(jobs, task_of, cluster, workers)
