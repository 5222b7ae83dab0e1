"""Compiling a source's mapping rows against its schema: the one interpretation of the sheet.

Planning compiles to know, before a byte of data is read; the engine compiles the same rows to do
it. Both call `compile_source`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import polars as pl

from ai_dataflow.config import ai_types
from ai_dataflow.config.ai_mapping import MappingRow
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, listing
from ai_dataflow.engine.casts import Cast, cast, castable, narrowing
from ai_dataflow.engine.expressions import (
    Transform,
    TransformError,
    compile_transform,
    resolve_column,
)
from ai_dataflow.engine.job import SourceJob

# Polars puts the time in when it parses these: a rerun of the same inputs gives other data.
_RUN_TIME = re.compile(r"(?i)\b(now|current_(date|time|timestamp)|localtimestamp)\b")
_SQL_TEXT = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")


@dataclass(frozen=True)
class CompiledColumn:
    """A mapping row, compiled: what it makes of a row, and the cast of that to its `ai_type`.

    `warnings` do not stop anyone.
    """

    mapping: MappingRow
    made: Transform
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that are read."""
        return self.made.columns

    @property
    def source_type(self) -> pl.DataType:
        """The type before the cast."""
        return self.made.dtype

    @cached_property
    def cast(self) -> Cast:
        """The AI column's value, of what the row makes. Built when it is first used."""
        done = cast(self.made.value, self.made.dtype, ai_types.to_polars(self.mapping.ai_type))
        if done is None:
            raise TypeError(f"{self.mapping.cell} was not compiled")
        return done

    def failed(self, value: pl.Expr) -> pl.Expr | None:
        """Tell where the AI column could not be made, given its value; None where it always is."""
        if self.made.failed is None:
            return None if self.cast.given is None else self.cast.failed(value)
        return self.made.failed | self.cast.failed(value)


@dataclass(frozen=True)
class CompiledSource:
    """A source's mapping, compiled against its schema; `schema` is of the columns it needs."""

    columns: tuple[CompiledColumn, ...]
    schema: pl.Schema

    @property
    def needed(self) -> list[str]:
        """The source columns to read, each once; a source of literals reads none."""
        return list(self.schema)

    @property
    def warnings(self) -> list[Diagnostic]:
        """What is worth a look in the sheet, though it compiles."""
        return [warning for column in self.columns for warning in column.warnings]


def compile_source(source: SourceJob, schema: pl.Schema) -> CompiledSource:
    """Compile every mapping row of a source.

    Raises:
        DataflowError: MAP-011, MAP-014, MAP-015, MAP-018 and MAP-019, all of them at once.
    """
    columns: list[CompiledColumn] = []
    problems: list[Diagnostic] = []
    for row in source.mappings:
        try:
            columns.append(_compile_row(row, source, schema))
        except DataflowError as error:
            problems += error.diagnostics
    if problems:
        raise DataflowError(*problems)
    needed = dict.fromkeys(name for column in columns for name in column.columns)
    return CompiledSource(tuple(columns), pl.Schema({name: schema[name] for name in needed}))


def _compile_row(row: MappingRow, source: SourceJob, schema: pl.Schema) -> CompiledColumn:
    made = _transform(row, source, schema) if row.transform else _column(row, source, schema)
    target = ai_types.to_polars(row.ai_type)
    if not castable(made.dtype, target):
        raise DataflowError(
            _problem(
                "MAP-015", row, source, "ai_type",
                f"{made.dtype} cannot become {row.ai_type}",
                "choose another ai_type or write a transform",
            )
        )  # fmt: skip
    return CompiledColumn(row, made, tuple(_warnings(row, source, made, schema)))


def _column(row: MappingRow, source: SourceJob, schema: pl.Schema) -> Transform:
    name = resolve_column(row.source_column, schema)
    if not name:
        raise DataflowError(*_no_columns(row, source, [row.source_column], schema))
    renamed = ((row.source_column, name),) if name != row.source_column else ()
    return Transform(pl.col(name), None, (name,), schema[name], renamed)


def _transform(row: MappingRow, source: SourceJob, schema: pl.Schema) -> Transform:
    try:
        return compile_transform(row.transform, schema)
    except TransformError as error:
        missing = [name for name in error.columns if not resolve_column(name, schema)]
        problems = _no_columns(row, source, missing, schema)
        code = "MAP-011" if error.is_scalar else "MAP-019"
        fix = "correct the expression: scalar SQL over the source's columns"
        wrong = _problem(code, row, source, "transform", str(error), fix)
        raise DataflowError(*(problems or [wrong])) from None


def _no_columns(
    row: MappingRow, source: SourceJob, names: list[str], schema: pl.Schema
) -> list[Diagnostic]:
    """Tell of the names that are not there, and of those that several columns could be."""
    alike = {n: [column for column in schema if column.casefold() == n.casefold()] for n in names}
    problems = [
        _problem(
            "MAP-018", row, source, _fed_by(row),
            f"`{name}` could be any of {listing(f'`{column}`' for column in columns)}",
            "spell the column exactly as the source does",
        )
        for name, columns in alike.items()
        if columns
    ]  # fmt: skip
    if absent := [f"`{name}`{did_you_mean(name, schema)}" for name in names if not alike[name]]:
        message, fix = f"has no column {', no '.join(absent)}", f"it has {listing(schema, 12)}"
        problems.append(_problem("MAP-014", row, source, _fed_by(row), message, fix))
    return problems


def _warnings(
    row: MappingRow, source: SourceJob, made: Transform, schema: pl.Schema
) -> Iterator[Diagnostic]:
    for name, found in made.renamed:
        message = f"`{name}` is taken for `{found}`, the only column that differs in case alone"
        fix = "spell the column exactly as the source does"
        yield _warning("MAP-017", row, source, _fed_by(row), message, fix)
    if loss := narrowing(made.dtype, ai_types.to_polars(row.ai_type)):
        message = f"from {made.dtype} to {row.ai_type}: {loss}"
        fix = "choose a wider ai_type, or say so in a transform (ROUND, CAST)"
        yield _warning("MAP-022", row, source, "ai_type", message, fix)
    named = resolve_column(row.source_column, schema)
    if row.transform and named and named not in made.columns:
        message = f"the transform does not read the source_column `{row.source_column}` beside it"
        fix = "correct one of them, or clear the source_column"
        yield _warning("MAP-026", row, source, "transform", message, fix)
    if reads_clock(row):
        message = "the transform reads the clock: a rerun of the same data gives other values"
        yield _warning("MAP-024", row, source, "transform", message, "use a column of the source")


def reads_clock(row: MappingRow) -> bool:
    """Tell whether a transform gives other values whenever it is computed."""
    return bool(_RUN_TIME.search(_SQL_TEXT.sub("", row.transform)))


def _fed_by(row: MappingRow) -> str:
    return "transform" if row.transform else "source_column"


def _warning(
    code: str, row: MappingRow, source: SourceJob, column: str, message: str, fix: str
) -> Diagnostic:
    return replace(_problem(code, row, source, column, message, fix), severity="warning")


def _problem(
    code: str, row: MappingRow, source: SourceJob, column: str, message: str, fix: str
) -> Diagnostic:
    return Diagnostic(
        code,
        f"{source.location} {message}" if code == "MAP-014" else f"{source.location}: {message}",
        place=row.place(column),
        fix=fix,
        product=source.product,
        submodule=source.submodule,
        ai_column=row.ai_column,
        line=row.line,
    )
