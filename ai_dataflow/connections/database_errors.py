"""How a database's refusal becomes a `Fault`.

Errors of SQLAlchemy, of its drivers and of arrow-odbc come in; out go their kind and a reason that
can be shown (no statement, no value, no secret).

The rules: ISO SQLSTATEs; PostgreSQL's "Appendix A. Error Codes"; for SQL Server "Troubleshoot
transient connection errors in SQL Database and SQL Managed Instance" and "Resource management in
Azure SQL Database" in Microsoft's documentation, and the retry list of Entity Framework Core.
"""

from __future__ import annotations

import re

from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchTableError, SQLAlchemyError

from ai_dataflow.config.diagnostics import redacted
from ai_dataflow.connections.faults import Fault, Kind

# Throttling, failover and deadlocks; 4060 (no such database) is listed too, but means a wrong name
# far more often than a failover, which announces itself with 40613.
_TRANSIENT = frozenset(
    {
        596, 601, 615, 617, 669, 921, 997, 1203, 1204, 1205, 1221, 1222, 1807, 3935, 3947, 3960,
        3966, 4221, 8628, 8645, 8651, 10053, 10054, 10060, 10922, 10928, 10929, 10936, 14355, 17197,
        20041, 40143, 40166, 40197, 40501, 40540, 40613, 41301, 41302, 41305, 41325, 41839, 42108,
        42109, 49918, 49919, 49920, 49977, 49983,
    }
)  # fmt: skip
_NUMBERS: dict[int, Kind] = {
    **dict.fromkeys(_TRANSIENT, "unreachable"),
    **dict.fromkeys((20004, 20006, 20017, 20047), "unreachable"),  # FreeTDS: it broke off
    **dict.fromkeys((208, 911, 2702), "missing"),
    **dict.fromkeys((4060, 18401, 18452, 18456, 18470, 18486, 18487, 18488), "login"),
    **dict.fromkeys((40532, 40615, 40914, 47073), "login"),  # server name and firewall rules
    **dict.fromkeys((229, 230, 297, 300, 916), "denied"),
}
# The first that a SQLSTATE begins with.
_STATES: dict[str, Kind] = {
    "42S02": "missing", "42P01": "missing", "3F000": "missing",
    "28": "login", "3D000": "login",
    "42501": "denied",
    "57014": "slow", "HYT00": "slow",
    "HY010": "slow",  # amid a block of rows, Microsoft's driver says it of the rows thereafter
    "IM00": "unusable", "01000": "unusable",
    "08": "unreachable", "HYT01": "unreachable", "53": "unreachable", "57P": "unreachable",
    "40001": "unreachable", "40P01": "unreachable", "55P03": "unreachable",
    "25P03": "unreachable",
}  # fmt: skip
_SQLITE: dict[str, Kind] = {
    "no such table": "missing", "unknown database": "missing", "database is locked": "unreachable",
    "unable to open database": "unusable", "not a database": "unusable", "interrupted": "slow",
}  # fmt: skip
_STATE = re.compile(r"\[([0-9A-Z]{5})\]|State: ([0-9A-Z]{5})")
_NUMBER = re.compile(r"\((\d+)\)|Native error: (\d+)")
_ORIGIN = re.compile(r"^(?:\[[^\]]*\]\s*)+")
_MESSAGE = re.compile(r"Message: (.*)", re.DOTALL)
# The server answered, and will say the same the next time, unless it is one of the exceptions.
_REFUSED = re.compile(
    r"FATAL: (?!.*(?:starting up|shutting down|recovery|too many|connection slots|not yet accept))"
    r"|no password supplied|no pg_hba|Login failed|Cannot open database"
)
# All that FreeTDS says, or does not, of a connection that broke while rows were on their way.
_BROKEN_OFF = re.compile(
    r"\[FreeTDS\]\[SQL Server\](?:Unknown error|Could not perform COMMIT or ROLLBACK)"
    r"|driver did not supply an error"
)
# OpenSSL's words, in brackets as values are elsewhere.
_SAID_BY_SSL = re.compile(r"\[(error:[^\]]*)\]")
_UNSAFE = re.compile(r"certificate|SSL routines|Encryption not supported", re.IGNORECASE)
# Why PostgreSQL let nobody in; before it stands which server, in quotes.
_FATAL = re.compile(r"FATAL: +(.*)")
# What drivers quote and is neither a value nor a secret. With an `@` it may be part of a password
# that was not percent-encoded.
_LIBRARY = re.compile(r"Can't open lib '(?:[^']*/)?([\w.+() -]+)'")
_HOST = re.compile(r"(failed to resolve host|translate host name) (['\"])([\w.:-]+)\2")
_ERRNO = re.compile(r"\[Errno -?\d+\] ")
_UNKNOWN_HOST = re.compile("failed to resolve host|translate host name|Unknown host machine name")
# All that Microsoft's driver says of a port that refuses, a silent server and an unknown name.
_NO_ANSWER = re.compile(r"Login timeout expired(?: \(0\))?(?: \(SQLDriverConnect\))?")

