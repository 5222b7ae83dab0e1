"""Shares: what each worker process of this machine may take of what the settings allow to all."""

from __future__ import annotations

from pydantic import ByteSize

from ai_dataflow.config.cores import cores
from ai_dataflow.config.settings import Settings


def processes(settings: Settings) -> int:
    """Give how many worker processes a command has at most.

    One for each core is enough: each makes several partitions at once. Every process has sessions
    of its own with a database, so the connection that allows the fewest is a limit too.
    """
    sessions = (connection.max_connections for connection in settings.sql.values())
    return min(settings.execution.workers, cores(), *sessions)


def share(settings: Settings) -> Settings:
    """Give the settings of one worker process.

    Memory and sessions with databases are divided, so that all of them together take no more than
    is allowed. A process of a Spark cluster has all of it: it is on a machine of its own.
    """
    sharers = processes(settings)
    if settings.execution.engine != "local" or sharers == 1:
        return settings
    memory = ByteSize(settings.execution.memory // sharers)
    sql = {
        name: connection.model_copy(
            update={"max_connections": connection.max_connections // sharers}
        )
        for name, connection in settings.sql.items()
    }
    execution = settings.execution.model_copy(update={"max_memory": memory})
    return settings.model_copy(update={"execution": execution, "sql": sql})
