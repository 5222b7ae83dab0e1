"""What tells whether a SQL table changed, asked without reading its rows.

A change query of the settings, or a change column of the location (`change_column=ModifiedAt`):
its maximum, how many rows there are, and how many of them have a value in it. The clients of a
shared table are asked for in one query. Of SQLite, which is a file, the file tells.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.diagnostics import Diagnostic, redacted
from ai_dataflow.config.digests import digest
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.databases import Connection, connection
from ai_dataflow.connections.faults import Fault
from ai_dataflow.sources.sql import sql_failures
from ai_dataflow.sources.sql.table_columns import table
from ai_dataflow.tables.locations import SqlLocation

Mark = str | tuple[Diagnostic, ...]
_CLIENT = "client"
_IS_PER_CLIENT = re.compile(rf"(?<!:):{_CLIENT}\b")


def marks(wanted: Mapping[SqlLocation, str], settings: Settings) -> dict[SqlLocation, Mark]:
    """Give for each table, or each client's part of it, a text that changes when its rows do.

    Args:
        wanted: the locations, each with a control table cell that names it.
        settings: for connections and their change queries.

    Returns:
        For each location its mark: empty where nothing tells; or what is wrong with it.
    """
    groups = grouped(wanted, lambda location: replace(location, client=""))

    def ask(group: list[SqlLocation]) -> dict[SqlLocation, Mark]:
        first = group[0]
        try:
            return dict(_marks(connection(first.connection, settings), group))
        except Exception as error:  # one table that nobody foresaw must not hide the others
            fault = error if isinstance(error, Fault) else Fault("refused", redacted(error))
            failures = {
                location: sql_failures.of_database(fault, location, wanted[location])
                for location in group
            }
            return {location: problem.diagnostics for location, problem in failures.items()}

    by_location: dict[SqlLocation, Mark] = {}
    for part in at_once(ask, list(groups.values())):
        by_location |= part
    return by_location


def _marks(opened: Connection, group: list[SqlLocation]) -> Mapping[SqlLocation, Mark]:
    """Give the marks of one table's clients.

    Raises:
        Fault: it cannot be asked.
    """

    def state(statement: sa.Executable) -> str:
        return _digest(_rows(opened, statement))

    first = group[0]
    query = opened.settings.change_query(first.schema, first.table)
    if query is not None:
        if _IS_PER_CLIENT.search(query):
            return {location: state(_of_query(query, location)) for location in group}
        return dict.fromkeys(group, state(sa.text(query)))
    if not (column := first.change_column):
        return dict.fromkeys(group, opened.ask(_of_files))
    if len(group) == 1 or not first.client_column:
        return {location: state(_of_column(opened, location, column)) for location in group}
    rows = _rows(opened, _of_clients(opened, first, column))
    shared = {_text(client): seen for client, *seen in rows if client is not None}
    # The database may spell a client in another way than the control table and call it equal.
    return {
        location: _digest([shared[location.client]])
        if location.client in shared
        else state(_of_column(opened, location, column))
        for location in group
    }


def _of_files(session: sa.Connection) -> str:
    """Give the state of a database that is a file: SQLite's, and that of its write-ahead log."""
    if session.dialect.name != "sqlite":
        return ""
    main = next(row[2] for row in session.execute(sa.text("PRAGMA database_list")))
    states = [Path(f"{main}{suffix}") for suffix in ("", "-wal")] if main else []
    seen = [(file.stat().st_mtime_ns, file.stat().st_size) for file in states if file.is_file()]
    return _digest(seen) if seen else ""


def _rows(opened: Connection, statement: sa.Executable) -> list[tuple[Any, ...]]:
    return opened.ask(lambda session: [tuple(row) for row in session.execute(statement)])


def _of_query(query: str, location: SqlLocation) -> sa.TextClause:
    return sa.text(query).bindparams(sa.bindparam(_CLIENT, location.client))


def _of_column(opened: Connection, location: SqlLocation, column: str) -> sa.Select[Any]:
    statement = sa.select(*_aggregates(opened, column)).select_from(table(location))
    if location.client_column:
        client: sa.ColumnElement[Any]
        client = sa.bindparam(_CLIENT, location.client, type_=sa.types.NullType())
        statement = statement.where(sa.column(location.client_column) == client)
    return statement


def _of_clients(opened: Connection, location: SqlLocation, column: str) -> sa.Select[Any]:
    client: sa.ColumnClause[Any] = sa.column(location.client_column)
    aggregates = _aggregates(opened, column)
    return sa.select(client, *aggregates).select_from(table(location)).group_by(client)


def _aggregates(opened: Connection, column: str) -> list[sa.ColumnElement[Any]]:
    # COUNT of SQL Server ends at 2,147,483,647.
    count: Callable[..., Any]
    count = sa.func.count_big if opened.engine.dialect.name == "mssql" else sa.func.count
    clause: sa.ColumnClause[Any] = sa.column(column)
    return [sa.func.max(clause), count(sa.text("*")), count(clause)]


def _digest(rows: Iterable[Iterable[Any]]) -> str:
    return digest([[_text(value) for value in row] for row in rows])


def _text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
