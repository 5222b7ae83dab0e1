"""Alike: which partitions of one shape are made together, now that copies of tables are there.

Which columns a copy has may differ by client: not all databases are strict about types. And how
large it is nobody knew before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.extracting import Extracted
from ai_dataflow.partition.classified import classified
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.shapes import most_bytes, runs
from ai_dataflow.sources.files import open_files


def alike(
    jobs: Sequence[PartitionJob],
    extracted: Sequence[Extracted],
    numbers: Sequence[int],
    settings: Settings,
) -> Iterator[Sequence[int]]:
    """Divide partitions into those that are made together.

    Args:
        jobs: partitions of one shape.
        extracted: what was extracted of each.
        numbers: those of them that go on.
        settings: for accounts, and how much memory there is.
    """
    groups: dict[object, list[int]] = {}
    for i in numbers:
        columns = _copied_columns(jobs[i], extracted[i], settings) if len(numbers) > 1 else None
        groups.setdefault(columns, []).append(i)
    for group in groups.values():
        sizes = [_bytes(jobs[i], extracted[i], is_first=i == group[0]) for i in group]
        for run in runs(sizes, len(group), most_bytes(settings.execution.memory)):
            yield group[run]


def _bytes(job: PartitionJob, extracted: Extracted, *, is_first: bool) -> int:
    """Count the bytes that a partition reads; what all share is read with the first of them."""
    extracts = (e for e in extracted.extracts if is_first or e.key not in job.common)
    return sum(extract.size for extract in extracts)


def _copied_columns(job: PartitionJob, extracted: Extracted, settings: Settings) -> object:
    """Give the columns of a partition's copies; its client where one cannot be read."""
    places = {source.key: source.place for source in job.sources}
    copies = (extract for extract in extracted.extracts if extract.staged)
    with classified([]):
        files = [open_files.opened(copy, places[copy.key], settings) for copy in copies]
        return tuple(tuple(copy.schema().items()) for copy in files)
    return job.client
