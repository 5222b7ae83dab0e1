"""Compiling computed columns: mapping rows without a submodule, over a product's joined rows.

Each reads AI columns, those of other computed rows among them, in whatever order the sheet has
them: they are put into stages, of which each reads only what the stages before it gave.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

import polars as pl

from ai_dataflow.compiler.mapped_columns import CompiledColumn, compile_row, warnings_of
from ai_dataflow.compiler.mappings import MappingError
from ai_dataflow.compiler.sheet_findings import Finding, WrongError
from ai_dataflow.compiler.transforms import TransformError, columns_of, reads_clock
from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean
from ai_dataflow.sources.columns import resolve_column
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_mapping import RESERVED, MappingRow

Columns = tuple[tuple[str, pl.DataType], ...]


@dataclass(frozen=True)
class Computed:
    """A product's computed columns, compiled, stage by stage; `needed` are the columns they read.

    Equal rows over equal columns have the same `stages` and the same `memo`, for what is built of
    them.
    """

    stages: tuple[tuple[CompiledColumn, ...], ...]
    needed: Mapping[str, pl.DataType]
    warnings: tuple[Diagnostic, ...] = ()
    memo: dict[object, Any] = field(default_factory=dict)

    @property
    def columns(self) -> list[CompiledColumn]:
        """All of them; what one reads comes before it."""
        return [column for stage in self.stages for column in stage]


def readable(rows: Sequence[MappingRow], module: Mapping[str, str]) -> pl.Schema:
    """Give the columns that a product's joined rows have, for its computed ones to read.

    Args:
        rows: the mapping rows of the product, of its sources and computed ones.
        module: the type of each AI column of the module. Those that the product does not map are
            null.
    """
    types = {**module, **{row.ai_column: row.ai_type for row in rows}}
    usable = {name: dtype for name, dtype in types.items() if ai_types.is_known(dtype)}
    columns = {name: ai_types.to_polars(dtype) for name, dtype in usable.items()}
    return pl.Schema(columns | dict.fromkeys(RESERVED, pl.String()))


def compile_computed(rows: Sequence[MappingRow], schema: pl.Schema, product: str) -> Computed:
    """Compile a product's computed rows.

    Args:
        rows: the rows, in any order.
        schema: what they can read, as `readable` gives it.
        product: whose they are.

    Raises:
        MappingError: MAP-063, MAP-064, and those of any mapping row that does not compile, all at
            once.
    """
    is_timeless = not any(reads_clock(row.transform, row.dialect) for row in rows)
    compiled = _compiled if is_timeless else _compiled.__wrapped__
    done, findings = compiled(tuple(rows), tuple(schema.items()))
    problems = [finding.of_product(product) for finding in findings]
    if errors := [problem for problem in problems if problem.severity == "error"]:
        raise MappingError(*dict.fromkeys(errors))
    return replace(done, warnings=tuple(problems)) if problems else done


@lru_cache(maxsize=256)
def _compiled(
    rows: tuple[MappingRow, ...], columns: Columns
) -> tuple[Computed, tuple[Finding, ...]]:
    schema = pl.Schema(dict(columns))
    reads = {row.ai_column: read_by(row, schema) for row in rows}
    stages, cycles = _in_stages(reads)
    of_column = {row.ai_column: row for row in rows}
    findings = [_cycle([of_column[name] for name in cycle]) for cycle in cycles]
    made: list[tuple[CompiledColumn, ...]] = []
    for stage in stages:
        compiled = []
        for row in (of_column[name] for name in stage):
            try:
                compiled.append(compile_row(row, schema, None))
            except WrongError as error:
                findings += [_of_product(finding, schema) for finding in error.findings]
            else:
                findings += warnings_of(row, compiled[-1].made, schema)
        made.append(tuple(compiled))
    read = dict.fromkeys(name for stage in made for each in stage for name in each.columns)
    needed = {name: schema[name] for name in read if name not in reads}
    return Computed(tuple(made), needed), tuple(findings)


def read_by(row: MappingRow, schema: pl.Schema) -> tuple[str, ...]:
    """Give the columns that a computed row reads; those that are not there it does not."""
    try:
        names = columns_of(row.transform, row.dialect) if row.transform else ()
    except TransformError:  # told where it is compiled
        return ()
    return tuple(dict.fromkeys(filter(None, (resolve_column(name, schema) for name in names))))


def _in_stages(reads: Mapping[str, Sequence[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """Put columns into stages, each in the sheet's order; and give what runs in circles."""
    graph = {name: [one for one in read if one in reads] for name, read in reads.items()}
    cycles: list[list[str]] = []
    while True:
        sorter = TopologicalSorter(graph)
        try:
            sorter.prepare()
        except CycleError as error:
            cycle = error.args[1][::-1]  # each reads the next; the last is the first
            cycles.append(_from_first(cycle[:-1], list(reads)))
            graph = {n: [r for r in read if r not in cycle] for n, read in graph.items()
                     if n not in cycle}  # fmt: skip
            continue
        break
    stages = []
    while ready := sorter.get_ready():
        stages.append([name for name in graph if name in ready])
        sorter.done(*ready)
    return stages, cycles


def _from_first(cycle: list[str], order: list[str]) -> list[str]:
    """Begin a cycle with the column that the sheet has first."""
    first = cycle.index(min(cycle, key=order.index))
    return [*cycle[first:], *cycle[:first]]


def _cycle(rows: Sequence[MappingRow]) -> Finding:
    """Spell a cycle: each of its rows reads the next, and the last one the first."""
    first, *_ = rows
    ways = [
        f"`{row.ai_column}` ({row.place('transform')}) reads `{other.ai_column}`"
        for row, other in pairwise([*rows, first])
    ]
    message = f"what is computed needs itself: {', '.join(ways)}"
    fix = "let one of them read columns that do not come back to it"
    return Finding("MAP-064", first, "transform", message, fix)


def _of_product(finding: Finding, schema: pl.Schema) -> Finding:
    """Tell of columns that a product's rows do not have."""
    if not finding.absent:
        return finding
    name = finding.absent[0]
    message = f"there is no AI column `{name}`{did_you_mean(name, schema)}"
    fix = "correct the name; a row that reads a column of a source names its submodule"
    return replace(finding, code="MAP-063", message=message, fix=fix, absent=())


def origins_of(computed: Computed) -> Iterator[tuple[str, str]]:
    """Give each computed column with each column of the sources' rows that it is made of."""
    made_of: dict[str, tuple[str, ...]] = {}
    for column in computed.columns:
        read = [made_of.get(name, (name,)) for name in column.columns]
        made_of[column.mapping.ai_column] = tuple(dict.fromkeys(n for names in read for n in names))
    for ai_column, names in made_of.items():
        yield from ((ai_column, name) for name in names)
