"""Connections: a `[sql.<name>]` of the settings becomes an engine with a limit and patience.

One per process and connection, shared by all threads: whoever reads a database, for its rows or for
a table that people edit, goes through `Connection.read`.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ai_dataflow.config.sections import SqlConnection
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections import odbc
from ai_dataflow.connections.answering import within
from ai_dataflow.connections.database_errors import database_fault, not_answering
from ai_dataflow.connections.faults import Breaker, Fault
from ai_dataflow.connections.identity import token
from ai_dataflow.connections.retrying import patiently

T = TypeVar("T")

CONNECT_SECONDS = 15
_GRACE_SECONDS = 5  # in which a database that is told to end a query says that it has
_INT_MAX = (1 << 31) - 1
_STEPS = 100_000  # of SQLite's machine, about a millisecond
_TOKEN_SCOPE = "https://database.windows.net/.default"  # noqa: S105 - where a token is for
# libpq waits for ever for a server that does not answer; so does TCP for a machine that fell
# silent, with nothing under way (keepalives) or with something. Drivers of SQL Server see to that.
_LIBPQ = {
    "tcp_user_timeout": "90000",
    "connect_timeout": str(CONNECT_SECONDS),
    "keepalives_idle": "60",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}

# The databases that did not let us in a moment ago, however long they were asked.
_DOWN = Breaker(seconds=60)


class Connection:
    """A SQL connection of the settings."""

    def __init__(
        self, settings: SqlConnection, folder: str, retry_seconds: int, read_timeout: int
    ) -> None:
        self.settings = settings
        self._folder = folder
        self._retry_seconds = retry_seconds
        self._answer_seconds = min(read_timeout, settings.query_timeout)
        self._slots = threading.BoundedSemaphore(settings.max_connections)

    def read(self, work: Callable[[], T]) -> T:
        """Do work that reads the database, when one of its connections is free.

        Faults that may pass are waited out; the work then begins again. A database that just
        exhausted this patience is not waited for by the next thousand tables too.

        Raises:
            Fault: what went wrong, with how often and how long it was tried.
        """
        _DOWN.check(self)

        def once() -> T:
            try:
                with self._slots:
                    return work()
            except (SQLAlchemyError, ImportError) as error:
                raise database_fault(error) from None

        try:
            result = patiently(once, self._retry_seconds)
        except Fault as fault:
            if fault.is_transient and fault.is_connecting:
                fault.reason = not_answering(fault.reason, self.connect_seconds)
                if fault.attempts > 1:
                    _DOWN.trip(self, fault)
            raise
        _DOWN.reset(self)
        return result

    def ask(self, question: Callable[[sa.Connection], T]) -> T:
        """Ask, in a session, what is answered soon: what tables there are, and what they have.

        It is done as by `read`, but an answer is waited for no longer than `read_timeout`, and the
        time to connect. The database is told of the limit; one that stands still is left alone.

        Raises:
            Fault: as `read`; `silent` where there was no answer, which is not asked for again.
        """

        def soon() -> T:
            engine = self.engine  # first: whether its URL can be used
            seconds = self.connect_seconds + self._answer_seconds + _GRACE_SECONDS
            return within(seconds, lambda: self._in_session(engine, question))

        try:
            return self.read(soon)
        except Fault as fault:
            if fault.kind == "silent":  # its pool has a connection that nobody gives back
                self.__dict__.pop("engine", None)
            elif fault.kind == "slow":
                raise Fault("silent", fault.reason) from None
            raise

    def _in_session(self, engine: sa.Engine, question: Callable[[sa.Connection], T]) -> T:
        with session_of(engine) as session:
            self._limit(session, self._answer_seconds)
            return question(session)

    @functools.cached_property
    def url(self) -> sa.URL:
        """The URL, completed."""
        url = sa.make_url(self.settings.url.get_secret_value())
        if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
            return _read_only(url, self._folder)
        if url.get_driver_name() in ("psycopg", "psycopg2"):
            return url.update_query_dict({k: v for k, v in _LIBPQ.items() if k not in url.query})
        return _with_driver(url) if url.get_backend_name() == "mssql" else url

    @property
    def connect_seconds(self) -> int:
        """How long a server may take to let us in; `connect_timeout` in the URL says otherwise."""
        return int(str(self.url.query.get("connect_timeout", CONNECT_SECONDS)))

    @functools.cached_property
    def engine(self) -> sa.Engine:
        """The engine, with its pool; made when it is first used.

        Raises:
            Fault: the URL or its driver cannot be used.
        """
        try:
            return self._engine()
        except (ArgumentError, ImportError, TypeError, ValueError) as error:
            raise database_fault(error) from None

    @functools.cached_property
    def odbc(self) -> str:
        """The ODBC connection string for bulk reads; empty where rows must come as tuples.

        arrow-odbc can pass no access token to the driver, so a database that is signed in to with
        one is read in bulk only where `odbc` says how.
        """
        backend = self.url.get_backend_name()
        if self.settings.odbc:
            text = self.settings.odbc.get_secret_value()
            if backend == "mssql":
                return odbc.for_bulk(text)
            return odbc.with_defaults(text, odbc.POSTGRESQL) if backend == "postgresql" else text
        if self.engine.driver != "pyodbc" or backend != "mssql" or self._is_entra:
            return ""
        arguments, _ = self.engine.dialect.create_connect_args(self._driver_url)
        return odbc.for_bulk(str(arguments[0]))

    @property
    def _is_entra(self) -> bool:
        return self.settings.authentication == "entra"

    @property
    def _driver_url(self) -> sa.URL:
        """The URL without what is ours; ODBC would take it for an attribute of its own."""
        is_mssql = self.url.get_backend_name() == "mssql"
        return self.url.difference_update_query(["connect_timeout"]) if is_mssql else self.url

    def _engine(self) -> sa.Engine:
        backend = self.url.get_backend_name()
        _ = self.connect_seconds  # a number, or the URL is wrong
        if backend == "sqlite":
            # SQLite keeps the file of a pooled connection open, though another took its place.
            engine = sa.create_engine(self.url, hide_parameters=True, poolclass=sa.NullPool)
            sa.event.listen(engine, "connect", self._limit_queries)
            return engine
        engine = sa.create_engine(
            self._driver_url,
            hide_parameters=True,
            pool_size=self.settings.max_connections,
            max_overflow=0,
            pool_pre_ping=True,
        )
        if self.url.query.get("driver") == odbc.MICROSOFT_DRIVER:
            odbc.check_installed()
        if backend == "postgresql":
            sa.event.listen(engine, "connect", self._prepare_postgresql)
        if engine.driver == "pyodbc":
            sa.event.listen(engine, "do_connect", self._complete_odbc)
            sa.event.listen(engine, "connect", self._limit_queries)
            sa.event.listen(engine, "checkout", self._limit_queries)
        elif self._is_entra:
            raise Fault("unusable", "an Entra ID token needs a mssql+pyodbc URL")
        return engine

    def _complete_odbc(self, _dialect: Any, _record: Any, args: list[Any], given: Any) -> None:
        import pyodbc  # noqa: PLC0415  # the dialect has imported it

        pyodbc.pooling = False  # SQLAlchemy has a pool; two would hand out stale sessions
        text = odbc.for_sql_server(args[0])
        given["timeout"] = self.connect_seconds
        if self._is_entra:
            if odbc.is_freetds(text):
                raise Fault("unusable", "an Entra ID token needs Microsoft's ODBC driver")
            text = odbc.for_token(text)
            packed = odbc.packed(_token(self.settings))
            given["attrs_before"] = {odbc.SQL_COPT_SS_ACCESS_TOKEN: packed}
        args[0] = text

    def _limit_queries(self, connection: Any, *_: Any) -> None:
        self._limit_driver(connection, self.settings.query_timeout)

    def _limit(self, session: sa.Connection, seconds: int) -> None:
        """Have the database end what takes longer in a session."""
        if self.engine.dialect.name == "postgresql":
            session.exec_driver_sql(f"SET LOCAL statement_timeout TO {_milliseconds(seconds)}")
        else:
            self._limit_driver(session.connection.dbapi_connection, seconds)

    def _limit_driver(self, connection: Any, seconds: int) -> None:
        """Have a driver end what takes longer.

        SQLite has no limit; a connection to it is for one query.
        """
        if self.engine.dialect.name == "sqlite":
            end = time.monotonic() + seconds
            connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
        elif self.engine.driver == "pyodbc":
            connection.timeout = seconds

    def _prepare_postgresql(self, connection: Any, _record: Any) -> None:
        """Spell times, intervals and floats alike on every server, exactly; limit the queries."""
        with connection.cursor() as cursor:
            cursor.execute("SET DateStyle TO ISO")
            cursor.execute("SET IntervalStyle TO postgres")
            cursor.execute("SET extra_float_digits TO 3")
            seconds = self.settings.query_timeout
            cursor.execute(f"SET statement_timeout TO {_milliseconds(seconds)}")
        connection.commit()


@contextmanager
def session_of(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a session for reading; where the driver fails in it, its connection is dropped.

    To close a broken one fails too, and would hide why it broke.
    """
    with engine.connect() as session:
        try:
            yield session
        except DBAPIError:
            session.invalidate()
            raise


