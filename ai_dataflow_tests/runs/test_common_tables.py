"""A table of SQL that all clients share: read once by a run, whoever and how many need it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ai_dataflow import load
from ai_dataflow.engine import local
from ai_dataflow.engine.hand import Crash
from ai_dataflow.extracts.staging import last_extracts
from ai_dataflow.planning.changes import Reason
from ai_dataflow.runs.cleanup import clean
from ai_dataflow.runs.prospect import look_ahead, read_draft
from ai_dataflow.runs.trial import try_out
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests import projects
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.services.postgres import Postgres

CLIENTS = ("acme", "beta", "coral")
CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active,load
    ORION,claims,claim,acme,data/acme.csv,Y,
    ORION,claims,claim,beta,data/beta.csv,Y,
    ORION,claims,claim,coral,data/coral.csv,Y,
    VEGA,claims,claim,delta,data/delta.csv,Y,
    ORION,claims,rate,*,sql://lyra/rates,Y,{load}
"""
MAPPING = """
    module_name,product_code,submodule_name,client_code,source_column,ai_column,ai_type,is_key
    claims,*,claim,,No,claim_id,int64,
    claims,*,claim,,Cur,currency,string,Y
    claims,ORION,rate,,cur,currency,string,Y
    claims,ORION,rate,,rate,rate,int64,
    claims,ORION,rate,beta,note,note,string,
"""
RULES = "module_name,product_code,submodule_name,join\nclaims,ORION,rate,lookup\n"
TOML = """
    source_rules = "rules.csv"
    [sql.lyra]
    url = "{url}"
    [workstation]
    url = "workstation"
    [execution]
    workers = 3
"""
RATES = ("CREATE TABLE rates (cur VARCHAR(3), rate INTEGER, note VARCHAR(20), secret VARCHAR(9))",
         "INSERT INTO rates VALUES ('EUR', 1, 'home', 's3cret'), ('USD', 2, '', ''),"
         " ('CHF', 3, '', '')")  # fmt: skip
PLACE = "control_table.csv:6:module_location"


def _company(folder: Path, url: str = "sqlite:///lyra.sqlite", load: str = "") -> Path:
    control = CONTROL.format(load=load)
    projects.project(folder, control=control, mapping=MAPPING, toml=TOML.format(url=url))
    text_file(folder, "rules.csv", RULES)
    for number, client in enumerate((*CLIENTS, "delta")):
        currency = ("EUR", "USD", "EUR", "EUR")[number]
        text_file(folder, f"data/{client}.csv", f"No,Cur\n{number},{currency}\n")
    return folder


