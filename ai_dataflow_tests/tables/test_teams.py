"""Who owns a problem: the first row of the teams table that matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.addresses import is_address
from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.tables.table import read_table
from ai_dataflow.tables.teams import LAYOUT, Team, team_rows, with_owner
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


CHOICES = """
    team,email,concern,notify,cc,remind
    one,one@example.org,source,Both,a@example.org; b@example.org,WEEKLY
    two,two@example.org,mapping,,,
    three,three@example.org,platform,digest,"not an address;c@example.org",
"""


def test_a_team_chooses_its_mails(tmp_path: Path) -> None:
    teams, (problem,) = read(tmp_path, CHOICES)
    assert [(t.notify, t.cc, t.remind) for t in teams] == [
        ("both", ("a@example.org", "b@example.org"), "weekly"),
        ("", (), ""),
        ("digest", ("c@example.org",), ""),
    ]
    assert (problem.code, problem.place) == ("TEM-007", "teams.csv:4:cc")


@pytest.mark.parametrize(
    ("column", "word", "code", "meant"),
    [
        ("notify", "faliures", "TEM-010", "failures"),
        ("notify", "digests", "TEM-010", "digest"),
        ("remind", "dialy", "TEM-011", "daily"),
    ],
)
def test_an_unknown_choice_comes_with_the_near_one_and_counts_as_none(
    tmp_path: Path, column: str, word: str, code: str, meant: str
) -> None:
    text = f"team,email,concern,{column}\norion,a@example.org,source,{word}\n"
    (team,), (problem,) = read(tmp_path, text)
    assert (problem.code, f"did you mean `{meant}`?" in problem.message) == (code, True)
    assert getattr(team, column) == ""


def test_a_teams_rows_that_disagree_are_told(tmp_path: Path) -> None:
    text = (
        "team,email,concern,notify\nx,a@example.org,source,both\nx,a@example.org,mapping,digest\n"
    )
    _, (problem,) = read(tmp_path, text)
    assert (problem.code, problem.place) == ("TEM-012", "teams.csv:3:notify")


@pytest.mark.parametrize(
    "address",
    [
        "a@b.c\nBcc:x@y.z",
        "a@b.c\x00",
        "a\u202e@b.org",
        "a@b@c.org",
        "<a@b.org>",
        "a" * 250 + "@b.org",
    ],
)
def test_what_could_break_a_header_is_no_address(address: str) -> None:
    assert not is_address(address)
