"""The scripted SQL Server as a source, through either driver, in bulk or as tuples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.databases import Connection
from ai_dataflow_tests.services.processes import HOST
from ai_dataflow_tests.sources.sql import opened, read
from ai_dataflow_tests.tds.server import TdsServer
from ai_dataflow_tests.tds.statements import Table

DRIVERS = {
    "microsoft": "driver=ODBC+Driver+18+for+SQL+Server",
    "freetds": "driver=FreeTDS&TDS_Version=7.4",
}
PLAIN = {"microsoft": "&Encrypt=no", "freetds": "&Encryption=off"}
WAYS = [("microsoft", "bulk"), ("microsoft", "tuples"), ("freetds", "tuples")]


def url(server: TdsServer, driver: str, query: str, *, user: str | None = None) -> str:
    """Give the URL of a server as in the settings; the query is added to it."""
    who = f"{server.user}:{quote(server.password, '')}@" if user is None else user
    port = f"&port={server.port}" if driver == "freetds" else ""
    options = f"{DRIVERS[driver]}{port}{query}"
    return f"mssql+pyodbc://{who}{HOST}:{server.port}/policy?{options}"


def only_tuples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no read be in bulk: as with an access token, or after a value too long for it."""
    monkeypatch.setattr(Connection, "odbc", "")


@dataclass(frozen=True)
class Way:
    """How a table is read: through which driver, in bulk or as tuples."""

    driver: str
    manner: str
    folder: Path

    def settings(self, server: TdsServer, *, query: str = "", **options: Any) -> Settings:
        """Give settings with the server as connection `db`, not encrypted if it cannot."""
        is_plain = "" if server.tls else PLAIN[self.driver]
        return opened(self.folder, url(server, self.driver, is_plain + query), **options)

    def read(self, server: TdsServer, *columns: str, **located: Any) -> pl.DataFrame:
        """Read `dbo.t` or another table; as often as is needed within ten seconds."""
        settings = self.settings(server, retry_seconds=10)
        return read(settings, located.pop("table", "t"), *columns, **{"schema": "dbo", **located})

    def told(self, server: TdsServer, **options: Any) -> Diagnostic:
        """Give what reading `dbo.t` fails with."""
        return told_by(self.settings(server, **options))


def told_by(settings: Settings) -> Diagnostic:
    """Give what reading `dbo.t` by these settings fails with."""
    with pytest.raises(DataflowError) as error:
        read(settings, "t", schema="dbo")
    (problem,) = error.value.diagnostics
    assert problem.place == "cell"
    assert "FROM" not in problem.cause
    assert "hunter2" not in repr(problem)
    return problem


def one(declared: str, values: Sequence[Any], *, name: str = "t") -> Table:
    """Give a table of rows with a number and a value."""
    return Table("dbo", name, [("n", "int"), ("v", declared)], list(enumerate(values)))
