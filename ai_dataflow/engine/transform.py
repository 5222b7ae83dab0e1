"""From a source's rows to AI columns: a compiled mapping applied, the rest rejected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from ai_dataflow.engine.casts import within_calendar
from ai_dataflow.engine.compile import CompiledColumn, CompiledSource
from ai_dataflow.engine.job import SourceJob
from ai_dataflow.workstation import rejects

# Our columns beside the source's own, which may have any name a person would give: ours begin with
# a character that is reserved for private use.
_OURS = "\ue000"
REASON = f"{_OURS}{_OURS}reason"  # no AI column begins with that character
_RAW = f"{_OURS}{_OURS}raw"


@dataclass(frozen=True)
class Mapped:
    """A source's rows after mapping: the good ones as AI columns, the others as rejects."""

    good: pl.LazyFrame
    rejects: pl.LazyFrame


def map_rows(rows: pl.LazyFrame, compiled: CompiledSource) -> pl.LazyFrame:
    """Compute all AI columns of all rows, with the reason of those that have to be left out.

    Columns have prefixes of their own: a source's columns may have any names.
    """
    reason = pl.coalesce(*_reasons(compiled.columns)).alias(REASON)
    values = {f"{_OURS}{c.mapping.ai_column}": c.cast.value for c in compiled.columns}
    raw = pl.when(pl.col(REASON).is_not_null()).then(
        _raw_row(rows.collect_schema(), compiled.needed)
    )
    # Two steps, or Polars would compute the reasons twice; beside the source's columns, or
    # literals alone would make one row of many.
    return (
        rows.with_columns(reason, **values)
        .with_columns(raw.alias(_RAW))
        .select(REASON, _RAW, *values)
    )


def _raw_row(schema: pl.Schema, columns: Sequence[str]) -> pl.Expr:
    """Give the columns that were read as one struct, as JSON can hold them."""
    if not columns:
        return pl.lit(None)
    return pl.struct(_shown(pl.col(name), schema[name]).alias(name) for name in columns)


def _shown(expr: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Give a value as JSON can hold it: bytes in base64, no days outside the calendar."""
    if dtype == pl.Binary:
        return expr.bin.encode("base64")
    if isinstance(dtype, pl.Date | pl.Datetime):
        return within_calendar(expr, dtype)
    if isinstance(dtype, pl.List):
        return expr.list.eval(_shown(pl.element(), _instance(dtype.inner)))
    return expr


def _instance(dtype: Any) -> pl.DataType:
    made: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return made


def split(mapped: pl.LazyFrame, source: SourceJob, compiled: CompiledSource) -> Mapped:
    """Split mapped rows into good ones and rejects."""
    names = {f"{_OURS}{c.mapping.ai_column}": c.mapping.ai_column for c in compiled.columns}
    good = mapped.filter(pl.col(REASON).is_null()).select(
        pl.col(prefixed).alias(name) for prefixed, name in names.items()
    )
    return Mapped(good, _rejects(mapped, source, compiled))


@dataclass(frozen=True)
class MappedCounts:
    """Rows of a mapped source: all, the good ones, and the values of these by AI column."""

    total: int
    good: int
    filled: dict[str, int]


def count(mapped: pl.LazyFrame, compiled: CompiledSource) -> MappedCounts:
    """Count a source's mapped rows and their values."""
    names = [column.mapping.ai_column for column in compiled.columns]
    is_good = pl.col(REASON).is_null()
    values = [pl.col(f"{_OURS}{name}").filter(is_good).count() for name in names]
    total, good, *filled = mapped.select(pl.len(), is_good.sum(), *values).collect().row(0)
    return MappedCounts(total, good, dict(zip(names, filled, strict=True)))


def malformed_rejects(lines: Sequence[str], source: SourceJob) -> pl.LazyFrame:
    """Give the rejects of CSV lines that have too few or too many fields."""
    raw = [json.dumps({"line": line}, ensure_ascii=False) for line in lines]
    frame = pl.DataFrame({"raw_row": raw}, schema={"raw_row": pl.String}).lazy()
    return _reject_rows(frame, source, pl.lit("REJ-003"), pl.lit(""), pl.lit(source.place))


def _reasons(columns: Sequence[CompiledColumn]) -> list[pl.Expr]:
    """Number the reasons: 2i where column i could not be made, 2i+1 where it must not be null."""
    reasons: list[pl.Expr] = []
    for i, column in enumerate(columns):
        reasons.append(pl.when(column.cast.failed).then(pl.lit(2 * i, dtype=pl.Int32)))
        if column.mapping.required:
            empty = column.cast.value.is_null()
            reasons.append(pl.when(empty).then(pl.lit(2 * i + 1, dtype=pl.Int32)))
    return reasons


def _rejects(mapped: pl.LazyFrame, source: SourceJob, compiled: CompiledSource) -> pl.LazyFrame:
    number = pl.col(REASON)
    rows = [column.mapping for column in compiled.columns]
    raw = pl.col(_RAW).struct.json_encode() if compiled.needed else pl.lit("{}")
    bad = mapped.filter(number.is_not_null()).with_columns(raw.alias("raw_row"))
    by_row = dict(enumerate(rows))
    return _reject_rows(
        bad,
        source,
        pl.when(number % 2 == 0).then(pl.lit("REJ-001")).otherwise(pl.lit("REJ-002")),
        (number // 2).replace_strict(
            {i: row.ai_column for i, row in by_row.items()}, return_dtype=pl.String
        ),
        (number // 2).replace_strict(
            {i: row.cell for i, row in by_row.items()}, return_dtype=pl.String
        ),
    )


def _reject_rows(
    frame: pl.LazyFrame, source: SourceJob, reason: pl.Expr, column: pl.Expr, cell: pl.Expr
) -> pl.LazyFrame:
    """Give rejects the reject table's columns; the run and the module are added when written."""
    return frame.select(
        pl.lit(source.product).alias("product_code"),
        pl.lit(source.submodule).alias("submodule_name"),
        reason.alias("reason"),
        column.alias("ai_column"),
        cell.alias("mapping_cell"),
        pl.col("raw_row"),
    ).match_to_schema(
        {name: rejects.SCHEMA[name] for name in rejects.SCHEMA if name not in _ADDED_LATER}
    )


_ADDED_LATER = ("run_id", "module_name")
