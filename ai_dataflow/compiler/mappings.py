"""Compiling a source's mapping rows against its schema: the one interpretation of the sheet.

Planning compiles to know, before a byte of data is read; the engine compiles the same rows to do
it. Both call `compile_source`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import polars as pl

from ai_dataflow.compiler.absent_columns import mapped_names
from ai_dataflow.compiler.alternatives import View, named_by, view
from ai_dataflow.compiler.mapped_columns import (
    CompiledColumn,
    compile_row,
    feeding_cell,
    warnings_of,
)
from ai_dataflow.compiler.reshaping import Reshaped, Shape, check_apart, shape_of
from ai_dataflow.compiler.rule_names import names_of, rule_reads_clock
from ai_dataflow.compiler.rules import CompiledRule, compile_rule
from ai_dataflow.compiler.sheet_findings import Finding, WrongError
from ai_dataflow.compiler.text_formats import TextFormats, of_row
from ai_dataflow.compiler.transforms import reads_clock
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.columns import resolve_column
from ai_dataflow.sources.files.differences import difference
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.files.folder_columns import partition_values
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.united import United, Wanted, content
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.source_rules import SourceRule


class MappingError(DataflowError):
    """A mapping that does not compile. `unread` are the problems of columns that it cannot read."""

    def __init__(self, *diagnostics: Diagnostic, unread: Iterable[Diagnostic] = ()) -> None:
        super().__init__(*diagnostics)
        self.unread = tuple(unread)


@dataclass(frozen=True)
class CompiledSource:
    """A source's mapping, compiled against its schema; `wanted` are the columns it needs.

    `warnings` are what is worth a look in the sheet, though it compiles, `guesses` those of them
    that are about a column taken for another; `united` says of columns that files do not have alike
    how they are read. Equal mappings of sources with equal columns have the
    same `columns` and the same `memo`, for what is built of them. `reshaped` tells how its rows
    become several before they are mapped, `rule` which of them are taken, where its rule says so.
    """

    columns: tuple[CompiledColumn, ...]
    wanted: Wanted
    warnings: tuple[Diagnostic, ...]
    guesses: tuple[Diagnostic, ...]
    united: Mapping[str, str] = field(default_factory=dict)
    memo: dict[object, Any] = field(default_factory=dict)
    reshaped: Reshaped | None = None
    rule: CompiledRule | None = None

    @property
    def schema(self) -> pl.Schema:
        """The types of the columns that are mapped, by the names that the sheet has."""
        return self.reshaped.schema if self.reshaped else self.wanted.schema

    @property
    def needed(self) -> list[str]:
        """The columns that are mapped, each once; a source of literals needs none."""
        return list(self.schema)

    def origins(self, column: CompiledColumn) -> list[str]:
        """Give the source columns that an AI column comes from."""
        made = self.reshaped.made if self.reshaped else {}
        return [*dict.fromkeys(each for n in column.columns for each in made.get(n, (n,)))]


def compile_source(source: SourceJob, schema: pl.Schema) -> CompiledSource:
    """Compile every mapping row of a source.

    Raises:
        MappingError: MAP-011, MAP-014, MAP-015, MAP-018 and MAP-019, all of them at once; RUL-032
            to RUL-035 where its rows cannot become several.
    """
    mappings, rule, adds = source.mappings, source.rule, _adds(source)
    # The time is put into an expression when it is compiled: that one is not for the next.
    compiled = _compiled.__wrapped__ if _read_clock(mappings, rule) else _compiled
    outcome = compiled(mappings, rule, _Columns(schema, adds), TextFormats.of(source))
    after = outcome.shape.schema if outcome.shape else schema
    problems_of = [(finding.about, finding.at(source, after)) for finding in outcome.findings]
    if problems := [problem for _, problem in problems_of if problem.severity == "error"]:
        unread = (problem for about, problem in problems_of if about in ("absent", "ambiguous"))
        raise MappingError(*dict.fromkeys(problems), unread=unread)
    needed = dict.fromkeys(name for column in outcome.columns for name in column.columns)
    needed |= dict.fromkeys(outcome.rule.columns if outcome.rule else ())
    seen = outcome.view
    reshaped = outcome.shape.of(needed, seen.schema) if outcome.shape else None
    read = reshaped.read if reshaped else pl.Schema({name: seen.schema[name] for name in needed})
    names = {name: several for name, several in seen.names.items() if name in read}
    wanted = Wanted(read, names, differ=isinstance(seen.schema, United))
    warnings = tuple(problem for _, problem in problems_of)
    guesses = tuple(problem for about, problem in problems_of if about == "renamed")
    united = {visible(name): how for name in read if (how := seen.uniting(name))}
    return CompiledSource(
        outcome.columns, wanted, warnings, guesses, united, outcome.memo, reshaped, outcome.rule
    )


def _adds(source: SourceJob) -> bool:
    """Tell whether a column that files lack is null there; so are names that lines of JSON lack.

    A name of a folder is no name in a line: where not all folders have it, it is missing.
    """
    written = getattr(source.location, "written", None)
    if written is not None and written.drift == "add":
        return True
    if not isinstance(source.seen, Listing) or source.seen.file_format != "jsonl":
        return False
    return len({tuple(partition_values(file.path)) for file in source.seen.files}) == 1


class _Columns:
    """Columns of files, and whether one that some of them lack is null there; compared by those."""

    def __init__(self, schema: pl.Schema, adds: bool) -> None:
        self.schema, self.adds = schema, adds
        self._content = content(schema), adds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Columns) and self._content == other._content

    def __hash__(self) -> int:
        return hash(self._content)


@dataclass(frozen=True)
class _Compiled:
    view: View
    columns: tuple[CompiledColumn, ...]
    findings: tuple[Finding, ...]
    shape: Shape | None = None
    rule: CompiledRule | None = None
    memo: dict[object, Any] = field(default_factory=dict)


@lru_cache(maxsize=256)  # of a hundred columns each takes about a megabyte
def _compiled(
    mappings: tuple[MappingRow, ...],
    rule: SourceRule | None,
    of_files: _Columns,
    formats: TextFormats | None,
) -> _Compiled:
    """Compile mapping rows and a rule against columns; a thousand clients have the same."""
    how = rule.reshape if rule else None
    also = (*(how.columns if how else ()), *names_of(rule))
    seen, shape = view(mappings, of_files.schema, also, how.several if how else ()), None
    if rule and not how and (rule.unpivot or rule.explode):
        return _Compiled(seen, (), ())  # it is told that it cannot be understood, and holds back
    try:
        if rule and how:
            asked = (*mapped_names(mappings), *names_of(rule))
            check_apart(rule, how, of_files.schema)
            shape = shape_of(rule, how, seen.schema, asked, adds=of_files.adds)
    except WrongError as error:
        return _Compiled(seen, (), error.findings)
    schema = shape.schema if shape else seen.schema
    columns: list[CompiledColumn] = []
    findings: list[Finding] = list(shape.findings if shape else ())
    for row in mappings:
        cell = feeding_cell(row)
        if wrong := list(_differing(row, cell, named_by(row), schema, adds=of_files.adds)):
            findings += wrong
            continue
        if shape and (reshaped := list(shape.reshaped(row, seen.schema))):
            findings += reshaped
            continue
        try:
            column = compile_row(row, schema, formats)
        except WrongError as error:
            findings += error.findings
        else:
            columns.append(column)
            findings += warnings_of(row, column.made, schema)
    taken, wrong = _rule(rule, schema, formats, adds=of_files.adds)
    return _Compiled(seen, tuple(columns), (*findings, *wrong), shape, taken)


def _rule(
    rule: SourceRule | None, schema: pl.Schema, formats: TextFormats | None, *, adds: bool
) -> tuple[CompiledRule | None, list[Finding]]:
    if rule is None:
        return None, []
    names = names_of(rule)
    if wrong := list(_differing(rule, "where", names, schema, adds=adds)):
        return None, wrong
    return compile_rule(rule, schema, of_row(formats, rule))


def _differing(
    row: MappingRow | SourceRule,
    cell: str,
    names: Iterable[str],
    schema: pl.Schema,
    *,
    adds: bool,
) -> Iterator[Finding]:
    """Find what files lack, or have in types that nothing unites."""
    if not isinstance(schema, United):
        return
    for name in {resolve_column(name, schema): None for name in names}:
        if name and (wrong := difference(name, schema, adds=adds)):
            yield Finding(wrong.code, row, cell, "", "", about="file", differing=wrong)


@lru_cache(maxsize=1024)
def _read_clock(mappings: tuple[MappingRow, ...], rule: SourceRule | None) -> bool:
    is_timed = (reads_clock(row.transform, row.dialect) for row in mappings)
    return any(is_timed) or rule_reads_clock(rule)
