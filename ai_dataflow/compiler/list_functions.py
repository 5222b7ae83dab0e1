"""Functions of lists, as far as one row has them."""

from __future__ import annotations

from functools import partial

import polars as pl

from ai_dataflow.compiler.registry import Call, function
from ai_dataflow.compiler.terms import Term

TEXT, WHOLE, BOOLEAN = pl.String(), pl.Int64(), pl.Boolean()
_list = partial(function, family="lists")


@_list("STRING_TO_ARRAY", "text", "text", gives="list of text", also=("SPLIT",))
def _split(call: Call) -> Term:
    return call.made(call.value(0).str.split(call.value(1)), pl.List(pl.String()))


@_list("ARRAY_TO_STRING", "list", "text", gives="text", null="left out")
def _array_to_string(call: Call) -> Term:
    joined = call.value(0).cast(pl.List(pl.String())).list.join(call.value(1), ignore_nulls=True)
    return call.made(joined, TEXT)


@_list(
    "ARRAY_LENGTH",
    "list",
    gives="BIGINT",
    also=("CARDINALITY", "SIZE", "ARRAY_SIZE"),
    note="its elements",
)
def _array_length(call: Call) -> Term:
    return call.made(call.value(0).list.len().cast(WHOLE), WHOLE)


@_list("ARRAY_CONTAINS", "list", "any", gives="BOOLEAN", also=("ARRAY_HAS", "LIST_CONTAINS"))
def _array_contains(call: Call) -> Term:
    inner = getattr(call[0].dtype, "inner", pl.Null())
    return call.made(call.value(0).list.contains(call.value(1).cast(inner, strict=False)), BOOLEAN)
