"""Claims look up agents, their countries, and rates as of a day: run, edited, replayed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow.partition.reading import Reading
from ai_dataflow.planning.active import active_partitions
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.explain import explain_partition
from ai_dataflow.runs.prospect import look_ahead
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.reports import PartitionReport
from ai_dataflow_tests import projects
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs import spine

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,country,*,data/countries.csv,Y
    ORION,claims,claim,acme,data/acme.csv,Y
    ORION,claims,agent,acme,data/agents.csv,Y
    ORION,claims,claim,beta,data/beta.csv,Y
    ORION,claims,agent,beta,data/beta_agents.csv,Y
    ORION,claims,rate,*,data/rates.csv,Y
    ORION,claims,rate,beta,data/beta_rates.csv,Y
    VEGA,claims,claim,coral,data/coral.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key,published,required,transform
    claims,*,claim,No,claim_id,int64,,,,
    claims,ORION,claim,Agent,agent,string,Y,N,,
    claims,ORION,claim,Cur,currency,string,Y,,,
    claims,ORION,claim,Day,booked_on,date,,,,
    claims,ORION,agent,Code,agent,string,Y,N,,
    claims,ORION,agent,Land,land,string,Y,N,,
    claims,ORION,country,Land,land,string,Y,N,,
    claims,ORION,country,Name,country,string,,,,
    claims,ORION,rate,Cur,currency,string,Y,,,
    claims,ORION,rate,Since,valid_from,date,,N,,
    claims,ORION,rate,Rate,rate,float64,,,,
"""
RULES = """
    module_name,product_code,submodule_name,join,as_of
    claims,ORION,agent,lookup,
    claims,ORION,country,lookup,
    claims,ORION,rate,lookup,booked_on >= valid_from
"""
CLAIMS = "No,Agent,Cur,Day\n1,a,EUR,2024-01-01\n2,b,EUR,2024-06-30\n3,a,USD,2024-06-30\n4,x,EUR,\n"
ACME = [(1, "Germany", 1.1, "EUR"), (2, None, 1.2, "EUR"), (3, "Germany", None, "USD"),
        (4, None, None, "EUR")]  # fmt: skip


@pytest.fixture
def company(tmp_path: Path) -> Path:
    """Give the project, not yet run."""
    projects.project(
        tmp_path, control=CONTROL, mapping=MAPPING, toml='source_rules = "rules.csv"\n'
    )
    text_file(tmp_path, "rules.csv", RULES)
    text_file(tmp_path, "data/acme.csv", CLAIMS)
    text_file(tmp_path, "data/beta.csv", "No,Agent,Cur,Day\n5,a,EUR,2024-06-30\n")
    text_file(tmp_path, "data/coral.csv", "No\n6\n")
    text_file(tmp_path, "data/agents.csv", "Code,Land\na,DE\nb,\nc,FR\n")
    text_file(tmp_path, "data/beta_agents.csv", "Code,Land\na,FR\n")
    text_file(tmp_path, "data/countries.csv", "Land,Name\nDE,Germany\nFR,France\nIT,Italy\n")
    text_file(
        tmp_path, "data/rates.csv", "Cur,Since,Rate\nEUR,2024-01-01,1.1\nEUR,2024-06-01,1.2\n"
    )
    text_file(tmp_path, "data/beta_rates.csv", "Cur,Since,Rate\nEUR,2020-01-01,9\n")
    return tmp_path


def _rows(folder: Path, client: str) -> list[tuple[Any, ...]]:
    rows = pl.read_delta(str(folder / "workstation/claims"))
    mine = rows.filter(pl.col("client_code") == client).sort("claim_id")
    return mine.select("claim_id", "country", "rate", "currency").rows()


def _edit(folder: Path, table: str, old: str, new: str) -> None:
    text = (folder / table).read_text(encoding="utf-8")
    assert old in text
    (folder / table).write_text(text.replace(old, new), encoding="utf-8")


