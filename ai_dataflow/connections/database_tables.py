"""Which tables and views a database has: for whoever named one that it has not."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from ai_dataflow.config.diagnostics import listing, nearest
from ai_dataflow.config.visible import visible
from ai_dataflow.connections.databases import Connection
from ai_dataflow.connections.faults import Fault

_MOST = 8  # names; of a schema that is not there, too


def tables_instead(opened: Connection, schema: str, table: str) -> str:
    """Say which table may be meant instead of one that is not there, or which there are.

    It is a help and nothing more: where the database does not tell, neither do we.

    Returns:
        Text to end a sentence with: `; did you mean `Claims`?`, `; there are `A`, `B``; or nothing.
    """
    try:
        return opened.ask(lambda session: _instead(session, schema, table))
    except Fault:
        return ""


def _instead(session: sa.Connection, schema: str, table: str) -> str:
    inspector = sa.inspect(session)
    try:
        names = [
            *inspector.get_table_names(schema or None),
            *inspector.get_view_names(schema or None),
        ]
    except SQLAlchemyError:  # there is no such schema, as some databases say it
        names = []
    if names or not schema:
        return _among("table or view", table, names)
    return _among("schema", schema, inspector.get_schema_names())


def _among(noun: str, name: str, names: list[str]) -> str:
    if near := nearest(name, names):
        return f"; did you mean {'the schema ' if noun == 'schema' else ''}`{visible(near)}`?"
    if not names:
        return f"; it has no {noun}"
    shown = listing((f"`{visible(other)}`" for other in sorted(names)), _MOST)
    return f"; {'its schemas are' if noun == 'schema' else 'there are'} {shown}"
