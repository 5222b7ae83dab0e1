"""From a source's rows to AI columns: a compiled mapping applied, the rest rejected."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from ai_dataflow.compiler.mappings import CompiledColumn, CompiledSource
from ai_dataflow.partition.raw_rows import encoded
from ai_dataflow.partition.requiring import LACKS, NUMBER
from ai_dataflow.partition.values import Taken
from ai_dataflow.sources.schemas import schema_text
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.workstation import reject_tables

# Our columns beside the source's own, which may have any name a person would give: ours begin with
# a character that is reserved for private use.
_OURS = "\ue000"
REASON = f"{_OURS}{_OURS}reason"  # no AI column begins with that character
_RAW = f"{_OURS}{_OURS}raw"
_POSITION = f"{_OURS}{_OURS}position"
_ROW, _BEFORE, _FILE = (f"{_OURS}{_OURS}{name}" for name in ("row", "before", "file"))


def map_rows(
    rows: pl.LazyFrame, compiled: CompiledSource, *, numbered: bool = True
) -> pl.LazyFrame:
    """Compute all AI columns of all rows, with the reason of those that have to be left out.

    These keep their source columns and, where rows are `numbered`, their number. Columns have
    prefixes of their own: a source's columns may have any names.
    """
    key = "steps", numbered
    if key not in compiled.memo:
        compiled.memo[key] = _steps(compiled.columns, compiled.needed, numbered)
    steps: _Expressions = compiled.memo[key]
    rows = rows.with_row_index(_POSITION, offset=1)
    for step in steps.before:
        rows = rows.with_columns(step)
    return rows.with_columns(steps.values).with_columns(steps.reason).select(steps.kept)


@dataclass(frozen=True)
class _Expressions:
    """Expressions that map rows. Building them takes longer than computing a thousand rows.

    Step by step, or Polars would compute values and reasons twice; beside the source's columns, or
    literals alone would make one row of many.
    """

    before: list[list[pl.Expr]]
    values: list[pl.Expr]
    reason: pl.Expr
    kept: list[pl.Expr | str]


def _steps(columns: Sequence[CompiledColumn], needed: list[str], numbered: bool) -> _Expressions:
    values = {_prefixed(column): column.cast.value for column in columns}
    is_bad = pl.col(REASON).is_not_null()
    row = pl.struct(needed) if needed else pl.lit(None)
    position = pl.when(is_bad & numbered).then(pl.col(_POSITION).cast(pl.Int64))
    raw = pl.when(is_bad).then(row).alias(_RAW)
    return _Expressions(
        steps_before(columns),
        [value.alias(name) for name, value in values.items()],
        pl.coalesce(*_reasons(columns)).alias(REASON),
        [REASON, raw, position.alias(_POSITION), *values],
    )


def steps_before(columns: Sequence[CompiledColumn]) -> list[list[pl.Expr]]:
    """Give the columns that long transforms need before their values, step by step."""
    steps: list[list[pl.Expr]] = []
    for made in dict.fromkeys(column.made for column in columns):
        steps += [[] for _ in range(len(made.steps) - len(steps))]
        for i, step in enumerate(made.steps):
            steps[i] += step
    return steps


def _prefixed(column: CompiledColumn) -> str:
    return f"{_OURS}{column.mapping.ai_column}"


@dataclass(frozen=True)
class MappedCounts:
    """Rows of a mapped source: all, the good ones, and the values of these by AI column."""

    total: int
    good: int
    filled: dict[str, int]


def count(mapped: pl.LazyFrame, compiled: CompiledSource) -> MappedCounts:
    """Count a source's mapped rows and their values."""
    names = [column.mapping.ai_column for column in compiled.columns]
    values = pl.col([_prefixed(column) for column in compiled.columns]).count()
    counted = mapped.select(pl.len(), pl.col(REASON).null_count(), values).collect()
    total, good, *filled = counted.row(0)
    if good < total:
        bad = mapped.filter(pl.col(REASON).is_not_null()).select(values).collect().row(0)
        filled = [values - lost for values, lost in zip(filled, bad, strict=True)]
    return MappedCounts(total, good, dict(zip(names, filled, strict=True)))


def good_rows(
    mapped: pl.LazyFrame, compiled: CompiledSource, counted: MappedCounts
) -> pl.LazyFrame:
    """Give the AI columns of the mapped rows that are not left out."""
    names = {_prefixed(column): column.mapping.ai_column for column in compiled.columns}
    kept = mapped if counted.good == counted.total else mapped.filter(pl.col(REASON).is_null())
    return kept.select(pl.col(prefixed).alias(name) for prefixed, name in names.items())


def _reasons(columns: Sequence[CompiledColumn]) -> list[pl.Expr]:
    """Number the reasons: 2i where column i could not be made, 2i+1 where it must not be null."""
    reasons: list[pl.Expr] = []
    for i, column in enumerate(columns):
        value = pl.col(_prefixed(column))
        if (failed := column.failed(value)) is not None:
            reasons.append(pl.when(failed).then(pl.lit(2 * i, dtype=pl.Int32)))
        if column.mapping.required:
            reasons.append(pl.when(value.is_null()).then(pl.lit(2 * i + 1, dtype=pl.Int32)))
    return reasons or [pl.lit(None, dtype=pl.Int32)]


