"""Compiling a source's mapping rows against its schema: the one interpretation of the sheet.

Planning compiles to know, before a byte of data is read; the engine compiles the same rows to do
it. Both call `compile_source`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

import polars as pl

from ai_dataflow.compiler.casts import Cast, cast, castable, narrowing
from ai_dataflow.compiler.transforms import (
    Transform,
    TransformError,
    compile_transform,
    parsed_text,
    resolve_column,
)
from ai_dataflow.config.diagnostics import (
    DataflowError,
    Diagnostic,
    Severity,
    did_you_mean,
    listing,
)
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_mapping import MappingRow

# Polars puts the time in when it parses these: a rerun of the same inputs gives other data.
_RUN_TIME = re.compile(r"(?i)\b(now|current_(date|time|timestamp)|localtime(stamp)?)\b")
_SQL_TEXT = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")


@dataclass(frozen=True)
class _Finding:
    """What is wrong with a mapping row, wherever its source is.

    It is `about` the row itself, or a source column: one that is not there, one that several could
    be, one that is taken for another.
    """

    code: str
    row: MappingRow
    column: str
    message: str
    fix: str
    severity: Severity = "error"
    about: Literal["row", "absent", "ambiguous", "renamed"] = "row"

    def at(self, source: SourceJob) -> Diagnostic:
        """Tell of it for one source."""
        between = " " if self.about == "absent" else ": "
        return self.row.problem(
            self.code,
            self.column,
            f"{source.location}{between}{self.message}",
            self.fix,
            severity=self.severity,
            product=source.product,
            submodule=source.submodule,
            ai_column=self.row.ai_column,
        )


class MappingError(DataflowError):
    """A mapping that does not compile. `unread` are the problems of columns that it cannot read."""

    def __init__(self, *diagnostics: Diagnostic, unread: Iterable[Diagnostic] = ()) -> None:
        super().__init__(*diagnostics)
        self.unread = tuple(unread)


class _Wrong(Exception):  # noqa: N818 - it never leaves this module
    def __init__(self, *findings: _Finding) -> None:
        super().__init__()
        self.findings = findings


@dataclass(frozen=True, eq=False)
class CompiledColumn:
    """A mapping row, compiled: what it makes of a row, and the cast of that to its `ai_type`."""

    mapping: MappingRow
    made: Transform

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
    """A source's mapping, compiled against its schema; `schema` is of the columns it needs.

    `warnings` are what is worth a look in the sheet, though it compiles, `guesses` those of them
    that are about a column taken for another. Equal mappings of sources with equal columns have the
    same `columns` and the same `memo`, for what is built of them.
    """

    columns: tuple[CompiledColumn, ...]
    schema: pl.Schema
    warnings: tuple[Diagnostic, ...]
    guesses: tuple[Diagnostic, ...]
    memo: dict[object, Any] = field(default_factory=dict)

    @property
    def needed(self) -> list[str]:
        """The source columns to read, each once; a source of literals reads none."""
        return list(self.schema)


def compile_source(source: SourceJob, schema: pl.Schema) -> CompiledSource:
    """Compile every mapping row of a source.

    Raises:
        MappingError: MAP-011, MAP-014, MAP-015, MAP-018 and MAP-019, all of them at once.
    """
    mappings = source.mappings
    # Polars puts the time into an expression when it parses it: that one is not for the next.
    compiled = _compiled.__wrapped__ if _read_clock(mappings) else _compiled
    found = compiled(mappings, tuple(schema.items()), _parsed(mappings))
    told = [(finding.about, finding.at(source)) for finding in found.findings]
    if problems := [problem for _, problem in told if problem.severity == "error"]:
        unread = (problem for about, problem in told if about in ("absent", "ambiguous"))
        raise MappingError(*problems, unread=unread)
    needed = dict.fromkeys(name for column in found.columns for name in column.columns)
    own = pl.Schema({name: schema[name] for name in needed})
    warnings = tuple(problem for _, problem in told)
    guesses = tuple(problem for about, problem in told if about == "renamed")
    return CompiledSource(found.columns, own, warnings, guesses, found.memo)


def _parsed(mappings: tuple[MappingRow, ...]) -> tuple[str, ...]:
    return tuple(parsed_text(row.transform) for row in mappings if row.transform)


@dataclass(frozen=True)
class _Compiled:
    columns: tuple[CompiledColumn, ...]
    findings: tuple[_Finding, ...]
    memo: dict[object, Any] = field(default_factory=dict)


@lru_cache(maxsize=256)  # of a hundred columns each takes about a megabyte
def _compiled(
    mappings: tuple[MappingRow, ...],
    types: tuple[tuple[str, pl.DataType], ...],
    parsed: tuple[str, ...],
) -> _Compiled:
    """Compile mapping rows against columns; a thousand clients have the same.

    `parsed` are the transforms as they are parsed now: a text may mean the time.
    """
    schema = pl.Schema(types)
    columns: list[CompiledColumn] = []
    findings: list[_Finding] = []
    for row in mappings:
        try:
            column = _compile_row(row, schema)
        except _Wrong as error:
            findings += error.findings
        else:
            columns.append(column)
            findings += _warnings(row, column.made, schema)
    return _Compiled(tuple(columns), tuple(findings))


@lru_cache(maxsize=1024)
def _read_clock(mappings: tuple[MappingRow, ...]) -> bool:
    return any(map(reads_clock, mappings))


def _compile_row(row: MappingRow, schema: pl.Schema) -> CompiledColumn:
    made = _transform(row, schema) if row.transform else _column(row, schema)
    if not castable(made.dtype, ai_types.to_polars(row.ai_type)):
        message = f"{made.dtype} cannot become {row.ai_type}"
        fix = "choose another ai_type or write a transform"
        raise _Wrong(_Finding("MAP-015", row, "ai_type", message, fix))
    return CompiledColumn(row, made)


def _column(row: MappingRow, schema: pl.Schema) -> Transform:
    name = resolve_column(row.source_column, schema)
    if not name:
        raise _Wrong(*_no_columns(row, [row.source_column], schema))
    renamed = ((row.source_column, name),) if name != row.source_column else ()
    return Transform(pl.col(name), None, (name,), schema[name], renamed)


def _transform(row: MappingRow, schema: pl.Schema) -> Transform:
    try:
        return compile_transform(row.transform, schema)
    except TransformError as error:
        missing = [name for name in error.columns if not resolve_column(name, schema)]
        problems = _no_columns(row, missing, schema)
        code = "MAP-011" if error.is_scalar else "MAP-019"
        fix = "correct the expression: scalar SQL over the source's columns"
        raise _Wrong(*problems or [_Finding(code, row, "transform", str(error), fix)]) from None


def _no_columns(row: MappingRow, names: list[str], schema: pl.Schema) -> list[_Finding]:
    """Tell of the names that are not there, and of those that several columns could be."""
    alike = {n: [column for column in schema if column.casefold() == n.casefold()] for n in names}
    found = [
        _Finding(
            "MAP-018", row, _fed_by(row),
            f"`{name}` could be any of {listing(f'`{column}`' for column in columns)}",
            "spell the column exactly as the source does", about="ambiguous",
        )
        for name, columns in alike.items()
        if columns
    ]  # fmt: skip
    if absent := [f"`{name}`{did_you_mean(name, schema)}" for name in names if not alike[name]]:
        message, fix = f"has no column {', no '.join(absent)}", f"it has {listing(schema, 12)}"
        found.append(_Finding("MAP-014", row, _fed_by(row), message, fix, about="absent"))
    return found


def _warnings(row: MappingRow, made: Transform, schema: pl.Schema) -> Iterator[_Finding]:
    for name, found in made.renamed:
        message = f"`{name}` is taken for `{found}`, the only column that differs in case alone"
        fix = "spell the column exactly as the source does"
        yield _Finding("MAP-017", row, _fed_by(row), message, fix, "warning", "renamed")
    if loss := narrowing(made.dtype, ai_types.to_polars(row.ai_type)):
        message = f"from {made.dtype} to {row.ai_type}: {loss}"
        fix = "choose a wider ai_type, or say so in a transform (ROUND, CAST)"
        yield _Finding("MAP-022", row, "ai_type", message, fix, "warning")
    named = resolve_column(row.source_column, schema)
    if row.transform and named and named not in made.columns:
        message = f"the transform does not read the source_column `{row.source_column}` beside it"
        fix = "correct one of them, or clear the source_column"
        yield _Finding("MAP-026", row, "transform", message, fix, "warning")
    if reads_clock(row):
        message = "the transform reads the clock: a rerun of the same data gives other values"
        fix = "use a column of the source"
        yield _Finding("MAP-024", row, "transform", message, fix, "warning")


def reads_clock(row: MappingRow) -> bool:
    """Tell whether a transform gives other values whenever it is computed."""
    return bool(_RUN_TIME.search(_SQL_TEXT.sub("", row.transform)))


def _fed_by(row: MappingRow) -> str:
    return "transform" if row.transform else "source_column"
