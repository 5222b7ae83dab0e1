"""Filters over a column, as readers of a dataset say them, and which values pass, in plain Python.

NaN is greater than all numbers and equal to itself, as Polars, DuckDB and DataFusion have it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb
import polars as pl
import pyarrow.dataset as ds
from deltalake import DeltaTable, QueryBuilder
from pyarrow import fs

from ai_dataflow.tables import ai_types

Reader = Callable[[DeltaTable, "Filter"], list[int]]


@dataclass(frozen=True)
class Filter:
    """A condition over a column: `is null`, or a comparison with values of its type."""

    column: str
    ai_type: str
    operator: str
    values: tuple[Any, ...] = ()

    def passes(self, value: Any) -> bool:
        """Tell whether a value passes."""
        if self.operator == "is null":
            return value is None
        if value is None:
            return False
        at, ends = _order(value), [_order(end) for end in self.values]
        match self.operator:
            case "=":
                return bool(at == ends[0])
            case "<":
                return bool(at < ends[0])
            case ">":
                return bool(at > ends[0])
            case _:
                return bool(ends[0] <= at <= ends[1])

    def sql(self, literals: Sequence[str]) -> str:
        """Give the condition in SQL."""
        if self.operator == "is null":
            return f"{self.column} is null"
        if self.operator == "between":
            return f"{self.column} between {literals[0]} and {literals[1]}"
        return f"{self.column} {self.operator} {literals[0]}"


def _order(value: Any) -> Any:
    if isinstance(value, float):
        return math.isnan(value), 0.0 if math.isnan(value) else value
    return value


def by_polars(delta: DeltaTable, wanted: Filter) -> list[int]:
    """Ask Polars for the ids of the rows that pass."""
    column, dtype = pl.col(wanted.column), ai_types.to_polars(wanted.ai_type)
    ends = [pl.lit(value, dtype) for value in wanted.values]
    match wanted.operator:
        case "is null":
            passes = column.is_null()
        case "=":
            passes = column == ends[0]
        case "<":
            passes = column < ends[0]
        case ">":
            passes = column > ends[0]
        case _:
            passes = column.is_between(*ends)
    return sorted(pl.scan_delta(delta).filter(passes).select("id").collect()["id"])


def by_datafusion(delta: DeltaTable, wanted: Filter) -> list[int]:
    """Ask deltalake's own engine."""
    dtype = _ARROW.get(wanted.ai_type, wanted.ai_type.title())
    literals = [f"arrow_cast({_literal(value)}, '{dtype}')" for value in wanted.values]
    query = f"select id from t where {wanted.sql(literals)}"  # noqa: S608
    rows = QueryBuilder().register("t", delta).execute(query).read_all()
    return sorted(pl.DataFrame(rows)["id"])


_ARROW = {
    "string": "Utf8",
    "timestamp": 'Timestamp(Microsecond, Some("UTC"))',
    "date": "Date32",
    "decimal(18,2)": "Decimal128(18, 2)",
    "decimal(38,9)": "Decimal128(38, 9)",
}


def _literal(value: Any) -> str:
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, Decimal):
        return f"'{value:f}'"
    return "'" + str(value).replace("'", "''") + "'"


def by_duckdb(delta: DeltaTable, wanted: Filter) -> list[int]:
    """Ask DuckDB over deltalake's Arrow dataset, to which it hands its filters down."""
    # Not through deltalake's own file system, with which a process may die at its end.
    root = fs.SubTreeFileSystem(delta.table_uri.removeprefix("file://"), fs.LocalFileSystem())
    dataset: ds.Dataset = delta.to_pyarrow_dataset(filesystem=root)
    connection = duckdb.connect().register("t", dataset)
    query = f"select id from t where {wanted.sql('??')}"  # noqa: S608
    return sorted(row[0] for row in connection.execute(query, list(wanted.values)).fetchall())


READERS: dict[str, Reader] = {
    "polars": by_polars,
    "datafusion": by_datafusion,
    "duckdb": by_duckdb,
}
