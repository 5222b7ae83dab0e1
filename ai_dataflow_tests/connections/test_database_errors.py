"""What databases and their drivers say, and what it means."""

from __future__ import annotations

import arrow_odbc
import psycopg
import pyodbc
import pytest
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from ai_dataflow.connections.database_errors import database_fault, not_answering

MICROSOFT = "[Microsoft][ODBC Driver 18 for SQL Server]"
SERVER = f"{MICROSOFT}[SQL Server]"


def _pyodbc(state: str, text: str, statement: str | None = None) -> DBAPIError:
    """Wrap an error as SQLAlchemy does; without a statement it was the connection's."""
    cause = pyodbc.Error(state, f"[{state}] {text}")
    invalidated = state in ("08S01", "HYT00", "01000")  # what its dialect takes for a broken one
    return DBAPIError(statement, {}, cause, connection_invalidated=invalidated)


def _arrow(function: str, state: str, number: int, text: str) -> Exception:
    error = arrow_odbc.Error.__new__(arrow_odbc.Error)
    Exception.__init__(
        error,
        f"ODBC emitted an error calling '{function}':\n"
        f"State: {state}, Native error: {number}, Message: {text}",
    )
    return error


SAID = [
    ("28000", f"{SERVER}Login failed for user 'bob'. (18456) (SQLDriverConnect)", None, "login"),
    ("42000", f'{SERVER}Cannot open database "x" requested by the login. (4060)', None, "login"),
    ("42000", f"{SERVER}Client with IP address '1.2.3.4' is not allowed. (40615)", None, "login"),
    ("42000", f"{SERVER}Database 'x' is not currently available. (40613)", None, "unreachable"),
    (
        "42000",
        f"{SERVER}The service is currently busy. (40501) (SQLExecDirectW)",
        "S",
        "unreachable",
    ),
    ("42000", f"{SERVER}Resource ID: 1. The request limit is reached. (10928)", "S", "unreachable"),
    ("40001", f"{SERVER}Transaction was deadlocked on lock. (1205) (SQLFetch)", "S", "unreachable"),
    ("42000", f"{SERVER}The secondary failed to catch up. (3947)", None, "unreachable"),
    ("42000", f"{SERVER}The operation failed. Retry it. (49983)", None, "unreachable"),
    ("42000", f"{SERVER}Snapshot isolation transaction aborted. (3960)", "S", "unreachable"),
    ("08S01", f"{MICROSOFT}TCP Provider: Error code 0x68 (104) (SQLFetch)", "S", "unreachable"),
    ("08S01", f"{MICROSOFT}Communication link failure (0) (SQLFetch)", "S", "unreachable"),
    ("HYT00", f"{MICROSOFT}Login timeout expired (0) (SQLDriverConnect)", None, "unreachable"),
    ("HYT00", f"{MICROSOFT}Query timeout expired (0) (SQLExecDirectW)", "S", "slow"),
    ("42S02", f"{SERVER}Invalid object name 'dbo.t'. (208) (SQLExecDirectW)", "S", "missing"),
    ("42000", f"{SERVER}The SELECT permission was denied on 't'. (229)", "S", "denied"),
    ("42000", f'{SERVER}The server principal "x" is not able to access. (916)', "S", "denied"),
    ("42S22", f"{SERVER}Invalid column name 'x'. (207) (SQLExecDirectW)", "S", "refused"),
    ("22018", f"{SERVER}Conversion failed when converting 'Jane'. (245)", "S", "refused"),
    ("42000", f"{SERVER}Incorrect syntax near 'x'. (102) (SQLExecDirectW)", "S", "refused"),
    (
        "01000",
        "[unixODBC][Driver Manager]Can't open lib 'x' : file not found (0)",
        None,
        "unusable",
    ),
    ("IM002", "[unixODBC][Driver Manager]Data source name not found (0)", None, "unusable"),
    ("08001", f"{MICROSOFT}SSL Provider: [certificate verify failed] (-1)", None, "unusable"),
    ("08001", "[FreeTDS][SQL Server]Unable to connect to data source (0)", None, "unreachable"),
    ("08S01", "[FreeTDS][SQL Server]Adaptive Server is unavailable (20009)", None, "unreachable"),
    ("42000", "[FreeTDS][SQL Server]Login failed for user 'bob'. (18456)", None, "login"),
]


@pytest.mark.parametrize(("state", "text", "statement", "kind"), SAID)
def test_an_error_of_sql_server_is_classified(
    state: str, text: str, statement: str | None, kind: str
) -> None:
    fault = database_fault(_pyodbc(state, text, statement))
    assert fault.kind == kind
    assert fault.is_transient == (kind == "unreachable")
    assert fault.reason.endswith(f"[{state}]")
    for secret in ("bob", "1.2.3.4", "Jane"):
        assert secret not in fault.reason


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (
            _arrow("SQLDriverConnect", "HYT00", 0, f"{MICROSOFT}Login timeout expired"),
            "unreachable",
        ),
        (
            _arrow("SQLDriverConnect", "28000", 18456, f"{SERVER}Login failed for user 'x'."),
            "login",
        ),
        (
            _arrow("SQLDriverConnect", "08001", 101, "server failed: FATAL:  role does not exist"),
            "login",
        ),
        (
            _arrow("SQLDriverConnect", "08001", 101, "FATAL:  the database system is starting up"),
            "unreachable",
        ),
        (
            _arrow("SQLDriverConnect", "08001", 101, "FATAL:  sorry, too many clients already"),
            "unreachable",
        ),
        (_arrow("SQLFetch", "08S01", 0, f"{MICROSOFT}Communication link failure"), "unreachable"),
        (_arrow("SQLExecDirect", "42501", 1, "ERROR: permission denied for table t"), "denied"),
        (_arrow("SQLExecDirect", "57014", 1, "ERROR: canceling statement due to timeout"), "slow"),
        (_arrow("SQLExecDirect", "57P01", 1, "FATAL: terminating connection"), "unreachable"),
        (_arrow("SQLExecDirect", "42P01", 1, 'ERROR: relation "t" does not exist'), "missing"),
        (_arrow("SQLExecDirect", "42000", 40501, f"{SERVER}The service is busy."), "unreachable"),
        (_arrow("SQLExecDirect", "22012", 1, "ERROR: division by zero"), "refused"),
    ],
)
def test_an_error_of_a_bulk_read_is_classified(error: Exception, kind: str) -> None:
    assert database_fault(error).kind == kind


