"""Source rules and the dictionary as tables: which rule applies, what a bad row holds back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.planning.draft import make_draft, make_plan
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests import projects
from ai_dataflow_tests.projects import text_file

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,h.csv,Y
    ORION,claims,header,beta,hb.csv,Y
    VEGA,claims,header,acme,v.csv,Y
    VEGA,policies,header,acme,p.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,*,header,No,claim_id,int64
    policies,VEGA,header,No,policy_id,int64
"""
HEADER = "module_name,product_code,submodule_name,client_code,where,unique_by,keep"


def _plan(folder: Path, *rules: str, dictionary: str = "") -> Plan:
    toml = 'source_rules = "rules.csv"\nai_columns = "dictionary.csv"\n'
    projects.project(folder, control=CONTROL, mapping=MAPPING, toml=toml)
    lines = (rule if '"' in rule else rule + "," * (6 - rule.count(",")) for rule in rules)
    text_file(folder, "rules.csv", "\n".join((HEADER, *lines)) + "\n")
    text_file(folder, "dictionary.csv", f"module_name,ai_column,is_key\n{dictionary}")
    return make_plan(load_project(folder))


def _wheres(plan: Plan) -> dict[str, str]:
    return {
        f"{key} {source.product}": source.rule.where if source.rule else ""
        for key, job in plan.jobs.items()
        for source in job.sources
        if source.product != "VEGA" or key.module == "claims"
    }


def test_the_most_specific_rule_applies(tmp_path: Path) -> None:
    rules = ("claims,*,header,,every", "claims,ORION,header,,orion", "claims,ORION,header,beta,its")
    assert _wheres(_plan(tmp_path, *rules)) == {
        "claims|acme ORION": "orion",
        "claims|acme VEGA": "every",
        "claims|beta ORION": "its",
    }


@pytest.mark.parametrize(
    ("rule", "code", "place", "held"),
    [
        ("claims,ORION,header,,", "RUL-006", "rules.csv:3:submodule_name", "acme beta"),
        ("claims,*,header,beta,x", "RUL-007", "rules.csv:3:client_code", "beta"),
        ("claims,ORION,haeder,,x", "RUL-008", "rules.csv:3:submodule_name", ""),
        ("claims,ORION,header,gamma,x", "RUL-008", "rules.csv:3:client_code", ""),
        ("claims,ORION,,,x", "RUL-003", "rules.csv:3:submodule_name", "acme beta"),
        ("claims,OR/ION,header,beta,x", "RUL-004", "rules.csv:3:product_code", "beta"),
        ("claims,ORION,header,beta,No =", "RUL-010", "rules.csv:3:where:4", "beta"),
        ('claims,ORION,header,beta,,"No, No",', "RUL-012", "rules.csv:3:unique_by", "beta"),
        ("claims,ORION,header,beta,,No,last", "RUL-012", "rules.csv:3:keep", "beta"),
        ("claims,ORION,header,beta,,No,fail:No", "RUL-012", "rules.csv:3:keep", "beta"),
        ("claims,ORION,header,beta,,,latest:No", "RUL-012", "rules.csv:3:keep", "beta"),
        ("claims,ORION,header,beta,,No,latest: No +", "RUL-010", "rules.csv:3:keep:12", "beta"),
    ],
)
def test_a_bad_rule_holds_back_what_it_is_about(
    tmp_path: Path, rule: str, code: str, place: str, held: str
) -> None:
    plan = _plan(tmp_path, "claims,ORION,header,,y", rule)
    problems = [(p.code, p.place) for p in plan.diagnostics if p.code.startswith("RUL")]
    assert problems == [(code, place)]
    assert [key.client for key in plan.held] == held.split()


def test_alternatives_of_a_rule_and_of_a_row_that_begin_alike_are_the_same(tmp_path: Path) -> None:
    """Both are called by the first of them: told by the tables alone, with both cells."""
    _plan(tmp_path)
    with (tmp_path / "ai_mapping.csv").open("a") as sheet:
        for product in ("ORION", "VEGA"):
            sheet.write(f"claims,{product},header,lines | Items,items,json\n")
    header = "module_name,product_code,submodule_name,explode\n"
    rules = "claims,ORION,header,lines | Elements\nclaims,VEGA,header,lines|Items\n"
    text_file(tmp_path, "rules.csv", header + rules)
    plan = make_plan(load_project(tmp_path))
    (problem,) = plan.errors
    assert (problem.code, problem.place) == ("MAP-033", "ai_mapping.csv:4:source_column")
    assert "rules.csv:2:explode" in problem.message
    assert [*plan.held] == ["claims|acme", "claims|beta"]


def test_a_bad_row_of_the_dictionary_holds_back_its_module(tmp_path: Path) -> None:
    plan = _plan(tmp_path, dictionary="policies,policy_id,maybe\n")
    assert [(p.code, p.place) for p in plan.errors] == [("DIC-005", "dictionary.csv:2:is_key")]
    assert list(plan.held) == ["policies|acme"]


def test_what_is_no_expression_is_told_once_whoever_has_looked(tmp_path: Path) -> None:
    rules = ("claims,ORION,header,,No =", 'policies,VEGA,header,,"CAST(Noo AS INT) = 1",No,')
    _plan(tmp_path, *rules)
    for name in ("h", "hb", "v", "p"):
        text_file(tmp_path, f"{name}.csv", "No,Gone\n1,0\n")
    plan = look_live(make_draft(load_project(tmp_path))).plan
    assert [(problem.code, problem.place, len(problem.partitions)) for problem in plan.errors] == [
        ("MAP-014", "rules.csv:3:where:6", 1),
        ("RUL-010", "rules.csv:2:where:4", 2),
    ]


def test_the_columns_of_a_rule_are_among_those_that_the_sheet_names(tmp_path: Path) -> None:
    plan = _plan(tmp_path, 'claims,VEGA,header,,Gone = 0,"No, ""Name, first""",latest:Seen + 1')
    job = plan.jobs[PartitionKey.of("claims", "acme")]
    read = {source.product: source.columns_read for source in job.sources}
    assert read == {"ORION": ("No",), "VEGA": ("No", "Name, first", "Gone", "Seen")}
