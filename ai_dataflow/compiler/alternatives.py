"""Columns as a sheet names them: each by its first name, whatever a file calls it.

`amount | amt` is one column, called `amount`: in each file the first of the two that it has. So a
transform reads it by its first name, and so it is told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import polars as pl

from ai_dataflow.compiler.transforms import TransformError, columns_of
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.columns import as_seen
from ai_dataflow.sources.files.differences import uniting
from ai_dataflow.sources.united import Kind, United, chosen, kinds_of, united
from ai_dataflow.tables.ai_mapping import MappingRow, alternatives


@dataclass(frozen=True)
class View:
    """A source's columns as its mapping rows name them.

    `names` are those that are called otherwise in some files, each with what it may be called, and
    `called` those of them that have several names in the files, with these.
    """

    schema: pl.Schema
    names: Mapping[str, tuple[str, ...]]
    called: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def uniting(self, name: str) -> str:
        """Say how a column is read that files call otherwise, or do not have alike; else blank."""
        several = [f"`{visible(each)}`" for each in self.called.get(name, ())]
        called = f"called {' and '.join(several)}" if several else ""
        return ", ".join(filter(None, (called, uniting(name, self.schema))))


def view(
    rows: Sequence[MappingRow],
    schema: pl.Schema,
    also: Sequence[str] = (),
    several: Iterable[tuple[str, ...]] = (),
) -> View:
    """See a source's columns as its mapping rows name them, and `also` by these names.

    `several` are names of columns that have alternatives elsewhere in the sheet.
    """
    kinds, names = kinds_of(schema), _several(rows, schema, several)
    if isinstance(schema, United):
        named = chain(also, (name for row in rows for name in named_by(row)))
        names = {name: (name,) for name in named} | names
    columns = [{n: chosen(several, kind.schema) for n, several in names.items()} for kind in kinds]
    other = {
        name: names[name] for name in names if any(of[name] not in ("", name) for of in columns)
    }
    if not other:
        return View(schema, {})
    called = {name: tuple({of[name]: None for of in columns if of[name]}) for name in other}
    return View(
        united(_seen(kind, of, other) for kind, of in zip(kinds, columns, strict=True)),
        other,
        {name: several for name, several in called.items() if len(several) > 1},
    )


def _seen(kind: Kind, columns: Mapping[str, str], names: Iterable[str]) -> Kind:
    """Add columns under the names that the sheet has for them."""
    added = {name: kind.schema[columns[name]] for name in names if columns[name]}
    refused = dict(kind.refused)
    more = [(n, refused[columns[n]]) for n in added if columns[n] != n and columns[n] in refused]
    schema = pl.Schema({**kind.schema, **added})
    return kind._replace(schema=schema, refused=(*kind.refused, *more))


def _several(
    rows: Iterable[MappingRow], schema: pl.Schema, more: Iterable[tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Give the alternatives of the rows, and more; a column of just such a name is itself."""
    names: dict[str, tuple[str, ...]] = {}
    of_rows = (row.source_column for row in rows if row.source_column not in schema)
    for several in chain(more, map(alternatives, of_rows)):
        if len(several) > 1:
            names.setdefault(several[0], several)
            if any(as_seen(name) in schema for name in several):
                both = tuple(each for name in several for each in (as_seen(name), name))
                names.setdefault(as_seen(several[0]), both)
    return names


def fed_by(row: MappingRow, schema: pl.Schema) -> Sequence[str]:
    """Give the names of a row's source column, in their order."""
    if row.source_column in schema or not row.source_column:
        return (row.source_column,) if row.source_column else ()
    return alternatives(row.source_column)


def named_by(row: MappingRow) -> Iterator[str]:
    """Give the columns that a row names, each by its first name."""
    if row.source_column:
        yield alternatives(row.source_column)[0]
    try:
        yield from columns_of(row.transform, row.dialect) if row.transform else ()
    except TransformError:  # told elsewhere
        return
