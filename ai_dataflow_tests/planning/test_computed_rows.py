"""Rows without a submodule: which apply, what is wrong in them, told without a look at sources."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ai_dataflow.config.settings import Settings
from ai_dataflow.planning.draft import make_plan
from ai_dataflow.planning.explain import explain_partition
from ai_dataflow.planning.inputs import content_seen, inputs_of, sheet_of
from ai_dataflow.planning.plan import Plan
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests import projects
from ai_dataflow_tests.projects import text_file

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,h.csv,Y
    ORION,claims,line,acme,l.csv,Y
    ORION,claims,header,beta,hb.csv,Y
    VEGA,claims,claim,acme,v.csv,Y
    VEGA,policies,claim,acme,p.csv,Y
"""
HEADER = (
    "module_name,product_code,submodule_name,client_code,source_column,ai_column,ai_type,transform,"
    "is_key,required,code_list,default\n"
)
BROUGHT = """\
claims,ORION,header,,No,claim_id,int64,,Y,,,
claims,ORION,header,,Total,amount,"decimal(18,2)",,,,,
claims,ORION,line,,No,claim_id,int64,,Y,,,
claims,ORION,line,,Text,note,string,,,,,
claims,VEGA,claim,,No,claim_id,int64,,,,,
policies,VEGA,claim,,No,policy_id,int64,,,,,
"""


def _plan(folder: Path, *rows: str) -> Plan:
    text = HEADER + BROUGHT + "".join(f"claims,{row}\n" for row in rows)
    projects.project(folder, control=CONTROL, mapping=text, toml='code_lists = "codes.csv"\n')
    text_file(folder, "codes.csv", "code_list,source_value,ai_value\nyes,1,Y\n")
    return make_plan(load_project(folder))


def _told(plan: Plan) -> list[tuple[str, str, str]]:
    held = {key: [p.place for p in problems] for key, problems in plan.held.items()}
    return [
        (p.code, p.place, " ".join(str(key) for key in held if p.place in held[key]))
        for p in plan.diagnostics
        if p.code.startswith("MAP")
    ]


def test_the_most_specific_row_applies_and_what_it_reads_comes_before_it(tmp_path: Path) -> None:
    plan = _plan(
        tmp_path,
        '*,,,,key,string,"row_key(who, claim_id)",,,,',
        "*,,,,who,string,client_code || product_code,,,,",
        "ORION,,,,who,string,'orion',,,,",
        "ORION,,beta,,who,string,'its own',,,,",
    )
    assert _told(plan) == []
    told = {
        (job.client, product.product): [(c.ai_column, c.expression) for c in product.computed]
        for job in plan.jobs.values()
        if job.module == "claims"
        for product in explain_partition(job, {}).products
    }
    made = ("key", "row_key(who, claim_id)")
    assert told == {
        ("acme", "ORION"): [("who", "'orion'"), made],
        ("acme", "VEGA"): [("who", "client_code || product_code"), made],
        ("beta", "ORION"): [("who", "'its own'"), made],
    }
    assert [column.name for column in plan.columns["claims"]][-2:] == ["key", "who"]
    assert {*plan.coverage["claims"].cells["key"].values()} == {"mapped"}
    assert pickle.loads(pickle.dumps(plan.jobs)) == plan.jobs  # noqa: S301 - our own


