"""The scripted SQL Server as a source, through either driver, in bulk or as tuples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from ai_dataflow.config.databases import Connection
from ai_dataflow.config.settings import Settings
from ai_dataflow_tests.services.processes import HOST
from ai_dataflow_tests.services.tds import TdsServer
from ai_dataflow_tests.services.tds_sql import Table
from ai_dataflow_tests.sources.sql import opened

DRIVERS = {
    "microsoft": "driver=ODBC+Driver+18+for+SQL+Server&Encrypt=no",
    "freetds": "driver=FreeTDS&TDS_Version=7.4&Encryption=off",
}


def url(server: TdsServer, driver: str, *, user: str = "", query: str = "") -> str:
    """Give the URL of a server as in the settings."""
    who = user or f"{server.user}:{quote_plus(server.password)}"
    port = f"&port={server.port}" if "freetds" in driver.lower() else ""
    options = DRIVERS.get(driver, driver)
    return f"mssql+pyodbc://{who}@{HOST}:{server.port}/policy?{options}{port}{query}"


def settings(server: TdsServer, folder: Path, driver: str, **options: Any) -> Settings:
    """Give settings with the server as connection `db`."""
    return opened(folder, url(server, driver), **options)


def only_tuples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no read be in bulk: as with an access token, or after a value too long for it."""
    monkeypatch.setattr(Connection, "odbc", "")


def one(declared: str, values: Sequence[Any], *, name: str = "t") -> Table:
    """Give a table of rows with a number and a value."""
    rows = list(enumerate(values))
    return Table("dbo", name, [("n", "int"), ("v", declared)], rows)
