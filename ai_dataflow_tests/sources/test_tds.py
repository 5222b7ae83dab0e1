"""SQL Server's protocol through both drivers: what is asked, and that it arrives whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import polars as pl
import pytest

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow_tests.sources.mssql import Way, one
from ai_dataflow_tests.sources.sql import read
from ai_dataflow_tests.tds.faults import Delay
from ai_dataflow_tests.tds.server import TdsServer
from ai_dataflow_tests.tds.statements import Table

SHARED = Table(
    "dbo",
    "t",
    [("n", "int"), ("Amount", "decimal(18,2)"), ("secret", "varchar(9)"), ("Client ?", "nchar(8)")],
    [(1, "1.5", "a", "USA"), (2, "2", "b", "CAN"), (3, "-3.25", "c", "USA"), (4, "4", "d", None)],
)
ODD = ["a b", "c%d", "e:f", "select", "Ünï字", "x]y", "[z]", "don't", 'q"q', "w?", "{v}", "%(n)s"]


def test_only_the_wanted_columns_are_asked_for(way: Way) -> None:
    with TdsServer(SHARED) as server:
        assert way.read(server, "n", "Amount").columns == ["n", "Amount"]
        (asked,) = server.reads()
    assert "secret" not in asked.text
    assert " ".join(asked.text.split()) == "SELECT n AS n, [Amount] AS [Amount] FROM dbo.t"


def test_the_client_is_a_parameter_and_never_in_the_statement(way: Way) -> None:
    with TdsServer(SHARED) as server:
        own = way.read(server, "n", client_column="Client ?", client="USA")
        assert own["n"].to_list() == [1, 3]
        (asked,) = server.reads()
        assert (asked.parameters, asked.text.split()[-4:]) == (
            ["USA"], ["[Client", "?]", "=", "@P1"]
        )  # fmt: skip


@pytest.mark.parametrize("client", ["x' OR '1'='1", "USA' --", "é字😀", "'; DROP TABLE t; --", "?"])
def test_whatever_the_client_is_it_arrives_as_it_is(way: Way, client: str) -> None:
    rows = [(1, client), (2, "USA")]
    table = Table("dbo", "t", [("n", "int"), ("c", "nvarchar(40)")], rows)
    with TdsServer(table) as server:
        own = way.read(server, "n", client_column="c", client=client)
        assert own["n"].to_list() == [1]
        assert server.reads()[0].parameters == [client]


@pytest.mark.parametrize(
    ("declared", "client", "compared"),
    [
        ("varchar(40)", "USA", "CAST(@P1 AS VARCHAR(8000))"),
        ("char(8)", "USA", "CAST(@P1 AS VARCHAR(8000))"),
        ("varchar(40)", "Córdoba", "@P1"),
        ("nvarchar(40)", "USA", "@P1"),
        ("int", "7", "@P1"),
    ],
)
def test_the_client_is_made_narrow_for_an_index_of_narrow_texts(
    way: Way, declared: str, client: str, compared: str
) -> None:
    """Where that loses no character: another client's code may be what is left."""
    own = 7 if declared == "int" else client
    other = 8 if declared == "int" else "CAN"
    table = Table("dbo", "t", [("n", "int"), ("C", declared)], [(1, other), (2, own)])
    with TdsServer(table) as server:
        found = way.read(server, "n", client_column="c", client=client)
        (asked,) = server.reads()
    assert found["n"].to_list() == [2]
    assert asked.parameters == [client]
    assert " ".join(asked.text.split()).endswith(f"WHERE c = {compared}")


def test_names_may_be_any(way: Way) -> None:
    columns = [(name, "nvarchar(9)") for name in ODD]
    table = Table("My Schema", "a ]b[ ?", [*columns, ("Client ?", "int")], [(*ODD, 7)])
    with TdsServer(table) as server:
        found = way.read(
            server, *ODD, table="a ]b[ ?", schema="My Schema", client_column="Client ?", client="7"
        )
    assert found.rows(named=True) == [dict(zip(ODD, ODD, strict=True))]


def test_a_table_may_be_in_another_database(way: Way) -> None:
    with TdsServer(Table("other.sales", "t", [("n", "int")], [(1,)])) as server:
        assert way.read(server, schema="other.sales")["n"].to_list() == [1]


def test_a_table_without_a_schema_is_in_the_logins_own(way: Way) -> None:
    with TdsServer(one("int", [7])) as server:
        assert way.read(server, schema="")["v"].to_list() == [7]


def test_an_empty_table_has_its_columns(way: Way) -> None:
    columns = [("d", "date"), ("n", "decimal(5,1)"), ("t", "nvarchar(max)")]
    with TdsServer(Table("dbo", "t", columns, [])) as server:
        found = way.read(server)
    assert found.schema == {"d": pl.Date, "n": pl.Decimal(5, 1), "t": pl.String}
    assert found.height == 0


def test_what_is_cut_into_the_smallest_packets_arrives_whole(way: Way) -> None:
    rows = [(n, "Ünï😀字" * (n % 50), None if n % 3 else b"\0" * n) for n in range(500)]
    columns = [("n", "bigint"), ("t", "nvarchar(4000)"), ("b", "varbinary(8000)")]
    with TdsServer(Table("dbo", "t", columns, rows), packet_size=512) as server:
        found = way.read(server)
    assert found.rows() == rows


@pytest.mark.slow
def test_more_rows_than_a_frame_holds_arrive_once_and_in_order(way: Way) -> None:
    with TdsServer(one("nvarchar(20)", [f"row {n}" for n in range(60_000)])) as server:
        found = way.read(server)
    assert found["n"].to_list() == list(range(60_000))
    assert found["v"].to_list() == [f"row {n}" for n in range(60_000)]


@pytest.mark.parametrize("last", [3_999, 4_000, 4_001])
def test_a_text_at_the_limit_of_a_bulk_read_is_whole(way: Way, last: int) -> None:
    values = ["short", "x" * (last - 2) + "😀"]
    with TdsServer(one("nvarchar(max)", values)) as server:
        assert way.read(server)["v"].to_list() == values


def test_no_more_reads_at_once_than_allowed(way: Way) -> None:
    with TdsServer(one("int", [1, 2])) as server, ThreadPoolExecutor(6) as pool:
        server.inject("read", Delay(0.05), times=None)
        settings = way.settings(server, max_connections=2)
        found = [pool.submit(read, settings, "t", schema="dbo") for _ in range(6)]
        assert [done.result().height for done in found] == [2] * 6
        assert 1 <= server.most_reads <= 2


def test_a_session_that_the_server_ended_meanwhile_is_no_fault(way: Way) -> None:
    with TdsServer(one("int", [1])) as server:
        settings = way.settings(server, retry_seconds=10)  # FreeTDS says "unknown error"
        for _ in range(2):
            assert read(settings, "t", schema="dbo").height == 1
            server.end_sessions()


@pytest.mark.parametrize("password", ["a b", "{x", "x}", "{}}x", "}a;b{", "p@:/?#[]%+=&'", "é字😀"])
def test_a_password_may_be_any(way: Way, password: str) -> None:
    with TdsServer(one("int", [1]), password=password) as server:
        assert way.read(server).height == 1
        assert {known.password for known in server.logins} == {password}


def test_what_is_not_there_to_be_compared_with_is_told(way: Way) -> None:
    with TdsServer(SHARED) as server, pytest.raises(DataflowError) as error:
        way.read(server, "n", client_column="nosuch", client="USA")
    assert error.value.diagnostics[0].code == "SRC-008"
    assert not server.reads()
