"""Columns and fields of sources, by exactly their names: Polars takes some names for patterns."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping

import polars as pl
from polars import selectors

_AS_SEEN = " (as seen)"
# Blanks that do not break, and quotes that are curly or low.
_USUAL = str.maketrans({
    **dict.fromkeys("\u00a0\u2007\u202f", " "),
    **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f", '"'),
})  # fmt: skip


def named(name: str) -> pl.Expr:
    """Give the column of just this name, be it `*` or `^a.*$`."""
    return selectors.by_name(name).as_expr() if _is_pattern(name) else pl.col(name)


def field_named(struct: pl.Expr, dtype: pl.Struct, name: str) -> pl.Expr:
    """Give the field of just this name of a struct."""
    if not _is_pattern(name):
        return struct.struct.field(name)
    names = [each.name for each in dtype.fields]
    numbered = struct.struct.rename_fields([str(i) for i in range(len(names))])
    return numbered.struct.field(str(names.index(name))).alias(name)


def resolve_column(name: str, schema: pl.Schema) -> str:
    """Find a column by name, or by the only one that looks like it; nothing if there is none."""
    if name in schema:
        return name
    alike = columns_like(name, schema)
    return alike[0] if len(alike) == 1 else ""


def columns_like(name: str, schema: Iterable[str]) -> list[str]:
    """Give the columns that differ from a name in case alone; or, where none does, in its look.

    That is: in how letters are composed, in blanks at the ends, in what cannot be seen, in the
    kind of blanks and quotes.
    """
    case = name.casefold()
    if alike := [column for column in schema if column.casefold() == case]:
        return alike
    look = looks(name)
    return [column for column in schema if looks(column) == look]


def looks(name: str) -> str:
    """Give what a name looks like; names that look alike give the same."""
    seen = "".join(letter for letter in name if unicodedata.category(letter) != "Cf")
    plain = unicodedata.normalize("NFC", seen.translate(_USUAL)).strip()
    return unicodedata.normalize("NFC", plain.casefold())


def _is_pattern(name: str) -> bool:
    return name == "*" or (name.startswith("^") and name.endswith("$"))


def as_seen(name: str) -> str:
    """Give the column that has what people see of the cells of another, which is no text."""
    return f"{name}{_AS_SEEN}"


def text_of(name: str, schema: Mapping[str, pl.DataType]) -> str:
    """Give the column to make a text of: what people see of a workbook's cells, where it is one."""
    seen = as_seen(name)
    is_text = schema.get(name) == pl.String
    return seen if seen in schema and not is_text else name


def without_seen(names: Iterable[str]) -> set[str]:
    """Leave out the columns that only have what people see of others."""
    every = set(names)
    return every - set(map(as_seen, every))
