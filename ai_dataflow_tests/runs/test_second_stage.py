"""What is computed of joined rows: published, rejected, replayed once, made anew when edited."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow import load
from ai_dataflow.config.settings import load_settings
from ai_dataflow.partition.making import run
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.missing_codes import missing_codes
from ai_dataflow.runs.prospect import look_ahead
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.reports import PartitionReport, RunReport
from ai_dataflow_tests.compiler.test_row_keys import key
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,data/headers.csv,Y
    ORION,claims,line,acme,data/lines.csv,Y
    VEGA,claims,claim,acme,data/claims.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key,required,code_list,unmapped,default
    claims,*,,,kind,string,"CASE WHEN share > 1 THEN 'over' ELSE state END",,,kinds,,
    claims,ORION,,,share,float64,paid / amount,,,,,
    claims,*,,,claim_key,string,"row_key(product_code, claim_id)",,Y,,,
    claims,*,,,whose,string,UPPER(client_code),,,,,
    claims,*,,,grade,int32,TRY_CAST(state AS INT),,,,,-1
    claims,ORION,header,No,claim_id,int64,,Y,,,,
    claims,ORION,header,Amount,amount,float64,,,,,,
    claims,ORION,header,State,state,string,,,,,,
    claims,ORION,line,No,claim_id,int64,,Y,,,,
    claims,ORION,line,Paid,paid,float64,,,,,,
    claims,VEGA,claim,No,claim_id,int64,,,,,,
    claims,VEGA,claim,State,state,string,,,,,,
"""
CODES = "code_list,source_value,ai_value\nkinds,open,O\nkinds,over,X\n"
# Of 1 one line is well; 2 has nothing to divide by, nor has its header another line; 3 has no line.
HEADERS = "No,Amount,State\n1,10,open\n2,0,open\n3,5,closed\n4,8,7\n5,1,open\n"
LINES = "No,Paid\n1,4\n1,20\n2,1\n4,1\n5,2\n6,1\n,1\n"
CLAIMS = "No,State\n1,open\n2,lost\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a project that ran once."""
    project(tmp_path, control=CONTROL, mapping=MAPPING, toml='code_lists = "codes.csv"\n')
    text_file(tmp_path, "codes.csv", CODES)
    for name, text in (("headers", HEADERS), ("lines", LINES), ("claims", CLAIMS)):
        text_file(tmp_path, f"data/{name}.csv", text)
    assert one(spine.run(tmp_path)).status == "ok"
    return tmp_path


def one(report: RunReport) -> PartitionReport:
    (only,) = report.partitions
    return only


def rows(folder: Path) -> list[Any]:
    frame = load("claims", config=folder).collect()
    names = ("product_code", "claim_id", "share", "kind", "grade", "claim_key", "whose")
    return sorted(frame.select(names).rows(), key=repr)


def rejects(folder: Path) -> list[Any]:
    frame = pl.read_delta(str(folder / "workstation/_rejects/claims"))
    frame = frame.filter(pl.col("replayed_at").is_null())
    return sorted(frame.select("submodule_name", "position", "reason", "ai_column").rows())


def edit(folder: Path, old: str, new: str, file: str = "ai_mapping.csv") -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")


def made(product: str, number: int, share: float | None, kind: str | None, grade: int) -> Any:
    return product, number, share, kind, grade, key(product, number), "ACME"


FIRST = [
    made("ORION", 1, 0.4, "O", -1), made("ORION", 1, 2.0, "X", -1), made("ORION", 5, 2.0, "X", -1),
    made("ORION", 6, None, None, -1), made("VEGA", 1, None, "O", -1),
]  # fmt: skip


def test_joined_rows_are_computed_and_those_that_cannot_be_are_rejects_once(shop: Path) -> None:
    assert rows(shop) == FIRST
    assert rejects(shop) == [
        ("claim", 2, "REJ-014", "kind"),
        ("header", 2, "REJ-012", "share"),
        ("header", 3, "REJ-014", "kind"),
        ("header", 4, "REJ-014", "kind"),
        ("line", 3, "REJ-012", "share"),
        ("line", 4, "REJ-014", "kind"),
        ("line", 7, "REJ-013", "claim_key"),
    ]
    project = load_project(shop)
    assert not missing_codes(open_workstation(project.settings), project, "claims")


