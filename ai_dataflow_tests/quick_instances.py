"""Dagster's instances, which are SQLite, written quicker; what is in them is the same.

A run commits fifty times, and each time waits for the disk. What a process that is killed has
committed is kept by the system all the same: only a machine without power would lose it.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import event
from sqlalchemy.engine import Engine


@event.listens_for(Engine, "connect")
def _do_not_wait(connection: object, _: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")
