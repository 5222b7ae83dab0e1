"""Compiling a source rule: which rows of a source are taken, and which of equal ones is kept.

`where` and the order of `keep` are expressions of the transforms' language, in the same dialect and
over the same columns. What is wrong with them is told at the rule's cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import polars as pl

from ai_dataflow.compiler.kinds import type_name
from ai_dataflow.compiler.parsing import parsed
from ai_dataflow.compiler.sheet_findings import (
    Finding,
    WrongError,
    doubts,
    no_columns,
    spelled_otherwise,
)
from ai_dataflow.compiler.text_formats import TextFormats
from ai_dataflow.compiler.transforms import (
    Transform,
    TransformError,
    column_offset,
    compile_transform,
    reads_clock,
)
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.columns import named, resolve_column
from ai_dataflow.tables.keeping import Way, keep_of, unique_columns
from ai_dataflow.tables.source_rules import SourceRule

T = TypeVar("T")
_NO_ORDER = "`latest` and `first` need a number, a date, a time or a boolean"


@dataclass(frozen=True, eq=False)
class UniqueBy:
    """Rows of equal `keys` are one, and the `way` says which of them; by an `order`, or none.

    A key is null where the row has no value: such a row is like no other.
    """

    keys: tuple[Transform, ...]
    way: Way
    order: Transform | None = None

    @property
    def made(self) -> tuple[Transform, ...]:
        """All that is computed of a row."""
        return (*self.keys, *([self.order] if self.order else ()))


@dataclass(frozen=True, eq=False)
class CompiledRule:
    """What a rule says of a source's rows; None where it says nothing."""

    rule: SourceRule
    where: Transform | None = None
    unique: UniqueBy | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that it reads, each once."""
        made = [*([self.where] if self.where else ()), *(self.unique.made if self.unique else ())]
        return tuple(dict.fromkeys(name for each in made for name in each.columns))


def misread(rule: SourceRule) -> Iterator[Finding]:
    """Find what is no expression, whatever columns its source has."""
    keep = keep_of(rule.keep)
    for cell, text, at in (("where", rule.where, 0), ("keep", keep.order, keep.at)):
        try:
            parsed(text, rule.dialect) if text else None
        except TransformError as error:
            yield _misread(rule, cell, error, at)


def _misread(rule: SourceRule, cell: str, error: TransformError, at: int) -> Finding:
    fix = "correct the expression: scalar SQL over the source's columns"
    offset = error.offset + at if error.offset else 0
    return Finding("RUL-010", rule, cell, str(error), fix, offset=offset)


def compile_rule(
    rule: SourceRule, schema: pl.Schema, formats: TextFormats | None
) -> tuple[CompiledRule, list[Finding]]:
    """Compile a rule against the columns of its source; give what is wrong or worth a look too."""
    compiling = _Compiling(rule, schema, formats)
    where = compiling.tried(compiling.where) if rule.where else None
    unique = compiling.tried(compiling.unique) if rule.unique_by else None
    return CompiledRule(rule, where, unique), compiling.findings


@dataclass
class _Compiling:
    """One rule and the columns of its source; what was found of it so far."""

    rule: SourceRule
    schema: pl.Schema
    formats: TextFormats | None
    findings: list[Finding] = field(default_factory=list)

    def tried(self, compiled: Callable[[], T]) -> T | None:
        """Compile a part, or note why it does not compile."""
        try:
            return compiled()
        except WrongError as error:
            self.findings += error.findings
            return None

    def where(self) -> Transform:
        """Compile what is true of the rows that are taken."""
        made = self._expression(self.rule.where, "where")
        if made.dtype not in (pl.Boolean, pl.Null):
            message = f"it is {type_name(made.dtype)}, and has to be true or false"
            fix = "compare something: `Deleted = 0`, `Status IN ('open', 'new')`"
            raise WrongError(Finding("RUL-011", self.rule, "where", message, fix))
        return made

    def unique(self) -> UniqueBy:
        """Compile which rows are one, and which of them is kept."""
        keep = keep_of(self.rule.keep)
        keys = tuple(map(self._key, unique_columns(self.rule.unique_by)))
        if not keep.order:
            return UniqueBy(keys, keep.way)
        order = self._expression(keep.order, "keep", keep.at)
        if not _has_order(order.dtype):
            raise WrongError(self._no_order(keep.order, order.dtype))
        return UniqueBy(keys, keep.way, order)

    def _key(self, name: str) -> Transform:
        column = resolve_column(name, self.schema)
        if not column:
            at = self.rule.unique_by.find(name) + 1
            raise WrongError(*no_columns(self.rule, "unique_by", [name], self.schema, lambda _: at))
        dtype = self.schema[column]
        if dtype.is_nested() or dtype == pl.Object:
            message = f"`{visible(name)}` is {type_name(dtype)}, which is no key"
            fix = "name columns of texts, numbers or dates"
            raise WrongError(Finding("RUL-013", self.rule, "unique_by", message, fix))
        value = named(column)
        if dtype == pl.String:
            value = self.formats.read(value) if self.formats else value
            value = pl.when(value.str.strip_chars() != "").then(value)
        renamed = () if column == name else ((name, column),)
        made = Transform(value, None, (column,), dtype, renamed)
        self.findings += spelled_otherwise(self.rule, "unique_by", made, self.schema)
        return made

    def _expression(self, text: str, cell: str, at: int = 0) -> Transform:
        """Compile an expression that begins at a place of its cell."""
        rule = self.rule
        try:
            made = compile_transform(text, self.schema, rule.dialect, self.formats)
        except TransformError as error:
            missing = [name for name in error.columns if not resolve_column(name, self.schema)]
            absent = self._absent(text, cell, at, missing)
            raise WrongError(*absent or [_misread(rule, cell, error, at)]) from None
        self.findings += spelled_otherwise(rule, cell, made, self.schema)
        is_timed = reads_clock(text, rule.dialect)
        self.findings += doubts(rule, cell, made, reads_clock=is_timed, at=at)
        return made

    def _absent(self, text: str, cell: str, at: int, names: Sequence[str]) -> list[Finding]:
        def offset(name: str) -> int:
            begins = column_offset(text, name, self.rule.dialect)
            return begins + at if begins else 0

        return no_columns(self.rule, cell, names, self.schema, offset)

    def _no_order(self, text: str, dtype: pl.DataType) -> Finding:
        is_text = dtype == pl.String
        why = "which sorts by letters: 10 before 9" if is_text else "which has no order"
        message = f"`{visible(text[:80])}` is {type_name(dtype)}, {why}; {_NO_ORDER}"
        way = keep_of(self.rule.keep).way
        fix = f"say what it is: `{way}:CAST({text[:80]} AS TIMESTAMP)`, or AS INT"
        return Finding("RUL-013", self.rule, "keep", message,
                       fix if is_text else "name another column")  # fmt: skip


def _has_order(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype.is_temporal() or dtype in (pl.Boolean, pl.Null)
