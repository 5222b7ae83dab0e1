"""Who owns a problem: the first row of the teams table that matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.tables import read_table
from ai_dataflow.config.teams import LAYOUT, Team, team_rows, with_owner
from ai_dataflow_tests.projects import table

TEAMS = """
    team,email,concern,product_code,module_name
    orion-claims,a@example.org,source,ORION,claims
    orion,b@example.org,Source,ORION,
    mappers,c@example.org,mapping,*,*
    claims-desk,d@example.org,*,*,claims
    platform,e@example.org,platform,,
"""
SOURCE, MAPPING, PLATFORM = "SRC-001", "MAP-006", "CTL-004"


def read(folder: Path, text: str, sheet: str = "") -> tuple[list[Team], list[Diagnostic]]:
    return team_rows(read_table(table(folder, "teams", text, sheet), folder, LAYOUT))


@pytest.mark.parametrize(
    ("code", "product", "module", "owner"),
    [
        (SOURCE, "ORION", "claims", "orion-claims"),
        (SOURCE, "ORION", "policies", "orion"),
        (SOURCE, "VEGA", "claims", "claims-desk"),
        (SOURCE, "VEGA", "policies", ""),
        (SOURCE, "", "", ""),
        (MAPPING, "ORION", "claims", "mappers"),
        (MAPPING, "", "", "mappers"),
        (PLATFORM, "ORION", "claims", "claims-desk"),
        (PLATFORM, "ORION", "policies", "platform"),
        (PLATFORM, "", "", "platform"),
    ],
)
def test_the_first_row_that_matches_wins(
    tmp_path: Path, code: str, product: str, module: str, owner: str
) -> None:
    teams, problems = read(tmp_path, TEAMS)
    assert not problems
    problem = Diagnostic(code, "broken", product=product, module=module)
    assert with_owner(teams, problem).owner == owner


@pytest.mark.parametrize(
    ("row", "code", "column", "letter"),
    [
        (",a@example.org,source", "TEM-003", "team", "A"),
        ("orion,,source", "TEM-003", "email", "B"),
        ("orion,a@example.org,", "TEM-003", "concern", "C"),
        ("orion,a@example.org,sorce", "TEM-006", "concern", "C"),
        ("orion,a at example.org,source", "TEM-007", "email", "B"),
        ("orion,a@example,source", "TEM-007", "email", "B"),
        ("orion,a@example.org;b@example.org,source", "TEM-007", "email", "B"),
    ],
)
def test_a_bad_cell_is_called_by_code_and_place(
    tmp_path: Path, row: str, code: str, column: str, letter: str
) -> None:
    text = f"team,email,concern\n{row}\n"
    _, (in_csv,) = read(tmp_path, text)
    _, (in_xlsx,) = read(tmp_path, text, "Teams")
    assert (in_csv.code, in_csv.place) == (code, f"teams.csv:2:{column}")
    assert (in_xlsx.code, in_xlsx.place) == (code, f"teams.xlsx!Teams!{letter}2")


def test_an_unknown_concern_comes_with_the_near_one(tmp_path: Path) -> None:
    _, (problem,) = read(tmp_path, "team,email,concern\norion,a@example.org,sorce\n")
    assert "did you mean `source`?" in problem.message
