"""Writing a generated partition's sources, in every way that they may be stored."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.tables.locations import Location, SqlLocation
from ai_dataflow_tests.partition.generated import Partition, Source
from ai_dataflow_tests.partition.jobs import job, source

DATABASE = "shop.sqlite"
_SQL = {pl.String(): "TEXT", pl.Int64(): "INTEGER", pl.Float64(): "REAL"}


def partition_job(partition: Partition, folder: Path, client: str = "USA") -> PartitionJob:
    """Write a partition's sources to a folder, and give its job."""
    sources = [
        source(write_source(own, folder), *(feed.row for feed in own.feeds),
               product=own.product, submodule=own.submodule)
        for own in partition.sources
    ]  # fmt: skip
    columns = [AiColumn(name, ai_type) for name, ai_type in partition.columns.items()]
    return job(*sources, client=client, columns=columns)


def write_source(own: Source, folder: Path) -> Location | Path:
    """Write a source; give its location."""
    folder.mkdir(parents=True, exist_ok=True)
    if own.stored == "sql":
        _write_table(own, folder / DATABASE)
        return SqlLocation("db", own.name)
    suffix = own.stored.split()[0]
    path = folder / f"{own.name}.{suffix}"
    if not own.stored.endswith("parts"):
        _write_file(own, own.rows, path, own.ragged)
        return path
    half = len(own.rows) // 2
    (folder / own.name).mkdir(exist_ok=True)
    _write_file(own, own.rows[:half], folder / own.name / f"0.{suffix}", own.ragged)
    _write_file(own, own.rows[half:], folder / own.name / f"1.{suffix}", 0)
    return folder / own.name


def _write_file(own: Source, rows: list[dict[str, Any]], path: Path, ragged: int) -> None:
    if path.suffix == ".csv":
        path.write_text(_csv(own, rows, ragged), encoding="utf-8", newline="")
        return
    frame = pl.DataFrame([_series(own, name, rows) for name in own.dtypes])
    if path.suffix == ".delta":
        shutil.rmtree(path, ignore_errors=True)
        frame.write_delta(path)
    else:
        frame.write_parquet(path)


def _csv(own: Source, rows: list[dict[str, Any]], ragged: int) -> str:
    """Quote every text: without quotes nothing is null, and with them it is an empty text."""
    lines = [[*own.dtypes], *([row[name] for name in own.dtypes] for row in rows)]
    lines += [["too", "many", *own.dtypes]] * ragged
    return "".join(",".join(map(_field, line)) + "\n" for line in lines)


def _field(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _series(own: Source, name: str, rows: list[dict[str, Any]]) -> pl.Series:
    dtype, values = own.dtypes[name], [row[name] for row in rows]
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        utc = pl.Series(name, values, dtype=pl.Datetime(dtype.time_unit, "UTC"))
        return utc.dt.convert_time_zone(dtype.time_zone)
    return pl.Series(name, values, dtype=dtype)


def _write_table(own: Source, database: Path) -> None:
    columns = ", ".join(f'"{name}" {_SQL[dtype]}' for name, dtype in own.dtypes.items())
    marks = ", ".join("?" * len(own.dtypes))
    rows = [tuple(row[name] for name in own.dtypes) for row in own.rows]
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(f"DROP TABLE IF EXISTS {own.name}")
        connection.execute(f"CREATE TABLE {own.name} ({columns})")
        connection.executemany(f"INSERT INTO {own.name} VALUES ({marks})", rows)  # noqa: S608
