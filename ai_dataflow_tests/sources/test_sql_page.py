"""docs/sql.md says of each type what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy.dialects import mssql

from ai_dataflow.sources.sql import column_types, queries
from ai_dataflow.sources.sql.rows import LONGEST_IN_BULK
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow_tests.services.postgres import Postgres
from ai_dataflow_tests.sources.sql import opened

PAGE = (Path(__file__).parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
WORDS = {
    pl.Boolean(): "boolean", pl.Int64(): "int64", pl.Float32(): "float32",
    pl.Float64(): "float64", pl.Date(): "date", pl.Time(): "time", pl.String(): "string",
    pl.Binary(): "binary", pl.Datetime("us"): "timestamp",
    pl.Datetime("us", "UTC"): "timestamp, UTC",
}  # fmt: skip


def _table(heading: str) -> Iterator[tuple[str, str]]:
    section = PAGE.partition(f"### {heading}\n")[2].partition("\n#")[0]
    for names, word in re.findall(r"^\| (.*?) \| (.*?) \|$", section, re.MULTILINE)[1:]:
        yield from ((name, word) for name in re.split(r", (?![^(]*\))", names))


def _word(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision},{dtype.scale})"
    return WORDS[dtype]


@pytest.mark.parametrize(("name", "word"), _table("SQL Server"))
def test_types_of_sql_server(name: str, word: str) -> None:
    dtype = column_types.of_mssql(name, 11, 3).dtype
    assert _word(dtype).replace("decimal(11,3)", "decimal(p,s)") == word


def test_no_type_of_sql_server_is_left_out() -> None:
    told = {name for name, _ in _table("SQL Server")}
    known = set(mssql.base.ischema_names) - {"double precision", "timestamp", "sysname"}
    assert known <= told


@pytest.mark.slow
def test_types_of_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    name = postgres.create_database()
    told = list(_table("PostgreSQL"))
    columns = ", ".join(f'"{declared}" {declared}' for declared, _ in told)
    postgres.execute(f"CREATE EXTENSION citext; CREATE TABLE t ({columns})", database=name)
    database = queries.database("db", opened(tmp_path, postgres.url(name)))
    schema = database.schema(SqlLocation("db", "t"), "cell")
    assert [(column, _word(dtype)) for column, dtype in schema.items()] == told


def test_the_length_of_a_bulk_read_is_the_one_that_is_told() -> None:
    assert f"{LONGEST_IN_BULK:,} UTF-16 units" in PAGE
