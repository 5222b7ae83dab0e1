"""Compiling a source's mapping rows against its schema: the one interpretation of the sheet.

Planning compiles to know, before a byte of data is read; the engine compiles the same rows to do
it. Both call `compile_source`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, Literal

import polars as pl

from ai_dataflow.compiler.absent_columns import absence
from ai_dataflow.compiler.alternatives import View, fed_by, named_by, view
from ai_dataflow.compiler.casts import Cast, cast_to, castable, narrowing
from ai_dataflow.compiler.code_values import coded, has_codes
from ai_dataflow.compiler.kinds import type_name
from ai_dataflow.compiler.plain_casts import plain
from ai_dataflow.compiler.text_formats import TextFormats, of_row
from ai_dataflow.compiler.transforms import (
    Transform,
    TransformError,
    column_offset,
    compile_transform,
    reads_clock,
    written,
)
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, Severity, listing
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.columns import as_seen, columns_like, named, resolve_column, text_of
from ai_dataflow.sources.files.differences import Difference, difference, uniting
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.files.folder_columns import partition_values
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.united import United, Wanted, content
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_mapping import MappingRow, literal

# What is said once of a sheet, at its name, however many cells it is true of.
_OF_THE_SHEET = frozenset({"MAP-030"})


@dataclass(frozen=True)
class _Finding:
    """What is wrong with a mapping row, wherever its source is.

    It is `about` the row itself, or a source column: one that is not there, one that several could
    be, one that is taken for another. Which are not there, `absent` has: what is told of them hangs
    on the source. `differing` is what is wrong with a column of its files.
    """

    code: str
    row: MappingRow
    column: str
    message: str
    fix: str
    severity: Severity = "error"
    about: Literal["row", "absent", "ambiguous", "renamed", "file"] = "row"
    offset: int = 0
    absent: tuple[str, ...] = ()
    differing: Difference | None = None

    def at(self, source: SourceJob, schema: pl.Schema) -> Diagnostic:
        """Tell of it for one source."""
        if self.differing:
            seen = source.seen.files if isinstance(source.seen, Listing) else ()
            looked_at = schema.paths if isinstance(schema, United) else ()
            paths = [file.path for file in seen] or looked_at
            return self.differing.at(source.location, source.place, paths)
        message, fix = f"{source.location}: {self.message}", self.fix
        if self.absent:
            message, fix = absence(self.absent, source, schema)
        problem = self.row.problem(
            self.code,
            self.column,
            message,
            fix,
            severity=self.severity,
            product=source.product,
            submodule=source.submodule,
            ai_column=self.row.ai_column,
        )
        if self.code in _OF_THE_SHEET:
            message = f"{problem.place}: {self.message}"
            return replace(problem, place=self.row.sheet.name, message=message)
        return (
            problem if not self.offset else replace(problem, place=f"{problem.place}:{self.offset}")
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
    same `columns` and the same `memo`, for what is built of them.
    """

    columns: tuple[CompiledColumn, ...]
    wanted: Wanted
    warnings: tuple[Diagnostic, ...]
    guesses: tuple[Diagnostic, ...]
    united: Mapping[str, str] = field(default_factory=dict)
    memo: dict[object, Any] = field(default_factory=dict)

    @property
    def schema(self) -> pl.Schema:
        """The types of the source columns that are read, by the names that the sheet has."""
        return self.wanted.schema

    @property
    def needed(self) -> list[str]:
        """The source columns to read, each once; a source of literals reads none."""
        return list(self.schema)


def compile_source(source: SourceJob, schema: pl.Schema) -> CompiledSource:
    """Compile every mapping row of a source.

    Raises:
        MappingError: MAP-011, MAP-014, MAP-015, MAP-018 and MAP-019, all of them at once.
    """
    mappings, adds = source.mappings, _adds(source)
    # The time is put into an expression when it is compiled: that one is not for the next.
    compiled = _compiled.__wrapped__ if _read_clock(mappings) else _compiled
    outcome = compiled(mappings, _Columns(schema, adds), TextFormats.of(source))
    problems_of = [(finding.about, finding.at(source, schema)) for finding in outcome.findings]
    if problems := [problem for _, problem in problems_of if problem.severity == "error"]:
        unread = (problem for about, problem in problems_of if about in ("absent", "ambiguous"))
        raise MappingError(*dict.fromkeys(problems), unread=unread)
    needed = dict.fromkeys(name for column in outcome.columns for name in column.columns)
    seen = outcome.view
    read = pl.Schema({name: seen.schema[name] for name in needed})
    names = {name: several for name, several in seen.names.items() if name in read}
    wanted = Wanted(read, names, differ=isinstance(seen.schema, United))
    warnings = tuple(problem for _, problem in problems_of)
    guesses = tuple(problem for about, problem in problems_of if about == "renamed")
    united = {visible(name): how for name in needed if (how := seen.uniting(name))}
    return CompiledSource(outcome.columns, wanted, warnings, guesses, united, outcome.memo)


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
    findings: tuple[_Finding, ...]
    memo: dict[object, Any] = field(default_factory=dict)


@lru_cache(maxsize=256)  # of a hundred columns each takes about a megabyte
def _compiled(
    mappings: tuple[MappingRow, ...], of_files: _Columns, formats: TextFormats | None
) -> _Compiled:
    """Compile mapping rows against columns; a thousand clients have the same."""
    seen = view(mappings, of_files.schema)
    columns: list[CompiledColumn] = []
    findings: list[_Finding] = []
    for row in mappings:
        if wrong := list(_differing(row, seen.schema, adds=of_files.adds)):
            findings += wrong
            continue
        try:
            column = _compile_row(row, seen.schema, formats)
        except _Wrong as error:
            findings += error.findings
        else:
            columns.append(column)
            findings += _warnings(row, column.made, seen.schema)
    return _Compiled(seen, tuple(columns), tuple(findings))


