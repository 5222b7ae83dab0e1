"""Coverage: which AI columns each product of a module maps, and what is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.planning.coverage import Coverage
from ai_dataflow.planning.draft import make_plan
from ai_dataflow.planning.plan import Plan
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import project

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,h.csv,Y
    ORION,claims,line,acme,l.csv,Y
    VEGA,claims,claim,borealis,v.csv,Y
    LYRA,claims,claim,coral,x.csv,N
    VEGA,policies,policy,acme,p.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,required
    claims,ORION,header,No,claim_id,int64,
    claims,ORION,header,Day,claim_date,date,Y
    claims,ORION,line,Amount,amount,float64,
    claims,VEGA,claim,id,claim_id,int64,
    claims,VEGA,claim,total,amount,float64,
    claims,VEGA,claim,area,region,string,
    policies,*,policy,No,policy_id,int64,Y
"""
CLAIMS = {
    "claim_id": {"ORION": "mapped", "VEGA": "mapped"},
    "claim_date": {"ORION": "mapped", "VEGA": "required-missing"},
    "amount": {"ORION": "mapped", "VEGA": "mapped"},
    "region": {"ORION": "missing", "VEGA": "mapped"},
}


def plan(folder: Path, toml: str = "") -> Plan:
    return make_plan(load_project(project(folder, control=CONTROL, mapping=MAPPING, toml=toml)))


def found(made: Plan, code: str) -> list[Diagnostic]:
    return [problem for problem in made.diagnostics if problem.code == code]


def test_the_matrix_has_the_columns_of_the_sheet_and_the_products_with_active_rows(
    tmp_path: Path,
) -> None:
    coverage = plan(tmp_path).coverage
    assert list(coverage) == ["claims", "policies"]
    assert coverage["claims"].products == ("ORION", "VEGA")
    assert list(coverage["claims"].cells) == list(CLAIMS)
    assert coverage["claims"].cells == CLAIMS
    assert coverage["claims"].ratio == 0.75
    assert coverage["policies"].ratio == 1.0


def test_a_module_without_columns_is_covered() -> None:
    assert Coverage("claims", (), {}).ratio == 1.0


def test_the_matrix_is_a_markdown_table_and_plain_data(tmp_path: Path) -> None:
    claims = plan(tmp_path).coverage["claims"]
    assert claims.to_markdown().splitlines() == [
        "| AI column | ORION | VEGA |",
        "|---|---|---|",
        "| claim_id | ✓ | ✓ |",
        "| claim_date | ✓ | ✗ required |",
        "| amount | ✓ | ✓ |",
        "| region | – | ✓ |",
    ]
    assert claims.to_json() == {
        "ratio": 0.75,
        "columns": CLAIMS,
        "markdown": claims.to_markdown(),
    }


def test_a_required_column_that_a_product_does_not_map_is_a_warning(tmp_path: Path) -> None:
    (problem,) = found(plan(tmp_path), "MAP-021")
    assert (problem.place, problem.severity) == ("ai_mapping.csv:3:required", "warning")
    assert "VEGA does not map it" in problem.message
    assert (problem.subject, problem.partitions) == ("claims → claim_date", ())


@pytest.mark.parametrize("asked", ["", "[modules.claims]\nmin_coverage = 0.75\n"])
def test_a_module_that_maps_what_is_asked_for_is_silent(tmp_path: Path, asked: str) -> None:
    assert not found(plan(tmp_path, asked), "COV-001")


@pytest.mark.parametrize(
    ("blocks", "severity", "held"), [("false", "warning", False), ("true", "error", True)]
)
def test_below_its_threshold_a_module_is_told_and_held_only_if_the_user_says_so(
    tmp_path: Path, blocks: str, severity: str, held: bool
) -> None:
    toml = f"[modules.claims]\nmin_coverage = 0.8\ncoverage_blocks = {blocks}\n"
    made = plan(tmp_path, toml)
    (problem,) = found(made, "COV-001")
    assert problem.severity == severity
    assert problem.place == "ai_dataflow.toml:modules.claims.min_coverage"
    assert problem.message.startswith("75% of the module's columns are mapped, less than the 80%")
    assert list(made.held) == (["claims|acme", "claims|borealis"] if held else [])
    assert "policies|acme" in made.jobs
