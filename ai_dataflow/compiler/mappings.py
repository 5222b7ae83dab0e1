"""Compiling a source's mapping rows against its schema: the one interpretation of the sheet.

Planning compiles to know, before a byte of data is read; the engine compiles the same rows to do
it. Both call `compile_source`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import polars as pl

from ai_dataflow.compiler.absent_columns import mapped_names
from ai_dataflow.compiler.alternatives import View, fed_by, named_by, view
from ai_dataflow.compiler.casts import Cast, cast_to, castable, narrowing
from ai_dataflow.compiler.code_values import coded, has_codes
from ai_dataflow.compiler.kinds import type_name
from ai_dataflow.compiler.plain_casts import plain
from ai_dataflow.compiler.reshaping import Reshaped, Shape, check_apart, shape_of
from ai_dataflow.compiler.rule_names import names_of, rule_reads_clock
from ai_dataflow.compiler.rules import CompiledRule, compile_rule
from ai_dataflow.compiler.sheet_findings import (
    Finding,
    WrongError,
    doubts,
    no_columns,
    spelled_otherwise,
)
from ai_dataflow.compiler.text_formats import TextFormats, of_row
from ai_dataflow.compiler.transforms import (
    Transform,
    TransformError,
    column_offset,
    compile_transform,
    reads_clock,
    written,
)
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.columns import as_seen, named, resolve_column, text_of
from ai_dataflow.sources.files.differences import difference
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.files.folder_columns import partition_values
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.united import United, Wanted, content
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_mapping import MappingRow, literal
from ai_dataflow.tables.source_rules import SourceRule


class MappingError(DataflowError):
    """A mapping that does not compile. `unread` are the problems of columns that it cannot read."""

    def __init__(self, *diagnostics: Diagnostic, unread: Iterable[Diagnostic] = ()) -> None:
        super().__init__(*diagnostics)
        self.unread = tuple(unread)


@dataclass(frozen=True, eq=False)
class CompiledColumn:
    """A mapping row, compiled: what it makes of a row, and the cast of that to its `ai_type`.

    `unmapped` tells where its code list lacks the value; None where it has none, or never.
    """

    mapping: MappingRow
    made: Transform
    unmapped: pl.Expr | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that are read."""
        return self.made.columns

    @property
    def source_type(self) -> pl.DataType:
        """The type before the cast."""
        return self.made.dtype

    @property
    def expression(self) -> str:
        """What feeds the column, as it was compiled, in the sheet's dialect."""
        row = self.mapping
        return (
            written(row.transform, self.made, row.dialect) if row.transform else row.source_column
        )

    @cached_property
    def cast(self) -> Cast:
        """The AI column's value, of what the row makes. Built when it is first used."""
        done = cast_to(self.made.value, self.made.dtype, self.mapping.ai_type)
        if done is None:
            raise TypeError(f"{self.mapping.cell} was not compiled")
        return done

    @cached_property
    def plain(self) -> pl.Expr | None:
        """A cheap way to the value: null where only `cast` can tell it; None where there is none.

        What fails by itself has none: it is looked at anyway.
        """
        if self.made.failed is not None or self.mapping.ai_type == ai_types.JSON:
            return None
        return plain(self.made.value, self.made.dtype, ai_types.to_polars(self.mapping.ai_type))

    @property
    def needs_value(self) -> bool:
        """Whether a row without a value is rejected; where there is a default none is without."""
        return self.mapping.required and not self.mapping.default

    def completed(self, value: pl.Expr) -> pl.Expr:
        """Give the AI column's value with the default where there is none, or a blank text.

        Only for rows that did not fail: a default replaces no value that could not be made.
        """
        if not self.mapping.default:
            return value
        ai_type = self.mapping.ai_type
        default = cast_to(pl.lit(literal(self.mapping.default)), pl.String(), ai_type)
        assert default is not None  # noqa: S101 - planning has tried it
        is_none = value.is_null()
        if ai_types.to_polars(ai_type) == pl.String:
            is_none = is_none | (value.str.strip_chars() == "")
        return pl.when(is_none).then(default.value).otherwise(value)

    def failed(self, value: pl.Expr) -> pl.Expr | None:
        """Tell where the AI column could not be made, given its value; None where it always is."""
        if self.made.failed is None:
            return None if self.cast.given is None else self.cast.failed(value)
        return self.made.failed | self.cast.failed(value)


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
        cell = _fed_by(row)
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


