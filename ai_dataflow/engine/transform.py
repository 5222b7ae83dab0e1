"""From a source's rows to AI columns: mapping rows compiled against its schema, and applied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from ai_dataflow.config import ai_types
from ai_dataflow.config.ai_mapping import MappingRow
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, listing
from ai_dataflow.engine.casts import cast
from ai_dataflow.engine.expressions import Transform, TransformError, compile_transform
from ai_dataflow.engine.job import SourceJob
from ai_dataflow.workstation import rejects

_REASON = "__reason"
_RAW = "__raw"


@dataclass(frozen=True)
class CompiledColumn:
    """A mapping row as expressions: the AI column's value, and where it could not be made."""

    mapping: MappingRow
    value: pl.Expr
    failed: pl.Expr
    columns: tuple[str, ...]


@dataclass(frozen=True)
class CompiledSource:
    """A source's mapping, compiled against its schema."""

    columns: tuple[CompiledColumn, ...]

    @property
    def needed(self) -> list[str]:
        """The source columns to read, each once; a source of literals reads none."""
        return list(dict.fromkeys(name for column in self.columns for name in column.columns))


@dataclass(frozen=True)
class Mapped:
    """A source's rows after mapping: the good ones as AI columns, the others as rejects."""

    good: pl.LazyFrame
    rejects: pl.LazyFrame


def compile_source(source: SourceJob, schema: pl.Schema) -> CompiledSource:
    """Compile every mapping row of a source.

    Raises:
        DataflowError: MAP-011, MAP-014 and MAP-015, all of them at once.
    """
    columns: list[CompiledColumn] = []
    problems: list[Diagnostic] = []
    for row in source.mappings:
        try:
            columns.append(_compile_row(row, schema))
        except DataflowError as error:
            problems += [_located(problem, source) for problem in error.diagnostics]
    if problems:
        raise DataflowError(*problems)
    return CompiledSource(tuple(columns))


def map_rows(rows: pl.LazyFrame, compiled: CompiledSource) -> pl.LazyFrame:
    """Compute all AI columns of all rows, with the reason of those that have to be left out."""
    reason = pl.coalesce(*_reasons(compiled.columns))
    raw = pl.struct(*(pl.col(name) for name in compiled.needed)) if compiled.needed else None
    kept = pl.when(pl.col(_REASON).is_not_null()).then(pl.lit(None) if raw is None else raw)
    # Source and AI columns may have the same names, so source columns get out of the way first.
    values = [column.value.alias(f"ai.{column.mapping.ai_column}") for column in compiled.columns]
    return (
        rows.with_columns(reason.alias(_REASON), *values)
        .with_columns(kept.alias(_RAW))
        .select(_REASON, _RAW, *(pl.col(expr.meta.output_name()) for expr in values))
    )


def split(mapped: pl.LazyFrame, source: SourceJob, compiled: CompiledSource) -> Mapped:
    """Split mapped rows into good ones and rejects."""
    names = {f"ai.{c.mapping.ai_column}": c.mapping.ai_column for c in compiled.columns}
    good = mapped.filter(pl.col(_REASON).is_null()).select(
        pl.col(prefixed).alias(name) for prefixed, name in names.items()
    )
    return Mapped(good, _rejects(mapped, source, compiled))


def malformed_rejects(lines: Sequence[str], source: SourceJob) -> pl.LazyFrame:
    """Give the rejects of CSV lines that have too few or too many fields."""
    raw = [json.dumps({"line": line}, ensure_ascii=False) for line in lines]
    frame = pl.DataFrame({"raw_row": raw}, schema={"raw_row": pl.String}).lazy()
    return _reject_rows(frame, source, pl.lit("REJ-003"), pl.lit(""), pl.lit(source.place))


def _compile_row(row: MappingRow, schema: pl.Schema) -> CompiledColumn:
    made = _transform(row, schema) if row.transform else _column(row, schema)
    target = ai_types.to_polars(row.ai_type)
    if (done := cast(made.value, made.dtype, target)) is None:
        raise DataflowError(
            Diagnostic(
                "MAP-015",
                f"{made.dtype} cannot become {row.ai_type} (`{row.ai_column}`)",
                place=row.place("ai_type"),
                fix="choose another ai_type or write a transform",
            )
        )
    return CompiledColumn(row, done.value, made.failed | done.failed, made.columns)


def _column(row: MappingRow, schema: pl.Schema) -> Transform:
    name = row.source_column
    if name not in schema:
        raise DataflowError(_no_column(row, name, schema, row.place("source_column")))
    return Transform(pl.col(name), pl.lit(value=False), (name,), schema[name])


def _transform(row: MappingRow, schema: pl.Schema) -> Transform:
    try:
        compiled = compile_transform(row.transform, schema)
    except TransformError as error:
        if missing := [name for name in error.columns if name not in schema]:
            raise DataflowError(
                *(_no_column(row, name, schema, row.place("transform")) for name in missing)
            ) from None
        raise DataflowError(
            Diagnostic(
                "MAP-011",
                f"the transform of `{row.ai_column}`: {error}",
                place=row.place("transform"),
                fix="correct the expression: scalar SQL over the source's columns",
            )
        ) from None
    return compiled


def _no_column(row: MappingRow, name: str, schema: pl.Schema, place: str) -> Diagnostic:
    return Diagnostic(
        "MAP-014",
        f"the source has no column `{name}`{did_you_mean(name, schema)}",
        place=place,
        fix=f"it has {listing(schema, 12)}",
    )


def _located(problem: Diagnostic, source: SourceJob) -> Diagnostic:
    return replace(
        problem,
        message=f"{source.location}: {problem.message}",
        product=source.product,
        submodule=source.submodule,
    )


def _reasons(columns: Sequence[CompiledColumn]) -> list[pl.Expr]:
    """Number the reasons: 2i where column i could not be made, 2i+1 where it must not be null."""
    reasons: list[pl.Expr] = []
    for i, column in enumerate(columns):
        reasons.append(pl.when(column.failed).then(pl.lit(2 * i, dtype=pl.Int32)))
        if column.mapping.required:
            empty = column.value.is_null()
            reasons.append(pl.when(empty).then(pl.lit(2 * i + 1, dtype=pl.Int32)))
    return reasons


def _rejects(mapped: pl.LazyFrame, source: SourceJob, compiled: CompiledSource) -> pl.LazyFrame:
    number = pl.col(_REASON)
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