BOTH = "claims|acme claims|beta"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["ORION,,,Total,x,int64,,,,,"], [("MAP-060", "8:submodule_name", BOTH)]),
        (["ORION,,,,x,int64,1,Y,,,"], [("MAP-061", "8:is_key", BOTH)]),
        (["ORION,,,,x,int64,,,,,"], [("MAP-010", "8:source_column", BOTH)]),
        (["ORION,,,,note,string,'a',,,,"], [("MAP-062", "8:ai_column", "claims|acme")]),
        (["ORION,,beta,,claim_id,int64,1,,,,"], [("MAP-062", "8:ai_column", "claims|beta")]),
        (["ORION,,,,x,int64,1 + amuont,,,,"], [("MAP-063", "8:transform:5", BOTH)]),
        (["ORION,,,,x,int64,x + 1,,,,"], [("MAP-064", "8:transform", BOTH)]),
        (["ORION,,,,x,int64,amount + note,,,,"], [("MAP-011", "8:transform:1", BOTH)]),
        (["ORION,,,,x,int64,SUM(amount),,,,"], [("MAP-019", "8:transform:1", BOTH)]),
        (["ORION,,,,x,date,claim_id,,,,"], [("MAP-015", "8:ai_type", BOTH)]),
        (["ORION,,,,x,string,amount,,,yes,"], [("MAP-044", "8:code_list", BOTH)]),
        (["ORION,,,,x,string,claim_id,,,no,"], [("MAP-041", "8:code_list", BOTH)]),
        (["ORION,,,,x,int64,claim_id,,,,much"], [("MAP-043", "8:default", BOTH)]),
        (["ORION,,,,x,int16,claim_id,,,,"], [("MAP-022", "8:ai_type", "")]),
        (["ORION,,,,x,int64,Claim_ID,,,,"], [("MAP-017", "8:transform", "")]),
        (["ORIN,,,,x,int64,1,,,,"], [("MAP-016", "8:product_code", BOTH)]),
        (["LYRA,,,,x,int64,1,,,,"], [("MAP-016", "8:product_code", "")]),
        (
            ["*,,acme,,x,int64,1,,,,", "ORION,,,,x,int64,2,,,,"],
            [("MAP-040", "8:client_code", "claims|acme")],
        ),
        (
            ["ORION,,,,x,int64,1,,,,", "ORION,,,,x,int64,2,,,,"],
            [("MAP-009", "9:ai_column", BOTH)],
        ),
    ],
    ids=lambda rows: rows[0] if isinstance(rows[0], str) else "",
)
def test_what_is_wrong_is_told_offline(
    tmp_path: Path, rows: list[str], told: list[tuple[str, str, str]]
) -> None:
    wanted = [(code, f"ai_mapping.csv:{place}", held) for code, place, held in told]
    assert _told(_plan(tmp_path, *rows)) == wanted


def test_a_circle_is_spelled_with_its_cells_and_the_rest_is_checked(tmp_path: Path) -> None:
    plan = _plan(
        tmp_path,
        "ORION,,,,b,int64,c + 1,,,,",
        "ORION,,,,c,int64,d + 1,,,,",
        "ORION,,,,d,int64,b + e,,,,",
        "ORION,,,,e,int64,1 + qqqq,,,,",
        "ORION,,,,f,int64,f,,,,",
    )
    assert [(p.code, p.message) for p in plan.errors] == [
        ("MAP-064", "what is computed needs itself: `b` (ai_mapping.csv:8:transform) reads `c`, "
         "`c` (ai_mapping.csv:9:transform) reads `d`, `d` (ai_mapping.csv:10:transform) reads `b`"),
        ("MAP-063", "there is no AI column `qqqq`"),
        ("MAP-064", "what is computed needs itself: `f` (ai_mapping.csv:12:transform) reads `f`"),
    ]  # fmt: skip


def test_a_column_that_the_product_does_not_map_is_null_and_can_be_read(tmp_path: Path) -> None:
    assert _told(_plan(tmp_path, "VEGA,,,,x,boolean,amount IS NULL,,,,")) == []


def test_inputs_say_what_is_computed_where_something_is(tmp_path: Path) -> None:
    plain, more = _plan(tmp_path), _plan(tmp_path, "ORION,,,,x,int64,claim_id,,,,")
    before, after = (
        inputs_of(plan.jobs["claims|acme"], Settings(folder=Path()), content_seen)  # type: ignore[index]
        for plan in (plain, more)
    )
    assert "computed" not in before.model_dump()
    assert [*after.computed] == ["ORION"]
    assert sheet_of(before, "VEGA") == sheet_of(after, "VEGA")
    assert sheet_of(before, "ORION") != sheet_of(after, "ORION")


def test_who_reads_the_clock_in_what_is_computed_is_made_always(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "ORION,,,,x,date,CURRENT_DATE,,,,")
    job = plan.jobs["claims|acme"]  # type: ignore[index]
    inputs = inputs_of(job, Settings(folder=Path()), lambda _: "seen")
    assert {name: source.content for name, source in inputs.sources.items()} == {
        "ORION · header": "", "ORION · line": "", "VEGA · claim": "seen",
    }  # fmt: skip
