"""The columns of a table or view, as the database describes them, before a row of it is read."""

from __future__ import annotations

import re
import warnings
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import NoSuchTableError, SAWarning

from ai_dataflow.sources.sql import column_types
from ai_dataflow.sources.sql.column_types import SqlColumn
from ai_dataflow.tables.locations import SqlLocation

_REFLECTED = {"postgresql": column_types.of_postgresql, "sqlite": column_types.of_sqlite}
_PYTHON_TYPES: dict[Any, str] = {
    bool: "bit", int: "bigint", float: "float", Decimal: "decimal", str: "nvarchar",
    bytes: "varbinary", bytearray: "varbinary", datetime: "datetime2", date: "date", time: "time",
}  # fmt: skip
_PART = re.compile(r"\[((?:[^\]]|\]\])*)\]|([^.\[\]]+)")


def table(location: SqlLocation) -> sa.TableClause:
    """Give a table or view as SQLAlchemy quotes it."""
    return sa.table(location.table, schema=location.schema or None)


def of_table(session: sa.Connection, location: SqlLocation) -> dict[str, SqlColumn]:
    """Describe a table or view.

    Raises:
        NoSuchTableError: there is none.
        SQLAlchemyError: the database cannot be asked.
    """
    if session.dialect.name == "mssql":
        return _of_mssql(session, location)
    delivery = _REFLECTED.get(session.dialect.name, column_types.of_any)
    with warnings.catch_warnings():  # a type that SQLAlchemy does not know arrives as text
        warnings.simplefilter("ignore", SAWarning)
        columns = sa.inspect(session).get_columns(location.table, schema=location.schema or None)
    if not columns:
        raise NoSuchTableError(location.table)
    return {c["name"]: SqlColumn(c["name"], delivery(c["type"])) for c in columns}


def _of_mssql(session: sa.Connection, location: SqlLocation) -> dict[str, SqlColumn]:
    """Describe a table, view or synonym of SQL Server.

    `INFORMATION_SCHEMA.COLUMNS` is one light query, where SQLAlchemy's reflection needs several
    catalogue views; names are compared by the database's own collation. It lists what the login
    may see. What is not listed is asked for itself: that tells a table that is not there from one
    that may not be read, and the driver describes what is neither a table nor a view.
    """
    default = session.dialect.default_schema_name
    schemas = dict.fromkeys(
        [location.schema] if location.schema else filter(None, (default, "dbo"))
    )
    for schema in schemas:
        if columns := _listed(session, schema, location.table):
            return columns
    every: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(table(location))
    with session.execute(every.where(sa.false())) as result:
        described = _described(result)
    for schema in schemas:
        base = _synonym(session, schema, location.table)
        if base and (columns := _listed(session, *base)):
            return columns
    return described


def _described(result: sa.CursorResult[Any]) -> dict[str, SqlColumn]:
    """Give the columns of a result as pyodbc tells them: name, Python type, …, digits, scale."""
    columns = {}
    for name, kind, _, _, digits, scale, _ in result.cursor.description:
        delivery = column_types.of_mssql(_PYTHON_TYPES.get(kind, "nvarchar"), digits, scale)
        columns[name] = SqlColumn(name, delivery)
    return columns


def _listed(session: sa.Connection, schema: str, name: str) -> dict[str, SqlColumn]:
    """Give the columns of `schema`, which may be `database.schema`."""
    catalogue, _, namespace = schema.rpartition(".")
    names = ("COLUMN_NAME", "DATA_TYPE", "NUMERIC_PRECISION", "NUMERIC_SCALE")
    listed = sa.table(
        "COLUMNS",
        *map(sa.column, (*names, "TABLE_NAME", "TABLE_SCHEMA", "ORDINAL_POSITION")),
        schema=f"{catalogue}.INFORMATION_SCHEMA" if catalogue else "INFORMATION_SCHEMA",
    ).c
    statement = (
        sa.select(*(listed[column] for column in names))
        .where(listed["TABLE_NAME"] == name, listed["TABLE_SCHEMA"] == namespace)
        .order_by(listed["ORDINAL_POSITION"])
    )
    rows = session.execute(statement)
    return {str(n): SqlColumn(str(n), column_types.of_mssql(str(t), p, s)) for n, t, p, s in rows}


def _synonym(session: sa.Connection, schema: str, name: str) -> tuple[str, str] | None:
    """Give the schema and name of the table that a synonym stands for."""
    synonyms = sa.table("synonyms", sa.column("base_object_name"), sa.column("name"),
                        sa.column("schema_id"), schema="sys").c  # fmt: skip
    base: Any = session.scalar(
        sa.select(synonyms.base_object_name).where(
            synonyms.name == name, synonyms.schema_id == sa.func.SCHEMA_ID(schema)
        )
    )
    parts = [(a.replace("]]", "]") or b) for a, b in _PART.findall(str(base or ""))]
    return (".".join(parts[:-1]) or schema, parts[-1]) if parts else None
