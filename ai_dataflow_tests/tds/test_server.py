"""The scripted server before real drivers, without the product: rows, errors, faults."""

from __future__ import annotations

import ast
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pyodbc
import pytest

from ai_dataflow_tests.tds.faults import Break, Delay, Refuse
from ai_dataflow_tests.tds.server import TdsServer
from ai_dataflow_tests.tds.statements import Table

COLUMNS = [("n", "int"), ("v", "nvarchar(20)"), ("much", "decimal(9,2)"), ("at", "datetime2(7)")]
DAY = datetime(2024, 2, 29, 1, 2, 3)
ROWS = [(1, "é", Decimal("1.25"), DAY), (2, None, None, None)]
TABLE = Table("dbo", "t", COLUMNS, ROWS)
NAMES = ", ".join(f"[{name}] AS [{name}]" for name, _ in COLUMNS)
READ = f"SELECT {NAMES} FROM [dbo].[t]"  # noqa: S608 - of this file


@pytest.fixture(params=["microsoft", "freetds"])
def driver(request: pytest.FixtureRequest, odbc_drivers: dict[str, str]) -> str:
    """Give what a driver's connections begin with."""
    own = {"microsoft": "Encrypt=no", "freetds": "TDS_Version=7.4;Encryption=off"}
    return f"Driver={odbc_drivers[request.param]};{own[request.param]}"


def _server(packet_size: int = 4096) -> TdsServer:
    return TdsServer(TABLE, packet_size=packet_size, password="hunter2")  # noqa: S106


def _connect(driver: str, server: TdsServer, password: str = "") -> pyodbc.Connection:
    place = f"Server=127.0.0.1,{server.port}"
    if "TDS_Version" in driver:
        place = f"Server=127.0.0.1;Port={server.port}"
    who = f"UID={server.user};PWD={password or server.password}"
    return pyodbc.connect(f"{driver};{place};Database=policy;{who}", timeout=10)


def _read(connection: pyodbc.Connection, statement: str = READ) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(statement).fetchall()]


@pytest.mark.parametrize("packet_size", [512, 4096])
def test_rows_arrive_as_they_were_given(driver: str, packet_size: int) -> None:
    with _server(packet_size) as server:
        assert _read(_connect(driver, server)) == ROWS
        assert [statement.of for statement in server.reads()] == ["read"]


def test_who_has_another_password_is_refused(driver: str) -> None:
    with _server() as server, pytest.raises(pyodbc.Error, match="Login failed"):
        _connect(driver, server, "other")


def test_what_is_not_understood_is_error_102_and_what_is_not_there_208(driver: str) -> None:
    with _server() as server:
        connection = _connect(driver, server)
        with pytest.raises(pyodbc.Error, match="102"):
            _read(connection, "MERGE INTO everything")
        with pytest.raises(pyodbc.Error, match="208"):
            _read(connection, "SELECT [n] AS [n] FROM [dbo].[gone]")
        assert _read(connection) == ROWS  # the session goes on


def test_a_fault_comes_once_and_at_its_place(driver: str) -> None:
    with _server() as server:
        server.inject("read", Refuse(1205, after=1))
        server.inject("read", Delay(0.01))
        connection = _connect(driver, server)
        with pytest.raises(pyodbc.Error, match="1205"):
            _read(connection)
        assert _read(connection) == ROWS


@pytest.mark.parametrize("fault", [Break(after=1), Break(torn=True), Break(ends=True)], ids=str)
def test_a_session_that_breaks_off_is_an_error_and_the_next_is_well(
    driver: str, fault: Break
) -> None:
    with _server() as server:
        server.inject("read", fault)
        with pytest.raises(pyodbc.Error):
            _read(_connect(driver, server))
        assert _read(_connect(driver, server)) == ROWS


def test_it_knows_nothing_of_who_asks() -> None:
    for file in Path(__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            named = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            named += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in named if name.split(".")[0] == "ai_dataflow"], file
