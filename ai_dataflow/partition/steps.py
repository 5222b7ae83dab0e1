"""The steps of making a partition: what each has given so far, in their order.

A step that fails ends the making. What those before it gave is still told: how much was read, what
was rejected. So the values are gathered here, and the result is put together of them, once.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.config.stopwatch import Stopwatch
from ai_dataflow.extracts.extracting import Extracted
from ai_dataflow.extracts.stages import Failure
from ai_dataflow.partition.conservation import Expectation
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import Origin, PartitionResult, ProductCounts, SourceCounts
from ai_dataflow.partition.values import MappedSource, MergedProduct, WrittenRejects, WrittenRows
from ai_dataflow.workstation.data_files import new_publication


@dataclass
class Steps:
    """What the steps of making a partition have given so far."""

    job: PartitionJob
    publication: str = field(default_factory=new_publication)
    extracted: Extracted = field(default_factory=Extracted)
    mapped: list[MappedSource] = field(default_factory=list)
    merged: dict[str, MergedProduct] = field(default_factory=dict)
    rejects: WrittenRejects | None = None
    written: WrittenRows = field(default_factory=WrittenRows)
    replaces: tuple[str, ...] = ()
    problems: list[Diagnostic] = field(default_factory=list)
    work: Stopwatch = field(default_factory=Stopwatch)
    begun: float = field(default_factory=time.perf_counter)

    @property
    def rows_read(self) -> int:
        """All rows that were read."""
        return sum(source.rows_read for source in self.mapped)

    @property
    def expected(self) -> Expectation:
        """What the files have to hold, by what was counted before they are written."""
        rejected: defaultdict[SourceKey, int] = defaultdict(int)
        for source in self.mapped:
            rejected[source.key] += source.rows_left_out
        return Expectation(rejected, {p: merged.filled for p, merged in self.merged.items()})

    def counts(self, written: WrittenRows | None = None) -> dict[str, ProductCounts]:
        """Give where each product's rows went, as far as it is known.

        `written` are files that are being checked, and none of the result yet.
        """
        rows = written or self.written
        mapped = (source.key.product for source in self.mapped)
        products = dict.fromkeys([*mapped, *self.merged, *rows.rows])
        return {product: self._counts(product, rows) for product in products}

    def _counts(self, product: str, written: WrittenRows) -> ProductCounts:
        mapped = [source for source in self.mapped if source.key.product == product]
        merged = self.merged.get(product)
        counts = self.rejects.counts if self.rejects else {}
        sources = {
            key.submodule: SourceCounts(
                sum(source.rows_read for source in mapped if source.key == key), counts.get(key, {})
            )
            for key in dict.fromkeys(source.key for source in mapped)
        }
        # Until they are written, rejects are what mapping left out.
        left_out = sum(source.rows_left_out for source in mapped)
        listed = sum(sum(source.rejected.values()) for source in sources.values())
        return ProductCounts(
            rows_read=sum(s.rows_read for s in mapped) + (merged.rows_before if merged else 0),
            rows_rejected=listed if self.rejects else left_out,
            rows_merged=merged.rows_merged if merged else 0,
            rows_published=written.rows.get(product, 0),
            rows_replayed=sum(source.rows_replayed for source in mapped),
            filled=written.filled.get(product, {}),
            sources=sources,
        )

    def result(self) -> PartitionResult:
        """Put the result together."""
        origins: dict[str, tuple[Origin, ...]] = {}
        for ai_column, origin in (pair for source in self.mapped for pair in source.origins):
            origins[ai_column] = (*origins.get(ai_column, ()), origin)
        return PartitionResult(
            job=self.job,
            publication=self.publication,
            extracts=self.extracted.extracts,
            counts=self.counts(),
            origins=origins,
            data=self.written.files,
            rejects=self.rejects.files if self.rejects else (),
            replaces=self.replaces,
            superseded=self.extracted.superseded,
            failures=(*self.extracted.failures, *(Failure("ai_dataset", p) for p in self.problems)),
            seconds=time.perf_counter() - self.begun,
            work=dict(self.work),
        )
