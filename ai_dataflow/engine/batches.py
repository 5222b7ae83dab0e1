"""Batches: which partitions are made together, in one process or one Spark task.

Those of one shape share scans, expressions and joins, which cost as much for one client as for
sixty. How large a partition is tell the files that the survey has seen; what is large is made
alone. How large tables of SQL are is known when they are copied: few of them are in one batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task
from ai_dataflow.partition.shapes import (
    Shape,
    Shapes,
    is_copied,
    more_bytes,
    most_bytes,
    runs,
    supposed_bytes,
)
from ai_dataflow.partition.tasks import Making, make_all

Pair = tuple[PartitionJob, Task]
_MOST = 64  # partitions; beyond, nothing is won
_MEMORY = 1 << 30


def batched(
    pairs: Iterable[Pair], parts: int, memory: int = _MEMORY, at_once: int = 1
) -> list[tuple[Pair, ...]]:
    """Divide jobs into batches, the largest jobs first.

    Args:
        pairs: the jobs.
        parts: how many processes there are; each gets something to do.
        memory: how many bytes one of them may take.
        at_once: how many batches a process makes at once, if they wait for databases.
    """
    limit, shapes, alike = most_bytes(memory), Shapes(), dict[Shape, list[Pair]]()
    batches: list[tuple[Pair, ...]] = []
    for pair in sorted(pairs, key=lambda pair: supposed_bytes(pair[0]), reverse=True):
        job, task = pair
        shape = shapes.of(job) if isinstance(task, Making) else None
        if shape is None or job.size > limit:
            batches.append((pair,))
        else:
            alike.setdefault(shape, []).append(pair)
    for some in alike.values():
        least = parts * at_once if is_copied(some[0][0]) else parts
        number = max(-(-len(some) // _MOST), min(least, len(some)))
        sizes = more_bytes([job for job, _ in some])
        batches += (tuple(some[run]) for run in runs(sizes, -(-len(some) // number), limit))
    return batches


def make_batches(pairs: Sequence[Pair]) -> list[PartitionResult]:
    """Make jobs of any shapes here, in batches; give the results in the order of the jobs."""
    results = {
        job.partition: result
        for batch in batched(pairs, 1)
        for (job, _), result in zip(batch, make_all([task for _, task in batch]), strict=True)
    }
    return [results[job.partition] for job, _ in pairs]
