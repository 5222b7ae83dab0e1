"""Reshaping: what `unpivot` and `explode` make of a source's columns, before they are mapped.

The columns that are unpivoted or exploded are gone then, and those that are made stand beside the
others. Of a list of texts that are JSON nobody knows the fields until they are read: those are
there that the sheet names, as texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from ai_dataflow.compiler.alternatives import named_by
from ai_dataflow.compiler.kinds import as_instance, type_name
from ai_dataflow.compiler.sheet_findings import Finding, WrongError, no_columns, spelled_otherwise
from ai_dataflow.compiler.transforms import Transform
from ai_dataflow.config.diagnostics import listing
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.columns import as_seen, columns_like, resolve_column
from ai_dataflow.sources.files.common_types import common_type_of
from ai_dataflow.sources.files.differences import difference
from ai_dataflow.sources.united import United, chosen, kinds_of, united
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.reshapes import Explode, Reshape, Unpivot, said
from ai_dataflow.tables.source_rules import SourceRule

Made = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Shape:
    """A source's columns, `schema`, after its rows became several; `columns` are those read for it.

    `made` are the columns that are made, each with the source columns that its values are from.
    `gone` are all that are rows now, by whichever of their names; `findings` are what is worth a
    look.
    """

    how: Reshape
    schema: pl.Schema
    columns: tuple[str, ...]
    made: Made
    gone: frozenset[str]
    findings: tuple[Finding, ...] = ()

    def reshaped(self, row: MappingRow, before: pl.Schema) -> Iterator[Finding]:
        """Find the columns that a mapping row names and that are rows now; `before` has them."""
        for name in named_by(row):
            column = resolve_column(name, before)
            if column not in self.gone or resolve_column(name, self.schema):
                continue
            cell = "transform" if row.transform else "source_column"
            value = visible(next(iter(self.made)))
            message = f"`{visible(name)}` is {self.how.done}: its values are rows of `{value}`"
            fix = "map that column, or list this one no more"
            yield Finding("RUL-036", row, cell, message, fix)

    def of(self, needed: Iterable[str], before: pl.Schema) -> Reshaped:
        """Give what makes the columns that are needed; `before` has the types of those before."""
        names = list(needed)
        from_source = [self.made.get(name, (name,)) for name in names]
        read = dict.fromkeys([*(each for of in from_source for each in of), *self.columns])
        return Reshaped(
            self.how,
            pl.Schema({name: before[name] for name in read}),
            pl.Schema({name: self.schema[name] for name in names}),
            self.columns,
            {name: self.made[name] for name in names if name in self.made},
        )


@dataclass(frozen=True)
class Reshaped:
    """How the rows of a source become several: `read` are the columns before, `schema` those after.

    `columns` are those that are unpivoted or exploded; `made` those of `schema` that are made, each
    with the source columns that its values are from.
    """

    how: Reshape
    read: pl.Schema
    schema: pl.Schema
    columns: tuple[str, ...]
    made: Made

    @property
    def kept(self) -> list[str]:
        """The columns that are the same before and after."""
        return [name for name in self.schema if name not in self.made]

    @property
    def said(self) -> str:
        """What tells it from other ways to make several rows of one."""
        return said(self.how)

    @property
    def fields(self) -> dict[str, str]:
        """The columns that are fields of elements, each with its name within them."""
        if isinstance(self.how, Unpivot):
            return {}
        (column,) = self.columns
        return {name: name[len(column) + 1 :] for name in self.made if name != column}


def shape_of(
    rule: SourceRule, how: Reshape, schema: pl.Schema, asked: Iterable[str], *, adds: bool
) -> Shape:
    """Reshape a source's columns.

    Args:
        rule: what says so.
        how: what it says.
        schema: the source's columns, as the sheet names them.
        asked: the columns that the sheet maps.
        adds: whether a column that files lack is null there.

    Raises:
        WrongError: MAP-014, MAP-018, RUL-032 to RUL-035; SRC-010 and SRC-018 where files differ.
    """
    columns, findings = _columns(rule, how, schema, adds=adds)
    if isinstance(how, Unpivot):
        dtype = _common_type(rule, how, [schema[name] for name in columns])
        added: dict[str, pl.DataType] = {how.value: dtype, how.name: pl.String()}
        made: dict[str, tuple[str, ...]] = {how.value: columns, how.name: ()}
        if texts := _texts(columns, schema):
            added[as_seen(how.value)], made[as_seen(how.value)] = pl.String(), texts
        _check_new(rule, how, (how.value, how.name), schema)
    else:
        (column,) = columns
        added = _exploded(rule, how, column, schema[column], set(asked))
        made = dict.fromkeys(added, columns)
        _check_new(rule, how, (name for name in added if name in asked and name != column), schema)
    gone = {*columns, *_otherwise_called(how, schema)}
    gone |= {*map(as_seen, gone)}
    return Shape(how, _after(schema, gone, added), columns, made, frozenset(gone), findings)


def _otherwise_called(how: Reshape, schema: pl.Schema) -> Iterator[str]:
    """Give the columns that files have under other names than those that the columns go by."""
    for name in (name for names in how.several for name in names[1:]):
        yield from filter(None, (resolve_column(name, kind.schema) for kind in kinds_of(schema)))


def check_apart(rule: SourceRule, how: Reshape, files: pl.Schema) -> None:
    """Make sure that no column of a file is listed twice, by whichever of its names.

    Raises:
        WrongError: RUL-032.
    """
    for kind in kinds_of(files):
        listed = {names[0]: chosen(names, kind.schema) for names in how.several}
        columns = [column for column in listed.values() if column]
        if twice := [name for name, column in listed.items() if columns.count(column) > 1]:
            named = listing(f"`{visible(name)}`" for name in twice)
            message = f"{named} are one column of the source"
            raise WrongError(Finding("RUL-032", rule, how.cell, message, "list each column once"))


def _columns(
    rule: SourceRule, how: Reshape, schema: pl.Schema, *, adds: bool
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Find the source columns that are named, and what is worth a look in them."""
    names = {name: resolve_column(name, schema) for name in how.columns}
    if missing := [n for several in how.several if not names[several[0]] for n in several]:
        cell = getattr(rule, how.cell)
        raise WrongError(
            *no_columns(rule, how.cell, missing, schema, lambda name: cell.find(name) + 1)
        )
    columns = tuple(names.values())
    differing = (difference(column, schema, adds=adds) for column in columns)
    if wrong := [
        Finding(of.code, rule, how.cell, "", "", about="file", differing=of)
        for of in differing
        if of
    ]:
        raise WrongError(*wrong)
    renamed = tuple(pair for pair in names.items() if pair[0] != pair[1])
    read = Transform(pl.lit(None), None, columns, pl.Null(), renamed)
    return columns, tuple(spelled_otherwise(rule, how.cell, read, schema))


