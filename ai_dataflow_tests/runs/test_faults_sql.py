"""Databases that go wrong while they are read: extracts are whole, or the old data stays."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ai_dataflow import load
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.runs import cli, dagster_statuses, run_project
from ai_dataflow_tests.services.postgres import Postgres
from ai_dataflow_tests.services.processes import wait_until

pytestmark = pytest.mark.slow

ROWS = 120_000  # several batches, whichever way they are read
# The view takes its time: a hundredth of a second for each thousand rows.
SLOW = f"""
    CREATE FUNCTION slowly(n bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
        BEGIN IF n % 1000 = 0 THEN PERFORM pg_sleep(0.01); END IF; RETURN n; END $$;
    CREATE VIEW claims AS
        SELECT slowly(n) AS claim_no, 'claim number ' || n AS subject, n / 4.0 AS amount
        FROM generate_series(1, {ROWS}) AS rows (n);
    CREATE VIEW shared AS
        SELECT slowly(n * 1000) AS claim_no, 'client' || n % 8 AS client,
            'claim number ' || n AS subject, n / 4.0 AS amount
        FROM generate_series(1, 160) AS rows (n);
"""  # noqa: S608 - a number of this file
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,LYRA,claim,claim_no,claim_id,int64
    claims,LYRA,claim,subject,subject,string
    claims,LYRA,claim,amount,amount,float64
    files,ORION,claim,ClaimNo,claim_id,int64
"""
HEADER = "product_code,module_name,submodule_name,client_code,module_location,active\n"
ONE = (
    f"{HEADER}LYRA,claims,claim,acme,sql://lyra/claims,Y\n"
    "ORION,files,claim,acme,data/claims.csv,Y\n"
)
EIGHT = HEADER + "".join(
    f"LYRA,claims,claim,client{n},sql://lyra/shared?client_column=client,Y\n" for n in range(8)
)
both_ways = pytest.mark.parametrize("bulk", [False, True], ids=["as tuples", "over ODBC"])


@pytest.fixture(scope="module")
def own() -> Iterator[Postgres]:
    """Give a PostgreSQL that tests may kill; they leave it running."""
    with Postgres() as server:
        yield server


@dataclass(frozen=True)
class Slow:
    """A database with slow views, and a project that reads them."""

    server: Postgres
    database: str
    folder: Path

    def rows(self) -> pl.DataFrame:
        """Give what is published, in one order."""
        return load("claims", config=self.folder).collect().sort("claim_id")


Make = Callable[..., Slow]


@pytest.fixture
def make(own: Postgres, tmp_path: Path) -> Make:
    def make(
        control: str,
        *,
        bulk: bool,
        retry_seconds: int = 20,
        connections: int = 4,
        query_timeout: int = 3600,
    ) -> Slow:
        name = own.create_database()
        own.execute(SLOW, database=name)
        odbc = f'odbc = "{own.odbc(name)}"' if bulk else ""
        toml = f"""
            [sql.lyra]
            url = "{own.url(name)}"
            max_connections = {connections}
            query_timeout = {query_timeout}
            {odbc}
            [execution]
            workers = 8
            retry_seconds = {retry_seconds}
            read_timeout = 1
        """
        folder = project(tmp_path / "p", control=control, mapping=MAPPING, toml=toml)
        return Slow(own, name, folder)

    return make


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something in another thread; what goes wrong there goes wrong here."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(90)
    assert not failures, failures


def kill_while_read(slow: Slow) -> None:
    """Kill the server in the middle of a copy, and start it again."""
    busy = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND query ~* 'claim_no|fetch'"
    reads = wait_until(lambda: bool(slow.server.execute(busy, [slow.database])), 60, 0.02)
    assert reads, "nobody read anything"
    time.sleep(0.6)
    slow.server.kill()
    time.sleep(0.5)
    slow.server.start()


@pytest.mark.proves(
    "read SQL",
    "killed",
    "a server killed and started again is read anew; each row is published once",
)
@both_ways
def test_a_server_killed_while_it_is_read_is_waited_out(make: Make, bulk: bool) -> None:
    slow = make(ONE, bulk=bulk)
    with meanwhile(lambda: kill_while_read(slow)):
        ran = cli(slow.folder, "run", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    numbers = pl.int_range(1, ROWS + 1, eager=True)
    rows = slow.rows()
    assert rows["claim_id"].to_list() == numbers.to_list()
    assert rows["amount"].sum() == numbers.sum() / 4
    (copied,) = (slow.folder / "workstation/_staging/claims/acme").glob("*.parquet")
    assert pl.read_parquet(copied).height == ROWS


@contextmanager
def standing_still(slow: Slow) -> Iterator[None]:
    """Stop whatever process of the server reads the table, as soon as it does."""
    reading = "SELECT pid FROM pg_stat_activity WHERE datname = %s AND query ~* 'claim_no|fetch'"
    stopped: set[int] = set()
    done = threading.Event()

    def stop() -> None:
        while not done.wait(0.02):
            for (pid,) in slow.server.execute(reading, [slow.database]):
                with suppress(ProcessLookupError):  # it was done in between
                    os.kill(pid, signal.SIGSTOP)
                    stopped.add(pid)

    with meanwhile(stop):
        try:
            yield
        finally:
            done.set()
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
    assert stopped


@pytest.mark.proves(
    "read SQL", "slow", "SRC-014: a server that stands still; the others are published"
)
@both_ways
def test_a_server_that_stands_still_ends_its_own_partitions(
    make: Make, bulk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = make(ONE, bulk=bulk, retry_seconds=0, query_timeout=5)
    with standing_still(slow):
        report = run_project(slow.folder)
    (partition,) = report.failed
    (error,) = partition.errors
    assert (error.code, error.place) == ("SRC-014", "control_table.csv:2:module_location")
    assert "sql://lyra/claims gave nothing for 5 s" in error.message
    assert {p.partition: p.status for p in report.partitions}["files|acme"] == "ok"


@pytest.mark.proves("read SQL", "slow", "SRC-062: it does not say in time whether a table changed")
def test_a_survey_that_gets_no_answer_ends_its_own_partitions(make: Make) -> None:
    slow = make(ONE.replace("sql://lyra/claims", "sql://lyra/claims?change_column=claim_no"),
                bulk=False)  # fmt: skip
    report = run_project(slow.folder)
    (partition,) = report.failed
    (error,) = partition.errors
    assert (error.code, error.place) == ("SRC-062", "control_table.csv:2:module_location")
    assert {p.partition: p.status for p in report.partitions}["files|acme"] == "ok"


@pytest.mark.proves(
    "read SQL", "killed", "SRC-007 if it stays away; its own partitions fail, their old data stays"
)
@both_ways
def test_a_server_that_stays_away_fails_what_reads_it(make: Make, bulk: bool) -> None:
    slow = make(ONE, bulk=bulk, retry_seconds=1)
    assert run_project(slow.folder).exit_code == 0
    before = slow.rows()
    slow.server.kill()
    try:
        report = run_project(slow.folder)
    finally:
        slow.server.start()
    (partition,) = report.failed
    (error,) = partition.errors
    assert (error.code, error.transient, error.owner) == ("SRC-007", True, "ai-platform")
    assert dagster_statuses(slow.folder, "ai_dataset") == {
        "claims|acme": "FAILED",
        "files|acme": "MATERIALIZED",
    }
    assert_frame_equal(slow.rows(), before)


@pytest.mark.proves(
    "read SQL", "concurrent", "never more queries at once than max_connections; all is published"
)
@both_ways
def test_no_more_queries_at_once_than_max_connections(make: Make, bulk: bool) -> None:
    slow = make(EIGHT, bulk=bulk, connections=2)
    busy = "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity "
    counts: list[tuple[int, int]] = []
    done = threading.Event()

    def count() -> None:
        with slow.server.connect() as watcher:
            while not done.wait(0.005):
                found = watcher.execute(busy + "WHERE datname = %s", [slow.database]).fetchone()
                counts.append(found or (0, 0))

    with meanwhile(count):
        report = run_project(slow.folder)
        done.set()
    assert report.exit_code == 0, report.failed
    assert slow.rows().height == 160
    connections, at_work = (max(numbers) for numbers in zip(*counts, strict=True))
    assert 1 <= at_work <= 2
    # Beside a bulk read SQLAlchemy's pool keeps the connections that it looked at tables with.
    assert connections <= (4 if bulk else 2)
