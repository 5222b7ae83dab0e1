"""Databases that stand still while they are asked: who asks goes on, and tells of it."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import ExecutionSettings, Settings
from ai_dataflow.connections import databases
from ai_dataflow.connections.answering import within
from ai_dataflow.connections.faults import Fault
from ai_dataflow.sources.sql import queries
from ai_dataflow.sources.sql.change_marks import marks
from ai_dataflow.tables import control_table
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.tables.sql_tables import read_sql_table
from ai_dataflow_tests.services.postgres import Postgres
from ai_dataflow_tests.services.processes import wait_until
from ai_dataflow_tests.sources.sql import opened

CLAIMS = SqlLocation("db", "claims", change_column="claim_no")
OTHERS = SqlLocation("db", "others")
LOCKED = "LOCK TABLE claims, pg_catalog.pg_attribute IN ACCESS EXCLUSIVE MODE"


@pytest.fixture(scope="module")
def own() -> Iterator[Postgres]:
    with Postgres() as server:
        server.execute("CREATE TABLE claims AS SELECT 1 AS claim_no; CREATE TABLE others (a int)")
        columns = ", ".join(f"{name} text" for name in control_table.LAYOUT.required)
        server.execute(f"CREATE TABLE control ({columns})")
        yield server


@pytest.fixture
def settings(own: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Give settings that wait for a second; a connection is let in within two."""
    monkeypatch.setattr(databases, "_GRACE_SECONDS", 1)
    url = f"{own.url()}?connect_timeout=2"
    execution = ExecutionSettings(retry_seconds=0, read_timeout=1)
    return opened(tmp_path, url).model_copy(update={"execution": execution})


def _columns(settings: Settings, location: SqlLocation = CLAIMS) -> tuple[Diagnostic, ...]:
    try:
        queries.database("db", settings).columns(location, "cell")
    except DataflowError as error:
        return error.diagnostics
    return ()


def _state(settings: Settings) -> tuple[Diagnostic, ...]:
    mark = marks({CLAIMS: "cell"}, settings)[CLAIMS]
    return mark if isinstance(mark, tuple) else ()


QUESTIONS = pytest.mark.parametrize("ask", [_columns, _state])
Ask = Callable[[Settings], tuple[Diagnostic, ...]]


@contextmanager
def _stopped(pids: list[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _sessions(server: Postgres) -> list[int]:
    asked = (
        "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    )
    return [int(pid) for (pid,) in server.execute(asked)]


def _code(problems: tuple[Diagnostic, ...]) -> tuple[str, bool, str]:
    (problem,) = problems
    return problem.code, problem.meaning.transient, problem.place


@QUESTIONS
def test_a_server_that_stands_still_lets_nobody_in(
    own: Postgres, settings: Settings, ask: Ask
) -> None:
    with _stopped([own.pid]):
        assert _code(ask(settings)) == ("SRC-007", True, "cell")
    assert ask(settings) == ()


@QUESTIONS
def test_a_session_that_stands_still_fails_what_is_asked_in_it_alone(
    own: Postgres, settings: Settings, ask: Ask
) -> None:
    """Its connection was good a moment ago, and is in the pool."""
    assert ask(settings) == ()
    stopped = _sessions(own)
    assert stopped
    with _stopped(stopped):
        assert _code(ask(settings)) == ("SRC-062", True, "cell")
        assert _columns(settings, OTHERS) == ()
    assert ask(settings) == ()


@QUESTIONS
def test_a_question_that_takes_too_long_is_ended_by_the_server(
    own: Postgres, settings: Settings, ask: Ask
) -> None:
    """What locks the table is asked for: so nothing but the limit ends the wait."""
    assert ask(settings) == ()
    with own.connect() as holder, holder.transaction():
        holder.execute(LOCKED)
        (problem,) = ask(settings)
    assert problem.code == "SRC-062"
    assert "57014" in problem.message


def _sheet(settings: Settings) -> tuple[Diagnostic, ...]:
    """Read a table that people edit."""
    settings = settings.model_copy(update={"control_table": "sql://db/control"})
    try:
        read_sql_table("control_table", settings, control_table.LAYOUT)
    except DataflowError as error:
        return error.diagnostics
    return ()


def test_a_sheet_in_a_database_that_stands_still_is_not_waited_for(
    own: Postgres, settings: Settings
) -> None:
    assert _sheet(settings) == ()
    with _stopped(_sessions(own)):
        (problem,) = _sheet(settings)
    assert _code((problem,)) == ("CFG-020", True, "sql://db/control")
    assert "gave no rows of `control` in time" in problem.message
    assert _sheet(settings) == ()
    with _stopped([own.pid, *_sessions(own)]):  # a pooled connection, then nobody lets us in
        assert _code(_sheet(settings)) == ("CFG-020", True, "sql://db/control")
    assert _sheet(settings) == ()


def test_a_sheet_that_somebody_locks_is_not_waited_for(own: Postgres, settings: Settings) -> None:
    assert _sheet(settings) == ()
    with own.connect() as holder, holder.transaction():
        holder.execute("LOCK TABLE control IN ACCESS EXCLUSIVE MODE")
        (problem,) = _sheet(settings)
    assert (problem.code, problem.meaning.kind) == ("CFG-020", "platform_unavailable")
    assert "57014" in problem.message
    assert "read_timeout" in problem.fix


@QUESTIONS
def test_a_session_that_is_killed_while_it_is_asked_is_told(
    own: Postgres, settings: Settings, ask: Ask
) -> None:
    assert ask(settings) == ()
    patient = settings.execution.model_copy(update={"read_timeout": 60})
    told: list[tuple[Diagnostic, ...]] = []
    asks = threading.Thread(
        target=lambda: told.append(ask(settings.model_copy(update={"execution": patient})))
    )
    with own.connect() as holder, suppress(psycopg.OperationalError), holder.transaction():
        holder.execute(LOCKED)
        asks.start()
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        assert wait_until(lambda: bool(holder.execute(waiting).fetchall()), 30, 0.05)
        own.kill()
    asks.join(30)
    own.start()
    assert [_code(problems) for problems in told] == [("SRC-007", True, "cell")]


def test_what_asking_raises_is_raised_and_an_answer_is_given() -> None:
    assert within(5, lambda: "an answer") == "an answer"
    with pytest.raises(TimeoutError, match="of its own"):
        within(5, lambda: (_ for _ in ()).throw(TimeoutError("of its own")))
    never = threading.Event()
    with pytest.raises(Fault) as error:
        within(0.01, never.wait)
    assert (error.value.kind, error.value.is_transient) == ("silent", True)
    never.set()
