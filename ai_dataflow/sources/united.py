"""Columns of files that differ, united by name: what all of a location's files have together.

Planning finds them, a run reads by them: one answer, from here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from ai_dataflow.sources.columns import named, resolve_column
from ai_dataflow.sources.files.common_types import common_type_of, converted
from ai_dataflow.sources.files.text_dialects import Dialect

_ANY = "\ue000any"  # of a source of which no column is read; no column is called so


class Kind(NamedTuple):
    """Columns that some files have alike; `first` is the number of the first of these files.

    `refused` are those that nobody here can read, each with why, as `is there twice`; their type is
    `Unknown`.
    """

    first: int
    schema: pl.Schema
    refused: tuple[tuple[str, str], ...] = ()


class United(pl.Schema):
    """The columns of files of several kinds, by name; each has the smallest type that has all.

    One whose types have none in common, or that cannot be read, is of the type `Unknown`: it is no
    harm while nobody reads it. `paths` are those of the files that were looked at; equal schemas
    may be of others. `dialects` are how files of text are written, where they are not all plain.
    """

    kinds: tuple[Kind, ...] = ()
    paths: tuple[str, ...] = ()
    dialects: tuple[Dialect, ...] = ()

    def lacking(self, name: str) -> list[int]:
        """Give the numbers of the first files of the kinds that lack a column."""
        return [kind.first for kind in self.kinds if name not in kind.schema]

    def types(self, name: str) -> dict[pl.DataType, int]:
        """Give the types of a column, each with the number of the first file that has it so."""
        types: dict[pl.DataType, int] = {}
        for kind in self.kinds:
            if name in kind.schema and kind.schema[name] not in (pl.Null, pl.Unknown):
                types.setdefault(kind.schema[name], kind.first)
        return types

    def refused(self, name: str) -> Iterator[tuple[int, str]]:
        """Give the numbers of files in which a column cannot be read, each with why."""
        for kind in self.kinds:
            yield from ((kind.first, why) for column, why in kind.refused if column == name)


def united(kinds: Iterable[Kind]) -> pl.Schema:
    """Unite the columns of kinds of files; those of one kind are as they are."""
    every = tuple(kinds)
    if len(every) == 1 and not every[0].refused:
        return every[0].schema
    names = dict.fromkeys(name for kind in every for name in kind.schema)
    schema = United(
        {
            name: common_type_of([k.schema[name] for k in every if name in k.schema])
            or pl.Unknown()
            for name in names
        }
    )
    schema.kinds = every
    return schema


def written_as(schema: pl.Schema, dialects: tuple[Dialect, ...]) -> pl.Schema:
    """Give the columns of files of text with how these are written, if they are not all plain."""
    if not dialects:
        return schema
    made = United(schema)
    made.kinds, made.dialects = kinds_of(schema), dialects
    made.paths = schema.paths if isinstance(schema, United) else ()
    return made


def dialects_of(look: object) -> tuple[Dialect, ...]:
    """Give how each of the files is written, where they are not all plain."""
    return look.dialects if isinstance(look, United) else ()


def kinds_of(schema: pl.Schema) -> tuple[Kind, ...]:
    """Give the kinds of files that a schema is of."""
    return schema.kinds if isinstance(schema, United) else (Kind(0, schema),)


def content(schema: pl.Schema) -> Hashable:
    """Give what schemas are compared by: of files that differ, those of each kind."""
    if isinstance(schema, United):
        kinds = ((k.first, tuple(k.schema.items()), k.refused) for k in schema.kinds)
        return *kinds, schema.dialects
    return tuple(schema.items())


@dataclass(frozen=True)
class Wanted:
    """The columns that are read of files: what each is called, its type and its names in files.

    `names` are those that may be called otherwise in some files: the first that a file has is
    taken. `differ` tells that files of the location differ.
    """

    schema: pl.Schema
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    differ: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether each column is in every file, under its own name and in its type."""
        return not self.differ and not self.names

    def plain(self) -> list[pl.Expr]:
        """Give the columns, of files that are alike; any one where none is wanted.

        A source that only feeds literals is still read: its rows count.
        """
        return [named(name) for name in self.schema] or [pl.nth(0)]

    def none(self) -> pl.DataFrame:
        """Give the columns without rows."""
        return pl.DataFrame(schema=self.schema or {_ANY: pl.Boolean()})

    def names_in(self, present: Iterable[str]) -> dict[str, str]:
        """Give each wanted column's name among those of a file; blank where it has none."""
        among = pl.Schema(dict.fromkeys(present, pl.Null()))
        return {name: chosen(self.names.get(name, (name,)), among) for name in self.schema}

    def columns_in(self, present: Iterable[str]) -> list[str]:
        """Give a file's columns that have to be read, of these; any one where it has no wanted."""
        every = list(present)
        return [*dict.fromkeys(filter(None, self.names_in(every).values()))] or every[:1]

    def of(self, present: pl.Schema, rows: pl.LazyFrame | pl.DataFrame) -> pl.LazyFrame:
        """Select the columns from a file's rows; one that it lacks is null.

        A file without rows has no values to be of a type.

        Raises:
            SchemaError: the file has a column in a type that was not foreseen.
        """
        if not self.schema:
            return rows.lazy().select(pl.nth(0).is_null().alias(_ANY))
        picked = []
        for name, column in self.names_in(present).items():
            wanted = self.schema[name]
            value = converted(named(column), present[column], wanted) if column else None
            if column and value is None and rows.lazy().select(pl.len()).collect().item():
                raise pl.exceptions.SchemaError("a column is of another type by now")
            picked.append((pl.lit(None, wanted) if value is None else value).alias(name))
        # A row of nothing but literals would be one row.
        counted = rows.lazy().select(*picked, pl.nth(0).is_null().alias(_ANY))
        return counted.drop(_ANY)

    def picked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Select the columns from rows that were read; see `of`."""
        if self.is_plain and self.schema:
            return rows
        return self.of(rows.schema, rows).collect()


def chosen(names: Sequence[str], schema: pl.Schema) -> str:
    """Give the column of a file that the first of several names finds; blank where none does."""
    return next((column for name in names if (column := resolve_column(name, schema))), "")
