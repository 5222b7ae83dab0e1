"""Connections: what a URL need not say."""

from __future__ import annotations

import warnings

import pytest
from pydantic import SecretStr

from ai_dataflow.config.sections import SqlConnection
from ai_dataflow.connections.databases import Connection
from ai_dataflow.connections.faults import Fault
from ai_dataflow.connections.odbc import MICROSOFT_DRIVER
from ai_dataflow_tests.services.processes import HOST, free_port


def _connection(url: str) -> Connection:
    return Connection(SqlConnection(url=SecretStr(url)), "/nowhere", 0, read_timeout=300)


@pytest.mark.parametrize("scheme", ["mssql", "mssql+pyodbc"])
def test_a_url_of_sql_server_without_a_driver_means_that_of_microsoft(scheme: str) -> None:
    opened = _connection(f"{scheme}://reader:secret@host/policy?Encrypt=strict")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert opened.engine.driver == "pyodbc"
        assert "msodbcsql" in opened.odbc or MICROSOFT_DRIVER in opened.odbc
    assert opened.url.query == {"Encrypt": "strict", "driver": MICROSOFT_DRIVER}


@pytest.mark.parametrize(
    "url",
    [
        "mssql+pyodbc://host/policy?driver=FreeTDS",
        "mssql+pyodbc://host/policy?Driver=FreeTDS",
        "mssql+pyodbc://?odbc_connect=DSN%3Dpolicy",
        "mssql+pyodbc://reader:secret@policy_dsn",
        "mssql+pyodbc:///policy?dsn=policy_dsn",
        "mssql+pymssql://host/policy",
    ],
)
def test_a_url_of_sql_server_that_names_its_driver_stays_as_it_is(url: str) -> None:
    assert "driver=ODBC" not in str(_connection(url).url)


def test_a_port_that_refuses_is_a_server_that_did_not_answer_in_time() -> None:
    opened = _connection(f"mssql+pyodbc://reader:secret@{HOST}:{free_port()}/db?connect_timeout=1")
    with pytest.raises(Fault) as caught:
        opened.read(opened.engine.connect)
    assert caught.value.kind == "unreachable"
    assert "the server did not answer within 1 seconds" in caught.value.reason
