"""Rows of files or tables that many clients share: whose each is, by the text of a column.

A client is spelled by a text, and a row is of the client whose text its column has, letter by
letter. A column of whole numbers has the text of these numbers, `7` and never `07`; other types
have no sure text. A row whose column is null or blank is of nobody: a *stray*.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.sources.columns import named, resolve_column, text_of
from ai_dataflow.sources.files.differences import difference
from ai_dataflow.tables.locations import FileLocation, Location

_TEXTS = (pl.String, pl.Categorical, pl.Enum)


def client_column(
    name: str, schema: pl.Schema, location: object, place: str
) -> tuple[str, pl.DataType]:
    """Give the column that tells the clients apart, as the source spells it, and its type.

    Raises:
        DataflowError: CTL-014 where it is not there, CTL-022 where its type has no sure text;
            SRC-010 or SRC-018 where files lack it, or it has no type that all can have.
    """
    column = resolve_column(name, schema)
    if not column:
        message = f"{location} has no column `{name}`"
        fix = "correct client_column in the location, or deliver data that has it"
        raise DataflowError(Diagnostic("CTL-014", message, place=place, fix=fix))
    column = text_of(column, schema)
    if wrong := difference(column, schema, adds=False):
        raise DataflowError(wrong.at(location, place, getattr(schema, "paths", ())))
    dtype = schema[column]
    if not is_text(dtype) and not _is_whole(dtype):
        message = (
            f"`{column}` of {location} is neither text nor whole numbers: how it spells a client "
            "is not sure"
        )
        fix = "name a column of text or whole numbers"
        raise DataflowError(Diagnostic("CTL-022", message, place=place, fix=fix))
    return column, dtype


def is_text(dtype: pl.DataType) -> bool:
    """Tell whether a column is text."""
    return isinstance(dtype, _TEXTS)


def is_stray(column: str, dtype: pl.DataType, nulls: Collection[str] = ()) -> pl.Expr:
    """Tell which rows are nobody's; `nulls` are texts that say so, beside blanks."""
    value = named(column)
    if not is_text(dtype):
        return value.is_null()
    text = value.cast(pl.String)
    is_blank = value.is_null() | (text.str.strip_chars() == "")
    return is_blank | text.is_in(list(nulls)) if nulls else is_blank


def nulls_of(location: Location) -> tuple[str, ...]:
    """Give the texts that say in the files of a location that there is nothing."""
    written = location.written if isinstance(location, FileLocation) else None
    return written.null_values if written else ()


def is_of(column: str, dtype: pl.DataType, clients: Sequence[str]) -> pl.Expr:
    """Tell which rows are of these clients; a reader can skip the others."""
    if is_text(dtype):
        return named(column).cast(pl.String).is_in(list(clients))
    numbers = pl.Series([int(client) for client in clients if _is_number(client)], dtype=pl.Int128)
    return named(column).is_in(numbers.cast(dtype, strict=False).drop_nulls().implode())


def client_number(column: str, clients: Sequence[str]) -> pl.Expr:
    """Give each row the number of its client, from 0; null where it is of no one of them."""
    numbers = pl.Series(range(len(clients)), dtype=pl.UInt32)
    text = named(column).cast(pl.String)
    return text.replace_strict(list(clients), numbers, default=None, return_dtype=pl.UInt32)


def can_be_in(dtype: pl.DataType, client: str) -> bool:
    """Tell whether a column of a type can spell a client so: whole numbers have one text each."""
    return is_text(dtype) or _is_number(client)


def _is_whole(dtype: pl.DataType) -> bool:
    return dtype.is_integer() or (isinstance(dtype, pl.Decimal) and not dtype.scale)


def _is_number(text: str) -> bool:
    """Tell whether a whole number has just this text."""
    return bool(re.fullmatch(r"0|-?[1-9][0-9]{0,37}", text))
