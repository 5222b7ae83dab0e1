"""The plan: jobs for what can run, and for the rest exactly what holds it back."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ai_dataflow.planning.active import active_partitions
from ai_dataflow.planning.draft import make_plan
from ai_dataflow.planning.plan import Plan
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import TEAMS, project

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/a.csv,Y
    ORION,claims,claim,borealis,data/b.csv,Y
    VEGA,claims,claim,borealis,data/v.csv,Y
    VEGA,policies,policy,acme,data/p.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,ClaimNo,claim_id,int64
    claims,VEGA,claim,No,claim_id,int64
    policies,*,policy,No,policy_id,int64
"""
ALL = ["claims|acme", "claims|borealis", "policies|acme"]


def plan(
    folder: Path, control: str = CONTROL, mapping: str = MAPPING, teams: str = TEAMS, toml: str = ""
) -> Plan:
    written = project(folder, control=control, mapping=mapping, teams=teams, toml=toml)
    loaded = load_project(written)
    made = make_plan(loaded)
    assert made.partitions == active_partitions(loaded)  # whatever is wrong with the tables
    return made


def found(made: Plan) -> list[tuple[str, str]]:
    return [(problem.code, problem.place) for problem in made.diagnostics]


def test_each_module_and_client_of_a_good_project_becomes_a_job(tmp_path: Path) -> None:
    made = plan(tmp_path)
    assert (list(made.jobs), made.held, made.diagnostics) == (ALL, {}, ())
    job = made.jobs["claims|borealis"]
    assert (job.module, job.client) == ("claims", "borealis")
    assert [(s.product, str(s.location), s.place) for s in job.sources] == [
        ("ORION", "data/b.csv", "control_table.csv:3:module_location"),
        ("VEGA", "data/v.csv", "control_table.csv:4:module_location"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "code", "place", "held"),
    [
        ("data/a.csv", "/mnt/x/a.csv", "CTL-007", "2:module_location", ["claims|acme"]),
        ("data/b.csv", "sql://x/dbo.B", "CTL-008", "3:module_location", ["claims|borealis"]),
        ("data/v.csv", "{x}.csv", "CTL-009", "4:module_location", ["claims|borealis"]),
        ("data/p.csv", "", "CTL-003", "5:module_location", ["policies|acme"]),
        ("data/p.csv,Y", "data/p.csv,maybe", "CTL-005", "5:active", ["policies|acme"]),
        ("data/p.csv,Y", "data/p.csv,", "CTL-003", "5:active", ["policies|acme"]),
        ("VEGA,policies", "VE GA,policies", "CTL-004", "5:product_code", ["policies|acme"]),
        ("VEGA,policies", ",policies", "CTL-003", "5:product_code", ["policies|acme"]),
        ("claims,claim,acme", "claims,a/b,acme", "CTL-004", "2:submodule_name", ["claims|acme"]),
        ("VEGA,claims", "ORION,claims", "CTL-006", "4:submodule_name", ["claims|borealis"]),
        ("policy,acme", "rider,acme", "CTL-011", "5:submodule_name", ["policies|acme"]),
    ],
)
def test_a_bad_control_row_holds_back_its_own_partition(
    tmp_path: Path, old: str, new: str, code: str, place: str, held: list[str]
) -> None:
    made = plan(tmp_path, control=CONTROL.replace(old, new, 1))
    assert (code, f"control_table.csv:{place}") in found(made)
    assert list(made.held) == held
    assert sorted([*made.jobs, *made.held]) == made.partitions == ALL


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("policy,acme", "policy,a cme", "5:client_code"),
        ("VEGA,policies", "VEGA,_policies", "5:module_name"),
        ("policy,acme", "policy,", "5:client_code"),
    ],
)
def test_a_row_that_names_no_partition_leaves_the_others_alone(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    made = plan(tmp_path, control=CONTROL.replace(old, new))
    assert found(made)[0][1] == f"control_table.csv:{place}"
    assert {problem.partitions for problem in made.diagnostics} == {()}
    assert list(made.jobs) == made.partitions == ALL[:2]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("claims,claim,acme", "claims,a/b,acme", "CTL-004"),
        ("policies,policy", "policies,", "CTL-003"),
        ("policies,policy", ",policy", "CTL-003"),
    ],
)
def test_one_mistake_is_told_once(tmp_path: Path, old: str, new: str, code: str) -> None:
    made = plan(tmp_path, control=CONTROL.replace(old, new))
    assert [p.code for p in made.diagnostics if p.severity == "error"] == [code]


