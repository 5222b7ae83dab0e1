"""Casting for tests: what became of values, and which of them failed."""

from __future__ import annotations

from typing import Any

import polars as pl

from ai_dataflow.compiler import casts
from ai_dataflow.tables import ai_types

AI_TYPES = (
    "string", "boolean", "int16", "int32", "int64", "float32", "float64", "date", "timestamp",
    "binary", "decimal(18,2)", "decimal(38,10)", "decimal(38,0)",
)  # fmt: skip
FAILED = object()


def cast_all(values: list[Any], ai_type: str, dtype: Any = pl.String) -> list[Any] | None:
    """Cast a column; FAILED stands for a value that could not become its type."""
    rows = pl.DataFrame({"x": pl.Series(values, dtype=dtype)})
    done = casts.cast(pl.col("x"), rows["x"].dtype, ai_types.to_polars(ai_type))
    if done is None:
        return None
    both = rows.with_columns(value=done.value, failed=done.failed())
    assert both["value"].dtype == ai_types.to_polars(ai_type)
    assert both.filter("failed")["value"].null_count() == both["failed"].sum()
    return [FAILED if failed else value for value, failed in both.select("value", "failed").rows()]


def cast_one(value: object, ai_type: str, dtype: Any = pl.String) -> Any:
    cast_values = cast_all([value], ai_type, dtype)
    assert cast_values is not None
    return cast_values[0]
