"""The local engine: partition jobs on a pool of threads. Polars works outside Python's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed

from ai_dataflow.partition.job import PartitionJob, largest_first
from ai_dataflow.partition.result import PartitionResult


def run_jobs(
    jobs: Iterable[PartitionJob],
    run_one: Callable[[PartitionJob], PartitionResult],
    workers: int,
) -> Iterator[PartitionResult]:
    """Run the jobs, `workers` at once, and give each result as soon as it is there.

    The largest begin first: else the last of them could keep everybody waiting.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="partition") as pool:
        futures = [pool.submit(run_one, job) for job in largest_first(jobs)]
        for future in as_completed(futures):
            yield future.result()
