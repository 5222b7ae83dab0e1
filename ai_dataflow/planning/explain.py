"""Explaining what the mapping of a partition or an AI column compiles to, as readable text."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ai_dataflow.compiler.kinds import type_name
from ai_dataflow.compiler.mappings import CompiledColumn, compile_source
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.planning.plan import Plan
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.schemas import Look
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.locations import Location, table_of


@dataclass(frozen=True)
class Feed:
    """What feeds an AI column from one source; `filled` counts the clients with values in it."""

    module: str
    ai_column: str
    ai_type: str
    product: str
    submodule: str
    source: str
    cell: str
    source_type: str = ""
    clients: int = 0
    filled: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give the feed as plain data."""
        return dict(vars(self))


def explain_partition(job: PartitionJob, schemas: Mapping[Location, Look]) -> str:
    """Give the compiled plan of a partition as text: sources, expressions, join, union."""
    lines = [f"{job.partition}"]
    for product, sources in job.by_product().items():
        lines.append(f"  {product}")
        for source in sources:
            lines += _source_lines(source, schemas.get(table_of(source.location)))
        lines += _merge_lines(sources)
    lines.append(f"  published: {', '.join(column.name for column in job.columns)}, product_code")
    return "\n".join(lines)


def feeds(
    plan: Plan,
    schemas: Mapping[Location, Look],
    ai_column: str,
    filled: Collection[tuple[str, str]] = (),
) -> list[Feed]:
    """Give everything that feeds an AI column, one feed per module, product and submodule.

    `filled` are the (partition, product) pairs whose published rows have values in it.
    """
    all_feeds: dict[tuple[str, str, str], Feed] = {}
    for job in plan.jobs.values():
        for source in job.sources:
            for row in source.mappings:
                if row.ai_column == ai_column:
                    key = (job.module, source.product, source.submodule)
                    feed = all_feeds.get(key) or _feed(job, source, row, schemas)
                    total = feed.filled + ((job.partition, source.product) in filled)
                    all_feeds[key] = replace(feed, clients=feed.clients + 1, filled=total)
    return [all_feeds[key] for key in sorted(all_feeds)]


def _feed(
    job: PartitionJob, source: SourceJob, row: MappingRow, schemas: Mapping[Location, Look]
) -> Feed:
    compiled = _compiled(source, schemas.get(table_of(source.location)))
    dtype = next((type_name(c.source_type) for c in compiled if c.mapping == row), "")
    return Feed(
        job.module, row.ai_column, row.ai_type, source.product, source.submodule,
        row.transform or row.source_column, row.cell, dtype,
    )  # fmt: skip


def _compiled(source: SourceJob, look: Look | None) -> tuple[CompiledColumn, ...]:
    if look is None or isinstance(look, tuple):
        return ()
    try:
        return compile_source(source, look).columns
    except DataflowError:
        return ()


def _source_lines(source: SourceJob, look: Look | None) -> Iterator[str]:
    yield f"    {source.submodule} from {source.location}   ({source.place})"
    dialects = source.seen.dialects if isinstance(source.seen, Listing) else ()
    yield from (f"      read as {how}" for how in dict.fromkeys(map(str, dialects)))
    compiled = {column.mapping: column for column in _compiled(source, look)}
    for row in source.mappings:
        column = compiled.get(row)
        fed = column.expression if column else row.transform or row.source_column
        given = f": {type_name(column.source_type)}" if column else ""
        marks = ", ".join(filter(None, _marks(row)))
        yield (
            f"      {row.ai_column}: {row.ai_type} <- {fed}{given}"
            f"{f'   [{marks}]' if marks else ''}   ({row.cell})"
        )


def _marks(row: MappingRow) -> Iterator[str]:
    """Say what else the sheet says of a column."""
    yield "key" if row.is_key else ""
    yield "required" if row.required else ""
    yield f"codes {row.code_list}" if row.code_list else ""
    yield f"unmapped {row.unmapped}" if row.unmapped else ""
    yield f"default {row.default}" if row.default else ""
    yield f"only for {row.client}" if row.client else ""


def _merge_lines(sources: tuple[SourceJob, ...]) -> Iterator[str]:
    keyed = [source for source in sources if source.key_columns]
    keys = list(keyed[0].key_columns) if keyed else []
    for right in keyed[1:]:
        shared = [key for key in dict.fromkeys(keys) if key in right.key_columns]
        yield f"    full outer join of {right.submodule} on {', '.join(shared)}"
        keys += right.key_columns
    for source in sources:
        if not source.key_columns and len(sources) > 1:
            yield f"    append {source.submodule}"