def _terms(partition: PartitionReport, submodule: str) -> tuple[int, int, int, int]:
    source = partition.products["ORION"].sources[submodule]
    return (source.rows_read, source.rows_produced, source.rows_unmatched, source.rows_not_found)


def test_lookups_two_deep_and_as_of_a_day(company: Path) -> None:
    acme, beta, coral = spine.run(company).partitions
    assert [p.status for p in (acme, beta, coral)] == ["ok"] * 3
    assert _rows(company, "acme") == ACME
    assert _rows(company, "beta") == [(5, "France", 9.0, "EUR")]
    assert pl.read_delta(str(company / "workstation/claims")).columns == [
        "claim_id", "currency", "booked_on", "country", "rate", "product_code", "client_code",
    ]  # fmt: skip
    assert _terms(acme, "agent") == (3, 1, 1, 1)  # a twice, b; c is nobody's, x is not there
    assert _terms(acme, "country") == (3, 1, 2, 2)
    assert _terms(acme, "rate") == (2, 0, 0, 2)
    counts = acme.products["ORION"]
    assert counts.rows_read + counts.rows_produced == (
        counts.rows_published + counts.rows_merged + counts.rows_unmatched
    )
    assert (counts.rows_published, counts.rows_merged) == (4, 3 + 2 + 2)


def test_no_plan_has_a_client_that_is_all(company: Path) -> None:
    project = load_project(company)
    keys = ["claims|acme", "claims|beta", "claims|coral"]
    draft = make_draft(project)
    assert active_partitions(project) == draft.plan.partitions == keys
    sources = {key: [s.submodule for s in job.sources] for key, job in draft.plan.jobs.items()}
    assert sources["claims|acme"] == ["claim", "agent", "country", "rate"]
    assert sources["claims|beta"] == ["claim", "agent", "rate", "country"]
    assert sources["claims|coral"] == ["claim"]
    explained = str(explain_partition(draft.plan.jobs[draft.plan.partitions[0]], {}))
    assert "lookup in agent on agent   (rules.csv:2:join)" in explained
    assert ("lookup in rate on currency, the last row with booked_on >= valid_from   "
            "(rules.csv:4:join)") in explained  # fmt: skip
    assert "published: claim_id, currency, booked_on, country, rate, product_code" in explained


@pytest.mark.parametrize(
    ("table", "old", "new", "due"),
    [
        ("rules.csv", "country,lookup", "country,left", ["acme", "beta"]),
        ("rules.csv", ">=", ">", ["acme", "beta"]),
        ("data/rates.csv", "1.1", "1.3", ["acme"]),
        ("data/countries.csv", "Italy", "Italia", ["acme", "beta"]),
        ("ai_mapping.csv", "valid_from,date,,N", "valid_from,date,,", ["acme", "beta"]),
    ],
)
def test_an_edit_makes_whom_it_is_about(
    company: Path, table: str, old: str, new: str, due: list[str]
) -> None:
    spine.run(company)
    _edit(company, table, old, new)
    changes = look_ahead(make_draft(load_project(company))).changes
    assert [key.client for key in changes.due] == due


def test_a_key_twice_in_what_all_share_fails_whom_it_feeds(company: Path) -> None:
    with (company / "data/countries.csv").open("a") as file:
        file.write("ES,Spain\nES,España\n")
    acme, beta, coral = spine.run(company).partitions
    assert [p.status for p in (acme, beta, coral)] == ["failed", "failed", "ok"]
    assert {(e.code, e.submodule) for p in (acme, beta) for e in p.errors} == {
        ("DAT-025", "country")
    }


