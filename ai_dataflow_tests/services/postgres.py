"""PostgreSQL: a server of one's own, that can be killed and comes back."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql

from ai_dataflow_tests.services import odbc
from ai_dataflow_tests.services.processes import (
    HOST,
    Process,
    ServiceError,
    free_port,
    own_folder,
    remove_folder,
    unique,
    wait_until,
)

USER = "ai_dataflow"
DATABASE = "postgres"
_SETTINGS = {
    "listen_addresses": HOST,
    "fsync": "off",  # it dies by our hand, not with the machine
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    "shared_buffers": "32MB",
    "max_connections": "64",
    "max_wal_senders": "0",
    "wal_level": "minimal",
}


class Postgres:
    """A PostgreSQL server; in a `with` block it starts, and leaves nothing.

    What was committed it still has after `stop` or `kill` and `start`, on the same port.
    """

    def __init__(self) -> None:
        self._programs = _programs()
        self.port = free_port()
        self.password = secrets.token_urlsafe(18)
        self.folder = own_folder("postgres")
        # PostgreSQL refuses to run as root; Debian's package brings this user.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._data = self.folder / "data"
        self._process: Process | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self.kill()
        remove_folder(self.folder)

    @property
    def pid(self) -> int:
        """The id of the server's first process, the postmaster."""
        return self._running.pid

    @property
    def _running(self) -> Process:
        if not self._process:
            raise ServiceError("PostgreSQL was not started")
        return self._process

    def start(self) -> None:
        """Start the server and wait until it answers."""
        if not self._data.exists():
            self._initialize()
        own = {"port": str(self.port), "unix_socket_directories": str(self.folder)}
        options = [
            part for name, value in (_SETTINGS | own).items() for part in ("-c", f"{name}={value}")
        ]
        command: list[str | Path] = [self._programs / "postgres", "-D", self._data, *options]
        self._process = Process(command, self.folder / "server.log", user=self._user)
        self._process.wait_until_ready(self._answers)

    def _initialize(self) -> None:
        if self._user:
            shutil.chown(self.folder, self._user, self._user)
        given = self.folder / "password"
        given.write_text(self.password, encoding="utf-8")
        command: list[str | Path] = [self._programs / "initdb", "-D", self._data, "-U", USER]
        command += ["--auth=scram-sha-256", "--pwfile", given]
        command += ["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        Process(command, self.folder / "initdb.log", user=self._user).succeed()
        given.unlink()

    def _answers(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End the server in order; connections are closed."""
        self._running.end(signal.SIGINT)

    def kill(self) -> None:
        """Kill the server and all that serve its connections; they break off."""
        # Stopped first: it would see its children die, close in order and start new ones.
        self._running.send(signal.SIGSTOP)
        children = self._running.children()
        for child in children:
            os.kill(child, signal.SIGKILL)
        # While one of them has the shared memory still, no new server starts.
        wait_until(lambda: all(map(_has_left, children)))
        self._running.end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop the clock for the server: new connections get no answer."""
        self._running.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server go on."""
        self._running.send(signal.SIGCONT)

    def url(self, database: str = DATABASE) -> str:
        """Give SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg://{USER}:{self.password}@{HOST}:{self.port}/{database}"

    def odbc(self, database: str = DATABASE) -> str:
        """Give the ODBC connection string of a database."""
        return (
            f"Driver={odbc.psqlodbc()};Server={HOST};Port={self.port};Database={database};"
            f"Uid={USER};Pwd={self.password};"
        )

    def connect(self, database: str = DATABASE) -> psycopg.Connection[tuple[Any, ...]]:
        """Connect; every statement commits."""
        return psycopg.connect(
            host=HOST, port=self.port, user=USER, password=self.password, dbname=database,
            autocommit=True, connect_timeout=10,
        )  # fmt: skip

    def execute(
        self, statement: str, parameters: Sequence[Any] | None = None, database: str = DATABASE
    ) -> list[tuple[Any, ...]]:
        """Execute SQL and give its rows; without parameters it may be several statements."""
        with self.connect(database) as connection:
            result = connection.execute(statement.encode(), parameters)
            return result.fetchall() if result.description else []

    def create_database(self, name: str = "") -> str:
        """Create a database; without a name one with a unique name. Give its name."""
        name = name or unique()
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return name

    def terminate_backends(self, database: str = "") -> int:
        """Break off the connections (of one database); give their number."""
        rows = self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' AND datname = coalesce(%s, datname)",
            [database or None],
        )
        return len(rows)

    def connections(self, database: str) -> int:
        """Count the connections to a database."""
        rows = self.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [database])
        return int(rows[0][0])


def _programs() -> Path:
    """Find the folder of the newest server; Debian keeps it out of the search path.

    Raises:
        ServiceError: there is none.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if not found and (elsewhere := shutil.which("initdb")):
        found = [Path(elsewhere)]
    if not found:
        raise ServiceError.not_installed("PostgreSQL")
    return found[-1].parent


def _version(program: Path) -> int:
    return int(program.parts[-3]) if program.parts[-3].isdigit() else 0


def _has_left(pid: int) -> bool:
    """Tell whether a process has given its memory back; it may wait for its parent still."""
    try:
        return not Path(f"/proc/{pid}/maps").read_bytes()
    except OSError:
        return True
