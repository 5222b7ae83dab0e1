"""Batches: which partitions are made together, in one process or one Spark task.

Those of one shape share scans, expressions and joins, which cost as much for one client as for
sixty. How large a partition is tell the files that the survey has seen; what is of unknown size, a
table of SQL, or large is made alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult, Task
from ai_dataflow.partition.shapes import Shape, Shapes
from ai_dataflow.partition.tasks import Making, make_all

Pair = tuple[PartitionJob, Task]
_MOST = 64  # partitions; beyond, nothing is won
_BYTES = 32_000_000  # of files
_PART = 30  # of the memory: files are some ten times as large there, and are joined


def batched(
    pairs: Iterable[Pair], parts: int, memory: int = _PART * _BYTES
) -> list[tuple[Pair, ...]]:
    """Divide jobs into batches, the largest jobs first.

    Args:
        pairs: the jobs.
        parts: how many processes there are; each gets something to do.
        memory: how many bytes one of them may take.
    """
    most_bytes = min(_BYTES, memory // _PART)
    shapes, alike = Shapes(), dict[Shape, list[Pair]]()
    alone: list[tuple[Pair, ...]] = []
    for pair in sorted(pairs, key=lambda pair: pair[0].size, reverse=True):
        job, task = pair
        shape = shapes.of(job) if isinstance(task, Making) else None
        if shape is None or job.size > most_bytes:
            alone.append((pair,))
        else:
            alike.setdefault(shape, []).append(pair)
    return alone + [batch for some in alike.values() for batch in _cut(some, parts, most_bytes)]


def make_batches(pairs: Sequence[Pair]) -> list[PartitionResult]:
    """Make jobs of any shapes here, in batches; give the results in the order of the jobs."""
    results = {
        job.partition: result
        for batch in batched(pairs, 1)
        for (job, _), result in zip(batch, make_all([task for _, task in batch]), strict=True)
    }
    return [results[job.partition] for job, _ in pairs]


def _cut(pairs: Sequence[Pair], parts: int, most_bytes: int) -> list[tuple[Pair, ...]]:
    """Cut what is alike into batches of equal numbers, unless they grow too large."""
    batches = max(-(-len(pairs) // _MOST), min(parts, len(pairs)))
    each, done, batch, size = -(-len(pairs) // batches), [], list[Pair](), 0
    for pair in pairs:
        if batch and (len(batch) == each or size + pair[0].size > most_bytes):
            done.append(tuple(batch))
            batch, size = [], 0
        batch.append(pair)
        size += pair[0].size
    return [*done, tuple(batch)]