@pytest.mark.usefixtures("in_process")
def test_what_all_clients_share_is_read_once(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _edit(company, "control_table.csv", "ORION,claims,rate,beta,data/beta_rates.csv,Y\n", "")
    (company / "data/beta_agents.csv").write_text("Code,Land\nb,\na,DE\n")
    read: list[str] = []
    chunks = Reading.chunks

    def noted(reading: Reading) -> Iterator[pl.DataFrame]:
        read.extend(file.path for files in reading.files for file in files.pinned.files)
        return chunks(reading)

    monkeypatch.setattr(Reading, "chunks", noted)
    report = spine.run(company)
    assert [p.status for p in report.partitions] == ["ok"] * 3
    assert read.count("rates.csv") == read.count("countries.csv") == 1
    assert _rows(company, "acme") == ACME
    assert _rows(company, "beta") == [(5, "Germany", 1.2, "EUR")]


def test_a_late_row_is_looked_up_and_a_late_lookup_found(company: Path) -> None:
    (company / "data/acme.csv").write_text(CLAIMS.replace("2,b", "two,b"))
    (company / "data/rates.csv").write_text("Cur,Since,Rate\nEUR,2024-01-01,1.1\nEUR,soon,1.2\n")
    spine.run(company)
    before = [row for row in ACME if row[0] != 2]
    assert _rows(company, "acme") == before
    _edit(company, "ai_mapping.csv", "claim,No,claim_id,int64,,,,",
          "claim,,claim_id,int64,,,,\"REPLACE(No, 'two', '2')\"")  # fmt: skip
    _edit(company, "ai_mapping.csv", "rate,Since,valid_from,date,,N,,",
          "rate,,valid_from,date,,N,,\"REPLACE(Since, 'soon', '2024-06-01')\"")  # fmt: skip
    report = spine.replay(company)
    assert [(p.status, p.rows_replayed) for p in report.partitions] == [("ok", 2)]
    assert _rows(company, "acme") == ACME


def test_another_kind_of_join_needs_a_run(company: Path) -> None:
    (company / "data/acme.csv").write_text(CLAIMS + "bad,a,EUR,\n")
    spine.run(company)
    late = "claim,,claim_id,int64,,,,\"REPLACE(No, 'bad', '7')\""
    _edit(company, "ai_mapping.csv", "claim,No,claim_id,int64,,,,", late)
    _edit(company, "rules.csv", "country,lookup", "country,inner")
    (failed,) = spine.replay(company).partitions
    assert [e.code for e in failed.errors] == ["DAT-005"]
    assert _rows(company, "acme") == ACME


def test_another_type_of_a_key_that_is_not_published_needs_a_run(company: Path) -> None:
    (company / "data/acme.csv").write_text(CLAIMS + "bad,a,EUR,\n")
    spine.run(company)
    late = "claim,,claim_id,int64,,,,\"REPLACE(No, 'bad', '7')\""
    _edit(company, "ai_mapping.csv", "claim,No,claim_id,int64,,,,", late)
    _edit(company, "ai_mapping.csv", "claim,Day,booked_on,date", "claim,Day,booked_on,timestamp")
    _edit(company, "ai_mapping.csv", "valid_from,date", "valid_from,timestamp")
    (failed,) = spine.replay(company).partitions
    assert [e.code for e in failed.errors] == ["DAT-005"]


def test_a_required_column_of_a_lookup_rejects_who_found_none(company: Path) -> None:
    _edit(company, "ai_mapping.csv", "rate,Rate,rate,float64,,,", "rate,Rate,rate,float64,,,Y")
    acme = spine.run(company).partitions[0]
    assert _rows(company, "acme") == ACME[:2]
    sources = acme.products["ORION"].sources
    assert {name: dict(s.rejected) for name, s in sources.items() if s.rejected} == {
        "claim": {"REJ-004": 2}
    }
    assert _terms(acme, "rate") == (2, 0, 0, 2)


@pytest.mark.parametrize(("join", "status"), [("left", "ok"), ("inner", "failed")])
def test_joins_that_leave_no_row_are_no_success(company: Path, join: str, status: str) -> None:
    _edit(company, "rules.csv", "rate,lookup,booked_on >= valid_from", f"rate,{join},")
    (company / "data/beta_rates.csv").write_text("Cur,Since,Rate\nXXX,2020-01-01,9\n")
    beta = spine.run(company).partitions[1]
    assert (beta.status, [e.code for e in beta.errors]) == (
        status, ["DAT-026"] if status == "failed" else [],
    )  # fmt: skip
