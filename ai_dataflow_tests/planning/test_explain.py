"""Explaining: what a partition compiles to, and where an AI column comes from."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.planning.draft import make_draft, make_plan
from ai_dataflow.planning.explain import explain_partition, feeds
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.sources.schemas import Look
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import project, text_file

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,data/h.parquet,Y
    ORION,claims,line,acme,sql://policydb/Lines,Y
    ORION,claims,note,acme,data/n.csv,Y
    VEGA,claims,claim,acme,data/v.csv,Y
    VEGA,claims,claim,borealis,data/w.csv,Y
    VEGA,policies,policy,acme,data/v.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key,required
    claims,ORION,header,ClaimNo,claim_id,int64,,Y,Y
    claims,ORION,header,,status,string,upper(Status),,
    claims,ORION,line,ClaimNo,claim_id,int64,,Y,
    claims,ORION,line,Amount,amount,float64,,,
    claims,ORION,note,Text,status,string,,,
    claims,VEGA,claim,id,claim_id,int64,,,
    policies,*,policy,id,claim_id,int64,,,
"""
SQL = '[sql.policydb]\nurl = "sqlite:///data/policy.sqlite"\n'
EXPLAINED = """\
claims|acme
  ORION
    header from data/h.parquet   (control_table.csv:2:module_location)
      claim_id: int64 <- ClaimNo: Int64   [key, required]   (ai_mapping.csv:2:source_column)
      status: string <- upper(Status): String   (ai_mapping.csv:3:transform)
    line from sql://policydb/Lines   (control_table.csv:3:module_location)
      claim_id: int64 <- ClaimNo: Int64   [key]   (ai_mapping.csv:4:source_column)
      amount: float64 <- Amount: Float64   (ai_mapping.csv:5:source_column)
    note from data/n.csv   (control_table.csv:4:module_location)
      status: string <- Text: String   (ai_mapping.csv:6:source_column)
    full outer join of line on claim_id
    append note
  VEGA
    claim from data/v.csv   (control_table.csv:5:module_location)
      claim_id: int64 <- id: String   (ai_mapping.csv:7:source_column)
  published: claim_id, status, amount, product_code"""

Planned = tuple[Plan, dict[object, Look]]


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    folder = project(tmp_path, control=CONTROL, mapping=MAPPING, toml=SQL)
    header = pl.DataFrame(schema={"ClaimNo": pl.Int64, "Status": pl.String})
    header.write_parquet(folder / "data/h.parquet")
    text_file(folder, "data/n.csv", "Text\n")
    for name in ("v", "w"):
        text_file(folder, f"data/{name}.csv", "id\n")
    with sqlite3.connect(folder / "data/policy.sqlite") as connection:
        connection.execute("CREATE TABLE Lines (ClaimNo INTEGER, Amount REAL)")
    live = look_live(make_draft(load_project(folder)))
    return live.plan, dict(live.schemas)


def test_a_partition_is_explained_with_its_sources_types_cells_and_merge(planned: Planned) -> None:
    made, schemas = planned
    assert str(explain_partition(made.jobs["claims|acme"], schemas)) == EXPLAINED


