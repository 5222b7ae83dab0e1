"""Computed rows: which of the sheet's rows without a submodule a product has, and what is wrong.

They read AI columns, whose types the sheet has: all of it is told before anybody looks at a source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from ai_dataflow.compiler.computed_columns import compile_computed, readable
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.planning.code_checks import check_ties, with_codes
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import MappingRow, rows_for
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.table import repeats

# By module, product and client.
ComputedRows = Mapping[tuple[str, str, str], tuple[MappingRow, ...]]


def whose(row: ControlRow) -> tuple[str, str, str]:
    """Give the module, the product and the client of a control row."""
    return row.module, row.product, row.client


def computed_rows(project: Project, active: Sequence[ControlRow]) -> ComputedRows:
    """Give the computed rows of each product of a partition; clients share them."""
    of_module = grouped((row for row in project.mapping if row.is_computed), lambda r: r.module)
    with_own = {(r.module, r.client) for rows in of_module.values() for r in rows if r.client}

    @cache
    def lookup(module: str, product: str, client: str) -> tuple[MappingRow, ...]:
        rows = rows_for(of_module[module], (module, product, ""), client)
        return with_codes(rows, product, project.code_lists)

    of_products: dict[tuple[str, str, str], tuple[MappingRow, ...]] = {}
    for row in active:
        if row.module in of_module:
            client = row.client if (row.module, row.client) in with_own else ""
            of_products[whose(row)] = lookup(row.module, row.product, client)
    return {key: rows for key, rows in of_products.items() if rows}


def check_computed(
    sources: Sequence[SourceJob], rows: Sequence[MappingRow], columns: Sequence[AiColumn]
) -> Iterator[Diagnostic]:
    """Check what is computed of a product's rows.

    Args:
        sources: the sources of the product.
        rows: its computed rows.
        columns: the AI columns of the module.
    """
    if not rows:
        return
    yield from check_ties(rows)
    mapped = [row for source in sources for row in source.mappings]
    yield from _in_both(mapped, rows)
    types = {column.name: column.ai_type for column in columns}
    twice = [row for row, _ in repeats(rows, lambda row: row.ai_column)]
    # Others are told as what they are: twice there, of a source, of nothing.
    sound = [r for r in rows if r not in twice and r.transform and not r.source_column]
    product = sources[0].product
    try:
        done = compile_computed(sound, readable([*mapped, *rows], types), product)
    except DataflowError as error:
        yield from error.diagnostics
    else:
        yield from done.warnings


def _in_both(mapped: Sequence[MappingRow], rows: Sequence[MappingRow]) -> Iterator[Diagnostic]:
    """Find columns that a source brings as well: which value would be right?"""
    first = {row.ai_column: row for row in reversed(mapped)}
    for row in rows:
        if other := first.get(row.ai_column):
            yield row.problem(
                "MAP-062",
                "ai_column",
                f"`{row.ai_column}` is computed here, and in {other.place('ai_column')} it is "
                f"mapped from `{other.submodule}`",
                "keep one of the rows, or give what the source brings another name",
                ai_column=row.ai_column,
            )
