"""Databases that break, stay away, refuse or take too long: what is retried, and what is told."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.stores import Folder
from ai_dataflow.sources.sql import queries
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.workstation.data_files import write_batches
from ai_dataflow_tests.services.postgres import Postgres
from ai_dataflow_tests.services.processes import HOST, unique, wait_until
from ai_dataflow_tests.sources.sql import opened, read

pytestmark = pytest.mark.slow

ROWS = 400_000
WAYS = ["tuples", "odbc"]


@pytest.fixture(scope="module")
def own() -> Iterator[Postgres]:
    """Give a server that tests may kill, with a large table."""
    with Postgres() as server:
        server.execute(
            "CREATE TABLE big AS SELECT i, 'row ' || i AS t FROM generate_series(1, %s) i", [ROWS]
        )
        yield server


def _settings(server: Postgres, folder: Path, way: str, **options: object) -> Settings:
    odbc = server.odbc() if way == "odbc" else ""
    return opened(folder, server.url(), odbc=odbc, **options)


def _told(settings: Settings, table: str = "big") -> Diagnostic:
    with pytest.raises(DataflowError) as error:
        read(settings, table)
    (problem,) = error.value.diagnostics
    assert problem.place == "cell"
    assert "SELECT" not in problem.cause
    return problem


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["killed", "terminated"])
def test_a_connection_that_breaks_is_read_anew_from_its_start(
    own: Postgres, tmp_path: Path, way: str, how: str
) -> None:
    """The rows of the broken attempt are nowhere: their file never appeared."""
    settings, folder = _settings(own, tmp_path, way, retry_seconds=60), Folder(str(tmp_path / "s"))
    database, location = queries.database("db", settings), SqlLocation("db", "big")
    attempts: list[int] = []

    def breaking(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        for number, frame in enumerate(frames):
            yield frame
            if len(attempts) == 1 and number == 0:
                if how == "killed":
                    own.kill()
                    own.start()
                else:
                    own.terminate_backends()

    def write(frames: Iterable[pl.DataFrame]) -> str:
        attempts.append(1)
        return write_batches(breaking(frames), folder, f"{unique()}.parquet").path

    columns = database.columns(location, "cell")
    path = database.copy(location, columns, ["i", "t"], write, "cell")
    assert len(attempts) == 2
    assert [file.path for file in folder.files()] == [path]
    rows = pl.read_parquet(tmp_path / "s" / path)
    assert sorted(rows["i"].to_list()) == list(range(1, ROWS + 1))


@pytest.mark.parametrize("way", WAYS)
def test_a_database_that_stays_away_is_told_with_how_long(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Postgres() as server:
        settings = _settings(server, tmp_path, way, retry_seconds=4)
        server.stop()
        problem = _told(settings)
        assert problem.code == "SRC-007"
        assert problem.meaning.transient
        assert any(f"after {n} attempts over {s} s" in problem.message
                   for n in (2, 3, 4) for s in range(5))  # fmt: skip
        naps: list[float] = []
        monkeypatch.setattr("tenacity.nap.time.sleep", naps.append)
        assert _told(settings).message == problem.message
        assert naps == [], "the next table is not waited for again"


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_starts_late_is_waited_for(tmp_path: Path, way: str) -> None:
    with Postgres() as server:
        server.execute("CREATE TABLE t AS SELECT 1 AS a")
        server.stop()
        back = threading.Timer(2, server.start)
        back.start()
        assert read(_settings(server, tmp_path, way, retry_seconds=30), "t")["a"].to_list() == [1]
        back.join()


@pytest.mark.proves(
    "read SQL", "denied", "SRC-022: the right and the table are named; it is not retried"
)
@pytest.mark.parametrize("way", WAYS)
def test_a_missing_right_is_named_and_not_retried(own: Postgres, tmp_path: Path, way: str) -> None:
    own.execute("DROP TABLE IF EXISTS closed; CREATE TABLE closed (a int)")
    own.execute("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD 'hunter2'")
    url = f"postgresql+psycopg://guest:hunter2@{HOST}:{own.port}/postgres"
    odbc = own.odbc().replace("Uid=ai_dataflow", "Uid=guest").replace(own.password, "hunter2")
    settings = opened(tmp_path, url, odbc=odbc if way == "odbc" else "", retry_seconds=100)
    problem = _told(settings, "closed")
    assert (problem.code, problem.meaning.transient) == ("SRC-022", False)
    assert problem.message == (
        "the login of connection `db` has no right to SELECT from sql://db/closed"
    )
    assert "hunter2" not in repr(problem)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (":{password}@", ":hunter2@", "SRC-021"),
        ("ai_dataflow:", "nobody:", "SRC-021"),
        ("/postgres", "/nosuch", "SRC-021"),
        ("/postgres", "/postgres?bogus=hunter2", "SRC-020"),
        ("+psycopg", "+nosuch", "SRC-020"),
    ],
)
def test_what_will_not_pass_is_not_retried(
    own: Postgres, tmp_path: Path, old: str, new: str, code: str
) -> None:
    url = own.url().replace(old.format(password=own.password), new)
    problem = _told(opened(tmp_path, url, retry_seconds=100))
    assert (problem.code, problem.meaning.transient) == (code, False)
    assert "hunter2" not in repr(problem)
    assert own.password not in repr(problem)


def test_why_a_login_is_refused_is_said(own: Postgres, tmp_path: Path) -> None:
    problem = _told(opened(tmp_path, own.url().replace(own.password, "hunter2"), retry_seconds=0))
    assert problem.cause == "password authentication failed for user '…'"


def test_a_host_that_is_not_known_is_named_and_to_be_corrected(tmp_path: Path) -> None:
    url = "postgresql+psycopg://reader:hunter2@db.invalid/policy"
    problem = _told(opened(tmp_path, url, retry_seconds=0))
    assert (problem.code, problem.meaning.transient) == ("SRC-007", True)
    assert "cannot be found by its name" in problem.message
    assert "db.invalid" in problem.cause
    assert problem.fix.startswith("correct the host of [sql.db] in ai_dataflow.toml")
    assert "hunter2" not in repr(problem)


@pytest.mark.parametrize("way", WAYS)
def test_a_table_that_is_not_there_is_missing(own: Postgres, tmp_path: Path, way: str) -> None:
    assert _told(_settings(own, tmp_path, way, retry_seconds=100), "nosuch").code == "SRC-001"


@pytest.mark.proves(
    "read SQL", "corrupt", "SRC-008: the query fails; its cause is told without the values"
)
@pytest.mark.parametrize("way", WAYS)
def test_a_failing_view_is_a_failed_query_without_its_values(
    own: Postgres, tmp_path: Path, way: str
) -> None:
    own.execute("CREATE OR REPLACE VIEW failing AS SELECT CAST(t AS int) AS a FROM big")
    problem = _told(_settings(own, tmp_path, way, retry_seconds=100), "failing")
    assert problem.code == "SRC-008"
    assert "22P02" in problem.cause
    assert "row 1" not in repr(problem)


@pytest.mark.proves("read SQL", "slow", "SRC-023 when query_timeout is over; it is not retried")
@pytest.mark.parametrize("way", WAYS)
def test_a_query_that_takes_too_long_is_ended(own: Postgres, tmp_path: Path, way: str) -> None:
    own.execute("CREATE OR REPLACE VIEW slow AS SELECT 1 AS a FROM pg_sleep(60)")
    problem = _told(_settings(own, tmp_path, way, query_timeout=1, retry_seconds=100), "slow")
    assert (problem.code, problem.meaning.transient) == ("SRC-023", False)
    busy = "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'PgSleep'"
    assert wait_until(lambda: not own.execute(busy), 30), "the server goes on"


@pytest.mark.parametrize("way", WAYS)
def test_no_more_queries_at_once_than_allowed(own: Postgres, tmp_path: Path, way: str) -> None:
    own.execute("CREATE OR REPLACE VIEW napping AS SELECT 1 AS a FROM pg_sleep(0.3)")
    settings = _settings(own, tmp_path, way, max_connections=2)
    most = 0
    with ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(read, settings, "napping") for _ in range(8)]
        while not all(done.done() for done in reads):
            ((active,),) = own.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
                " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            most = max(most, active)
    assert [done.result().height for done in reads] == [1] * 8
    assert most == 2


@pytest.mark.parametrize("way", WAYS)
def test_names_may_be_any(own: Postgres, tmp_path: Path, way: str) -> None:
    names = ["a b", "c%d", "e:f", "select", "Ünï", "x]y", "don't", 'q"q', "w?", "{z}", "%(n)s"]
    quoted = ", ".join(f"'v' AS \"{name.replace(chr(34), chr(34) * 2)}\"" for name in names)
    own.execute(
        'CREATE SCHEMA IF NOT EXISTS "My Schema"; DROP TABLE IF EXISTS "My Schema"."a ""t?"'
    )
    own.execute(
        f'CREATE TABLE "My Schema"."a ""t?" AS SELECT {quoted}, \'USA\'::text AS "Client ?"'
    )
    settings = _settings(own, tmp_path, way)
    located = {"schema": "My Schema", "client_column": "Client ?"}
    assert read(settings, 'a "t?', *names, client="USA", **located).rows() == [("v",) * len(names)]
    assert read(settings, 'a "t?', "a b", client="x' OR '1'='1", **located).height == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["text", "varchar(10)", "char(5)", "int"])
def test_one_client_of_a_shared_table(own: Postgres, tmp_path: Path, way: str, kind: str) -> None:
    own.execute(f"DROP TABLE IF EXISTS shared; CREATE TABLE shared (n int, client {kind})")
    own.execute("INSERT INTO shared VALUES (1, '7'), (2, '70'), (3, NULL), (4, '7')")
    rows = read(_settings(own, tmp_path, way), "shared", "n", client_column="client", client="7")
    assert sorted(rows["n"].to_list()) == [1, 4]


@pytest.mark.parametrize("way", WAYS)
def test_only_the_wanted_columns_are_asked_for(own: Postgres, tmp_path: Path, way: str) -> None:
    own.execute("CREATE OR REPLACE VIEW costly AS SELECT i, 1 / (i - 1) AS failing FROM big")
    assert read(_settings(own, tmp_path, way), "costly", "i").height == ROWS


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_table_has_its_columns(own: Postgres, tmp_path: Path, way: str) -> None:
    own.execute("DROP TABLE IF EXISTS void; CREATE TABLE void (d date, n numeric(5,1), t text)")
    rows = read(_settings(own, tmp_path, way), "void")
    assert rows.schema == {"d": pl.Date, "n": pl.Decimal(5, 1), "t": pl.String}
    assert rows.height == 0