def _psycopg(text: str) -> DBAPIError:
    return OperationalError(None, {}, psycopg.OperationalError(text))


MANAGER = "[unixODBC][Driver Manager]"
TO_SERVER = 'connection failed: connection to server at "10.0.0.1", port 5432 failed: FATAL:  '


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (
            _psycopg(f'{TO_SERVER}password authentication failed for user "bob"'),
            "login",
            "password authentication failed for user '…'",
        ),
        (
            _psycopg(f'{TO_SERVER}database "x" does not exist'),
            "login",
            "database '…' does not exist",
        ),
        (
            _psycopg(f'{TO_SERVER}no pg_hba.conf entry for host "1.2.3.4", user "bob", no TLS'),
            "login",
            "no pg_hba.conf entry for host '…', no TLS",
        ),
        (
            _arrow("SQLDriverConnect", "08001", 101, f'{TO_SERVER}role "bob" does not exist'),
            "login",
            "role '…' does not exist [08001]",
        ),
        (
            _psycopg(f"{TO_SERVER}the database system is starting up"),
            "unreachable",
            "the database system is starting up",
        ),
        (
            _psycopg("failed to resolve host 'db-1.nowhere': [Errno -2] Name or service not known"),
            "unknown_host",
            "failed to resolve host db-1.nowhere: Name or service not known",
        ),
        (
            _arrow(
                "SQLDriverConnect", "08001", 101,
                'could not translate host name "db.nowhere" to address: not known',
            ),
            "unknown_host",
            "could not translate host name db.nowhere to address: not known [08001]",
        ),
        (
            _pyodbc("01000", f"{MANAGER}Can't open lib 'ODBC Driver 17' : file not found (0)"),
            "unusable",
            "Can't open lib ODBC Driver 17 : file not found (0) [01000]",
        ),
        (
            _pyodbc("01000", f"{MANAGER}Can't open lib '/home/bob/libtds.so.1' : not found (0)"),
            "unusable",
            "Can't open lib libtds.so.1 : not found (0) [01000]",
        ),
    ],
)  # fmt: skip
def test_why_there_is_no_connection_is_said_without_who_wanted_one(
    error: Exception, kind: str, reason: str
) -> None:
    fault = database_fault(error)
    assert (fault.kind, fault.reason) == (kind, reason)


def test_a_host_that_may_be_part_of_a_password_is_not_repeated() -> None:
    """As in `postgresql://reader:hun@ter2@db`, where `@` should be `%40`."""
    fault = database_fault(_psycopg("failed to resolve host 'ter2@db': [Errno -2] Name not known"))
    assert (fault.kind, fault.reason) == (
        "unknown_host",
        "failed to resolve host '…': Name not known",
    )


def test_what_only_looks_like_a_refusal_amid_rows_is_a_value() -> None:
    cause = psycopg.DataError('invalid input syntax for type date: "FATAL:  Smith 4711"')
    fault = database_fault(DBAPIError("SELECT 1", {}, cause))
    assert (fault.kind, "4711" in fault.reason) == ("refused", False)


def test_a_host_whose_name_is_not_known_is_asked_for_again() -> None:
    assert database_fault(_psycopg("failed to resolve host 'db': not known")).is_transient


@pytest.mark.parametrize(
    "error",
    [
        _pyodbc("HYT00", f"{MICROSOFT}Login timeout expired (0) (SQLDriverConnect)"),
        _arrow("SQLDriverConnect", "HYT00", 0, f"{MICROSOFT}Login timeout expired"),
    ],
)
def test_a_server_that_does_not_answer_is_told_with_how_long_it_had(error: Exception) -> None:
    fault = database_fault(error)
    assert fault.kind == "unreachable"
    assert not_answering(fault.reason, 15) == "the server did not answer within 15 seconds [HYT00]"


def test_a_secret_of_a_connection_string_is_not_repeated() -> None:
    text = "[x]no: DRIVER={D};UID=reader;PWD={hunter2;x};AccessToken=eyJ0;Server=s (0)"
    for kind in (OperationalError, InterfaceError, ProgrammingError):
        reason = database_fault(kind(None, {}, pyodbc.Error("08001", f"[08001] {text}"))).reason
        assert not any(secret in reason for secret in ("hunter2", "reader", "eyJ0"))


@pytest.mark.parametrize(
    "error",
    [
        _pyodbc("42000", f"{SERVER}no customer Smith 4711 (50000) (SQLExecDirectW)", "SELECT 1"),
        _arrow("SQLExecDirect", "42000", 51234, f"{SERVER}no customer Smith 4711"),
        _arrow("SQLExecDirect", "P0001", 1, "ERROR: no customer Smith 4711;\nError while ..."),
    ],
)
def test_what_a_view_says_by_itself_is_not_repeated(error: Exception) -> None:
    """Its author may have put a value there, without quotes."""
    fault = database_fault(error)
    assert (fault.kind, "4711" in fault.reason) == ("refused", False)
    assert "raised an error of its own" in fault.reason
