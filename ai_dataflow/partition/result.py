"""What a partition's job came to: counts and files to commit, or classified failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.extracts.stages import Failure, Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.profiled import NOT_PROFILED, Profiled
from ai_dataflow.workstation.counts import ProductCounts
from ai_dataflow.workstation.data_files import DataFile, new_publication


class Origin(NamedTuple):
    """A source column that feeds an AI column."""

    stage: Stage
    product: str
    submodule: str
    column: str


@dataclass(frozen=True)
class PartitionResult:
    """What a partition's job came to: counts and files to commit, or classified failures.

    `origins` are the source columns of each AI column, as they were read; `publication` is what its
    files are named by. A partition that rejected too much has failures and rejects. `replaces` are
    the published files that it was made from, if it was; `superseded` the copies of SQL tables in
    its staging that nothing needs any more. `profiled` are the profiles of all that was made with
    it, if it is the first of them. `work` are seconds by kind of work.
    """

    job: PartitionJob
    publication: str = field(default_factory=new_publication)
    extracts: tuple[Extract, ...] = ()
    counts: Mapping[str, ProductCounts] = field(default_factory=dict)
    origins: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)
    data: tuple[DataFile, ...] = ()
    rejects: tuple[DataFile, ...] = ()
    replaces: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    profiled: Profiled = NOT_PROFILED
    seconds: float = 0.0
    work: Mapping[str, float] = field(default_factory=dict)

    @property
    def partition(self) -> PartitionKey:
        """The partition's key."""
        return self.job.partition

    @property
    def failed_stages(self) -> set[Stage]:
        """The stages that failed; without its extracts the dataset has failed too."""
        failed = {failure.stage for failure in self.failures}
        return failed | {"ai_dataset"} if failed else failed

    @property
    def bytes(self) -> int:
        """The size of its data files."""
        return sum(file.size for file in self.data)

    def total(self, count: str) -> int:
        """Sum a count, such as `rows_read`, over the products."""
        return sum(map(attrgetter(count), self.counts.values()))


# What makes one partition, wherever it is called. It can be pickled.
Task = Callable[[], PartitionResult]
