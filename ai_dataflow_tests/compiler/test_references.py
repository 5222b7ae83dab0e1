"""Each function beside PostgreSQL, SQLite and DuckDB: the same, but for what the docs state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from ai_dataflow_tests.compiler.edges import EXAMPLES, ROWS, Compared
from ai_dataflow_tests.compiler.evaluated import results
from ai_dataflow_tests.compiler.other_references import (
    Connection,
    by_postgres,
    by_sqlite,
    day_as_text,
    postgres_with,
    sqlite_with,
)
from ai_dataflow_tests.compiler.reference import by_duckdb, same
from ai_dataflow_tests.services.postgres import Postgres


@pytest.fixture(scope="module")
def there(postgres: Postgres) -> Iterator[Connection]:
    """Give a PostgreSQL with the rows."""
    with postgres_with(postgres, ROWS) as connection:
        yield connection


@pytest.fixture(scope="module")
def sqlite() -> sqlite3.Connection:
    """Give a SQLite with the rows."""
    return sqlite_with(ROWS)


def _differing(mine: list[Any], theirs: list[Any]) -> tuple[int, ...]:
    pairs = zip(mine, theirs, strict=True)
    return tuple(i for i, (a, b) in enumerate(pairs) if not same(a, b))


def _wrong(example: Compared, mine: list[Any], theirs: list[Any]) -> list[str]:
    found = _differing(mine, theirs)
    if found == example.differing:
        return []
    return [f"{example.text}: {[(i, mine[i], theirs[i]) for i in found]}, not {example.differing}"]


def test_postgres_says_the_same_but_for_what_is_stated(there: Connection) -> None:
    wrong = []
    for example in EXAMPLES["PostgreSQL"]:
        theirs = by_postgres(there, example.theirs, ROWS.height)
        wrong += _wrong(example, results(example.text, ROWS, "postgres"), theirs)
    assert wrong == []


@pytest.mark.parametrize("example", EXAMPLES["SQLite"], ids=lambda example: example.text)
def test_sqlite_says_the_same_but_for_what_is_stated(
    example: Compared, sqlite: sqlite3.Connection
) -> None:
    mine = [day_as_text(value) for value in results(example.text, ROWS)]
    assert _wrong(example, mine, by_sqlite(sqlite, example.theirs)) == []


@pytest.mark.parametrize("example", EXAMPLES["DuckDB"], ids=lambda example: example.text)
def test_duckdb_says_the_same_but_for_what_is_stated(example: Compared) -> None:
    mine = results(example.text, ROWS, "duckdb")
    assert _wrong(example, mine, by_duckdb(example.theirs, ROWS)) == []


def test_what_differs_is_told() -> None:
    untold = [one for examples in EXAMPLES.values() for one in examples
              if bool(one.differing) != bool(one.how)]  # fmt: skip
    assert untold == []
