"""PostgreSQL behaves as the tests that build on it expect, and the ODBC drivers load."""

from __future__ import annotations

import psycopg
import pyodbc
import pytest

from ai_dataflow_tests.services.postgres import Postgres


def test_what_was_committed_survives_a_kill_and_a_stop() -> None:
    with Postgres() as own:
        database = own.create_database()
        own.execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)", database=database)
        with own.connect(database) as connection:
            own.kill()
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError):
            own.connect()
        own.start()
        own.stop()
        own.start()
        assert own.execute("SELECT a FROM t", database=database) == [(1,)]


def test_connections_can_be_broken_off(postgres: Postgres) -> None:
    database = postgres.create_database()
    connection = postgres.connect(database)
    assert postgres.connections(database) == 1
    assert postgres.terminate_backends(database) == 1
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")


def test_odbc_reaches_it(postgres: Postgres) -> None:
    database = postgres.create_database()
    postgres.execute("CREATE TABLE t (a text); INSERT INTO t VALUES ('é')", database=database)
    with pyodbc.connect(postgres.odbc(database)) as connection:
        assert [tuple(row) for row in connection.execute("SELECT a FROM t")] == [("é",)]


def test_the_odbc_drivers_load(odbc_drivers: dict[str, str]) -> None:
    assert set(odbc_drivers) == {"microsoft", "freetds", "postgresql"}