def test_a_transform_is_shown_as_it_was_compiled_in_its_own_dialect(tmp_path: Path) -> None:
    control = CONTROL.splitlines()[1] + "\n    ORION,claims,header,acme,data/h.csv,Y\n"
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
        claims,ORION,header,,big,boolean,"isnull([Net Sum], 0) > 1 and day < '2024-02-01'"
    """
    folder = project(tmp_path, control=control, mapping=mapping,
                     toml='[mapping]\ndialect = "tsql"\n')  # fmt: skip
    text_file(folder, "data/h.csv", "Net Sum,day\n")
    live = look_live(make_draft(load_project(folder)))
    text = str(explain_partition(live.plan.jobs["claims|acme"], dict(live.schemas)))
    assert 'isnull("Net Sum", CAST(0 AS VARCHAR))' in text or "CAST(isnull" in text
    assert "day < '2024-02-01'" in text


def test_without_schemas_a_partition_is_explained_without_types(planned: Planned) -> None:
    text = str(explain_partition(planned[0].jobs["claims|borealis"], {}))
    assert "claim_id: int64 <- id   (ai_mapping.csv:7:source_column)" in text


def test_a_submodule_is_joined_on_the_keys_of_all_before_it(tmp_path: Path) -> None:
    control = CONTROL.replace("sql://policydb/Lines", "l.csv").split("    VEGA", maxsplit=1)[0]
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key
        claims,ORION,header,No,claim_id,int64,Y
        claims,ORION,header,Day,day,date,Y
        claims,ORION,line,No,claim_id,int64,Y
        claims,ORION,note,Day,day,date,Y
    """
    made = make_plan(load_project(project(tmp_path, control=control, mapping=mapping)))
    joins = str(explain_partition(made.jobs["claims|acme"], {})).splitlines()[-3:-1]
    assert [line.strip() for line in joins] == [
        "full outer join of line on claim_id",
        "full outer join of note on day",
    ]


def test_a_column_comes_from_one_feed_per_module_product_and_submodule(planned: Planned) -> None:
    made, schemas = planned
    filled = {("claims|acme", "ORION"), ("claims|borealis", "VEGA"), ("policies|acme", "LYRA")}
    found = feeds(made, schemas, "claim_id", filled)
    assert [(f.module, f.product, f.submodule, f.source_type) for f in found] == [
        ("claims", "ORION", "header", "Int64"),
        ("claims", "ORION", "line", "Int64"),
        ("claims", "VEGA", "claim", "String"),
        ("policies", "VEGA", "policy", "String"),
    ]
    assert [(f.clients, f.filled) for f in found] == [(1, 1), (1, 1), (2, 1), (1, 0)]


def test_a_feed_tells_what_feeds_the_column_and_its_cell(planned: Planned) -> None:
    made, schemas = planned
    transform, column = feeds(made, schemas, "status")
    assert (transform.source, transform.cell) == ("upper(Status)", "ai_mapping.csv:3:transform")
    assert (column.source, column.cell) == ("Text", "ai_mapping.csv:6:source_column")
    assert vars(column) == {
        "module": "claims", "ai_column": "status", "ai_type": "string", "product": "ORION",
        "submodule": "note", "source": "Text", "cell": "ai_mapping.csv:6:source_column",
        "source_type": "String", "clients": 1, "filled": 0, "holds": (),
    }  # fmt: skip


def test_a_column_that_nothing_feeds_has_no_feed(planned: Planned) -> None:
    assert feeds(planned[0], {}, "nothing") == []


def test_a_row_of_one_client_feeds_that_client_alone(tmp_path: Path) -> None:
    clients = "acme", "borealis", "coral"
    rows = "".join(f"VEGA,claims,claim,{client},data/{client}.csv,Y\n" for client in clients)
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,client_code
        claims,VEGA,claim,id,claim_id,int64,,
        claims,VEGA,claim,No,claim_id,int64,,borealis
        claims,VEGA,,,twice,int64,claim_id * 2,
    """
    folder = project(tmp_path, control=CONTROL.splitlines()[1].strip() + "\n" + rows,
                     mapping=mapping, toml='ai_columns = "d.csv"')  # fmt: skip
    text_file(folder, "d.csv", "module_name,ai_column,min\nclaims,claim_id,1\nclaims,twice,2\n")
    made = make_plan(load_project(folder))
    assert [(f.source, f.clients, f.holds) for f in feeds(made, {}, "claim_id")] == [
        ("id", 2, ("min 1",)), ("No", 1, ("min 1",)),
    ]  # fmt: skip
    (twice,) = feeds(made, {}, "twice")
    assert (twice.submodule, twice.clients, twice.holds) == ("", 3, ("min 2",))
