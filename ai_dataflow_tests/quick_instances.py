"""Dagster's instances, which are SQLite, made and written quicker; what is in them is the same.

A run commits fifty times, and each time waits for the disk. What a process that is killed has
committed is kept by the system all the same: only a machine without power would lose it. And each
run makes a database, for which Dagster's migrations are read anew, some sixty modules.
"""

from __future__ import annotations

import sqlite3

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import Engine


@event.listens_for(Engine, "connect")
def _do_not_wait(connection: object, _: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


_read = ScriptDirectory.from_config
_there: dict[str | None, ScriptDirectory] = {}


def _read_once(config: Config) -> ScriptDirectory:
    place = config.get_main_option("script_location")
    if place not in _there:
        _there[place] = _read(config)
    return _there[place]


ScriptDirectory.from_config = staticmethod(_read_once)