def connection(name: str, settings: Settings) -> Connection:
    """Give the connection of a name in the settings; it is shared in this process."""
    execution = settings.execution
    return _connection(
        settings.sql[name], str(settings.folder), execution.retry_seconds, execution.read_timeout
    )


_connection = functools.lru_cache(maxsize=64)(Connection)


def _milliseconds(seconds: int) -> int:
    return min(seconds * 1000, _INT_MAX)


def _read_only(url: sa.URL, folder: str) -> sa.URL:
    """Open SQLite files from the project's folder, read-only: opening must not create one."""
    path = Path(folder) / str(url.database)
    return url.set(database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})


def _with_driver(url: sa.URL) -> sa.URL:
    """Name Microsoft's ODBC driver where nothing else says which; a DSN does."""
    is_dsn = not (url.host and url.database)
    named = {"driver", "dsn", "odbc_connect"}.intersection(map(str.casefold, url.query))
    if url.get_driver_name() != "pyodbc" or is_dsn or named:
        return url
    return url.update_query_dict({"driver": odbc.MICROSOFT_DRIVER})


def _token(settings: SqlConnection) -> str:
    """Give a token that is good for a new session.

    Raises:
        Fault: Entra ID gives none.
    """
    try:
        return token(settings.identity, _TOKEN_SCOPE).text
    except Fault as fault:
        reason = f"Entra ID gives no token: {fault}"
        raise Fault(fault.kind, reason, package=fault.package, is_connecting=True) from None
