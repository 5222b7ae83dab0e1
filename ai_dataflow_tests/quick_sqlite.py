"""SQLite that does not wait for the disk, as the tests' PostgreSQL does not.

Dagster's instances are SQLite, and commit fifty times in a run. What a process that is killed has
committed is kept by the system all the same; only a machine without power would lose it.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import event
from sqlalchemy.engine import Engine


@event.listens_for(Engine, "connect")
def _do_not_wait(connection: object, _: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
