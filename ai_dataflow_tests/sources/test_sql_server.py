"""SQL Server without one: statements as compiled, and both drivers before ports that go wrong."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import polars as pl
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.connections import odbc
from ai_dataflow.connections.databases import connection
from ai_dataflow.sources.sql import column_types, queries
from ai_dataflow.sources.sql.column_types import SqlColumn
from ai_dataflow.sources.sql.rows import with_marks
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow_tests.services.identity import IdentityEndpoint
from ai_dataflow_tests.services.ports import ClosedPort, ResettingPort, SilentPort
from ai_dataflow_tests.services.processes import HOST
from ai_dataflow_tests.sources.sql import opened, read

MICROSOFT = "driver=ODBC+Driver+18+for+SQL+Server"
FREETDS = "driver=FreeTDS&TDS_Version=7.4"
SECRET = "hunter2;{x}"  # noqa: S105 - nobody's


def _columns(**types: tuple[Any, ...]) -> dict[str, SqlColumn]:
    return {
        name: SqlColumn(name, column_types.of_mssql(*declared)) for name, declared in types.items()
    }


def _compiled(location: SqlLocation, columns: dict[str, SqlColumn]) -> tuple[str, list[str]]:
    text, parameters = with_marks(queries.select(location, columns), mssql.dialect)
    return " ".join(text.split()), parameters


@pytest.mark.parametrize(
    ("declared", "asked", "dtype"),
    [
        (("tinyint", 3, 0), "[V]", pl.Int64),
        (("bigint", 19, 0), "[V]", pl.Int64),
        (("bit", None, None), "[V]", pl.Boolean),
        (("decimal", 38, 10), "[V]", pl.Decimal(38, 10)),
        (("money", 19, 4), "CAST([V] AS DECIMAL(19, 4))", pl.Decimal(19, 4)),
        (("smallmoney", 10, 4), "CAST([V] AS DECIMAL(10, 4))", pl.Decimal(10, 4)),
        (("real", 24, None), "[V]", pl.Float32),
        (("float", 53, None), "[V]", pl.Float64),
        (("date", None, None), "[V]", pl.Date),
        (("time", None, None), "CAST([V] AS VARCHAR(16))", pl.Time),
        (("datetime", None, None), "[V]", pl.Datetime("us")),
        (("datetime2", None, None), "[V]", pl.Datetime("us")),
        (
            ("datetimeoffset", None, None),
            "CAST(SWITCHOFFSET([V], '+00:00') AS DATETIME2)",
            pl.Datetime("us", "UTC"),
        ),
        (("nvarchar", None, None), "[V]", pl.String),
        (("ntext", None, None), "CAST([V] AS NVARCHAR(max))", pl.String),
        (("xml", None, None), "CAST([V] AS NVARCHAR(max))", pl.String),
        (("json", None, None), "CAST([V] AS NVARCHAR(max))", pl.String),
        (("geography", None, None), "CAST([V] AS NVARCHAR(max))", pl.String),
        (("uniqueidentifier", None, None), "CAST([V] AS CHAR(36))", pl.String),
        (("varbinary", None, None), "[V]", pl.Binary),
        (("image", None, None), "CAST([V] AS VARBINARY(max))", pl.Binary),
    ],
)
def test_a_type_is_asked_for_as_every_driver_delivers_it(
    declared: tuple[Any, ...], asked: str, dtype: Any
) -> None:
    columns = _columns(V=declared)
    assert _compiled(SqlLocation("db", "t"), columns) == (f"SELECT {asked} AS [V] FROM t", [])  # noqa: S608
    assert columns["V"].dtype == dtype


INT = ("int", 10, 0)


@pytest.mark.parametrize(
    ("schema", "table", "named"),
    [
        ("dbo", "Claims", "dbo.[Claims]"),
        ("dbo", "order", "dbo.[order]"),
        ("My Schema", "a ]b[", "[My Schema].[a ]]b[]"),
        ("", "t", "t"),
        ("other.dbo", "t", "other.dbo.t"),
        ("dbo", "t; DROP TABLE t --", "dbo.[t; DROP TABLE t --]"),
    ],
)
def test_names_are_quoted(schema: str, table: str, named: str) -> None:
    text, _ = _compiled(SqlLocation("db", table, schema), _columns(a=INT))
    assert text == f"SELECT a AS a FROM {named}"  # noqa: S608


def test_a_client_is_a_parameter() -> None:
    location = SqlLocation("db", "t", "dbo", "Client ?", "x' OR '1'='1")
    text, parameters = _compiled(location, {"a]?": SqlColumn("a]?", column_types.of_mssql(*INT))})
    assert text == "SELECT [a]]?] AS [a]]?] FROM dbo.t WHERE [Client ?] = ?"
    assert parameters == ["x' OR '1'='1"]


def _url(query: str, port: int = 1433, user: str = f"reader:{quote_plus(SECRET)}@") -> str:
    return f"mssql+pyodbc://{user}{HOST}:{port}/policy?{query}"


def _odbc(folder: Path, url: str, **options: Any) -> dict[str, str]:
    return odbc.attributes(connection("db", opened(folder, url, **options)).odbc)


def test_the_string_for_bulk_reads_is_made_from_the_url(tmp_path: Path) -> None:
    found = _odbc(tmp_path, _url(f"{MICROSOFT}&connect_timeout=3&ApplicationIntent=ReadOnly"))
    assert Path(found.pop("DRIVER").strip("{}")).is_file()
    assert found == {
        "Server": f"{HOST},1433", "Database": "policy", "UID": "reader",
        "PWD": "{hunter2;{x}}}", "ApplicationIntent": "ReadOnly", "Encrypt": "yes",
        "ConnectRetryCount": "0",
    }  # fmt: skip


def test_freetds_has_its_own_words(tmp_path: Path) -> None:
    url = sa.make_url(_url(f"{FREETDS}&port=1434"))
    text = odbc.for_sql_server(mssql.pyodbc.dialect().create_connect_args(url)[0][0])
    found = odbc.attributes(text)
    assert (found["DRIVER"], found["Encryption"], found["port"]) == ("{FreeTDS}", "require", "1434")
    assert "PWD={hunter2;{x}};" in text, "it knows no doubled braces"
    assert "Encrypt" not in found


@pytest.mark.parametrize(
    ("driver", "key", "value"),
    [("M", "Encrypt", "no"), ("M", "encrypt", "strict"), ("FreeTDS", "Encryption", "off")],
)
def test_encryption_is_as_the_url_says(driver: str, key: str, value: str) -> None:
    found = odbc.attributes(odbc.for_sql_server(f"Driver={{{driver}}};{key}={value}"))
    assert {k: v for k, v in found.items() if k.casefold().startswith("encrypt")} == {key: value}


def test_a_whole_string_in_the_url_is_completed_too(tmp_path: Path) -> None:
    whole = f"Driver={{ODBC Driver 18 for SQL Server}};Server={HOST};UID=u;PWD={{a}}}};b}}"
    found = _odbc(tmp_path, f"mssql+pyodbc:///?odbc_connect={quote_plus(whole)}")
    assert (found["PWD"], found["Encrypt"]) == ("{a}};b}", "yes")
    assert Path(found["Driver"].strip("{}")).is_file()


def test_a_login_by_token_leaves_out_who_we_are() -> None:
    text = "Driver={D};Server=s;UID=u;PWD={a;b};Trusted_Connection=Yes;Encrypt=yes"
    assert odbc.for_token(text) == "Driver={D};Server=s;Encrypt=yes"
    (length,) = struct.unpack("<I", odbc.packed("ab")[:4])
    assert (length, odbc.packed("ab")[4:]) == (4, b"a\0b\0")


@pytest.mark.parametrize("user", ["reader:pass@", quote_plus("réader") + ":pass@"])
def test_what_could_lose_rows_or_characters_is_not_read_in_bulk(tmp_path: Path, user: str) -> None:
    assert _odbc(tmp_path, _url(FREETDS, user=user)) == {}
    own = f"Driver=FreeTDS;Server={HOST}"
    assert _odbc(tmp_path, _url(MICROSOFT, user=user), odbc=own) == {}
    assert bool(_odbc(tmp_path, _url(MICROSOFT, user=user))) == user.startswith("reader")


def test_a_token_cannot_be_given_to_a_bulk_read(tmp_path: Path) -> None:
    url = _url(MICROSOFT, user="")
    assert _odbc(tmp_path, url, authentication="entra") == {}
    own = "Driver=ODBC Driver 18 for SQL Server;Server=s;Authentication=ActiveDirectoryMsi"
    found = _odbc(tmp_path, url, authentication="entra", odbc=own)
    assert (found["Authentication"], found["Encrypt"]) == ("ActiveDirectoryMsi", "yes")


def _told(folder: Path, url: str, **options: Any) -> Diagnostic:
    with pytest.raises(DataflowError) as error:
        read(opened(folder, url, **options), "t", schema="dbo")
    (problem,) = error.value.diagnostics
    for text in (SECRET, quote_plus(SECRET), "hunter2", "reader", HOST):
        assert text not in repr(problem)
    return problem


@pytest.mark.slow
@pytest.mark.parametrize("port", [ClosedPort, SilentPort, ResettingPort])
@pytest.mark.parametrize("driver", [MICROSOFT, FREETDS], ids=["microsoft", "freetds"])
def test_a_server_that_does_not_answer_is_transient(
    tmp_path: Path, odbc_drivers: dict[str, str], driver: str, port: type[ClosedPort]
) -> None:
    with port() as away:
        where = f"&port={away.port}" if driver == FREETDS else ""
        url = _url(f"{driver}{where}&connect_timeout=2", away.port)
        problem = _told(tmp_path, url, retry_seconds=2)
    assert (problem.code, problem.meaning.transient) == ("SRC-007", True)
    assert "attempt" in problem.message
    assert problem.cause


@pytest.mark.slow
def test_a_bulk_read_is_classified_as_the_rest(tmp_path: Path) -> None:
    """It has a connection of its own, through arrow-odbc."""
    with ResettingPort() as away:
        settings = opened(tmp_path, _url(f"{MICROSOFT}&connect_timeout=2", away.port))
        columns = _columns(a=INT)
        with pytest.raises(DataflowError) as error:
            queries.database("db", settings).copy(
                SqlLocation("db", "t"), columns, ["a"], pl.concat, "cell"
            )
    (problem,) = error.value.diagnostics
    assert problem.code == "SRC-007"
    assert "hunter2" not in repr(problem)


@pytest.mark.parametrize("query", ["driver=No+Such+Driver", f"{MICROSOFT}&connect_timeout=soon"])
def test_what_can_be_no_connection_is_told_at_once(tmp_path: Path, query: str) -> None:
    problem = _told(tmp_path, _url(query), retry_seconds=100)
    assert (problem.code, problem.meaning.transient) == ("SRC-020", False)


@pytest.mark.slow
def test_a_token_is_asked_for_at_each_new_connection(
    tmp_path: Path, identity: IdentityEndpoint
) -> None:
    with ClosedPort() as away:
        url = _url(f"{MICROSOFT}&connect_timeout=1", away.port, user="")
        problem = _told(tmp_path, url, authentication="entra", retry_seconds=0)
    assert problem.code == "SRC-007"
    (asked,) = identity.asked
    assert asked["resource"] == "https://database.windows.net"


@pytest.mark.slow
def test_no_identity_is_a_refused_login(tmp_path: Path) -> None:
    problem = _told(tmp_path, _url(MICROSOFT, user=""), authentication="entra", tenant_id="t",
                    client_id="c", client_certificate=Path("nosuch.pem"))  # fmt: skip
    assert problem.code == "SRC-021"
    assert "certificate" in problem.cause


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (_url(FREETDS, user=""), "SRC-020"),
        ("postgresql+psycopg://h/d", "SRC-020"),
        ("mssql+pymssql://h/d", "CFG-022"),  # it is not even installed
    ],
)
def test_a_driver_that_takes_no_token_is_a_wrong_connection(
    tmp_path: Path, identity: IdentityEndpoint, url: str, code: str
) -> None:
    assert _told(tmp_path, url, authentication="entra").code == code


def test_the_limit_is_the_connections_own(tmp_path: Path) -> None:
    settings = opened(tmp_path, _url(MICROSOFT), max_connections=3)
    pool = connection("db", settings).engine.pool
    assert isinstance(pool, sa.QueuePool)
    assert pool.size() == 3
