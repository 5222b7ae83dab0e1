"""What is told of a process that ended over what it had in hand, or did nothing for too long."""

from __future__ import annotations

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine.hand import Crash
from ai_dataflow.tables.locations import Location, SqlLocation

_CONNECT_SECONDS = 60  # for a connection, what it is told first, and what a loaded machine takes


def patience(locations: list[Location], settings: Settings) -> float:
    """Give how many seconds a process that reads locations may do nothing.

    A database may take its `query_timeout` before it gives the first row. What is retried waits
    between the times; who retries ends by itself.
    """
    queries = [
        settings.sql[location.connection].query_timeout
        for location in locations
        if isinstance(location, SqlLocation)
    ]
    execution = settings.execution
    return max([execution.read_timeout, *queries]) + execution.retry_seconds


def patience_to_look(locations: list[Location], settings: Settings) -> float:
    """Give how many seconds a process that only looks at locations may do nothing.

    What a database is asked then has a limit of its own, `read_timeout` and the time to connect,
    by which it ends itself; this is for a process that does not.
    """
    execution = settings.execution
    is_asked = any(isinstance(location, SqlLocation) for location in locations)
    allowed = 2 * execution.read_timeout + _CONNECT_SECONDS if is_asked else execution.read_timeout
    return allowed + execution.retry_seconds


def crashed(
    crash: Crash, location: Location | None, place: str, settings: Settings, seconds: float
) -> Diagnostic:
    """Tell of a crash; `location` and its `place` are what the process worked on, if it said so."""
    if crash.outgrew:
        return _outgrown(crash, location, place, settings)
    if crash.is_silent and location is not None:
        return Diagnostic(
            "SRC-014",
            f"{location} gave nothing for {seconds:.0f} s",
            place,
            "see whether the source, or the disk or network that it is on, answers",
        )
    over = f" over {location}" if location is not None else ""
    what = f"did nothing for {seconds:.0f} s" if crash.is_silent else f"ended with {crash.ending}"
    return Diagnostic(
        "RUN-022",
        f"the process that worked on it {what}{over}",
        place,
        "see whether memory ran out; else look for what is unusual in the source, or for a newer "
        "driver",
        cause=crash.last_words,
    )


def _outgrown(
    crash: Crash, location: Location | None, place: str, settings: Settings
) -> Diagnostic:
    over = f" for {location}" if location is not None else ""
    needed, allowed = _gigabytes(crash.outgrew), _gigabytes(settings.execution.memory)
    return Diagnostic(
        "RUN-023",
        f"it takes {needed} of memory or more{over}, and all together may take {allowed}",
        place,
        "raise max_memory under [execution], if the machine has it; or have the source delivered "
        "in several files, and without texts that are very long",
    )


def _gigabytes(size: int) -> str:
    return f"{size / 10**9:.1f} GB"
