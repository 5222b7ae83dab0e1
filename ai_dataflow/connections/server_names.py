"""Which server and database a connection is to, without what lets somebody in."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from ai_dataflow.config.sections import SqlConnection
from ai_dataflow.connections.odbc import attributes

_PORTS = {"mssql": 1433, "postgresql": 5432, "mysql": 3306, "mariadb": 3306, "oracle": 1521}
_SCHEMAS = {"mssql": "dbo", "postgresql": "public"}
_SERVER, _DATABASE = ("server", "address", "addr"), ("database", "initial catalog")


@dataclass(frozen=True)
class Server:
    """A database: its kind as SQLAlchemy calls it, and where it is; `schema` is its usual one."""

    backend: str
    host: str
    port: int | None
    database: str

    @property
    def schema(self) -> str:
        """The schema of a table that is named without one."""
        return _SCHEMAS.get(self.backend, "")


def server_of(connection: SqlConnection) -> Server:
    """Give the server and the database of a connection, as far as its URL tells."""
    url = sa.make_url(connection.url.get_secret_value())
    backend = url.get_backend_name()
    host, port, database = url.host or "", url.port, url.database or ""
    if text := url.query.get("odbc_connect"):
        said = {key.casefold(): value for key, value in attributes(str(text)).items()}
        server = next((said[key] for key in _SERVER if key in said), "").strip("{}")
        host, _, number = server.removeprefix("tcp:").partition(",")
        port = int(number) if number.strip().isdecimal() else None
        database = next((said[key] for key in _DATABASE if key in said), "").strip("{}")
    return Server(backend, host, port or _PORTS.get(backend), database)
