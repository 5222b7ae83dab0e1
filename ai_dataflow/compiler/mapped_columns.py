"""Compiling one mapping row against the columns that it may read: its value, and its cast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from ai_dataflow.compiler.alternatives import fed_by
from ai_dataflow.compiler.casts import Cast, cast_to, castable, narrowing
from ai_dataflow.compiler.code_values import coded, has_codes
from ai_dataflow.compiler.kinds import type_name
from ai_dataflow.compiler.plain_casts import plain
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
from ai_dataflow.sources.columns import as_seen, named, resolve_column, text_of
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.ai_mapping import MappingRow, literal


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
    cell = cell or feeding_cell(row)
    return no_columns(row, cell, names, schema, lambda name: _offset(row, cell, name))


def _offset(row: MappingRow, cell: str, name: str) -> int:
    """Give where in its transform a column is named."""
    return column_offset(row.transform, name, row.dialect) if cell == "transform" else 0


def warnings_of(row: MappingRow, made: Transform, schema: pl.Schema) -> Iterator[Finding]:
    """Find what is worth a look in a row that compiles."""
    yield from spelled_otherwise(row, feeding_cell(row), made, schema)
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


def feeding_cell(row: MappingRow) -> str:
    """Tell which cell of a row feeds its column."""
    return "transform" if row.transform else "source_column"
