"""What is wrong with a database as a source, in words for its people."""

from __future__ import annotations

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.connections.faults import Fault, Telling, diagnostic
from ai_dataflow.tables.locations import SqlLocation

FAULTS: Telling = {
    "missing": (
        "SRC-001", "there is nothing at {location}{instead}",
        "deliver the data, correct the location, or make the row inactive",
    ),
    "unreachable": (
        "SRC-007", "the database of {location} cannot be read now, {persistence}",
        "run the failed partitions again when the database is well",
    ),
    "unknown_host": (
        "SRC-007", "the server of connection `{connection}` cannot be found by its name, "
        "{persistence}",
        "correct the host of [sql.{connection}] in ai_dataflow.toml; if it is right, run the "
        "failed partitions again when its name resolves",
    ),
    "refused": ("SRC-008", "reading {location} failed", "see the cause, and the database"),
    "unusable": (
        "SRC-020", "connection `{connection}` cannot be used",
        "correct [sql.{connection}] in ai_dataflow.toml, or install what it needs",
    ),
    "login": (
        "SRC-021", "the database of connection `{connection}` does not let us in",
        "correct the login of [sql.{connection}] in ai_dataflow.toml, or let it into the database",
    ),
    "denied": (
        "SRC-022", "the login of connection `{connection}` has no right to SELECT from {location}",
        "grant it SELECT on the table or view, and the use of its schema",
    ),
    "slow": (
        "SRC-023", "reading {location} took longer than its query_timeout",
        "make the view faster, or raise query_timeout of [sql.{connection}] in ai_dataflow.toml",
    ),
    "silent": (
        "SRC-062", "{location} gave no answer when it was asked what it has: {reason}",
        "see whether the server of [sql.{connection}] answers, then run the failed partitions "
        "again; or make the question faster, or raise read_timeout",
    ),
}  # fmt: skip


def of_database(fault: Fault, location: SqlLocation, place: str) -> DataflowError:
    """Tell what went wrong with a table or view; the place is a control table cell."""
    words = {"location": location, "connection": location.connection}
    return DataflowError(diagnostic(fault, FAULTS, place, **words))
