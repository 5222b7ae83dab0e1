"""Computing a transform over rows, as a partition does: its steps, its value, where it failed."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from ai_dataflow.compiler.transforms import Transform, compile_transform
from ai_dataflow_tests.compiler.reference import FAILED


class Evaluated(NamedTuple):
    """What a transform gives for each row, and in which rows it failed."""

    values: list[Any]
    failed: list[bool]


def evaluated(text: str, rows: pl.DataFrame, dialect: str = "") -> Evaluated:
    """Compile a transform and compute it."""
    return computed(compile_transform(text, rows.schema, dialect), rows)


def results(text: str, rows: pl.DataFrame, dialect: str = "") -> list[Any]:
    """Give a transform's value for each row, `FAILED` where it rejects it."""
    done = evaluated(text, rows, dialect)
    return [FAILED if bad else value
            for value, bad in zip(done.values, done.failed, strict=True)]  # fmt: skip


def computed(made: Transform, rows: pl.DataFrame) -> Evaluated:
    """Compute a compiled transform."""
    lazy = rows.lazy()
    for step in made.steps:
        lazy = lazy.with_columns(step)
    done = lazy.with_columns(value=made.value, failed=made.failed).collect()
    assert done["value"].dtype == made.dtype
    assert done["failed"].null_count() == 0
    return Evaluated(done["value"].to_list(), done["failed"].to_list())