def _differing(row: MappingRow, schema: pl.Schema, *, adds: bool) -> Iterator[_Finding]:
    """Find what files lack, or have in types that nothing unites."""
    if not isinstance(schema, United):
        return
    for name in {resolve_column(name, schema): None for name in named_by(row)}:
        if name and (wrong := difference(name, schema, adds=adds)):
            cell = _fed_by(row)
            yield _Finding(wrong.code, row, cell, "", "", about="file", differing=wrong)


@lru_cache(maxsize=1024)
def _read_clock(mappings: tuple[MappingRow, ...]) -> bool:
    return any(reads_clock(row.transform, row.dialect) for row in mappings)


def _compile_row(row: MappingRow, schema: pl.Schema, formats: TextFormats | None) -> CompiledColumn:
    meant = of_row(formats, row)
    made, unmapped = (_transform if row.transform else _column)(row, schema, meant), None
    if row.codes is not None:
        if not has_codes(made.dtype):
            message = (
                f"a code list names texts and whole numbers, and this is {type_name(made.dtype)}"
            )
            raise _Wrong(
                _Finding("MAP-044", row, "code_list", message, "write a transform to text")
            )
        made, unmapped = coded(made, row)
    if not castable(made.dtype, row.ai_type):
        message = f"{type_name(made.dtype)} cannot become {row.ai_type}"
        fix = "choose another ai_type or write a transform"
        if made.dtype.is_nested():
            fix = "choose `json`, which is its exact text, or a `list(...)` or `struct(...)`"
        raise _Wrong(_Finding("MAP-015", row, "ai_type", message, fix))
    return CompiledColumn(row, made, unmapped)


def _column(row: MappingRow, schema: pl.Schema, formats: TextFormats | None) -> Transform:
    is_text = ai_types.to_polars(row.ai_type) == pl.String or row.codes is not None
    names = fed_by(row, schema)
    name = resolve_column(names[0], schema)
    if not name and is_text:  # rows that were rejected have only what was read
        name = resolve_column(as_seen(names[0]), schema)
    if not name:
        raise _Wrong(*_no_columns(row, names, schema))
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
        fix = "correct the expression: scalar SQL over the source's columns"
        wrong = _Finding(code, row, "transform", str(error), fix, offset=error.offset)
        raise _Wrong(*problems or [wrong]) from None
    if (names := fed_by(row, schema)) and not resolve_column(names[0], schema):
        raise _Wrong(*_no_columns(row, names, schema, "source_column"))
    return made


def _no_columns(
    row: MappingRow, names: Sequence[str], schema: pl.Schema, cell: str = ""
) -> list[_Finding]:
    """Tell of the names that are not there, and of those that several columns could be."""
    cell = cell or _fed_by(row)
    alike = {name: columns_like(name, schema) for name in names}
    findings = [
        _Finding(
            "MAP-018", row, cell,
            f"`{visible(name)}` could be any of {listing(f'`{visible(c)}`' for c in columns)}",
            "spell the column exactly as the source does", about="ambiguous",
            offset=_offset(row, cell, name),
        )
        for name, columns in alike.items()
        if columns
    ]  # fmt: skip
    if absent := tuple(name for name in names if not alike[name]):
        at = _offset(row, cell, absent[0])
        findings.append(
            _Finding("MAP-014", row, cell, "", "", about="absent", offset=at, absent=absent)
        )
    return findings


def _offset(row: MappingRow, cell: str, name: str) -> int:
    """Give where in its transform a column is named."""
    return column_offset(row.transform, name, row.dialect) if cell == "transform" else 0


def _warnings(row: MappingRow, made: Transform, schema: pl.Schema) -> Iterator[_Finding]:
    for name, column in made.renamed:
        is_case = name.casefold() == column.casefold()
        how = "in case alone" if is_case else "in nothing that is easy to see"
        shown, meant = visible(name), visible(column)
        message = f"`{shown}` is taken for `{meant}`, the only column that differs {how}"
        fix = "spell the column exactly as the source does"
        yield _Finding("MAP-017", row, _fed_by(row), message, fix, "warning", "renamed")
    for name in made.columns:
        if how := uniting(name, schema):
            message = f"the files differ in `{visible(name)}`: {how}"
            fix = "nothing, if that is as it should be; else deliver files that are alike"
            yield _Finding("MAP-032", row, _fed_by(row), message, fix, "warning")
    if loss := narrowing(made.dtype, ai_types.to_polars(row.ai_type)):
        message = f"from {type_name(made.dtype)} to {row.ai_type}: {loss}"
        fix = "choose a wider ai_type, or say so in a transform (ROUND, CAST)"
        yield _Finding("MAP-022", row, "ai_type", message, fix, "warning")
    names = fed_by(row, schema) or ("",)
    named = resolve_column(names[0], schema)
    if row.transform and named and named not in made.columns:
        message = f"the transform does not read the source_column `{row.source_column}` beside it"
        fix = "correct one of them, or clear the source_column"
        yield _Finding("MAP-026", row, "transform", message, fix, "warning")
    for doubt in made.doubts:
        yield _Finding(
            doubt.code, row, "transform", doubt.message, doubt.fix, "warning", offset=doubt.offset
        )
    if reads_clock(row.transform, row.dialect):
        message = "the transform reads the clock: a rerun of the same data gives other values"
        fix = "use a column of the source"
        yield _Finding("MAP-024", row, "transform", message, fix, "warning")


def _fed_by(row: MappingRow) -> str:
    return "transform" if row.transform else "source_column"
