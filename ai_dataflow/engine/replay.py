"""`replay(job)`: a partition's open rejects, mapped again as the sheet is now.

What passes joins the rows that are published, by the same merge, in a publication of its own that
takes the place of the one before; the rest stays open, with the reason that it has now. The rules
are in docs/rejects.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine.compile import CompiledSource, compile_source
from ai_dataflow.engine.conservation import Expectation
from ai_dataflow.engine.job import (
    PartitionJob,
    PartitionResult,
    ProductCounts,
    SourceCounts,
    SourceJob,
)
from ai_dataflow.engine.merge import Part, union_products
from ai_dataflow.engine.raw_rows import decoded
from ai_dataflow.engine.remerge import look, not_replayable, remerge
from ai_dataflow.engine.run import classified
from ai_dataflow.engine.scratch import Scratch, scratch
from ai_dataflow.engine.transform import REASON, count, map_rows, reasons, split
from ai_dataflow.engine.write import keep_rows, write_balanced, write_rejects
from ai_dataflow.sources.schemas import schema_of
from ai_dataflow.workstation import rejects
from ai_dataflow.workstation.failures import reaching
from ai_dataflow.workstation.paths import Workstation, open_workstation
from ai_dataflow.workstation.rejects import Current

_NUMBER = "\ue000number"  # beside the reject table's columns: the order of its rows
_NO_COLUMN = "\ue000none"  # of a source that is mapped to literals alone


def replay(
    job: PartitionJob, current: Current, settings: Settings, run_id: str, *, dry_run: bool = False
) -> PartitionResult:
    """Replay one partition. Never raises: what goes wrong is in the result, classified.

    Args:
        job: the partition, as it is planned now.
        current: what the partition and its rejects consist of.
        settings: the project's.
        run_id: what marks the rejects that pass.
        dry_run: only count them.

    Returns:
        Counts and files to publish; no files where no reject passes.
    """
    return classified(
        job, lambda result: _replay(result, current, settings, run_id, dry_run=dry_run)
    )


def _replay(
    result: PartitionResult, current: Current, settings: Settings, run_id: str, *, dry_run: bool
) -> None:
    workstation = open_workstation(settings)
    with scratch() as space:
        again = _map_again(result.job, current, workstation, space, run_id)
        _count(result, again)
        if not again.parts or dry_run:
            return
        published = look(result.job, current, workstation)
        merged = remerge(published, again.parts, space)
        for product, own in merged.items():
            counts = result.counts.setdefault(product, ProductCounts())
            counts.rows_read += own.base
            counts.rows_merged = own.rows_merged
            again.expected.filled[product] = own.filled
            if again.still_open(product):
                keep_rows(result, product, own.kept, workstation)
        write_rejects(result, again.table(), workstation)
        rows = union_products({p: own.rows for p, own in merged.items()}, result.job.columns)
        write_balanced(result, rows, again.expected, workstation)


@dataclass
class _Again:
    """Rejects, mapped again: the reject table's rows as they are from now on, and what passes.

    `open` are the rejects of each source that were open, `expected` has those that still are.
    """

    open: dict[tuple[str, str], int] = field(default_factory=dict)
    rows: list[pl.LazyFrame] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    expected: Expectation = field(default_factory=Expectation)

    def still_open(self, product: str) -> bool:
        """Tell whether a product has rejects that do not pass."""
        return any(rows for (own, _), rows in self.expected.rejected.items() if own == product)

    def table(self) -> pl.LazyFrame:
        """Give all rows of the reject table, in the order that they had."""
        return pl.concat(self.rows).sort(_NUMBER).drop(_NUMBER)


def _count(result: PartitionResult, again: _Again) -> None:
    for (product, submodule), rows in again.open.items():
        counts = result.counts.setdefault(product, ProductCounts())
        counts.sources[submodule] = SourceCounts(rows)
        counts.rows_read += rows
        counts.rows_rejected += again.expected.rejected[product, submodule]
    for part in again.parts:
        result.counts[part.source.product].rows_replayed += part.height


def _map_again(
    job: PartitionJob, current: Current, workstation: Workstation, space: Scratch, run_id: str
) -> _Again:
    again = _Again()
    sources = {(source.product, source.submodule): source for source in job.sources}
    table = workstation.rejects(job.module)
    with reaching(table):
        listed = rejects.scan(workstation, job.module, current.rejects).with_row_index(_NUMBER)
        rows = listed.collect()
    again.rows.append(rows.lazy().filter(~rejects.IS_OPEN))
    for (product, submodule, schema), own in _by_source(rows):
        key = product, submodule
        again.open[key] = again.open.get(key, 0) + own.height
        lost = again.expected.rejected
        lost[key] = lost.get(key, 0) + own.height
        if schema is None or (source := sources.get(key)) is None:
            again.rows.append(own.lazy())  # a line that is no row; a source that is gone
            continue
        part = _map(source, own, schema, again, space, run_id)
        lost[key] -= part.height
        if part.height:
            again.parts.append(part)
    return again


def _by_source(
    rows: pl.DataFrame,
) -> Iterator[tuple[tuple[str, str, str | None], pl.DataFrame]]:
    open_rows = rows.filter(rejects.IS_OPEN)
    groups = open_rows.group_by("product_code", "submodule_name", "raw_schema", maintain_order=True)
    for (product, submodule, schema), own in groups:
        yield (str(product), str(submodule), None if schema is None else str(schema)), own


def _map(
    source: SourceJob, own: pl.DataFrame, schema: str, again: _Again, space: Scratch, run_id: str
) -> Part:
    """Map the rejects of a source; put them back as they are from now on."""
    compiled, raw = _raw(source, own.lazy(), schema)
    mapped = space.hold(map_rows(raw, compiled, numbered=False), int(own.estimated_size()))
    passes = pl.col(REASON).is_null()
    now = {
        name: pl.when(passes).then(pl.col(name)).otherwise(told)
        for name, told in reasons(compiled).items()
    }
    marked = {
        "replayed_run_id": pl.when(passes).then(pl.lit(run_id)),
        "replayed_at": pl.when(passes).then(pl.lit(datetime.now(UTC))).cast(
            rejects.SCHEMA["replayed_at"]
        ),
    }  # fmt: skip
    beside = pl.concat([own.lazy(), mapped.select(REASON)], how="horizontal")
    again.rows.append(beside.with_columns(**now, **marked).drop(REASON))
    counted = count(mapped, compiled)
    good = split(mapped, source, compiled).good
    return Part(source, source.key_columns, good, counted.good, counted.filled)


def _raw(source: SourceJob, own: pl.LazyFrame, schema: str) -> tuple[CompiledSource, pl.LazyFrame]:
    """Give a source's rejected rows as they were read, and its mapping compiled against them."""
    columns = schema_of(schema)
    try:
        compiled = compile_source(source, columns)
    except DataflowError as error:
        problem = error.diagnostics[0]
        what = f"as they were read then, the rejected rows do not fit the sheet: {problem.message}"
        raise not_replayable(source.product, source.submodule, what, problem.place) from None
    if not columns:
        return compiled, own.select(pl.col(_NUMBER).alias(_NO_COLUMN))
    return compiled, decoded(own, "raw_row", columns)
