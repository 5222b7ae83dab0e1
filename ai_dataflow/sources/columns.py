"""Columns and fields of sources, by exactly their names: Polars takes some names for patterns."""

from __future__ import annotations

import polars as pl
from polars import selectors


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
    """Find a column by name, or by the only one that differs in case; nothing if there is none."""
    if name in schema:
        return name
    alike = [column for column in schema if column.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else ""


def _is_pattern(name: str) -> bool:
    return name == "*" or (name.startswith("^") and name.endswith("$"))
