"""Delta tables as sources: their timestamps too, which Spark writes as INT96 unless told otherwise.

Polars reads these in nanoseconds, and days that these do not reach, 9999-12-31 among them, as the
last one that they do.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from polars.io.scan_options import ScanCastOptions

from ai_dataflow.connections.stores import Folder, open_delta, scan_delta
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.files.parquet_physical import no_day

_ENDS = [2**63 // 1000, -(2**63) // 1000, -(2**63) // 1000 + 1]  # of nanoseconds, in microseconds
_CASTS = ScanCastOptions(
    integer_cast="upcast",
    float_cast=["upcast", "downcast"],
    datetime_cast=["nanosecond-downcast", "millisecond-upcast", "convert-timezone"],
    missing_struct_fields="insert",
    extra_struct_fields="ignore",
    categorical_to_string="allow",
)


def scan_table(root: Folder, version: int | None) -> pl.LazyFrame:
    """Scan a version of a table.

    Where rows are marked as deleted, only Polars' reader of Delta knows which: there a day that it
    cannot reach becomes one of no calendar, and so a reject.
    """
    rows = scan_delta(root, version)
    schema = rows.collect_schema()
    if not any(isinstance(dtype, pl.Datetime) for dtype in schema.values()):
        return rows
    table = open_delta(root, version)
    folders, files = table.metadata().partition_columns, table.file_uris()
    moments = [n for n, t in schema.items() if isinstance(t, pl.Datetime) and n not in folders]
    if not moments or not files:
        return rows
    if "deletionVectors" in (table.protocol().reader_features or ()):
        return rows.with_columns(_within_reach(moments, schema))
    stored = pl.Schema((name, dtype) for name, dtype in schema.items() if name not in folders)
    exact = pl.scan_parquet(
        files,
        glob=False,
        schema=stored,
        hive_schema=pl.Schema((name, schema[name]) for name in folders) if folders else None,
        hive_partitioning=bool(folders),
        cast_options=_CASTS,
        missing_columns="insert",
        extra_columns="ignore",
        **root.polars,
    )
    return exact.select(map(named, schema))


def _within_reach(moments: list[str], types: pl.Schema) -> Iterator[pl.Expr]:
    for name in moments:
        is_end = named(name).to_physical().is_in(_ENDS)
        yield pl.when(is_end).then(no_day(types[name])).otherwise(named(name)).alias(name)