def compile_row(row: MappingRow, schema: pl.Schema, formats: TextFormats | None) -> CompiledColumn:
    """Compile a mapping row against the columns that it may read.

    Raises:
        WrongError: it does not compile.
    """
    meant = of_row(formats, row)
    made, unmapped = (_transform if row.transform else _column)(row, schema, meant), None
    if row.codes is not None:
        if not has_codes(made.dtype):
            message = (
                f"a code list names texts and whole numbers, and this is {type_name(made.dtype)}"
            )
            raise WrongError(
                Finding("MAP-044", row, "code_list", message, "write a transform to text")
            )
        made, unmapped = coded(made, row)
    if not castable(made.dtype, row.ai_type):
        message = f"{type_name(made.dtype)} cannot become {row.ai_type}"
        fix = "choose another ai_type or write a transform"
        if made.dtype.is_nested():
            fix = "choose `json`, which is its exact text, or a `list(...)` or `struct(...)`"
        raise WrongError(Finding("MAP-015", row, "ai_type", message, fix))
    return CompiledColumn(row, made, unmapped)


def _column(row: MappingRow, schema: pl.Schema, formats: TextFormats | None) -> Transform:
    is_text = ai_types.to_polars(row.ai_type) == pl.String or row.codes is not None
    names = fed_by(row, schema)
    name = resolve_column(names[0], schema)
    if not name and is_text:  # rows that were rejected have only what was read
        name = resolve_column(as_seen(names[0]), schema)
    if not name:
        raise WrongError(*_no_columns(row, names, schema))
    is_same = name in (names[0], as_seen(names[0]))
    renamed = () if is_same else ((names[0], name),)
    name = text_of(name, schema) if is_text else name
    value = named(name)
    if formats and schema[name] == pl.String:
        value = formats.read(value)
        if row.codes is None:
            value = formats.usual(value, ai_types.to_polars(row.ai_type))
    return Transform(value, None, (name,), schema[name], renamed)


def _transform(row: MappingRow, schema: pl.Schema, formats: TextFormats | None) -> Transform:
    try:
        made = compile_transform(row.transform, schema, row.dialect, formats)
    except TransformError as error:
        missing = [name for name in error.columns if not resolve_column(name, schema)]
        problems = _no_columns(row, missing, schema)
        code = "MAP-011" if error.is_scalar else "MAP-019"
        columns = "AI columns" if row.is_computed else "the source's columns"
        fix = f"correct the expression: scalar SQL over {columns}"
        wrong = Finding(code, row, "transform", str(error), fix, offset=error.offset)
        raise WrongError(*problems or [wrong]) from None
    if (names := fed_by(row, schema)) and not resolve_column(names[0], schema):
        raise WrongError(*_no_columns(row, names, schema, "source_column"))
    return made


def _no_columns(
    row: MappingRow, names: Sequence[str], schema: pl.Schema, cell: str = ""
) -> list[Finding]:
    cell = cell or _fed_by(row)
    return no_columns(row, cell, names, schema, lambda name: _offset(row, cell, name))


def _offset(row: MappingRow, cell: str, name: str) -> int:
    """Give where in its transform a column is named."""
    return column_offset(row.transform, name, row.dialect) if cell == "transform" else 0


def warnings_of(row: MappingRow, made: Transform, schema: pl.Schema) -> Iterator[Finding]:
    """Find what is worth a look in a row that compiles."""
    yield from spelled_otherwise(row, _fed_by(row), made, schema)
    if loss := narrowing(made.dtype, ai_types.to_polars(row.ai_type)):
        message = f"from {type_name(made.dtype)} to {row.ai_type}: {loss}"
        fix = "choose a wider ai_type, or say so in a transform (ROUND, CAST)"
        yield Finding("MAP-022", row, "ai_type", message, fix, "warning")
    names = fed_by(row, schema) or ("",)
    named = resolve_column(names[0], schema)
    if row.transform and named and named not in made.columns:
        message = f"the transform does not read the source_column `{row.source_column}` beside it"
        fix = "correct one of them, or clear the source_column"
        yield Finding("MAP-026", row, "transform", message, fix, "warning")
    is_timed = reads_clock(row.transform, row.dialect)
    yield from doubts(row, "transform", made, reads_clock=is_timed)


def _fed_by(row: MappingRow) -> str:
    return "transform" if row.transform else "source_column"