def reasons(compiled: CompiledSource) -> dict[str, pl.Expr]:
    """Spell the numbered reasons of mapped rows as the columns of the reject table."""
    number = pl.col(REASON)
    mappings = list(enumerate(column.mapping for column in compiled.columns))
    names = {i: row.ai_column for i, row in mappings}
    cells = {i: row.cell for i, row in mappings}
    return {
        "reason": pl.when(number % 2 == 0).then(pl.lit("REJ-001")).otherwise(pl.lit("REJ-002")),
        "ai_column": (number // 2).replace_strict(names, return_dtype=pl.String),
        "mapping_cell": (number // 2).replace_strict(cells, return_dtype=pl.String),
    }


def left_out(mapped: pl.LazyFrame, source: SourceJob, compiled: CompiledSource) -> pl.LazyFrame:
    """Give the mapped rows that are left out, as the rejects that they become."""
    rows = mapped.filter(pl.col(REASON).is_not_null()).select(REASON, _POSITION, _RAW)
    rows = rows.unnest(_RAW) if compiled.needed else rows
    return _reject_rows(_raw_rows(rows, REASON, compiled), source, reasons(compiled))


def lacking(
    taken: Taken,
    left_out: pl.DataFrame,
    source: SourceJob,
    cells: Mapping[str, str],
    *,
    numbered: bool,
) -> pl.LazyFrame:
    """Give good rows of a source that a join leaves without what is required, as rejects.

    `left_out` numbers them among the good rows, and says which of the `cells` each lacks.
    """
    compiled, read = taken.compiled, taken.read.rows.with_row_index(_POSITION, offset=1)
    rows = pl.concat([read, taken.mapped.select(REASON)], how="horizontal")
    good = rows.filter(pl.col(REASON).is_null()).with_row_index(NUMBER)
    mine = good.join(left_out.lazy(), on=NUMBER, how="inner", maintain_order="left")
    position = pl.col(_POSITION).cast(pl.Int64) if numbered else pl.lit(None, pl.Int64)
    bad = _raw_rows(mine.with_columns(position.alias(_POSITION)), LACKS, compiled)
    return _reject_rows(bad, source, lacks(cells))


def _raw_rows(rows: pl.LazyFrame, why: str, compiled: CompiledSource) -> pl.LazyFrame:
    """Give source rows as rejects keep them, with their number; `why` is kept beside them."""
    raw = encoded(compiled.schema).struct.json_encode() if compiled.needed else pl.lit("{}")
    return rows.select(
        why, raw.alias("raw_row"), pl.col(_POSITION).alias("position"),
        raw_schema=pl.lit(schema_text(compiled.schema)),
    )  # fmt: skip


def lacks(cells: Mapping[str, str]) -> dict[str, pl.Expr]:
    """Spell what rows lack, by its number, as the columns of the reject table."""
    number = pl.col(LACKS)
    return {
        "reason": pl.lit("REJ-004"),
        "ai_column": number.replace_strict(dict(enumerate(cells)), return_dtype=pl.String),
        "mapping_cell": number.replace_strict(
            dict(enumerate(cells.values())), return_dtype=pl.String
        ),
    }


def located(bad: pl.LazyFrame, source: SourceJob, heights: Mapping[str, int]) -> pl.LazyFrame:
    """Say of each reject which of several files it is in, and number it within that file."""
    files = {path: rows for path, rows in heights.items() if rows}
    if not files:
        return bad
    before = list(accumulate(files.values(), initial=0))[:-1]
    names = [in_file(source, path) for path in files]
    starts = pl.LazyFrame({_BEFORE: before, _FILE: names}, schema_overrides={_BEFORE: pl.Int64})
    # A number is that of the first file's rows, plus those of the next, and so on.
    return (
        bad.with_columns((pl.col("position") - 1).alias(_ROW))
        .join_asof(starts, left_on=_ROW, right_on=_BEFORE, check_sortedness=False)
        .with_columns(source=pl.col(_FILE), position=pl.col("position") - pl.col(_BEFORE))
        .select(list(reject_tables.SCHEMA))
    )


def in_file(source: SourceJob, path: str) -> str:
    """Name a file of a location that has several."""
    return f"{source.location} ({path})" if path else str(source.location)


def malformed_rejects(lines: Sequence[str], source: SourceJob, path: str = "") -> pl.LazyFrame:
    """Give the rejects of a CSV file's lines that have too few or too many fields."""
    raw = [json.dumps({"line": line}, ensure_ascii=False) for line in lines]
    frame = pl.LazyFrame({"raw_row": raw}, schema={"raw_row": pl.String})
    place = {"ai_column": pl.lit(""), "mapping_cell": pl.lit(source.place)}
    columns = {"reason": pl.lit("REJ-003"), "source": pl.lit(in_file(source, path)), **place}
    return _reject_rows(frame, source, columns)


def _reject_rows(
    frame: pl.LazyFrame, source: SourceJob, columns: dict[str, pl.Expr]
) -> pl.LazyFrame:
    """Give rejects the reject table's columns; those of the run are added when they are written."""
    values = {
        "product_code": pl.lit(source.product),
        "submodule_name": pl.lit(source.submodule),
        "source": pl.lit(str(source.location)),
        **columns,
    }
    names = {*frame.collect_schema(), *values}
    nulls = {n: pl.lit(None, dtype) for n, dtype in reject_tables.SCHEMA.items() if n not in names}
    return frame.with_columns(**values, **nulls).select(
        pl.col(name).cast(dtype) for name, dtype in reject_tables.SCHEMA.items()
    )