_FIRST_RAISED = 50_000  # the numbers of THROW and RAISERROR in SQL Server
_OF_ITS_AUTHORS = "a view or function of the database raised an error of its own; see its log"


def database_fault(error: Exception, *, is_reading: bool = False) -> Fault:
    """Classify an error of SQLAlchemy, of a driver or of arrow-odbc.

    `is_reading` tells that the connection stood and rows were on their way.
    """
    if isinstance(error, NoSuchTableError):
        return Fault("missing", "there is no such table")
    if isinstance(error, ImportError):
        return _not_imported(error)
    if isinstance(error, ArgumentError | TypeError | ValueError):
        return Fault("unusable", "its URL is none that SQLAlchemy or the driver knows")
    if isinstance(error, DBAPIError):
        # Without a statement it was the connection that failed, or the next rows.
        return _of_driver(error, is_connecting=error.statement is None and not is_reading)
    if isinstance(error, SQLAlchemyError):
        return Fault("refused", redacted(error))
    return _of_text(str(error), is_connecting="SQLDriverConnect" in str(error))


def not_answering(reason: str, seconds: int) -> str:
    """Say plainly, in a fault's reason, how long a server had to let us in, where too short."""
    return _NO_ANSWER.sub(f"the server did not answer within {seconds} seconds", reason)


def _not_imported(error: ImportError) -> Fault:
    """Tell a package that is not installed from one that lacks something of the system."""
    if "libodbc" in str(error):
        return Fault("unusable", "its driver needs unixODBC, which is not installed")
    package = error.name or "psycopg"  # which has its words for a libpq that it does not find
    return Fault("unusable", "the driver of its URL is not installed", package=package)


def _of_driver(error: DBAPIError, *, is_connecting: bool) -> Fault:
    cause = error.orig
    if type(cause).__module__.startswith("sqlite3"):
        text = str(cause)
        kinds = (kind for said, kind in _SQLITE.items() if said in text)
        return Fault(next(kinds, "refused"), redacted(text))
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or ""
    arguments = cause.args if cause else ()
    text = str(arguments[1] if len(arguments) > 1 and _is_state(arguments[0]) else cause)
    return _of_text(
        text, state, is_connecting=is_connecting, is_broken=error.connection_invalidated
    )


def _is_state(argument: object) -> bool:
    return isinstance(argument, str) and bool(re.fullmatch("[0-9A-Z]{5}", argument))


def _of_text(text: str, state: str = "", *, is_connecting: bool, is_broken: bool = False) -> Fault:
    match = _STATE.search(text)
    state = state or (match and (match[1] or match[2])) or ""
    kind = _kind(text, state, is_connecting=is_connecting, is_broken=is_broken)
    message = (
        _OF_ITS_AUTHORS if _is_raised(text, state) else _message(text, is_connecting=is_connecting)
    )
    reason = f"{message} [{state}]" if state and state not in message else message
    return Fault(kind, reason, is_connecting=is_connecting)


def _message(text: str, *, is_connecting: bool) -> str:
    said = _MESSAGE.search(text)
    spoken = _ORIGIN.sub("", _SAID_BY_SSL.sub(r"\1", (said[1] if said else text).strip()))
    if not is_connecting:  # later the same words may be part of a value
        return redacted(spoken)
    if why := _FATAL.search(spoken):
        return redacted(why[1])
    named = _LIBRARY.sub(r"Can't open lib \1", _ERRNO.sub("", spoken))
    return redacted(_HOST.sub(r"\1 \3", named))


def _is_raised(text: str, state: str) -> bool:
    """Whether a view or function raised the error: its words may hold values, unquoted (P10)."""
    numbers = _NUMBER.findall(text) if "SQL Server]" in text else ()
    return state.startswith(("P0", "45")) or any(int(a or b) >= _FIRST_RAISED for a, b in numbers)


def _kind(text: str, state: str, *, is_connecting: bool, is_broken: bool) -> Kind:
    if "SQL Server]" in text:  # the numbers of other databases mean something else
        numbers = [int(a or b) for a, b in _NUMBER.findall(text)]
        if kind := next((_NUMBERS[n] for n in numbers if n in _NUMBERS), None):
            return kind
    if is_connecting and _REFUSED.search(text):
        return "login"
    if is_connecting and _UNKNOWN_HOST.search(text):
        return "unknown_host"
    if is_connecting and _UNSAFE.search(text):
        return "unusable"
    kind = next((kind for prefix, kind in _STATES.items() if state.startswith(prefix)), None)
    if is_connecting and kind in (None, "slow"):  # `invalid connection option` is psycopg's
        return "unusable" if "invalid" in text else "unreachable"
    return kind or ("unreachable" if is_broken or _BROKEN_OFF.search(text) else "refused")