def _common_type(rule: SourceRule, how: Unpivot, types: list[pl.DataType]) -> pl.DataType:
    """Give the type that has the values of all listed columns.

    Of whole numbers and floats that is a float: in JSON and workbooks a column has the type of the
    values that happen to be in it. A number that no float has is found when it is read.
    """
    numbers = [dtype for dtype in types if dtype != pl.Null]
    if (dtype := common_type_of(types)) is not None:
        return dtype
    if all(dtype.is_integer() or dtype.is_float() for dtype in numbers):
        return pl.Float64()
    named = (
        f"`{visible(name)}` is {type_name(dtype)}"
        for name, dtype in zip(how.columns, types, strict=True)
    )
    message = f"no type has the values of all listed columns: {listing(named, 12)}"
    fix = "list columns of one type; those of another need a submodule and a rule of their own"
    raise WrongError(Finding("RUL-033", rule, how.cell, message, fix))


def _texts(columns: Iterable[str], schema: pl.Schema) -> tuple[str, ...]:
    """Give the columns that have what people see of others; none where not all have it."""
    seen = tuple(as_seen(c) if as_seen(c) in schema else c for c in columns)
    is_any = any(as_seen(c) in schema for c in columns)
    return seen if is_any and all(schema[c] in (pl.String, pl.Null) for c in seen) else ()


def _exploded(
    rule: SourceRule, how: Explode, column: str, dtype: pl.DataType, asked: set[str]
) -> dict[str, pl.DataType]:
    """Give the columns that the elements of a list are: as a whole, and their fields."""
    match dtype:
        case pl.List() | pl.Array():
            inner = as_instance(dtype.inner)
            return {column: inner} | {
                f"{column}.{name}": of for name, (_, of) in fields_of(inner).items()
            }
        case pl.String() | pl.Null():
            named = sorted(name[len(column) :] for name in asked if how.makes(name))
            return dict.fromkeys((column, *(f"{column}{field}" for field in named)), pl.String())
        case _:
            message = f"`{visible(column)}` is {type_name(dtype)}, and no list"
            fix = "name a column of lists, or one whose texts are lists in JSON"
            raise WrongError(Finding("RUL-035", rule, how.cell, message, fix))


def fields_of(dtype: pl.DataType) -> dict[str, tuple[tuple[str, ...], pl.DataType]]:
    """Give the fields of a struct, those within them too: by name, the way there and the type.

    One with a point in its own name comes before one of a field.
    """
    every: list[tuple[tuple[str, ...], pl.DataType]] = []
    waiting: list[tuple[tuple[str, ...], pl.DataType]] = [((), dtype)]
    while waiting:
        path, outer = waiting.pop(0)
        if isinstance(outer, pl.Struct):
            inner = [((*path, f.name), as_instance(f.dtype)) for f in outer.fields]
            every += inner
            waiting += inner
    named: dict[str, tuple[tuple[str, ...], pl.DataType]] = {}
    for path, of in every:
        named.setdefault(".".join(path), (path, of))
    return named


def _check_new(rule: SourceRule, how: Reshape, names: Iterable[str], schema: pl.Schema) -> None:
    """Make sure that the source has no columns of the names that are made."""
    if there := [f"`{visible(name)}`" for name in names if columns_like(name, schema)]:
        message = f"it makes {listing(there)}, and the source has a column of that name"
        fix = (
            "choose another name"
            if isinstance(how, Unpivot)
            else "deliver them with other names: a field of an element would hide behind it"
        )
        raise WrongError(Finding("RUL-034", rule, how.cell, message, fix))


def _after(schema: pl.Schema, gone: Iterable[str], added: Mapping[str, pl.DataType]) -> pl.Schema:
    """Give the columns afterwards; of files that differ those of each kind."""

    def changed(columns: pl.Schema) -> pl.Schema:
        kept = {name: dtype for name, dtype in columns.items() if name not in gone}
        return pl.Schema({**kept, **added})

    if not isinstance(schema, United):
        return changed(schema)
    kinds = [kind._replace(schema=changed(kind.schema)) for kind in schema.kinds]
    made = united(kinds)
    if isinstance(made, United):
        made.paths, made.dialects = schema.paths, schema.dialects
    return made
