"""The local engine: partitions are made in worker processes of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ai_dataflow.config.cores import cores
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine import shares
from ai_dataflow.engine.batches import Pair, batched
from ai_dataflow.engine.crashes import crashed, patience
from ai_dataflow.engine.hand import Crash
from ai_dataflow.engine.workers import Batch, spread
from ai_dataflow.extracts.stages import Failure, Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.making import make_all
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.sources.source_job import SourceJob

_FEW = 8


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
    # To start a process costs more than a few small partitions do.
    processes = min(shares.processes(settings), -(-len(tasks) // _FEW) or 1)
    at_once = -(-settings.execution.workers // processes)
    sizes = [job.size for job, _ in tasks]
    # Who computes in one thread needs less; but a partition that lasts longest needs all.
    threads = cores() if sizes and max(sizes) * processes > sum(sizes) else 0
    batches = (
        Batch(_make, pairs, max(_patience(job, settings) for job, _ in pairs))
        for pairs in batched(tasks, processes)
    )
    for (job, _), made in spread(batches, processes, at_once, threads):
        if isinstance(made, Crash):
            yield _failed(job, made, settings, stages)
        else:
            # The job that was sent is mostly the one that is here: its parts are shared.
            yield replace(made, job=job) if made.job == job else made


def _make(pairs: Sequence[Pair]) -> list[PartitionResult]:
    return make_all([task for _, task in pairs])


def _patience(job: PartitionJob, settings: Settings) -> float:
    return patience([source.location for source in job.sources], settings)


def _failed(
    job: PartitionJob, crash: Crash, settings: Settings, stages: Sequence[Stage]
) -> PartitionResult:
    source: SourceJob | None = crash.over
    seconds = _patience(job, settings)
    if source is None:
        problem = crashed(crash, None, job.partition, seconds)
    else:
        problem = replace(
            crashed(crash, source.location, source.place, seconds),
            product=source.product,
            submodule=source.submodule,
        )
    return PartitionResult(job, failures=tuple(Failure(stage, problem) for stage in stages))
