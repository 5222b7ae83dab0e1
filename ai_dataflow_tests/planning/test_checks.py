"""The tables against each other: keys and columns line up, names are known, owners are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.planning.checks import check_product
from ai_dataflow.planning.draft import make_plan
from ai_dataflow.planning.plan import Plan
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.tables.ai_mapping import LAYOUT, rows_for
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow.tables.mapping_sheet import mapping_rows
from ai_dataflow.tables.project import load_project
from ai_dataflow.tables.table import read_table
from ai_dataflow_tests.projects import TEAMS, project, table


def check(folder: Path, mapping: str) -> list[tuple[str, str, str]]:
    """Check the submodules of `<submodule> <ai_column> [key]` lines; the first is line 2."""
    lines = [line.split() for line in mapping.strip().splitlines()]
    text = "module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key\n"
    text += "\n".join(f"m,P,{s},{c},{c},int64,{'Y' if key else ''}" for s, c, *key in lines)
    rows, problems = mapping_rows(read_table(table(folder, "map", text), folder, LAYOUT))
    assert not problems
    sources = [
        SourceJob("P", name, FileLocation(name), "", rows_for(rows, ("m", "P", name)))
        for name in dict.fromkeys(name for name, *_ in lines)
    ]
    return [(p.code, p.place, p.message) for p in check_product(sources)]


@pytest.mark.parametrize(
    "mapping",
    [
        "header id key\n header status\n line id key\n line amount",
        "header id key\n header day key\n line id key\n note day key",
        "a id key\n b id key\n b line key\n c line key",
        "north id\n north amount\n south id\n south amount",
        "header id key\n header amount\n extra id\n extra amount",
        "header id key",
    ],
    ids=["shared key", "one of two keys", "key of the one before", "no keys: appended",
         "keyed and appended", "alone"],
)  # fmt: skip
def test_what_can_be_joined_or_appended_is_fine(tmp_path: Path, mapping: str) -> None:
    assert not check(tmp_path, mapping)


def test_keyed_submodules_without_a_common_key_are_refused(tmp_path: Path) -> None:
    ((code, place, message),) = check(
        tmp_path, "header id key\n header day key\n line no\n line line_id key"
    )
    assert (code, place) == ("MAP-013", "map.csv:5:is_key")
    assert message == (
        "`line` has the keys line_id; the submodules that it is joined to have id, day"
    )


def test_a_column_of_two_joined_submodules_is_refused(tmp_path: Path) -> None:
    ((code, place, message),) = check(
        tmp_path, "header id key\n header status\n line id key\n line status"
    )
    assert (code, place) == ("MAP-012", "map.csv:5:ai_column")
    assert "`status` comes from `header` and from `line`" in message


def test_a_key_that_is_a_plain_column_in_the_other_is_refused(tmp_path: Path) -> None:
    found = check(tmp_path, "header id key\n header day key\n line id key\n line day")
    assert [(code, place) for code, place, _ in found] == [("MAP-012", "map.csv:5:ai_column")]


def test_all_problems_of_a_product_come_at_once(tmp_path: Path) -> None:
    found = check(tmp_path, "a id key\n a x\n b no key\n b x\n c num key\n c x")
    assert sorted(code for code, *_ in found) == ["MAP-012"] * 2 + ["MAP-013"] * 2


CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,h.csv,Y
    ORION,claims,header,borealis,hb.csv,Y
    VEGA,claims,claim,borealis,v.csv,Y
    VEGA,policies,policy,acme,p.csv,Y
    LYRA,claims,header,acme,x.csv,N
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,header,No,claim_id,int64
    claims,VEGA,claim,No,claim_id,int64
    policies,*,policy,No,policy_id,int64
"""
ALL = ["claims|acme", "claims|borealis", "policies|acme"]


def plan(folder: Path, control: str = CONTROL, mapping: str = MAPPING, teams: str = TEAMS) -> Plan:
    return make_plan(load_project(project(folder, control=control, mapping=mapping, teams=teams)))


def test_tables_that_agree_say_nothing(tmp_path: Path) -> None:
    assert plan(tmp_path).diagnostics == ()


