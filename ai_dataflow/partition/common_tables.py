"""Tables of SQL that all clients of a module share: copied once, before their partitions are made.

Nobody waits for anybody: who plans the run has them copied by tasks of their own, one for each
table, and gives what these came to with the jobs. So a table is read in one statement, however many
workers there are, and what is wrong with it is known to all partitions that use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.config.settings import Settings
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.control_table import EVERY_CLIENT
from ai_dataflow.tables.locations import SqlLocation, identity


@dataclass(frozen=True)
class Copying:
    """A task that copies a table which all clients share: the one source of its job."""

    job: PartitionJob
    settings: Settings

    def __call__(self) -> PartitionResult:
        """Copy it."""
        from ai_dataflow.partition.making import copy_table  # noqa: PLC0415 - for who does it

        return copy_table(self.job, self.settings)


def copying_jobs(jobs: Iterable[PartitionJob]) -> list[PartitionJob]:
    """Give a job for each table that all clients of a module share.

    Clients may have rows of the sheet for themselves: the copy has the columns of all of them.
    """
    readers: dict[tuple[str, SourceKey], dict[tuple[object, ...], SourceJob]] = {}
    leases: dict[str, int] = {}
    for job, source in ((each, source) for each in jobs for source in each.sources):
        if source.of_every and isinstance(source.location, SqlLocation):
            of_all = replace(source, location=replace(source.location, client=""))
            said = source.mappings, source.rule
            readers.setdefault((job.module, source.key), {}).setdefault(said, of_all)
            leases[job.module] = job.lease
    return [
        PartitionJob(module, EVERY_CLIENT, (), (_of_all(*variants.values()),), leases[module])
        for (module, _), variants in readers.items()
    ]


def _of_all(first: SourceJob, *others: SourceJob) -> SourceJob:
    return replace(first, variants=others)


def with_copies(job: PartitionJob, copied: Iterable[PartitionResult]) -> PartitionJob:
    """Give a job with what copying the tables came to that all partitions of its module share."""
    of_module = {of.job.sources[0].key: of for of in copied if of.job.module == job.module}
    sources = [source for source in job.sources if source.of_every and source.key in of_module]
    return replace(job, common={s.key: _outcome(s, of_module[s.key]) for s in sources})


def _outcome(source: SourceJob, copied: PartitionResult) -> Extract | tuple[Diagnostic, ...]:
    """Give the extract of a partition's source, or why there is none."""
    if copied.extracts:
        # A query of the settings may tell the table's state of each client: it is that of its own.
        mark = source.seen if isinstance(source.seen, str) else ""
        where, (extract,) = identity(source.location), copied.extracts
        return replace(extract, source=where, fingerprint=mark, is_common=True)
    problems = dict.fromkeys(failure.diagnostic for failure in copied.failures)
    # Of a process or a cluster that fell over, it is this source that it had in hand.
    return tuple(p if p.product else replace(p, place=source.place) for p in problems)
