"""What the live schemas say about the plan's sources: each mapping compiled once per schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from ai_dataflow.compiler.absent_columns import absence, folder_columns
from ai_dataflow.compiler.kinds import type_name
from ai_dataflow.compiler.mappings import CompiledSource, compile_source
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, listing
from ai_dataflow.config.numbering import Numbering
from ai_dataflow.planning.findings import Findings
from ai_dataflow.sources.client_rows import can_be_in, client_column
from ai_dataflow.sources.columns import resolve_column
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.schemas import Look
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.survey import Survey
from ai_dataflow.sources.united import content, dialects_of
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.locations import Location, SqlLocation, table_of


@dataclass(frozen=True)
class _Group:
    """Sources with the same mapping rows and the same schema: they compile alike."""

    source: SourceJob
    schema: pl.Schema
    rows: list[ControlRow]


def check_live(
    findings: Findings,
    sources: Mapping[ControlRow, SourceJob],
    schemas: Mapping[Location, Look],
    seen: Survey,
) -> None:
    """Compile the sources whose schema is known, and find what does not compile.

    What a survey found to be wrong with a source holds it back, whatever its schema.
    """
    compiled: list[tuple[_Group, CompiledSource]] = []
    for group in _groups(findings, sources, schemas, seen):
        try:
            done = compile_source(group.source, group.schema)
        except DataflowError as error:
            for problem in error.diagnostics:
                findings.add(problem, group.rows, group.source.location)
            continue
        for warning in done.warnings:
            findings.add(warning, group.rows, group.source.location)
        compiled.append((group, done))
    for problem, rows in _key_types(compiled):
        findings.add(problem, rows)


def _groups(
    findings: Findings,
    sources: Mapping[ControlRow, SourceJob],
    schemas: Mapping[Location, Look],
    seen: Survey,
) -> list[_Group]:
    groups: dict[object, _Group] = {}
    numbers = Numbering[pl.Schema](content)
    for row, source in sources.items():
        sight = seen.get(source.location)
        look = sight if isinstance(sight, tuple) else schemas.get(table_of(source.location))
        if isinstance(look, tuple):
            for problem in look:
                findings.add(replace(problem, line=row.line), [row])
        elif look is not None:
            for doubt in _doubts(row, source, look):
                findings.add(doubt, [row])
            for wrong in _no_such_columns(row, source, look):
                findings.add(wrong, [row])
            columns = (numbers.number(look), folder_columns(sight))
            sheet = id(source.mappings), id(source.rule)
            key = (row.module, row.product, row.submodule, sheet, columns)
            if key not in groups:
                groups[key] = _Group(replace(source, seen=sight), look, [])
            groups[key].rows.append(row)
    return list(groups.values())


def _doubts(row: ControlRow, source: SourceJob, look: Look) -> Iterator[Diagnostic]:
    """Tell of text files whose encoding nobody said."""
    for doubt in dict.fromkeys(dialect.doubt for dialect in dialects_of(look) if dialect.doubt):
        yield row.problem(
            "SRC-032",
            "module_location",
            f"{source.location}: {doubt}",
            "say its encoding under [formats.<name>], or deliver it in UTF-8",
            severity="warning",
        )


def _no_such_columns(row: ControlRow, source: SourceJob, schema: pl.Schema) -> Iterator[Diagnostic]:
    """Find columns that the control row names and the table lacks; SQLite would read texts."""
    location = source.location
    if location.client_column:
        yield from _no_client_column(row, source, schema)
    if not isinstance(location, SqlLocation):
        return
    names = {name.casefold() for name in schema}
    named = (
        (location.change_column, "module_location"),
        (source.append_by, "load"),
    )
    for column, cell in named:
        if column and column.casefold() not in names:
            yield row.problem(
                "CTL-014",
                cell,
                f"{location} has no column `{column}`{did_you_mean(column, schema)}",
                f"it has {listing(schema, 12)}",
            )
    types = {name.casefold(): dtype for name, dtype in schema.items()}
    dtype = types.get(source.append_by.casefold())
    if source.append_by and dtype is not None and not _can_append_by(dtype):
        yield row.problem(
            "CTL-020",
            "load",
            f"`{source.append_by}` is {type_name(dtype)}, whose order here and in the database may "
            "differ: nobody could tell which rows are new",
            "name a column of whole numbers, decimals, dates or times that only grows",
        )


def _no_client_column(
    row: ControlRow, source: SourceJob, schema: pl.Schema
) -> Iterator[Diagnostic]:
    """Find what clients share without a column that tells them apart, or could name this one."""
    location = source.location
    if not resolve_column(location.client_column, schema):
        yield row.problem(
            "CTL-014", "module_location", *absence([location.client_column], source, schema)
        )
        return
    try:
        column, dtype = client_column(location.client_column, schema, location, source.place)
        if isinstance(location, SqlLocation) and not can_be_in(dtype, location.client):
            raise file_failures.no_rows(str(location), column, source.place, holds_numbers=True)
    except DataflowError as error:
        for problem in error.diagnostics:
            yield replace(problem, line=row.line)


def _can_append_by(dtype: pl.DataType) -> bool:
    """Tell whether values of a type have one order, in the database and here.

    Text has the order of its collation, a float may not come back as it was written.
    """
    return dtype.is_integer() or dtype.is_temporal() or dtype.is_decimal()


def _key_types(
    compiled: list[tuple[_Group, CompiledSource]],
) -> Iterator[tuple[Diagnostic, list[ControlRow]]]:
    """Find keys that are text in one submodule and not in another: `007` is not 7 everywhere."""
    first: dict[tuple[str, str, str], tuple[str, pl.DataType]] = {}
    for group, done in compiled:
        for column in done.columns:
            row, submodule = column.mapping, group.source.submodule
            if not row.is_key:
                continue
            key = (row.module, group.source.product, row.ai_column)
            other, dtype = first.setdefault(key, (submodule, column.source_type))
            if (dtype == pl.String) != (column.source_type == pl.String):
                here, there = type_name(column.source_type), type_name(dtype)
                message = (
                    f"the key `{row.ai_column}` is {here} in `{submodule}` and {there} in `{other}`"
                )
                problem = row.problem(
                    "MAP-020",
                    "source_column",
                    message,
                    "make sure that both spell the same value alike, or use a transform",
                    severity="warning",
                    ai_column=row.ai_column,
                )
                yield problem, group.rows
