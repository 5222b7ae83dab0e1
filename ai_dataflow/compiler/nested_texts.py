"""Texts that are JSON, taken apart into lists and structs of texts: their casts are those of texts.

So a number in a list has the digits that it is written with, whatever it becomes.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl

from ai_dataflow.compiler.kinds import as_instance
from ai_dataflow.sources.files.json_fields import parsed


def type_of_texts(target: pl.DataType) -> pl.DataType:
    """Give a type of the same shape, of texts."""
    if isinstance(target, pl.List):
        return pl.List(type_of_texts(as_instance(target.inner)))
    if isinstance(target, pl.Struct):
        return pl.Struct({f.name: type_of_texts(as_instance(f.dtype)) for f in target.fields})
    return pl.String()


def taken_apart(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Take texts apart; null where one is no JSON, has a key twice or is not of this shape."""
    return expr.map_batches(partial(_taken_apart, dtype=dtype), return_dtype=dtype)


def _taken_apart(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    return pl.Series(texts.name, [_whole(text, dtype) for text in texts], dtype=dtype)


def _whole(text: str | None, dtype: pl.DataType) -> Any:
    try:
        return _shaped(parsed(text or "null"), dtype)
    except (ValueError, RecursionError):
        return None


def _shaped(value: Any, dtype: pl.DataType) -> Any:
    """Give a value in a shape.

    Raises:
        ValueError: it has another one, or half a character, which no text has.
    """
    match value, dtype:
        case None, _:
            return None
        case list(), pl.List():
            return [_shaped(each, as_instance(dtype.inner)) for each in value]
        case dict(), pl.Struct():
            return {f.name: _shaped(value.get(f.name), as_instance(f.dtype)) for f in dtype.fields}
        case bool(), pl.String():
            return str(value).lower()
        case str(), pl.String():
            value.encode()  # half a character is an error of values, too
            return str(value)
        case _:
            raise ValueError(type(value).__name__)
