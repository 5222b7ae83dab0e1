"""The steps of making partitions together: what each has given so far, in their order.

A step that fails a client ends the making of its partition. What the steps before it gave is still
told: how much was read, what was rejected. So the values are gathered here, and the result of each
partition is put together of them, once.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.config.stopwatch import Stopwatch
from ai_dataflow.extracts.extracting import Extracted
from ai_dataflow.extracts.stages import Failure
from ai_dataflow.partition.clients import Counts, total
from ai_dataflow.partition.conservation import Expectation
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.profiled import NOT_PROFILED, Profiled
from ai_dataflow.partition.result import Origin, PartitionResult
from ai_dataflow.partition.values import (
    MappedSource,
    MergedProduct,
    Term,
    WrittenRejects,
    WrittenRows,
)
from ai_dataflow.workstation.counts import ProductCounts, SourceCounts
from ai_dataflow.workstation.data_files import new_publication
from ai_dataflow.workstation.reports import FURTHER

_NOTHING: Mapping[str, Any] = {}  # one object: it is sent, and held by the run, once


@dataclass
class Steps:
    """What the steps of making partitions have given so far; each client is a number, from 0."""

    jobs: Sequence[PartitionJob]
    publications: Sequence[str] = ()
    extracted: Sequence[Extracted] = ()
    mapped: list[MappedSource] = field(default_factory=list)
    merged: dict[str, MergedProduct] = field(default_factory=dict)
    rejects: dict[int, WrittenRejects] = field(default_factory=dict)
    written: dict[int, WrittenRows] = field(default_factory=dict)
    replaces: tuple[str, ...] = ()
    profiled: Profiled = NOT_PROFILED
    problems: dict[int, list[Diagnostic]] = field(default_factory=dict)
    work: Stopwatch = field(default_factory=Stopwatch)
    begun: float = field(default_factory=time.perf_counter)
    _ended: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name the publications."""
        self.publications = self.publications or [new_publication() for _ in self.jobs]
        self.extracted = self.extracted or [Extracted() for _ in self.jobs]

    def fail(self, client: int, problems: Iterable[Diagnostic]) -> None:
        """Note what ended the making of a client's partition; what came first counts."""
        if client not in self.problems:
            self.problems[client] = list(problems)
            self._ended[client] = len(self.mapped), len(self.merged)

    @property
    def clients(self) -> list[int]:
        """The clients that nothing has ended yet."""
        return [client for client in range(len(self.jobs)) if client not in self.problems]

    def sources(self, client: int) -> list[MappedSource]:
        """Give the sources that were mapped for a client."""
        return self.mapped[: self._ended.get(client, (None, None))[0]]

    def products(self, client: int) -> dict[str, MergedProduct]:
        """Give the products that were merged for a client."""
        return dict([*self.merged.items()][: self._ended.get(client, (None, None))[1]])

    def heights(self) -> Counts:
        """Tell how many rows each client's files have to hold, of those that nothing has ended."""
        good = [source.rows_read - source.rows_left_out for source in self.mapped]
        before = [m.rows_before for m in self.merged.values() if m.rows_before is not None]
        merged = [product.rows_merged for product in self.merged.values()]
        clients = len(self.jobs)
        further = [source.further for source in self.mapped]
        further += [of for product in self.merged.values() for of in product.further.values()]
        more = [of["produced"] for of in further if "produced" in of]
        less = [n for of in further for term, n in of.items() if term != "produced"]
        return total([*good, *before, *more], clients) - total([*merged, *less], clients)

    def unmatched(self) -> Counts:
        """Count each client's rows that joins leave out."""
        further = [of for product in self.merged.values() for of in product.further.values()]
        return total([of["unmatched"] for of in further if "unmatched" in of], len(self.jobs))

    def left_out(self) -> Counts:
        """Count each client's rejects, by what was counted before they are written."""
        return total([source.rows_left_out for source in self.mapped], len(self.jobs))

    def rows_mapped(self, client: int) -> int:
        """Count the rows of a client that could have been rejected: what a rule left out could not.

        What joins do to rows comes after that.
        """
        signs: dict[Term, int] = {"produced": 1, "filtered": -1, "superseded": -1}
        return self.rows_read(client) + sum(
            sign * int(source.further[term][client])
            for source in self.sources(client)
            for term, sign in signs.items()
            if term in source.further
        )

    def rows_read(self, client: int) -> int:
        """Count all rows that were read of a client."""
        return sum(int(source.rows_read[client]) for source in self.sources(client))

    def is_emptied(self, client: int) -> bool:
        """Tell whether rules left out all rows of a client, on purpose."""
        further = [source.further for source in self.sources(client)]
        more = sum(int(of["produced"][client]) for of in further if "produced" in of)
        filtered = sum(int(of["filtered"][client]) for of in further if "filtered" in of)
        return 0 < filtered == self.rows_read(client) + more

    def expected(self, client: int) -> Expectation:
        """What a client's files have to hold, by what was counted before they are written."""
        rejected: defaultdict[SourceKey, int] = defaultdict(int)
        for source in self.sources(client):
            rejected[source.key] += int(source.rows_left_out[client])
        values = {
            product: {name: int(count[client]) for name, count in merged.filled.items()}
            for product, merged in self.products(client).items()
        }
        return Expectation(rejected, values)

    def counts(self, client: int, written: WrittenRows | None = None) -> dict[str, ProductCounts]:
        """Give where the rows of a client's products went, as far as it is known.

        `written` are files that are being checked, and none of the result yet.
        """
        rows = written or self.written.get(client, WrittenRows())
        mapped = grouped(self.sources(client), lambda source: source.key.product)
        merged = self.products(client)
        return {
            product: self._counts(
                client, product, mapped.get(product, []), merged.get(product), rows
            )
            for product in dict.fromkeys([*mapped, *merged, *rows.rows])
        }

    def _counts(
        self,
        client: int,
        product: str,
        mapped: Sequence[MappedSource],
        merged: MergedProduct | None,
        written: WrittenRows,
    ) -> ProductCounts:
        rejects, by_key = self.rejects.get(client), grouped(mapped, lambda source: source.key)
        counts = rejects.counts if rejects else {}
        joined = [*merged.further, *merged.not_found] if merged else []
        sources = {
            key.submodule: SourceCounts(
                sum(int(source.rows_read[client]) for source in its),
                counts.get(key, _NOTHING),
                united=its[0].united if its else _NOTHING,
                **more,
            )
            for key in dict.fromkeys((*by_key, *joined))
            for its in [by_key.get(key, [])]
            for more in [_further(client, key, its, merged)]
            if its or any(more.values())
        }
        # Until they are written, rejects are what mapping left out.
        left_out = sum(int(source.rows_left_out[client]) for source in mapped)
        listed = sum(sum(source.rejected.values()) for source in sources.values())
        base = merged.rows_before if merged else None
        before = 0 if base is None else int(base[client])
        return ProductCounts(
            rows_read=sum(source.rows_read for source in sources.values()) + before,
            rows_rejected=listed if rejects else left_out,
            rows_merged=int(merged.rows_merged[client]) if merged else 0,
            rows_published=written.rows.get(product, 0),
            rows_replayed=sum(source.rows_replayed for source in mapped),
            **{name: sum(getattr(source, name) for source in sources.values()) for name in FURTHER},
            filled=written.filled.get(product, {}),
            sources=sources,
            broken={
                **(rejects.broken.get(product, {}) if rejects else {}),
                **written.broken.get(product, {}),
            },
        )

    def results(self) -> list[PartitionResult]:
        """Put the results together."""
        seconds = (time.perf_counter() - self.begun) / len(self.jobs)
        work = {kind: spent / len(self.jobs) for kind, spent in self.work.items()}
        of_all = _origins(self.mapped, self.merged)
        return [self._result(client, of_all, seconds, work) for client in range(len(self.jobs))]

    def _result(
        self,
        client: int,
        origins: Mapping[str, tuple[Origin, ...]],
        seconds: float,
        work: Mapping[str, float],
    ) -> PartitionResult:
        extracted, rejects = self.extracted[client], self.rejects.get(client)
        problems = (Failure("ai_dataset", p) for p in self.problems.get(client, ()))
        written = self.written.get(client, WrittenRows())
        return PartitionResult(
            job=self.jobs[client],
            publication=self.publications[client],
            extracts=extracted.extracts,
            counts=self.counts(client),
            origins=_origins(self.sources(client), self.products(client))
            if client in self.problems
            else origins,
            data=written.files,
            rejects=rejects.files if rejects else (),
            replaces=self.replaces,
            superseded=extracted.superseded,
            failures=(*extracted.failures, *problems),
            profiled=NOT_PROFILED if client else self.profiled,
            seconds=seconds,
            work=work,
        )


def _further(
    client: int, key: SourceKey, mapped: Sequence[MappedSource], merged: MergedProduct | None
) -> dict[str, int]:
    """Give a source's further counts by their names in a report; `mapped` is the source."""
    counted = [source.further for source in mapped]
    counted += [merged.further.get(key, {})] if merged else []
    totals: defaultdict[str, int] = defaultdict(int)
    for term, counts in (pair for further in counted for pair in further.items()):
        totals[f"rows_{term}"] += int(counts[client])
    if merged and key in merged.not_found:
        totals["rows_not_found"] = int(merged.not_found[key][client])
    return dict(totals)


def _origins(
    mapped: Sequence[MappedSource], merged: Mapping[str, MergedProduct]
) -> dict[str, tuple[Origin, ...]]:
    origins: dict[str, tuple[Origin, ...]] = {}
    all_pairs = [*(each.origins for each in mapped), *(each.origins for each in merged.values())]
    for ai_column, origin in (pair for pairs in all_pairs for pair in pairs):
        origins[ai_column] = (*origins.get(ai_column, ()), origin)
    return origins
