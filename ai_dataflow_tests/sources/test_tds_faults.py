"""SQL Server refuses, throttles, breaks off, is slow: what is retried, and what is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pyodbc
import pytest
import tenacity
from sqlalchemy.dialects.mssql.base import MSDialect

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import ExecutionSettings
from ai_dataflow.connections import databases, retrying
from ai_dataflow.connections.stores import Folder
from ai_dataflow.sources.sql import queries
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.workstation.data_files import write_batches
from ai_dataflow_tests.services.processes import unique
from ai_dataflow_tests.sources.mssql import Way, one, told_by
from ai_dataflow_tests.tds.faults import Break, Delay, Refuse
from ai_dataflow_tests.tds.server import TdsServer

ROWS = [f"row {n}" for n in range(2_000)]
TABLE = one("nvarchar(20)", ROWS)
THROTTLED = [40197, 40501, 40613, 49918, 10928, 1205]


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let attempts follow each other at once; that there are pauses is tested elsewhere."""
    monkeypatch.setattr(
        retrying.tenacity, "wait_exponential_jitter", lambda **_: tenacity.wait_fixed(0.01)
    )


def _is_whole(found: pl.DataFrame) -> bool:
    return found["v"].to_list() == ROWS


@pytest.mark.proves("read SQL", "denied", "SRC-021 after one attempt; more would lock the account")
@pytest.mark.parametrize("number", [18456, 18470, 4060, 40615])
def test_a_refused_login_is_told_after_one_attempt(way: Way, number: int) -> None:
    """Again and again it would lock the account."""
    with TdsServer(TABLE) as server:
        server.inject("login", Refuse(number), times=None)
        problem = way.told(server, retry_seconds=100)
        assert len(server.logins) == 1
    assert (problem.code, problem.meaning.transient) == ("SRC-021", False)
    assert str(number) in problem.cause or "login" in problem.cause.lower()


def test_a_wrong_password_is_a_refused_login(way: Way) -> None:
    with TdsServer(TABLE) as server:
        settings = way.settings(server, retry_seconds=100)
        server.password = "another"  # noqa: S105 - nobody's
        problem = told_by(settings)
        assert len(server.logins) == 1
    assert problem.code == "SRC-021"
    assert "Login failed" in problem.cause


@pytest.mark.usefixtures("no_pauses")
def test_a_database_that_is_being_moved_is_waited_for(way: Way) -> None:
    with TdsServer(TABLE) as server:
        server.inject("login", Refuse(40613), times=2)
        assert _is_whole(way.read(server))
        assert len(server.logins) > 2


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("after", [0, 1_500])
@pytest.mark.parametrize("number", THROTTLED)
def test_a_throttled_read_begins_again_and_gives_each_row_once(
    way: Way, number: int, after: int
) -> None:
    with TdsServer(TABLE) as server:
        server.inject("read", Refuse(number, after))
        assert _is_whole(way.read(server))
        assert len(server.reads()) == 2


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("number", THROTTLED)
def test_a_throttled_question_for_columns_is_asked_again(way: Way, number: int) -> None:
    with TdsServer(TABLE) as server:
        server.inject("catalogue", Refuse(number), times=2)
        assert _is_whole(way.read(server))


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("after", [1, 50, 1_500])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"ends": True},
        {"torn": True},
        {"torn": True, "ends": True},
        {"number": 596},
        {"number": 596, "ends": True},
    ],
    ids="-".join,
)
def test_a_connection_that_breaks_is_read_anew_from_its_start(
    way: Way, after: int, how: dict[str, Any]
) -> None:
    """Drivers say so in many ways, or do not say it: rows would be missing."""
    with TdsServer(TABLE) as server:
        server.inject("read", Break(after, **how), times=2)
        assert _is_whole(way.read(server))
        assert len(server.reads()) == 3


def test_closing_what_broke_does_not_hide_why(tmp_path: Path, monkeypatch: Any) -> None:
    """Whether the rollback of a killed session fails is a race; the cause is told all the same."""

    def fail(*_: object) -> None:
        told = "[HY000] [FreeTDS][SQL Server]Could not perform COMMIT or ROLLBACK (0) (SQLEndTran)"
        raise pyodbc.Error("HY000", told)

    with TdsServer(TABLE) as server:
        server.inject("read", Break(1_500, number=596), times=None)
        way = Way("freetds", "tuples", tmp_path)
        database = queries.database("db", way.settings(server))
        location = SqlLocation("db", "t", "dbo")
        columns = database.columns(location, "cell")
        monkeypatch.setattr(MSDialect, "do_rollback", fail)
        with pytest.raises(DataflowError) as error:
            database.copy(location, columns, ["v"], pl.concat, "cell")
    (problem,) = error.value.diagnostics
    assert problem.code == "SRC-007"
    assert "ROLLBACK" not in problem.cause