def test_a_fix_that_leaves_published_rows_as_they_are_is_replayed_once(shop: Path) -> None:
    edit(shop, "kinds,over,X\n", "kinds,over,X\nkinds,closed,C\nkinds,lost,L\n", "codes.csv")
    assert one(spine.replay(shop)).rows_replayed == 2
    more = [made("ORION", 3, None, "C", -1), made("VEGA", 2, None, "L", -1)]
    assert rows(shop) == sorted([*FIRST, *more], key=repr)
    edit(shop, "paid / amount", '"paid / NULLIF(amount, 0)"')
    assert one(spine.replay(shop, dry_run=True)).rows_replayed == 2
    assert one(spine.replay(shop)).rows_replayed == 2
    assert made("ORION", 2, None, "O", -1) in rows(shop)
    assert len(rejects(shop)) == 3
    assert one(spine.replay(shop)).status == "unchanged"


def test_a_fix_that_would_change_published_rows_of_a_join_needs_a_run(shop: Path) -> None:
    edit(shop, "paid / amount", '"1 + paid / NULLIF(amount, 0)"')
    refused = one(spine.replay(shop))
    assert [(error.code, error.place) for error in refused.errors] == [
        ("DAT-005", "ai_mapping.csv:3:transform")
    ]
    assert rows(shop) == FIRST


def test_rows_of_an_appended_product_keep_what_they_were_published_with(shop: Path) -> None:
    edit(shop, "kinds,over,X\n", "kinds,over,X\nkinds,lost,L\n", "codes.csv")
    edit(shop, "UPPER(client_code)", "LOWER(client_code)")
    edit(shop, "ORION,claims,header,acme,data/headers.csv,Y", "", "control_table.csv")
    edit(shop, "ORION,claims,line,acme,data/lines.csv,Y", "", "control_table.csv")
    assert one(spine.replay(shop)).rows_replayed == 1
    late = [row for row in rows(shop) if row[6] == "acme"]
    assert [row[:4] for row in late] == [("VEGA", 2, None, "L")]
    assert [row for row in rows(shop) if row not in late] == FIRST


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("UPPER(client_code)", "LOWER(client_code)", "mapping row ai_mapping.csv:5:ai_column changed"),  # noqa: E501
        (
            "    claims,*,,,whose,string,UPPER(client_code),,,,,\n", "",
            "the mapping row of `whose` in ORION's rows is gone",
        ),
        ("claims,VEGA,claim,No", "claims,VEGA,,,extra,int64,1,,,,,\nclaims,VEGA,claim,No",
         "mapping row ai_mapping.csv:12:ai_column is new"),
    ],
)  # fmt: skip
def test_an_edit_makes_its_partitions_anew(shop: Path, old: str, new: str, reason: str) -> None:
    edit(shop, old.lstrip(" "), new)
    due = look_ahead(make_draft(load_project(shop))).changes.due
    assert reason in [str(why) for why in due["claims|acme"]]  # type: ignore[index]


def test_a_column_of_the_dataset_comes_from_the_source_columns_in_the_end(shop: Path) -> None:
    job = make_draft(load_project(shop)).plan.jobs["claims|acme"]  # type: ignore[index]
    origins = run(job, load_settings(shop), "run").origins
    assert [(o.product, o.submodule, o.column) for o in origins["kind"]] == [
        ("ORION", "line", "Paid"), ("ORION", "header", "Amount"), ("ORION", "header", "State"),
        ("VEGA", "claim", "State"),
    ]  # fmt: skip
    assert "whose" not in origins


def test_what_passes_late_is_computed_where_nothing_was_published_of_its_product(
    tmp_path: Path,
) -> None:
    project(tmp_path, control=CONTROL, mapping=MAPPING, toml='code_lists = "codes.csv"\n')
    text_file(tmp_path, "codes.csv", CODES)
    for name, text in (("headers", "No,Amount,State\n1,0,open\n"), ("lines", "No,Paid\n1,4\n")):
        text_file(tmp_path, f"data/{name}.csv", text)
    text_file(tmp_path, "data/claims.csv", "No,State\n1,open\n")
    assert one(spine.run(tmp_path)).rows_rejected == 2
    edit(tmp_path, "paid / amount", '"paid / NULLIF(amount, 0)"')
    assert one(spine.replay(tmp_path)).rows_replayed == 2
    assert made("ORION", 1, None, "O", -1) in rows(tmp_path)