@pytest.mark.parametrize(
    ("old", "new", "code", "place", "held"),
    [
        ("ClaimNo,claim_id,int64", "ClaimNo,claim_id,int", "MAP-006", "2:ai_type", ALL[:2]),
        ("VEGA,claim,No,claim_id,int64", "VEGA,claim,No,claim_id,int", "MAP-006", "3:ai_type",
         ["claims|borealis"]),
        ("VEGA,claim,No,claim_id,int64", "VEGA,claim,No,claim_id,date", "MAP-007", "3:ai_type",
         ["claims|borealis"]),
        ("VEGA,claim,No", "VEGA,claim,", "MAP-010", "3:source_column", ["claims|borealis"]),
        ("VEGA,claim,No", ",claim,No", "MAP-003", "3:product_code", ALL[:2]),
        ("policy_id,int64", "client_code,int64", "MAP-008", "4:ai_column", ["policies|acme"]),
        ("policies,*", "policies,VEGA X", "MAP-004", "4:product_code", ["policies|acme"]),
    ],
)  # fmt: skip
def test_a_bad_mapping_row_holds_back_the_partitions_that_it_feeds(
    tmp_path: Path, old: str, new: str, code: str, place: str, held: list[str]
) -> None:
    made = plan(tmp_path, mapping=MAPPING.replace(old, new, 1))
    assert (code, f"ai_mapping.csv:{place}") in found(made)
    assert list(made.held) == held
    assert list(made.jobs) == [key for key in ALL if key not in held]


def test_a_bad_mapping_row_that_feeds_nothing_is_told_and_holds_nothing(tmp_path: Path) -> None:
    made = plan(tmp_path, mapping=MAPPING + "    claims,LYRA,claim,No,claim_id,date\n")
    assert found(made) == [
        ("MAP-007", "ai_mapping.csv:5:ai_type"),
        ("MAP-016", "ai_mapping.csv:5:product_code"),
    ]
    assert list(made.jobs) == ALL


def test_a_bad_star_row_does_not_hold_products_that_have_their_own_row(tmp_path: Path) -> None:
    mapping = MAPPING.replace("claims,VEGA,claim,No,claim_id,int64", "claims,*,claim,No,claim_id,x")
    assert list(plan(tmp_path, mapping=mapping).held) == ["claims|borealis"]


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ("claims,VEGA,claim,No,,string", ["claim_id"]),
        ("claims,VEGA,claim,No,__x,string", ["claim_id"]),
        ("claims,VEGA,claim,No,x,strng", ["claim_id"]),
        ("claims,VEGA,claim,,status,string", ["claim_id", "status"]),
    ],
    ids=["blank name", "reserved name", "unknown type", "nothing feeds it"],
)
def test_the_jobs_that_run_have_all_columns_with_a_usable_name_and_type(
    tmp_path: Path, row: str, columns: list[str]
) -> None:
    made = plan(tmp_path, mapping=f"{MAPPING}    {row}\n")
    assert list(made.held) == ["claims|borealis"]
    assert [column.name for column in made.jobs["claims|acme"].columns] == columns


def test_the_bad_rows_of_all_three_tables_come_at_once(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        CONTROL.replace("data/b.csv", "/mnt/x/b.csv").replace("policy,acme", "policy,.."),
        MAPPING.replace("VEGA,claim,No", "VEGA,claim,").replace("policy_id", "__id"),
        TEAMS.replace("orion-data@", "orion-data at "),
    )
    assert found(made) == [
        ("CTL-007", "control_table.csv:3:module_location"),
        ("CTL-004", "control_table.csv:5:client_code"),
        ("MAP-010", "ai_mapping.csv:3:source_column"),
        ("MAP-008", "ai_mapping.csv:4:ai_column"),
        ("TEM-007", "teams.csv:2:email"),
    ]
    assert [p.code for p in made.held["claims|borealis"]] == ["CTL-007", "MAP-010"]
    assert list(made.jobs) == ["claims|acme"]


def test_workbooks_name_the_sheet_and_the_cell(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        control=CONTROL.replace("data/a.csv", "/mnt/x/a.csv"),
        mapping=MAPPING.replace("policy_id,int64", "policy_id,int"),
        teams=TEAMS.replace("source", "sorce"),
        workbooks=True,
    )
    assert sorted(found(make_plan(load_project(folder)))) == [
        ("CTL-007", "control_table.xlsx!Control!E2"),
        ("MAP-006", "ai_mapping.xlsx!AI_Map!F4"),
        ("TEM-006", "teams.xlsx!Teams!C2"),
    ]


def test_a_problem_of_the_teams_table_is_a_warning(tmp_path: Path) -> None:
    made = plan(tmp_path, teams=TEAMS.replace("source", "sorce"))
    (problem,) = made.diagnostics
    assert (problem.code, problem.severity, problem.partitions) == ("TEM-006", "warning", ())
    assert list(made.jobs) == ALL


def test_inactive_rows_make_no_partition(tmp_path: Path) -> None:
    made = plan(tmp_path, CONTROL.replace("data/p.csv,Y", "data/p.csv,N").replace("v.csv,Y", "v,N"))
    assert made.partitions == ["claims|acme", "claims|borealis"]
    assert [s.product for s in made.jobs["claims|borealis"].sources] == ["ORION"]


def test_what_is_wrong_in_an_inactive_row_is_a_warning_that_holds_nothing(tmp_path: Path) -> None:
    control = CONTROL.replace("VEGA,policies,policy,acme,data/p.csv,Y", "VE GA,claims,x,acme,p,N")
    made = plan(tmp_path, control)
    (problem,) = (p for p in made.diagnostics if p.place.startswith("control_table.csv:5"))
    assert (problem.code, problem.severity, problem.partitions) == ("CTL-004", "warning", ())
    assert list(made.jobs) == ["claims|acme", "claims|borealis"]