def test_a_session_of_a_bulk_read_does_not_come_back_unnoticed(tmp_path: Path) -> None:
    """With the feature SESSIONRECOVERY the driver would hide that it broke."""
    with TdsServer(TABLE) as server:
        Way("microsoft", "bulk", tmp_path).read(server)
        assert [1 in known.features for known in server.logins].count(False) == 1


@pytest.mark.usefixtures("no_pauses")
def test_a_connection_that_breaks_while_columns_are_asked_for_is_tried_again(way: Way) -> None:
    with TdsServer(TABLE) as server:
        server.inject("login", Break())
        server.inject("catalogue", Break())
        assert _is_whole(way.read(server))


@pytest.mark.slow
@pytest.mark.usefixtures("no_pauses")
def test_rows_that_were_written_before_the_break_are_nowhere(way: Way) -> None:
    values = [f"row {n}" for n in range(110_000)]
    folder = Folder(str(way.folder / "s"))
    with TdsServer(one("nvarchar(20)", values)) as server:
        server.inject("read", Break(after=105_000))
        database = queries.database("db", way.settings(server, retry_seconds=10))
        location = SqlLocation("db", "t", "dbo")
        begun: list[int] = []

        def write(frames: Iterable[pl.DataFrame]) -> str:
            begun.append(1)
            return write_batches(frames, folder, f"{unique()}.parquet").path

        columns = database.columns(location, "cell")
        path = database.copy(location, columns, ["v"], write, "cell")
    assert len(begun) == 2
    assert [file.path for file in folder.files()] == [path]
    assert pl.read_parquet(way.folder / "s" / path)["v"].to_list() == values


@pytest.mark.usefixtures("no_pauses")
def test_what_does_not_pass_is_told_with_how_often_it_was_tried(way: Way) -> None:
    with TdsServer(TABLE) as server:
        server.inject("read", Refuse(40501), times=None)
        problem = way.told(server, retry_seconds=1)
    assert (problem.code, problem.meaning.transient) == ("SRC-007", True)
    assert "attempts over" in problem.message
    assert "busy" in problem.cause


def test_a_missing_right_is_named(way: Way) -> None:
    with TdsServer(replace(TABLE, is_denied=True)) as server:
        problem = way.told(server, retry_seconds=100)
    assert (problem.code, problem.meaning.transient) == ("SRC-022", False)
    assert "has no right to SELECT from sql://db/dbo.t" in problem.message


def test_a_right_that_is_withdrawn_meanwhile_is_named(way: Way) -> None:
    with TdsServer(TABLE) as server:
        server.inject("read", Refuse(229), times=None)
        assert way.told(server, retry_seconds=100).code == "SRC-022"
        assert len(server.reads()) == 1


def test_a_table_that_is_not_there_is_missing(way: Way) -> None:
    with TdsServer() as server:
        assert way.told(server, retry_seconds=100).code == "SRC-001"


@pytest.mark.proves(
    "read SQL", "missing", "SRC-001 if it is dropped meanwhile; it is not asked for again"
)
def test_a_table_that_is_dropped_meanwhile_is_missing(way: Way) -> None:
    with TdsServer(TABLE) as server:
        server.inject("read", Refuse(208), times=None)
        assert way.told(server, retry_seconds=100).code == "SRC-001"


@pytest.mark.parametrize("number", [8134, 245, 102])
@pytest.mark.parametrize("after", [0, 1_500])
def test_a_failing_view_is_a_failed_query(way: Way, number: int, after: int) -> None:
    with TdsServer(TABLE) as server:
        server.inject("read", Refuse(number, after), times=None)
        problem = way.told(server, retry_seconds=100)
        assert len(server.reads()) == 1
    assert (problem.code, problem.meaning.transient) == ("SRC-008", False)


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 1_000])
def test_a_query_that_takes_too_long_is_ended(way: Way, after: int) -> None:
    with TdsServer(TABLE) as server:
        server.inject("read", Delay(60, after), times=None)
        problem = way.told(server, query_timeout=1, retry_seconds=100)
        assert len(server.reads()) == 1
    assert (problem.code, problem.meaning.transient) == ("SRC-023", False)


@pytest.mark.slow
def test_a_server_that_does_not_say_what_it_has_is_not_waited_for(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its driver is told of the limit; where that waits for the server all the same, we do not."""
    monkeypatch.setattr(databases, "_GRACE_SECONDS", 1)
    execution = ExecutionSettings(retry_seconds=100, read_timeout=1)
    with TdsServer(TABLE) as server:
        server.inject("catalogue", Delay(60), times=None)
        settings = way.settings(server, query="&connect_timeout=2")
        problem = told_by(settings.model_copy(update={"execution": execution}))
    assert (problem.code, problem.meaning.transient) == ("SRC-062", True)


@pytest.mark.slow
def test_a_server_that_does_not_let_us_in_is_waited_for_no_longer_than_said(way: Way) -> None:
    with TdsServer(TABLE) as server:
        server.inject("login", Delay(60), times=None)
        problem = way.told(server, query="&connect_timeout=1", retry_seconds=0)
    assert problem.code == "SRC-007"
