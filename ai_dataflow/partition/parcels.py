"""Parcels: results on their way between processes, without what is there where they go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ai_dataflow.config.keys import SourceKey
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.extracts.extracting import as_listed
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult


class Parcel(NamedTuple):
    """A result, packed.

    `job` is None where it is the very job that was sent; of `extracts`, those whose files were
    pinned as the job has them are the keys of their sources; `rest` are the other fields.
    """

    job: PartitionJob | None
    extracts: Sequence[Extract | SourceKey]
    rest: dict[str, Any]


def packed(result: PartitionResult, sent: PartitionJob) -> Parcel:
    """Pack a result, for who has the job that was sent."""
    job = result.job
    rest = {name: value for name, value in vars(result).items() if name not in ("job", "extracts")}
    listed = {source.key: as_listed(source) for source in job.sources}
    extracts = [each.key if listed.get(each.key) == each else each for each in result.extracts]
    return Parcel(None if job is sent else job, extracts, rest)


def unpacked(parcel: Parcel, sent: PartitionJob) -> PartitionResult:
    """Unpack a result of the job that was sent."""
    job = parcel.job or sent
    sources = {source.key: source for source in job.sources}
    extracts = (
        each if isinstance(each, Extract) else as_listed(sources[each]) for each in parcel.extracts
    )
    return PartitionResult(job, extracts=tuple(filter(None, extracts)), **parcel.rest)
