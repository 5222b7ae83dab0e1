"""The local engine: partition jobs on a pool of threads. Polars works outside Python's lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task


def run_tasks(
    tasks: Iterable[tuple[PartitionJob, Task]], workers: int
) -> Iterator[PartitionResult]:
    """Run tasks in their order, `workers` at once; give each result as soon as it is there."""
    with ThreadPoolExecutor(workers, thread_name_prefix="partition") as pool:
        futures = [pool.submit(task) for _, task in tasks]
        for future in as_completed(futures):
            yield future.result()
