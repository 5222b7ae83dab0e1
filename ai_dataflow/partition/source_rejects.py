"""Source rows that are left out, as the rejects that they become: raw, with file and number."""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from ai_dataflow.compiler.mappings import CompiledSource
from ai_dataflow.partition.clients import CLIENT
from ai_dataflow.partition.mapping import POSITION, RAW, REASON, SOURCE_ROW, reasons
from ai_dataflow.partition.raw_rows import encoded, marked
from ai_dataflow.partition.reading import BEFORE, NUMBERED
from ai_dataflow.partition.row_checks import FAILS, NUMBER, RowCheck, why
from ai_dataflow.sources.schemas import schema_text
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.workstation import reject_tables


def left_out(
    bad: pl.LazyFrame, source: SourceJob, compiled: CompiledSource, files: pl.DataFrame
) -> pl.LazyFrame:
    """Give the rows that are left out as the rejects that they become.

    Args:
        bad: the rows, as `map_chunk` gives them.
        source: where they are from; of any of the clients.
        compiled: its mapping.
        files: where the rows of each file begin, as `Reading.starts` gives it.
    """
    rows = bad.unnest(RAW) if compiled.needed else bad
    raw = _raw_rows(rows, REASON, compiled)
    return _reject_rows(_located(raw, files), source, reasons(compiled))


def lacking(rows: pl.LazyFrame, bad: pl.LazyFrame, left_out: pl.DataFrame) -> pl.LazyFrame:
    """Give good rows of a source whose joined rows fail a check.

    Args:
        rows: all rows of the source, read and made once more.
        bad: the numbers of those that are not good.
        left_out: the number of each among the good rows, and which check it fails.
    """
    numbered = rows.with_row_index(POSITION)
    good = numbered.join(bad.select(POSITION), on=POSITION, how="anti", maintain_order="left")
    lost = left_out.lazy().select(NUMBER, FAILS)
    return good.with_row_index(NUMBER).join(lost, on=NUMBER, how="inner", maintain_order="left")


def lacking_rejects(
    lacking: pl.LazyFrame,
    checks: Sequence[RowCheck],
    source: SourceJob,
    compiled: CompiledSource,
    files: pl.DataFrame,
) -> pl.LazyFrame:
    """Give such rows as the rejects that they become; as `left_out`."""
    raw = _raw_rows(lacking, FAILS, compiled)
    return _reject_rows(_located(raw, files), source, why(checks))


def _raw_rows(rows: pl.LazyFrame, why: str, compiled: CompiledSource) -> pl.LazyFrame:
    """Give source rows as rejects keep them, with their number; `why` is kept beside them."""
    raw = encoded(compiled.schema).struct.json_encode() if compiled.needed else pl.lit("{}")
    present = rows.collect_schema()
    by = [CLIENT] if CLIENT in present else []
    number = pl.col(SOURCE_ROW if SOURCE_ROW in present else POSITION)
    return rows.select(
        *by, why, raw.alias("raw_row"), number.cast(pl.Int64).alias(POSITION),
        raw_schema=pl.lit(schema_text(marked(compiled.schema, compiled.reshaped))),
    )  # fmt: skip


def _located(bad: pl.LazyFrame, files: pl.DataFrame) -> pl.LazyFrame:
    """Say of each reject which file it is in, and number it within that file, from 1."""
    return (
        bad.sort(POSITION, maintain_order=True)
        .join_asof(files.lazy(), left_on=POSITION, right_on=BEFORE, coalesce=False)
        .with_columns(position=pl.when(NUMBERED).then(pl.col(POSITION) - pl.col(BEFORE) + 1))
        .drop(POSITION, BEFORE, NUMBERED)
    )


def in_file(source: SourceJob, path: str) -> str:
    """Name a file of a location that has several."""
    return f"{source.location} ({path})" if path else str(source.location)


def malformed_rejects(
    lines: Sequence[str], source: SourceJob, path: str = "", of_client: Sequence[pl.Expr] = ()
) -> pl.LazyFrame:
    """Give the rejects of a CSV file's lines that have too few or too many fields.

    `of_client` is the column of the clients, where there are several.
    """
    raw = [json.dumps({"line": line}, ensure_ascii=False) for line in lines]
    frame = pl.LazyFrame({"raw_row": raw}, schema={"raw_row": pl.String}).with_columns(of_client)
    place = {"ai_column": pl.lit(""), "mapping_cell": pl.lit(source.place)}
    columns = {"reason": pl.lit("REJ-003"), "source": pl.lit(in_file(source, path)), **place}
    return _reject_rows(frame, source, columns)


def unlisted_rejects(
    rows: pl.LazyFrame, source: SourceJob, schema: pl.Schema, files: pl.DataFrame
) -> pl.LazyFrame:
    """Give the rejects of source rows whose text is no list, so that it cannot be exploded.

    `schema` has the columns that were read; no mapping makes rows of them.
    """
    by = [CLIENT] if CLIENT in rows.collect_schema() else []
    raw = encoded(schema).struct.json_encode().alias("raw_row")
    raws = rows.select(*by, raw, pl.col(SOURCE_ROW).cast(pl.Int64).alias(POSITION))
    cell = source.rule.place("explode") if source.rule else source.place
    columns = {"reason": pl.lit("REJ-003"), "ai_column": pl.lit(""), "mapping_cell": pl.lit(cell)}
    return _reject_rows(_located(raws, files), source, columns)


def stray_rejects(
    rows: pl.LazyFrame, source: SourceJob, of_client: Sequence[pl.Expr] = ()
) -> pl.LazyFrame:
    """Give the rejects of rows that are nobody's; no mapping makes them anybody's.

    `of_client` is the column of the clients, where there are several.
    """
    raw = encoded(rows.collect_schema()).struct.json_encode()
    place = {"ai_column": pl.lit(""), "mapping_cell": pl.lit(source.place)}
    columns = {"reason": pl.lit("REJ-005"), "source": pl.lit(str(source.location)), **place}
    return _reject_rows(rows.select(raw.alias("raw_row"), *of_client), source, columns)


def _reject_rows(
    frame: pl.LazyFrame, source: SourceJob, columns: dict[str, pl.Expr]
) -> pl.LazyFrame:
    """Give rejects the reject table's columns; those of the run are added when they are written."""
    values = {
        "product_code": pl.lit(source.product),
        "submodule_name": pl.lit(source.submodule),
        **columns,
    }
    names = {*frame.collect_schema(), *values}
    nulls = {n: pl.lit(None, dtype) for n, dtype in reject_tables.SCHEMA.items() if n not in names}
    return frame.with_columns(**values, **nulls).select(
        *([CLIENT] if CLIENT in names else []),
        *(pl.col(name).cast(dtype) for name, dtype in reject_tables.SCHEMA.items()),
    )