@pytest.mark.parametrize(
    ("names", "column", "says", "held"),
    [
        ("claims,ORION,heder", "submodule_name", "`heder`; did you mean `header`?", ALL[:2]),
        ("claims,ORIN,header", "product_code", "`ORIN`; did you mean `ORION`?", ALL[:2]),
        ("claim,VEGA,claim", "module_name", "`claim`; did you mean `claims`?", ALL[1:2]),
        ("claims,*,headr", "submodule_name", "`headr`; did you mean `header`?", ALL[:2]),
        ("policy,VEGA,policy", "module_name", "`policy`; did you mean `policies`?", ALL[2:]),
    ],
)
def test_a_mapping_row_with_a_typo_holds_back_the_partitions_that_it_seems_to_be_about(
    tmp_path: Path, names: str, column: str, says: str, held: list[str]
) -> None:
    made = plan(tmp_path, mapping=f"{MAPPING}    {names},Day,day,date\n")
    (problem,) = made.diagnostics
    assert (problem.code, problem.place) == ("MAP-016", f"ai_mapping.csv:5:{column}")
    assert (problem.severity, list(made.held)) == ("error", held)
    assert says in problem.message


@pytest.mark.parametrize(
    ("names", "column"),
    [
        ("claims,LYRA,header", "product_code"),
        ("claims,VEGA,payment", "submodule_name"),
        ("quotes,VEGA,quote", "module_name"),
        ("quotes,*,quote", "module_name"),
    ],
)
def test_a_mapping_row_that_waits_for_its_product_is_a_warning(
    tmp_path: Path, names: str, column: str
) -> None:
    made = plan(tmp_path, mapping=f"{MAPPING}    {names},Day,day,date\n    {names},X,x,date\n")
    (problem,) = made.diagnostics  # once for the source, not for each of its rows
    assert (problem.code, problem.place) == ("MAP-016", f"ai_mapping.csv:5:{column}")
    assert (problem.severity, list(made.jobs)) == ("warning", ALL)


def test_the_mapping_of_an_inactive_product_is_no_typo_of_a_near_one(tmp_path: Path) -> None:
    control = CONTROL + "    ORION2,claims,header,acme,x.csv,N\n"
    made = plan(tmp_path, control, MAPPING + "    claims,ORION2,header,Day,day,date\n")
    (problem,) = made.diagnostics
    assert (problem.code, problem.severity, "did you mean" in problem.message) == (
        "MAP-016", "warning", False,
    )  # fmt: skip


def test_a_control_row_that_no_mapping_row_is_about_holds_back_its_partition(
    tmp_path: Path,
) -> None:
    made = plan(tmp_path, CONTROL + "    VEGA,claims,payment,borealis,y.csv,Y\n")
    (problem,) = made.diagnostics
    assert (problem.code, problem.place) == ("CTL-011", "control_table.csv:7:submodule_name")
    assert list(made.held) == ["claims|borealis"]


def test_a_client_that_lacks_a_submodule_of_the_others_is_a_warning(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        CONTROL + "    ORION,claims,line,acme,l.csv,Y\n    ORION,claims,line,coral,lc.csv,Y\n",
        MAPPING + "    claims,ORION,line,Amount,amount,float64\n",
    )
    assert [(p.code, p.place) for p in made.diagnostics] == [
        ("CTL-015", "control_table.csv:3:client_code"),
        ("CTL-015", "control_table.csv:8:client_code"),
    ]
    assert "other clients of ORION have header too; `coral` has no" in made.diagnostics[1].message
    assert {p.severity for p in made.diagnostics} == {"warning"}
    assert not made.held


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        ("orion,a@example.org,source,ORIN,claims", "product_code", "did you mean `ORION`?"),
        ("orion,a@example.org,source,ORION,claim", "module_name", "did you mean `claims`?"),
    ],
)
def test_a_team_of_an_unknown_product_or_module_is_a_warning(
    tmp_path: Path, row: str, column: str, says: str
) -> None:
    (problem,) = plan(tmp_path, teams=f"{TEAMS}    {row}\n").diagnostics
    assert (problem.code, problem.place) == ("TEM-009", f"teams.csv:5:{column}")
    assert (problem.severity, says in problem.message) == ("warning", True)


def test_a_team_of_a_product_whose_rows_are_inactive_is_known(tmp_path: Path) -> None:
    assert not plan(tmp_path, teams=f"{TEAMS}    lyra,a@example.org,source,LYRA,\n").diagnostics


def test_concerns_that_would_find_no_owner_are_told(tmp_path: Path) -> None:
    teams = """
        team,email,concern,product_code,module_name
        orion-data,orion-data@example.org,source,ORION,*
        mappers,mappers@example.org,mapping,*,*
    """
    source, platform = sorted(plan(tmp_path, teams=teams).diagnostics, key=lambda p: p.message)[
        ::-1
    ]
    assert {source.code, platform.code} == {"TEM-008"}
    assert (source.place, platform.place) == ("teams.csv:source", "teams.csv:platform")
    assert "a source error of VEGA · claims, VEGA · policies would find no" in source.message
    assert "ORION · claims, VEGA · claims, VEGA · policies" in platform.message
    assert {source.severity, platform.severity} == {"warning"}
