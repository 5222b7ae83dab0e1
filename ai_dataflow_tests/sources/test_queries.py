"""Databases as sources, on SQLite: what arrives, what is asked for, and what is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings, SqlConnection
from ai_dataflow.sources.sql import queries
from ai_dataflow.tables.locations import SqlLocation

TABLE = SqlLocation("db", "t")
SALES = (
    "CREATE TABLE t (id INTEGER, client TEXT, item TEXT)",
    "INSERT INTO t VALUES (1, 'USA', 'tea'), (2, 'CAN', 'jam'), (3, 'USA', NULL)",
)


def _make(folder: Path, *statements: str, name: str = "shop.sqlite") -> None:
    with sqlite3.connect(folder / name) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def _read(
    folder: Path,
    location: SqlLocation = TABLE,
    *columns: str,
    name: str = "shop.sqlite",
    query_timeout: int = 60,
) -> pl.DataFrame:
    url = SecretStr(f"sqlite:///{name}")
    sql = {"db": SqlConnection(url=url, query_timeout=query_timeout)}
    database = queries.database("db", Settings(folder=folder, sql=sql))
    known = database.columns(location, "cell")
    return database.copy(location, known, columns or tuple(known), pl.concat, "cell")


def _refused(folder: Path, location: SqlLocation = TABLE, *columns: str) -> str:
    """Give the code with which reading is refused."""
    with pytest.raises(DataflowError) as error:
        _read(folder, location, *columns)
    (problem,) = error.value.diagnostics
    assert problem.place == "cell"
    return problem.code


@pytest.mark.parametrize(
    ("column_type", "stored", "dtype", "value"),
    [
        ("INTEGER", "9223372036854775807", pl.Int64, 2**63 - 1),
        ("SMALLINT", "-7", pl.Int64, -7),
        ("TEXT", "'ü'", pl.String, "ü"),
        ("VARCHAR(10)", "''", pl.String, ""),
        ("NVARCHAR(10)", "' x '", pl.String, " x "),
        ("REAL", "1.5", pl.Float64, 1.5),
        ("FLOAT", "2", pl.Float64, 2.0),
        ("BLOB", "x'ff00'", pl.Binary, b"\xff\x00"),
        ("DATE", "'2024-01-31'", pl.String, "2024-01-31"),
        ("DATETIME", "'2024-01-31 10:11:12.5'", pl.String, "2024-01-31 10:11:12.5"),
        ("BOOLEAN", "1", pl.String, "1"),
        ("BOOLEAN", "'yes'", pl.String, "yes"),
        ("", "'anything'", pl.String, "anything"),
    ],
)
def test_a_value_arrives_as_it_was_stored(
    tmp_path: Path, column_type: str, stored: str, dtype: Any, value: object
) -> None:
    table = f"CREATE TABLE t (v {column_type} DEFAULT ({stored}))"
    _make(tmp_path, table, "INSERT INTO t DEFAULT VALUES", "INSERT INTO t VALUES (NULL)")
    rows = _read(tmp_path)
    assert rows.schema == {"v": dtype}
    assert rows["v"].to_list() == [value, None]


@pytest.mark.parametrize("column_type", ["INTEGER", "REAL", "NUMERIC(10,2)", "DATE", "BOOLEAN"])
def test_a_text_in_a_column_of_another_type_arrives_as_text(
    tmp_path: Path, column_type: str
) -> None:
    """SQLite lets it be stored; as text it can be rejected, as null it would be gone."""
    statements = (f"CREATE TABLE t (v {column_type})", "INSERT INTO t VALUES ('lots'), (NULL), (7)")
    _make(tmp_path, *statements)
    lots, nothing, seven = _read(tmp_path)["v"].to_list()
    assert (lots, nothing) == ("lots", None)
    assert float(seven) == 7


def test_a_fraction_in_an_integer_column_is_not_cut(tmp_path: Path) -> None:
    _make(tmp_path, "CREATE TABLE t (v INTEGER)", "INSERT INTO t VALUES (1), (2.5)")
    assert [float(v) for v in _read(tmp_path)["v"]] == [1, 2.5]


def test_a_whole_number_in_a_decimal_column_keeps_its_digits(tmp_path: Path) -> None:
    _make(tmp_path, "CREATE TABLE t (v NUMERIC(20,0))", "INSERT INTO t VALUES (9007199254740993)")
    assert int(_read(tmp_path)["v"].item()) == 9007199254740993


@pytest.mark.parametrize("column_type", ["TEXT", "DATE", "BLOB"])
def test_bytes_among_texts_are_bytes_and_no_spelling_of_them(
    tmp_path: Path, column_type: str
) -> None:
    """`0xff` would be published as such: four letters where the sender has one byte."""
    filled = "INSERT INTO t VALUES ('x'), (x'ff'), (7), (x'c3a4'), (NULL)"
    _make(tmp_path, f"CREATE TABLE t (v {column_type})", filled)
    assert _read(tmp_path)["v"].to_list() == [b"x", b"\xff", b"7", "ä".encode(), None]


def test_bytes_that_are_text_are_that_in_a_text_column(tmp_path: Path) -> None:
    _make(tmp_path, "CREATE TABLE t (v TEXT)", "INSERT INTO t VALUES ('x'), (x'c3a4')")
    assert _read(tmp_path)["v"].to_list() == ["x", "ä"]


def test_bytes_among_numbers_cost_their_row_alone(tmp_path: Path) -> None:
    _make(tmp_path, "CREATE TABLE t (v INTEGER)", "INSERT INTO t VALUES (1), (x'ff')")
    assert _read(tmp_path)["v"].to_list() == ["1", "0xff"]


OVERFLOWING = "CREATE VIEW v AS SELECT id, item, abs(-9223372036854775807 - id) AS x FROM t"


def test_only_the_wanted_columns_are_asked_for(tmp_path: Path) -> None:
    _make(tmp_path, *SALES, OVERFLOWING)
    rows = _read(tmp_path, SqlLocation("db", "v"), "item", "id")
    assert rows.rows() == [("tea", 1), ("jam", 2), (None, 3)]


def test_a_statement_that_fails_is_a_failed_query(tmp_path: Path) -> None:
    _make(tmp_path, *SALES, OVERFLOWING)
    assert _refused(tmp_path, SqlLocation("db", "v"), "x") == "SRC-008"


def test_a_view_is_as_good_as_a_table(tmp_path: Path) -> None:
    _make(tmp_path, *SALES, "CREATE VIEW v AS SELECT id, UPPER(item) AS item FROM t")
    assert _read(tmp_path, SqlLocation("db", "v"), "item")["item"].to_list() == ["TEA", "JAM", None]


def test_an_empty_table_is_no_rows_with_its_columns(tmp_path: Path) -> None:
    _make(tmp_path, SALES[0])
    rows = _read(tmp_path)
    assert rows.height == 0
    assert rows.schema == {"id": pl.Int64, "client": pl.String, "item": pl.String}


def test_a_table_may_be_named_with_its_schema(tmp_path: Path) -> None:
    _make(tmp_path, *SALES)
    assert _read(tmp_path, SqlLocation("db", "t", "main")).height == 3


def test_names_may_be_any(tmp_path: Path) -> None:
    names = ("a b", "c%d", "e:f", "select", "Ünï", "x]y", "don't")
    columns = ", ".join(f'"{name}" TEXT' for name in names)
    _make(tmp_path, f'CREATE TABLE "my table" ({columns})')
    assert _read(tmp_path, SqlLocation("db", "my table"), *names).columns == list(names)


@pytest.mark.parametrize(
    ("client", "ids"),
    [("USA", [1, 3]), ("CAN", [2]), ("usa", []), ("x' OR '1'='1", []), ("USA' --", []), ("%", [])],
)
def test_a_client_is_a_value_and_never_sql(tmp_path: Path, client: str, ids: list[int]) -> None:
    _make(tmp_path, *SALES)
    own = SqlLocation("db", "t", client_column="client", client=client)
    assert _read(tmp_path, own, "id")["id"].to_list() == ids


@pytest.mark.parametrize("name", ["client code", "order"])
def test_a_client_column_may_have_any_name(tmp_path: Path, name: str) -> None:
    _make(tmp_path, f'CREATE TABLE t ("{name}" TEXT)', "INSERT INTO t VALUES ('USA'), ('CAN')")
    own = SqlLocation("db", "t", client_column=name, client="USA")
    assert _read(tmp_path, own)[name].to_list() == ["USA"]


def test_a_client_column_of_numbers_is_compared_as_such(tmp_path: Path) -> None:
    _make(tmp_path, "CREATE TABLE t (c INTEGER)", "INSERT INTO t VALUES (7), (8)")
    assert _read(tmp_path, SqlLocation("db", "t", client_column="c", client="7")).height == 1


def test_a_client_column_that_is_not_there_is_no_unreachable_database(tmp_path: Path) -> None:
    _make(tmp_path, *SALES)
    own = SqlLocation("db", "t", client_column="nosuch", client="USA")
    assert _refused(tmp_path, own, "id") not in ("SRC-002", "SRC-007")


@pytest.mark.parametrize(
    "location",
    [SqlLocation("db", "nosuch"), SqlLocation("db", "t; DROP TABLE t"),
     SqlLocation("db", "t", "nosuch")],
)  # fmt: skip
def test_a_table_that_is_not_there_is_missing(tmp_path: Path, location: SqlLocation) -> None:
    _make(tmp_path, *SALES)
    assert _refused(tmp_path, location) == "SRC-001"


def test_a_database_file_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    assert _refused(tmp_path) == "SRC-020"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop.sqlite").write_bytes(b"not a database " * 100)
    assert _refused(tmp_path).startswith("SRC-")


def test_reading_never_changes_a_database(tmp_path: Path) -> None:
    _make(tmp_path, *SALES)
    before = (tmp_path / "shop.sqlite").read_bytes()
    _read(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["shop.sqlite"]
    assert (tmp_path / "shop.sqlite").read_bytes() == before


def test_a_database_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    _make(tmp_path, *SALES)
    assert _read(tmp_path).height == 3
    _make(tmp_path, SALES[0], name="new.sqlite")
    (tmp_path / "new.sqlite").replace(tmp_path / "shop.sqlite")
    assert _read(tmp_path).height == 0


def test_a_database_that_was_deleted_is_gone(tmp_path: Path) -> None:
    _make(tmp_path, *SALES)
    assert _read(tmp_path).height == 3
    (tmp_path / "shop.sqlite").unlink()
    assert _refused(tmp_path) == "SRC-020"


@pytest.mark.parametrize("name", ["our shop.sqlite", "ünï.sqlite", "50%.sqlite", "no#5.sqlite"])
def test_a_database_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    _make(tmp_path, *SALES, name=name)
    assert _read(tmp_path, name=name).height == 3


def test_a_failure_tells_no_row_values_and_no_statement(tmp_path: Path) -> None:
    _make(tmp_path, *SALES)
    own = SqlLocation("db", "t", client_column="nosuch", client="hunter2")
    with pytest.raises(DataflowError) as error:
        _read(tmp_path, own, "id")
    assert "hunter2" not in repr(error.value.diagnostics)
    assert "SELECT" not in repr(error.value.diagnostics)


def test_a_view_that_never_gives_a_row_is_ended(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    view = f"CREATE VIEW v AS {endless} SELECT i AS id FROM n WHERE i < 0"  # noqa: S608
    _make(tmp_path, *SALES, view)
    with pytest.raises(DataflowError) as error:
        _read(tmp_path, SqlLocation("db", "v"), "id", query_timeout=1)
    assert [problem.code for problem in error.value.diagnostics] == ["SRC-023"]
