"""Random expressions are what Python's integers and decimals say, DuckDB and PostgreSQL.

`make properties N=20000` tries as many; CI always the same few.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest
from hypothesis import given

from ai_dataflow.compiler.transforms import TransformError, compile_transform
from ai_dataflow_tests.compiler.evaluated import computed
from ai_dataflow_tests.compiler.other_references import (
    Connection,
    by_postgres,
    fill_postgres,
    postgres_with,
)
from ai_dataflow_tests.compiler.random_expressions import COLUMNS, expressions, rows
from ai_dataflow_tests.compiler.random_terms import Failed, Random, Row
from ai_dataflow_tests.compiler.reference import FAILED, by_duckdb, same
from ai_dataflow_tests.partition.effort import settings_of
from ai_dataflow_tests.services.postgres import Postgres

SCHEMA = {name: dtype for name, (dtype, _) in COLUMNS.items()}


def _mine(text: str, frame: pl.DataFrame, dialect: str = "") -> list[Any] | None:
    try:
        made = compile_transform(text, frame.schema, dialect)
    except TransformError as error:
        assert "digits after the point" in str(error), text  # noqa: PT017 - the only one
        return None
    done = computed(made, frame)
    return [FAILED if bad else value
            for value, bad in zip(done.values, done.failed, strict=True)]  # fmt: skip


def _python(expression: Random, row: Row) -> Any:
    try:
        return expression.of(row)
    except Failed:
        return FAILED


@given(expressions(), rows())
@settings_of()
def test_an_expression_is_what_python_says(expression: Random, records: list[Row]) -> None:
    mine = _mine(expression.sql, pl.DataFrame(records, schema=SCHEMA))
    if mine is None:
        return
    theirs = [_python(expression, row) for row in records]
    wrong = [i for i, pair in enumerate(zip(mine, theirs, strict=True)) if not same(*pair)]
    assert not wrong, (mine, theirs)


@given(expressions(), rows())
@settings_of()
def test_an_expression_is_what_duckdb_says(expression: Random, records: list[Row]) -> None:
    """DuckDB may compute what a row does not evaluate, and has other limits of decimals.

    So only rows are compared that neither of the two rejects, and those that Python does not.
    """
    frame = pl.DataFrame(records, schema=SCHEMA)
    mine = _mine(expression.sql, frame, "duckdb")
    if mine is None or "AS " in expression.sql or expression.kind == "decimal":
        return  # blank text and `1.0` are no numbers to DuckDB; its decimals are narrower
    theirs = by_duckdb(expression.sql, frame)
    wrong = [i for i, (a, b) in enumerate(zip(mine, theirs, strict=True))
             if FAILED not in (a, b) and not same(a, b)]  # fmt: skip
    assert not wrong, (mine, theirs)


@pytest.fixture(scope="module")
def there(postgres: Postgres) -> Iterator[Connection]:
    """Give a PostgreSQL."""
    with postgres_with(postgres, pl.DataFrame(schema=SCHEMA)) as connection:
        yield connection


@given(expression=expressions(), records=rows())
@settings_of()
def test_an_expression_is_what_postgresql_says(
    there: Connection, expression: Random, records: list[Row]
) -> None:
    """PostgreSQL's decimals are as long as they need be: those of ours that fit are compared.

    A number that is written out is an INT there if it fits: what overflows there is not compared.
    """
    frame = pl.DataFrame(records, schema=SCHEMA)
    mine = _mine(expression.sql, frame, "postgres")
    if mine is None or "AS " in expression.sql:
        return  # blank text and `1.0` are no numbers there either
    fill_postgres(there, frame)
    theirs = by_postgres(there, expression.sql.replace("//", "/"), frame.height)
    wrong = [i for i, (a, b) in enumerate(zip(mine, theirs, strict=True))
             if FAILED not in (a, b) and not same(a, b)]  # fmt: skip
    assert not wrong, (mine, theirs)
