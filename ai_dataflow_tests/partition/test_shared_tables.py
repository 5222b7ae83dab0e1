"""Tables that clients share: a code is text, whatever the database takes for the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.sources.sql.queries import database as opened
from ai_dataflow.sources.sql.queries import select
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.partition.jobs import (
    codes,
    database,
    job,
    mapped,
    problems,
    run_job,
    settings,
    source,
    written,
)
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs import spine

SPELLINGS = ["7", "07", "7.0", "7e0", "+7", "70", "-1", "acme", "ACME", "Acme", "a'b", "é", "null"]
DECLARED = {
    "TEXT": str,
    "VARCHAR(10)": str,
    "TEXT COLLATE NOCASE": str,
    "INTEGER": int,
    "DECIMAL(10,0)": int,
}


def _make(folder: Path, client: str, append_by: str = "") -> PartitionResult:
    where = SqlLocation("db", "t", client_column="client", client=client)
    own = source(where, mapped("n", "int64"))
    return run_job(job(own), folder)


def _table(folder: Path, declared: str, owners: Sequence[object]) -> None:
    database(folder, "DROP TABLE IF EXISTS t", f"CREATE TABLE t (client {declared}, n INTEGER)")
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        connection.executemany("INSERT INTO t VALUES (?, ?)", zip(owners, range(len(owners))))  # noqa: B905
    connection.close()


@pytest.mark.parametrize("declared", DECLARED)
@examples(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_each_client_gets_the_rows_that_spell_it_so(
    tmp_path: Path, declared: str, data: st.DataObject
) -> None:
    values = st.integers(-2, 71) if DECLARED[declared] is int else st.sampled_from(SPELLINGS)
    owners = data.draw(st.lists(values, min_size=1, max_size=12))
    _table(tmp_path, declared, owners)
    for client in data.draw(st.sets(st.sampled_from(SPELLINGS), min_size=1, max_size=4)):
        result = _make(tmp_path, client)
        own = [(n,) for n, owner in enumerate(owners) if str(owner) == client]
        folded = [o for o in owners if str(o).lower() == client.lower() and str(o) != client]
        if "NOCASE" in declared and folded:
            assert codes(result) == ["SRC-017"]
            assert not any(spelling in str(problems(result)) for spelling in folded)
        elif own:
            assert sorted(written(result, tmp_path).select("n").rows()) == own
        else:
            assert codes(result) == ["SRC-002"]
            holds_numbers = "which holds numbers" in problems(result)[0].message
            assert holds_numbers == (DECLARED[declared] is int)


@pytest.mark.parametrize("declared", ["REAL", "DECIMAL(10,2)", "BLOB"])
def test_a_column_without_a_sure_text_is_refused(tmp_path: Path, declared: str) -> None:
    _table(tmp_path, declared, [7])
    assert codes(_make(tmp_path, "7")) == ["CTL-022"]


@pytest.mark.parametrize("declared", ["TEXT", "INTEGER", "DECIMAL(10,0)"])
def test_the_index_of_the_column_is_used(tmp_path: Path, declared: str) -> None:
    """What is compared is the column as it is, with a value that the database converts once."""
    _table(tmp_path, declared, ["7"])
    database(tmp_path, "CREATE INDEX by_client ON t (client)")
    where = SqlLocation("db", "t", client_column="client", client="7")
    shop = opened("db", settings(tmp_path, db="sqlite:///shop.sqlite"))
    statement = select(where, shop.columns(where, "cell"))
    asked = str(statement.compile())
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as database_:
        steps = database_.execute(f"EXPLAIN QUERY PLAN {asked}", {"client": "7"}).fetchall()
    assert "USING INDEX by_client" in str(steps)


def test_validate_and_run_say_the_same(tmp_path: Path) -> None:
    control = "product_code,module_name,submodule_name,client_code,module_location,active\n"
    control += "".join(f"    ORION,claims,claim,{client},sql://db/t?client_column=client,Y\n"
                       for client in ("7", "07", "7.0", "7e0"))  # fmt: skip
    mapping = "module_name,product_code,submodule_name,source_column,ai_column,ai_type\n"
    mapping += "    claims,ORION,claim,n,n,int64\n"
    toml = '[sql.db]\nurl = "sqlite:///shop.sqlite"\n[workstation]\nurl = "workstation"\n'
    folder = project(tmp_path, control=control, mapping=mapping, toml=toml)
    _table(folder, "INTEGER", [7, 7, 70])
    wrong = look_live(make_draft(load_project(folder))).plan.errors
    said = {p.partitions[0]: (p.code, p.message) for p in wrong}
    report = spine.run(folder)
    failed = {p.partition: (p.error.code, p.error.message) for p in report.partitions if p.error}
    assert failed == said
    assert set(failed) == {"claims|07", "claims|7.0", "claims|7e0"}
    assert {p.partition: p.rows_published for p in report.partitions}["claims|7"] == 2
