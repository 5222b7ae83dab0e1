"""Explaining what the mapping of a partition or an AI column compiles to, as readable text."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from ai_dataflow.compiler.kinds import type_name
from ai_dataflow.compiler.mapped_columns import CompiledColumn
from ai_dataflow.compiler.mappings import compile_source
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.second_stage import second_stage
from ai_dataflow.planning.plan import Plan
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.schemas import Look
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.joins import JoinKind
from ai_dataflow.tables.keeping import keep_of
from ai_dataflow.tables.locations import Location, table_of
from ai_dataflow.tables.source_rules import SourceRule


@dataclass(frozen=True)
class Feed:
    """What feeds an AI column from one source; `filled` counts the clients with values in it.

    What is computed of a product's joined rows has no submodule. `holds` is what the dictionary
    says of the column.
    """

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
    holds: Annotated[tuple[str, ...], Field(exclude_if=operator.not_)] = ()


@dataclass(frozen=True)
class ExplainedColumn:
    """What an AI column of a source compiles to; `source_type` is blank where nobody looked."""

    ai_column: str
    ai_type: str
    expression: str
    source_type: str
    is_key: bool
    required: bool
    code_list: str
    unmapped: str
    default: str
    client: str
    published: bool
    cell: str

    def __str__(self) -> str:
        """Give the column as a person reads it."""
        typed = f": {self.source_type}" if self.source_type else ""
        marks = ", ".join(filter(None, self._marks()))
        shown = f"   [{marks}]" if marks else ""
        return (
            f"{self.ai_column}: {self.ai_type} <- {self.expression}{typed}{shown}   ({self.cell})"
        )

    def _marks(self) -> Iterator[str]:
        """Say what else the sheet says of a column."""
        yield "key" if self.is_key else ""
        yield "required" if self.required else ""
        yield f"codes {self.code_list}" if self.code_list else ""
        yield f"unmapped {self.unmapped}" if self.unmapped else ""
        yield f"default {self.default}" if self.default else ""
        yield f"only for {self.client}" if self.client else ""
        yield "" if self.published else "not published"


@dataclass(frozen=True)
class ExplainedSource:
    """A source of a product: where it is, how its text files are read, what its columns feed.

    `taken` says how its rows are taken, where a rule says so.
    """

    submodule: str
    location: str
    place: str
    read_as: tuple[str, ...]
    columns: tuple[ExplainedColumn, ...]
    taken: Annotated[tuple[str, ...], Field(exclude_if=operator.not_)] = ()


@dataclass(frozen=True)
class ExplainedProduct:
    """A product's part of a partition: its sources, how they are put together, what comes of it."""

    product: str
    sources: tuple[ExplainedSource, ...]
    merging: tuple[str, ...]
    computed: tuple[ExplainedColumn, ...] = ()


@dataclass(frozen=True)
class ExplainedRule:
    """What the dictionary says must hold for an AI column."""

    ai_column: str
    holds: tuple[str, ...]
    cell: str


@dataclass(frozen=True)
class ExplainedPartition:
    """The compiled plan of a partition: sources, expressions, joins, what holds and is published.

    `holds` is what the dictionary says.
    """

    partition: str
    products: tuple[ExplainedProduct, ...]
    published: tuple[str, ...]
    holds: tuple[ExplainedRule, ...] = ()

    def __str__(self) -> str:
        """Give the plan as readable text."""
        lines = [self.partition]
        for product in self.products:
            lines.append(f"  {product.product}")
            for source in product.sources:
                lines.append(f"    {source.submodule} from {source.location}   ({source.place})")
                lines += [f"      read as {how}" for how in source.read_as]
                lines += [f"      {how}" for how in source.taken]
                lines += [f"      {column}" for column in source.columns]
            lines += [f"    {how}" for how in product.merging]
            lines += ["    computed of its rows"] if product.computed else []
            lines += [f"      {column}" for column in product.computed]
        lines += [
            f"  {rule.ai_column}: {', '.join(rule.holds)}   ({rule.cell})" for rule in self.holds
        ]
        return "\n".join([*lines, f"  published: {', '.join(self.published)}"])


def explain_partition(job: PartitionJob, schemas: Mapping[Location, Look]) -> ExplainedPartition:
    """Give the compiled plan of a partition."""
    products = tuple(
        ExplainedProduct(
            product,
            tuple(_explained(s, schemas.get(table_of(s.location))) for s in sources),
            tuple(_merging(sources)),
            tuple(_computed(job, product)),
        )
        for product, sources in job.by_product().items()
    )
    published = (*(column.name for column in job.columns), "product_code")
    holds = tuple(_rule(column.rule) for column in job.columns if column.rule)
    return ExplainedPartition(
        job.partition, products, published, tuple(rule for rule in holds if rule.holds)
    )


def _rule(rule: DictionaryRow) -> ExplainedRule:
    marks = ["key"] * rule.is_key + ["required"] * rule.required
    return ExplainedRule(rule.ai_column, (*marks, *rule.holds), rule.place("ai_column"))


def _computed(job: PartitionJob, product: str) -> Iterator[ExplainedColumn]:
    """Give the computed columns of a product, each after those that it reads."""
    try:
        second = second_stage((job,), product)
    except DataflowError:
        yield from (_column(row, None) for row in job.computed[product])
    else:
        yield from (_column(c.mapping, c) for c in (second.computed.columns if second else ()))


