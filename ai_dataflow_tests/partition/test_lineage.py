"""Column lineage: which source columns each AI column comes from, as compiled."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ai_dataflow.compiler.mappings import compile_source
from ai_dataflow.partition.lineage import origins
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow_tests.partition.jobs import mapped, source

SCHEMA = pl.Schema({"Net": pl.Float64, "Tax": pl.Float64, "State": pl.String})


def _origins(*rows: MappingRow) -> list[tuple[str, str]]:
    job = source(Path("sales.csv"), *rows)
    return [(name, origin.column) for name, origin in origins(job, compile_source(job, SCHEMA))]


def test_a_column_comes_from_the_column_that_is_mapped() -> None:
    assert _origins(mapped("total", "float64", "Net")) == [("total", "Net")]


def test_a_transform_comes_from_the_columns_that_it_reads_once_each() -> None:
    row = mapped("total", "float64", transform="Net * (1 + Tax) + Net")
    assert _origins(row) == [("total", "Net"), ("total", "Tax")]


def test_lineage_names_the_column_as_the_source_does() -> None:
    assert _origins(mapped("status", "string", "state")) == [("status", "State")]
    assert _origins(mapped("status", "string", transform="upper(STATE)")) == [("status", "State")]


def test_a_constant_comes_from_nowhere() -> None:
    assert _origins(mapped("currency", "string", transform="'EUR'")) == []