def test_columns_come_in_sheet_order_with_their_first_description(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        mapping="""
            module_name,product_code,submodule_name,source_column,ai_column,ai_type,description
            claims,VEGA,claim,No,number,int64,
            policies,*,policy,No,policy_id,int64,
            claims,*,claim,Amt,amount,Decimal( 18 , 2 ),Amount claimed
            claims,ORION,claim,ClaimNo,number,INT64,Claim number
            claims,ORION,claim,Day,day,date,
            claims,VEGA,claim,Sum,amount,"decimal(18,2)",Sum
        """.replace("Decimal( 18 , 2 )", '"Decimal( 18 , 2 )"'),
    )
    for key in ALL[:2]:
        assert [(c.name, c.ai_type, c.description) for c in made.jobs[key].columns] == [
            ("number", "int64", "Claim number"),
            ("amount", "decimal(18,2)", "Amount claimed"),
            ("day", "date", ""),
        ]


def test_a_star_row_feeds_every_product_and_a_row_of_its_own_wins(tmp_path: Path) -> None:
    made = plan(tmp_path, mapping=MAPPING.replace("claims,ORION", "claims,*"))
    orion, vega = made.jobs["claims|borealis"].sources
    assert [row.source_column for row in orion.mappings] == ["ClaimNo"]
    assert [row.source_column for row in vega.mappings] == ["No"]


@pytest.mark.parametrize(
    ("control", "mapping", "owner"),
    [
        (CONTROL.replace("data/a.csv", "/mnt/x/a"), MAPPING, "ai-platform"),
        (CONTROL, MAPPING.replace("policy_id,int64", "policy_id,int"), "policy-desk"),
        (CONTROL, MAPPING.replace("claim_id,int64", "claim_id,int"), "ai-mapping"),
        (CONTROL, MAPPING + "    policies,LYRA,policy,No,x,int\n", "policy-desk"),
    ],
    ids=["platform", "mapping of a module", "mapping", "mapping that feeds nothing"],
)
def test_a_problem_goes_to_the_team_whose_it_is(
    tmp_path: Path, control: str, mapping: str, owner: str
) -> None:
    teams = """
        team,email,concern,product_code,module_name
        policy-desk,policy@example.org,mapping,*,policies
        ai-mapping,ai-mapping@example.org,mapping,*,*
        ai-platform,ai-platform@example.org,*,*,*
    """
    assert {p.owner for p in plan(tmp_path, control, mapping, teams).diagnostics} == {owner}


JOINED = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,h.csv,Y
    ORION,claims,line,acme,l.csv,Y
    ORION,claims,line,borealis,l.csv,N
    VEGA,claims,claim,coral,c.csv,Y
"""


@pytest.mark.parametrize(
    ("header", "line", "code", "place"),
    [
        ("Status,status,string,N", "State,status,string,N", "MAP-012", "5:ai_column"),
        ("Status,status,string,N", "Line,line_no,string,N", "", ""),
        ("Other,other_id,int64,Y", "Line,line_no,int64,N", "", ""),
    ],
)
def test_submodules_that_do_not_fit_hold_back_the_partitions_that_join_them(
    tmp_path: Path, header: str, line: str, code: str, place: str
) -> None:
    mapping = f"""
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key
        claims,ORION,header,No,claim_id,int64,Y
        claims,ORION,header,{header}
        claims,ORION,line,No,claim_id,int64,Y
        claims,ORION,line,{line}
        claims,VEGA,claim,No,claim_id,int64,
    """
    made = plan(tmp_path, JOINED, mapping)
    assert found(made) == ([(code, f"ai_mapping.csv:{place}")] if code else [])
    assert list(made.held) == (["claims|acme"] if code else [])


def test_unknown_keys_are_told_with_the_near_one(tmp_path: Path) -> None:
    made = plan(tmp_path, CONTROL.replace("data/a.csv", "/mnt/x/a"))
    (problem,) = made.unknown(["claims|acme", "claims|borealis", "claims|boreal"])
    assert problem.code == "RUN-001"
    assert "`claims|boreal`; did you mean `claims|borealis`?" in problem.message


def test_a_project_without_rows_has_an_empty_plan(tmp_path: Path) -> None:
    made = plan(tmp_path, CONTROL.split("    ORION", maxsplit=1)[0])
    assert (made.partitions, made.errors) == ([], [])


def test_a_plan_holds_no_passwords(tmp_path: Path) -> None:
    control = CONTROL.replace("data/a.csv", "sql://policydb/dbo.A")
    toml = '[sql.policydb]\nurl = "mssql://sa:hunter2@db/p"\n'
    made = plan(tmp_path, control, MAPPING.replace("policy_id,int64", "policy_id,int"), toml=toml)
    assert "claims|acme" in made.jobs
    assert made.held
    assert "hunter2" not in repr(made)
    assert b"hunter2" not in pickle.dumps(made.jobs)