def feeds(
    plan: Plan,
    schemas: Mapping[Location, Look],
    ai_column: str,
    filled: Collection[tuple[str, str]] = (),
) -> list[Feed]:
    """Give everything that feeds an AI column: for each product's submodule each row of the sheet.

    A client may have a row of its own: `clients` are those that a row applies to.

    `filled` are the (partition, product) pairs whose published rows have values in it.
    """
    all_feeds: dict[tuple[str, str, str, str], Feed] = {}
    for job in plan.jobs.values():
        for source in job.sources:
            for row in source.mappings:
                if row.ai_column == ai_column:
                    key = (job.module, source.product, source.submodule, row.cell)
                    feed = all_feeds.get(key) or _feed(job, source, row, schemas)
                    total = feed.filled + ((job.partition, source.product) in filled)
                    all_feeds[key] = replace(feed, clients=feed.clients + 1, filled=total)
        for product in job.computed:
            for column in _computed(job, product):
                if column.ai_column == ai_column:
                    key = (job.module, product, "", column.cell)
                    feed = all_feeds.get(key) or _computed_feed(job, product, column)
                    total = feed.filled + ((job.partition, product) in filled)
                    all_feeds[key] = replace(feed, clients=feed.clients + 1, filled=total)
    return [all_feeds[key] for key in sorted(all_feeds, key=lambda key: key[:3])]


def _feed(
    job: PartitionJob, source: SourceJob, row: MappingRow, schemas: Mapping[Location, Look]
) -> Feed:
    compiled = _compiled(source, schemas.get(table_of(source.location)))
    dtype = next((type_name(c.source_type) for c in compiled if c.mapping == row), "")
    return Feed(
        job.module, row.ai_column, row.ai_type, source.product, source.submodule,
        row.transform or row.source_column, row.cell, dtype, holds=_holds(job, row.ai_column),
    )  # fmt: skip


def _holds(job: PartitionJob, ai_column: str) -> tuple[str, ...]:
    rules = (column.rule for column in job.columns if column.name == ai_column and column.rule)
    return next((_rule(rule).holds for rule in rules), ())


def _computed_feed(job: PartitionJob, product: str, column: ExplainedColumn) -> Feed:
    return Feed(
        job.module, column.ai_column, column.ai_type, product, "", column.expression, column.cell,
        column.source_type, holds=_holds(job, column.ai_column),
    )  # fmt: skip


def _compiled(source: SourceJob, look: Look | None) -> tuple[CompiledColumn, ...]:
    if look is None or isinstance(look, tuple):
        return ()
    try:
        return compile_source(source, look).columns
    except DataflowError:
        return ()


def _explained(source: SourceJob, look: Look | None) -> ExplainedSource:
    dialects = source.seen.dialects if isinstance(source.seen, Listing) else ()
    compiled = {column.mapping: column for column in _compiled(source, look)}
    return ExplainedSource(
        source.submodule,
        str(source.location),
        source.place,
        tuple(dict.fromkeys(map(str, dialects))),
        tuple(_column(row, compiled.get(row)) for row in source.mappings),
        tuple(_taken(source.rule)),
    )


def _taken(rule: SourceRule | None) -> Iterator[str]:
    """Say how a source's rows are taken, in the order in which it is done."""
    if rule and (how := rule.reshape):
        yield f"{how}   ({rule.place(how.cell)})"
    if rule and rule.where:
        yield f"only where {rule.where}   ({rule.place('where')})"
    if rule and rule.unique_by:
        keep = rule.keep or keep_of(rule.keep).way
        place = rule.place("keep" if rule.keep else "unique_by")
        yield f"one row of each {rule.unique_by}: {keep}   ({place})"


def _column(row: MappingRow, column: CompiledColumn | None) -> ExplainedColumn:
    return ExplainedColumn(
        row.ai_column,
        row.ai_type,
        column.expression if column else row.transform or row.source_column,
        type_name(column.source_type) if column else "",
        row.is_key,
        row.required,
        row.code_list,
        row.unmapped,
        row.default,
        row.client,
        not row.technical,
        row.cell,
    )


_JOINS: Mapping[JoinKind, str] = {
    "full": "full outer join of",
    "left": "left join of",
    "inner": "inner join of",
    "lookup": "lookup in",
}


def _said(source: SourceJob) -> str:
    """Say what else a rule says of a join, and where."""
    if source.rule is None or not source.rule.join:
        return ""
    as_of = f", the last row with {source.holds}" if source.holds else ""
    return f"{as_of}   ({source.rule.place('join')})"


def _merging(sources: tuple[SourceJob, ...]) -> Iterator[str]:
    keyed = [source for source in sources if source.key_columns]
    keys = list(keyed[0].key_columns) if keyed else []
    for right in keyed[1:]:
        shared = [key for key in dict.fromkeys(keys) if key in right.key_columns]
        yield f"{_JOINS[right.join_kind]} {right.submodule} on {', '.join(shared)}{_said(right)}"
        keys += right.key_columns
    for source in sources:
        if not source.key_columns and len(sources) > 1:
            yield f"append {source.submodule}"