def _do(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "lyra.sqlite")) as session:
        for statement in statements:
            session.execute(statement)
        session.commit()


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """Give the project of four clients, of which three look up rates; not yet run."""
    _do(tmp_path, *RATES)
    return _company(tmp_path)


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Hear what SQLAlchemy asks databases in this process."""
    said: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(" ".join(statement.split()))

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)


def _reads(said: list[str]) -> list[str]:
    return [text for text in said if "FROM rates" in text and "rate," in text]


def _workstation(folder: Path) -> Folders:
    return open_workstation(load_project(folder).settings)


def _files(folder: Path, where: str) -> list[str]:
    """Give the copies below a folder of the workstation."""
    return sorted(p.name for p in (folder / "workstation" / where).rglob("*.parquet"))


def _rates(folder: Path) -> dict[str, list[int | None]]:
    rows = load("claims", config=folder).select("client_code", "rate").collect().rows()
    return {client: [rate for of, rate in rows if of == client] for client, _ in rows}


def _statuses(report: RunReport) -> dict[str, str]:
    return {p.partition.partition("|")[2]: p.status for p in report.partitions}


def _due(folder: Path) -> dict[str, tuple[Reason, ...]]:
    return {key.client: why for key, why in look_ahead(read_draft(folder)).changes.due.items()}


def _removed(folder: Path, *, dry_run: bool = False) -> list[str]:
    found = clean(_workstation(folder), "c", timedelta(0), dry_run=dry_run)["claims"]
    assert not found.problems
    return sorted(Path(url).name for url in found.files)


@pytest.mark.usefixtures("in_process")
def test_it_is_read_in_one_statement_for_all_who_need_it(company: Path) -> None:
    with _heard() as said:
        report = spine.run(company)
    assert _statuses(report) == dict.fromkeys((*CLIENTS, "delta"), "ok")
    (read,) = _reads(said)
    assert "note" in read, "beta's row of the sheet needs it"
    assert "secret" not in read
    assert _rates(company) == {"acme": [1], "beta": [2], "coral": [1], "delta": [None]}
    (copy,) = _files(company, "_common/claims/ORION/rate")
    assert _files(company, "_staging") == []
    for client in CLIENTS:
        extract = next(
            e
            for e in last_extracts(_workstation(company).staging("claims", client)).values()
            if e.staged
        )
        assert (extract.rows, [file.path for file in extract.files]) == (3, [copy])
    for partition in report.partitions:
        for counts in partition.products.values():
            assert counts.rows_read == (
                counts.rows_published + counts.rows_merged + counts.rows_unmatched
            )
    assert [p.products["ORION"].sources["rate"].rows_read for p in report.partitions[:3]] == [3] * 3


@pytest.mark.usefixtures("in_process")
def test_a_merge_alone_reads_the_last_copy_and_asks_no_database(company: Path) -> None:
    spine.run(company)
    assert spine.run(company, stages=["adls_extract"]).exit_code == 0
    (company / "lyra.sqlite").unlink()
    with _heard() as said:
        report = spine.run(company, stages=["ai_dataset"])
    assert (report.exit_code, said) == (0, [])
    assert _rates(company)["beta"] == [2]
    assert len(_files(company, "_common")) == 1


def test_a_change_of_it_makes_those_who_use_it_and_takes_its_copy_away(company: Path) -> None:
    spine.run_changed(company)
    before = _files(company, "_common")
    _do(company, "UPDATE rates SET rate = 7 WHERE cur = 'EUR'")
    due = _due(company)
    assert set(due) == {*CLIENTS}
    assert [r.place for r in due["coral"]] == [PLACE]
    report = spine.run_changed(company)
    assert _statuses(report) == {**dict.fromkeys(CLIENTS, "ok"), "delta": "unchanged"}
    assert _rates(company) == {"acme": [7], "beta": [2], "coral": [7], "delta": [None]}
    (after,) = _files(company, "_common")
    assert [after] != before
    assert _due(company) == {}


def test_a_copy_stays_as_long_as_somebodys_last_extracts_name_it(company: Path) -> None:
    spine.run(company)
    (first,) = _files(company, "_common")
    _do(company, "UPDATE rates SET rate = rate + 10")
    spine.run(company, ["claims|acme"])
    assert len(_files(company, "_common")) == 2
    assert _removed(company) == []
    # beta merges the rows that it was extracted with.
    assert spine.run(company, ["claims|beta"], ["ai_dataset"]).exit_code == 0
    assert _rates(company) == {"acme": [11], "beta": [2], "coral": [1], "delta": [None]}
    spine.run(company)
    assert _rates(company) == {"acme": [11], "beta": [12], "coral": [11], "delta": [None]}
    assert _removed(company, dry_run=True) == [first]
    assert _removed(company) == [first]
    assert len(_files(company, "_common")) == 1
    assert spine.run(company, stages=["ai_dataset"]).exit_code == 0


@pytest.mark.proves(
    "read SQL",
    "corrupt",
    "of a table that all clients share: each partition that uses it tells the same code and owner",
)
def test_a_table_that_cannot_be_read_fails_all_who_use_it_and_nobody_else(company: Path) -> None:
    spine.run(company)
    broken = "CREATE VIEW rates AS SELECT cur, json_extract('{', '$') AS rate, note FROM others"
    _do(company, "ALTER TABLE rates RENAME TO others", broken)
    text_file(company, "data/delta.csv", "No,Cur\n8,USD\n")
    report = spine.run(company)
    assert _statuses(report) == {**dict.fromkeys(CLIENTS, "failed"), "delta": "ok"}
    for partition in report.partitions[:3]:
        (error,) = partition.errors
        assert (error.place, error.owner) == (PLACE, "orion-data")
        assert error.code.startswith("SRC-")
    assert _rates(company)["coral"] == [1]
    # What was copied last is still there.
    assert spine.run(company, stages=["ai_dataset"]).exit_code == 0


@pytest.mark.proves(
    "read SQL",
    "killed",
    "RUN-022: the process that copies a table which all clients share; all who use it, none else",
)
def test_a_process_that_falls_over_it_fails_all_who_use_it(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is gone before it says what it had in hand."""
    spread = local.spread

    def crashing(batches: Any, *given: Any) -> Any:
        several = list(batches)
        for pair in [pair for batch in several for pair in batch.items if pair[0].client == "*"]:
            yield pair, Crash("SIGKILL")
        rest = [batch for batch in several if batch.items[0][0].client != "*"]
        yield from spread(rest, *given)

    monkeypatch.setattr(local, "spread", crashing)
    report = spine.run(company)
    assert _statuses(report) == {**dict.fromkeys(CLIENTS, "failed"), "delta": "ok"}
    for partition in report.partitions[:3]:
        (error,) = partition.errors
        assert (error.code, error.place, error.owner) == ("RUN-022", PLACE, "ai-platform")


@pytest.mark.usefixtures("in_process")
def test_new_rows_join_its_copy(tmp_path: Path) -> None:
    _do(tmp_path, *RATES)
    company = _company(tmp_path, load="append_by:rate")
    spine.run_changed(company)
    _do(company, "INSERT INTO rates VALUES ('GBP', 4, '', '')")
    text_file(company, "data/coral.csv", "No,Cur\n2,GBP\n")
    with _heard() as said:
        assert spine.run_changed(company).exit_code == 0
    assert len(_reads(said)) == 1
    assert "rate >=" in _reads(said)[0]
    assert _rates(company)["coral"] == [4]


@pytest.mark.usefixtures("in_process")
def test_a_trial_reads_it_once_too(company: Path) -> None:
    ahead = look_ahead(read_draft(company))
    with _heard() as said:
        assert try_out(ahead).failed == {}
    assert len(_reads(said)) == 1
    assert not (company / "workstation").exists()


def test_postgresql_sees_one_statement(tmp_path: Path, postgres: Postgres) -> None:
    """The server itself tells what it was asked, by many workers at once."""
    name = postgres.create_database()
    postgres.execute(f"ALTER DATABASE {name} SET log_statement = 'all'")
    for statement in RATES:
        postgres.execute(statement, database=name)
    company = _company(tmp_path, postgres.url(name))
    _see_one(postgres, lambda: spine.run(company))
    assert _rates(company) == {"acme": [1], "beta": [2], "coral": [1], "delta": [None]}


def _see_one(postgres: Postgres, run: Callable[[], RunReport]) -> None:
    log = postgres.folder / "server.log"
    begin = log.stat().st_size
    assert run().exit_code == 0
    said = log.read_bytes()[begin:].decode(errors="replace").splitlines()
    reads = [line for line in said if "rates.rate" in line or ("FROM rates" in line)]
    assert len(reads) == 1, reads
