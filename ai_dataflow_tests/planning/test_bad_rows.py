"""Rows whose names or cells cannot be trusted hold back whatever they could be about."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests.planning.test_plan import ALL, CONTROL, MAPPING, found, plan

SPLIT = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,h.csv,Y
    ORION,claims,header,borealis,hb.csv,Y
    ORION,claims,line,borealis,lb.csv,Y
    VEGA,claims,claim,coral,c.csv,Y
    ORION,policies,line,acme,p.csv,Y
"""
OF_SPLIT = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,header,No,claim_id,int64
    claims,ORION,line,Amount,amount,float64
    claims,VEGA,claim,No,claim_id,int64
    policies,ORION,line,No,policy_id,int64
"""


@pytest.mark.parametrize(
    ("row", "code", "column", "held"),
    [
        ("ORION,claims,line,,l.csv,Y", "CTL-003", "client_code", ["claims|acme"]),
        ("ORION,claims,line,a/b,l.csv,Y", "CTL-004", "client_code", ["claims|acme"]),
        (f"ORION,claims,line,{'a' * 101},l.csv,Y", "CTL-004", "client_code", ["claims|acme"]),
        ("ORION,,line,acme,l.csv,Y", "CTL-003", "module_name", ["claims|acme"]),
        ("ORION,claims,,acme,l.csv,Y", "CTL-003", "submodule_name", ["claims|acme"]),
        (",claims,line,acme,l.csv,Y", "CTL-003", "product_code", ["claims|acme"]),
        ("VEGA,claims,claim,,c.csv,Y", "CTL-003", "client_code", []),
        ("ORION,claims,line,,l.csv,N", "CTL-003", "client_code", []),
    ],
)
def test_a_row_whose_names_are_bad_holds_back_the_partitions_that_lack_its_source(
    tmp_path: Path, row: str, code: str, column: str, held: list[str]
) -> None:
    made = plan(tmp_path, f"{SPLIT}    {row}\n", OF_SPLIT)
    (problem,) = (p for p in made.diagnostics if p.line == 7)
    assert all(p.line in (2, 7) for p in made.diagnostics)  # told once; acme may lack the line
    assert (problem.code, problem.place) == (code, f"control_table.csv:7:{column}")
    assert list(made.held) == list(problem.partitions) == held


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("ORION,claims,line,acme,/mnt/a, old/l.csv,Y", ["claims|acme"]),
        ("ORION,claims,line,acme", ["claims|acme"]),
        ("ORION,claims", ["claims|acme", "claims|borealis"]),
    ],
    ids=["stray comma", "missing commas", "cut off"],
)
def test_a_line_of_the_wrong_width_holds_back_what_it_could_be_about(
    tmp_path: Path, line: str, held: list[str]
) -> None:
    made = plan(tmp_path, f"{SPLIT}    {line}\n", OF_SPLIT)
    assert ("CTL-902", "control_table.csv:7") in found(made)
    assert list(made.held) == held


@pytest.mark.parametrize(
    ("line", "held"),
    [
        ("policies,VEGA,policy,Sum,sum,decimal(18,2)", ALL[2:]),
        ("claims,,VEGA,claim,Sum,sum,float64", ALL[:2]),
        ("claims,new,VEGA,claim,Sum,sum,float64", ALL[:2]),
        ("new,claims,VEGA,claim,Sum,sum,float64", ALL),
    ],
    ids=["in the type", "a comma too many", "one place off", "all one place off"],
)
def test_a_mapping_line_of_the_wrong_width_holds_back_what_it_could_be_about(
    tmp_path: Path, line: str, held: list[str]
) -> None:
    made = plan(tmp_path, mapping=f"{MAPPING}    {line}\n")
    assert ("MAP-902", "ai_mapping.csv:5") in found(made)
    assert list(made.held) == held


@pytest.mark.parametrize(
    ("names", "held"),
    [("claims,#REF!,claim", ALL[:2]), ("#REF!,VEGA,claim", ALL[1:2]), ("claims,VEGA,#", ALL[1:2])],
)
def test_a_mapping_row_whose_name_is_unusable_could_be_about_any(
    tmp_path: Path, names: str, held: list[str]
) -> None:
    made = plan(tmp_path, mapping=f"{MAPPING}    {names},Sum,sum,float64\n")
    assert "MAP-004" in [problem.code for problem in made.errors]
    assert list(made.held) == held


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("data/b.csv,Y", "data/b.csv,Y\n    orion,claims,claim,coral,c.csv,N", "product_code"),
        ("claims,claim,borealis,data/v", "claims,claim,Acme,data/v", "client_code"),
    ],
)
def test_names_that_differ_only_in_case_are_a_warning(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    made = plan(tmp_path, CONTROL.replace(old, new, 1))
    (problem,) = (p for p in made.diagnostics if p.code == "CTL-012")
    assert (problem.place, problem.severity) == (f"control_table.csv:4:{place}", "warning")
    assert not made.held
