"""A project with code lists and rows of single clients: run, edited, run again, replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_ahead
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests import projects
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs import spine

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/a.csv,Y
    ORION,claims,claim,beta,data/b.csv,Y
    VEGA,claims,claim,coral,data/v.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,client_code,source_column,ai_column,ai_type,code_list,unmapped,default
    claims,*,claim,,No,claim_id,int64,,,
    claims,*,claim,,Land,country,string,country,,ZZ
    claims,*,claim,,State,state,int64,state,-1,
    claims,*,claim,,Note,note,string,,,
    claims,ORION,claim,beta,Remark,note,string,,,none
"""
CODES = """
    code_list,source_value,ai_value,product_code
    country,Schweiz,CH,
    country,D,DE,
    country,D,DK,ORION
    state,open,1,
"""


def _project(folder: Path, codes: str = CODES) -> Path:
    projects.project(folder, control=CONTROL, mapping=MAPPING, toml='code_lists = "codes.csv"\n')
    text_file(folder, "codes.csv", codes)
    header = "No,Land,State"
    text_file(folder, "data/a.csv", f"{header},Note\n1, Schweiz ,open,x\n2,D,shut,\n3,Suisse,,y\n")
    text_file(folder, "data/b.csv", f"{header},Remark\n4,,open,\n5,D,open,z\n")
    text_file(folder, "data/v.csv", f"{header},Note\n6,D,open,v\n")
    return folder


def _published(folder: Path) -> list[tuple[Any, ...]]:
    rows = pl.read_delta(str(folder / "workstation/claims")).sort("claim_id")
    return rows.select("claim_id", "country", "state", "note").rows()


def test_values_become_their_codes_and_unknown_ones_are_told(tmp_path: Path) -> None:
    report = spine.run(_project(tmp_path))
    assert [(p.status, p.rows_rejected) for p in report.partitions] == [
        ("ok", 1), ("ok", 0), ("ok", 0),
    ]  # fmt: skip
    assert _published(tmp_path) == [
        (1, "CH", 1, "x"),
        (2, "DK", -1, None),
        (4, "ZZ", 1, "none"),
        (5, "DK", 1, "z"),
        (6, "DE", 1, "v"),
    ]
    rejects = pl.read_delta(str(tmp_path / "workstation/_rejects/claims"))
    assert rejects.select("reason", "ai_column").rows() == [("REJ-006", "country")]


def test_a_code_touches_the_partitions_whose_list_it_is_in_and_brings_rows_back(
    tmp_path: Path,
) -> None:
    spine.run(_project(tmp_path))
    text_file(tmp_path, "codes.csv", CODES + "    country,Suisse,CH,ORION\n")
    changes = look_ahead(make_draft(load_project(tmp_path))).changes
    assert sorted(changes.due) == ["claims|acme", "claims|beta"]  # coral is VEGA's
    replayed = spine.replay(tmp_path)
    assert replayed.partitions[0].rows_replayed == 1
    assert (3, "CH", None, "y") in _published(tmp_path)


def test_the_order_of_codes_and_what_else_they_say_touches_nothing(tmp_path: Path) -> None:
    spine.run(_project(tmp_path))
    header, *rows = CODES.strip().splitlines()
    text_file(tmp_path, "codes.csv", "\n".join([header, *reversed(rows), "    new,a,b,"]))
    assert look_ahead(make_draft(load_project(tmp_path))).changes.due == {}


def test_a_row_of_one_client_touches_that_client(tmp_path: Path) -> None:
    spine.run(_project(tmp_path))
    text = (tmp_path / "ai_mapping.csv").read_text(encoding="utf-8")
    (tmp_path / "ai_mapping.csv").write_text(text.replace("none", "nil"), encoding="utf-8")
    assert list(look_ahead(make_draft(load_project(tmp_path))).changes.due) == ["claims|beta"]


def test_a_bad_code_holds_back_who_uses_its_list(tmp_path: Path) -> None:
    _project(tmp_path, CODES + "    country,,CH,\n    idle,x,,\n")
    plan = make_draft(load_project(tmp_path)).plan
    assert {p.place: list(p.partitions) for p in plan.errors} == {
        "codes.csv:6:source_value": ["claims|acme", "claims|beta", "claims|coral"],
        "codes.csv:7:ai_value": [],
    }
