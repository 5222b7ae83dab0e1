"""The local engine: partitions are made in worker processes of this machine."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ai_dataflow.config.blob_urls import is_blob_url
from ai_dataflow.config.cores import cores
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import shares
from ai_dataflow.engine.batches import Pair, batched
from ai_dataflow.engine.crashes import crashed, patience
from ai_dataflow.engine.hand import Crash
from ai_dataflow.engine.workers import Batch, spread
from ai_dataflow.extracts.stages import Failure, Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.parcels import Parcel, packed, unpacked
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.partition.tasks import make_all
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.locations import SqlLocation

# What one process is worth starting for: so many bytes of files, or so many partitions.
_BYTES, _SMALL, _UNKNOWN = 64_000_000, 64, 8


def run_tasks(
    tasks: Sequence[Pair], settings: Settings, stages: Sequence[Stage]
) -> Iterator[PartitionResult]:
    """Run tasks in their order, `workers` at once; give each result as soon as it is there.

    Args:
        tasks: what makes each job's partition; with the settings of one process (see `shares`).
        settings: how many at once, how patient to be.
        stages: what fails where a task ends its process.

    Raises:
        DataflowError: RUN-022: no worker process starts.
    """
    jobs = [job for job, _ in tasks]
    # To start a process costs more than small partitions do.
    processes = min(shares.processes(settings), math.ceil(sum(map(_work, jobs))) or 1)
    at_once = -(-settings.execution.workers // processes) if any(map(_waits, jobs)) else 1
    sizes = [job.size for job in jobs]
    # Who computes in one thread needs less; but a partition that lasts longest needs all.
    threads = cores() if sizes and max(sizes) * processes > sum(sizes) else 0
    memory = settings.execution.memory
    batches = (
        Batch(_make, pairs, max(_patience(job, settings) for job, _ in pairs), memory, processes)
        for pairs in batched(tasks, processes, memory // processes, at_once)
    )
    for (job, _), made in spread(batches, processes, at_once, threads):
        if isinstance(made, Crash):
            yield _failed(job, made, settings, stages)
        else:
            yield unpacked(made, job)


def _work(job: PartitionJob) -> float:
    """Tell how many processes a job is worth."""
    return max(job.size / _BYTES, 1 / _SMALL) if job.size else 1 / _UNKNOWN


def _waits(job: PartitionJob) -> bool:
    """Tell whether who makes a job may wait for others: for databases, storage accounts.

    Local files that were listed keep a core busy.
    """
    return not job.size or any(
        isinstance(source.location, SqlLocation) or is_blob_url(source.location.url)
        for source in job.sources
    )


def _make(pairs: Sequence[Pair]) -> list[Parcel]:
    results = make_all([task for _, task in pairs])
    return [packed(result, job) for result, (job, _) in zip(results, pairs, strict=True)]


def _patience(job: PartitionJob, settings: Settings) -> float:
    return patience([source.location for source in job.sources], settings)


def _failed(
    job: PartitionJob, crash: Crash, settings: Settings, stages: Sequence[Stage]
) -> PartitionResult:
    source: SourceJob | None = crash.over
    seconds = _patience(job, settings)
    if source is None:
        problem = crashed(crash, None, job.partition, settings, seconds)
    else:
        problem = replace(
            crashed(crash, source.location, source.place, settings, seconds),
            product=source.product,
            submodule=source.submodule,
        )
    return PartitionResult(job, failures=tuple(Failure(stage, problem) for stage in stages))
