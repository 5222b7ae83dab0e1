"""What the live schemas tell before a row is read: each cell that does not compile, and whom."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.partition.making import run
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.projects import TOML, project, text_file

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/claims.parquet,Y
    VEGA,claims,claim,borealis,data/claims.csv,Y
"""
HEADER = (
    "module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key\n"
)
VEGA = "claims,VEGA,claim,ClaimNo,claim_id,int64,,\n"
KNOWN = "claims,ORION,claim,Note,note,string,,\n"  # by it the file's names are known to be names
SCHEMA = {
    "No": pl.Int64, "Amount": pl.Float64, "Big": pl.Decimal(18, 4), "Note": pl.String,
    "Day": pl.Date, "Seen": pl.Datetime("us"), "Tags": pl.List(pl.String),
    "Ref": pl.String, "REF": pl.String, "now": pl.Date,
}  # fmt: skip
ACME = "claims|acme"


def live(folder: Path, mapping: str, control: str = CONTROL, toml: str = TOML) -> Plan:
    """Plan a project whose ORION source has the columns of `SCHEMA`, and VEGA's two others."""
    written = project(folder, control=control, mapping=HEADER + mapping + VEGA, toml=toml)
    pl.DataFrame(schema=SCHEMA).write_parquet(folder / "data/claims.parquet")
    return look_live(make_draft(load_project(written))).plan


def only(made: Plan) -> Diagnostic:
    (problem,) = made.diagnostics
    return problem


@pytest.mark.proves(
    "compile",
    "missing",
    "MAP-014: no such column; its partitions are held, with the cell and the nearest name",
)
@pytest.mark.parametrize(
    ("row", "code", "column", "says"),
    [
        ("Amt,x,float64,", "MAP-014", "source_column", "has no column `Amt`; did you mean `Amoun"),
        (",x,string,upper(Nte)", "MAP-014", "transform:7", "`Nte`; did you mean `Note`?"),
        ("ref,x,string,", "MAP-018", "source_column", "`ref` could be any of `Ref`, `REF`"),
        (",x,string,upper(ref)", "MAP-018", "transform:7", "`ref` could be any of"),
        (",x,string,upper((", "MAP-011", "transform:7", ""),
        (",x,string,uper(Note)", "MAP-011", "transform:1", "did you mean `upper`?"),
        (",x,string,trim(uper(Note))", "MAP-011", "transform:6", "no function `uper`"),
        (",x,string,Day + Tags", "MAP-011", "transform:1", ""),
        (",x,float64,SUM(Amount)", "MAP-019", "transform:1", "other rows"),
        (",x,float64,Amount / SUM(Amount)", "MAP-019", "transform:10", "other rows"),
        (",x,int64,ROW_NUMBER() OVER (ORDER BY No)", "MAP-019", "transform:1", "other rows"),
        ("Amt,x,float64,Amount * 2", "MAP-014", "source_column", "did you mean `Amount`?"),
        ("Day,x,int64,", "MAP-015", "ai_type", "Date cannot become int64"),
        ("Tags,x,string,", "MAP-015", "ai_type", "cannot become string"),
        (",x,int64,CAST(Seen AS DATE)", "MAP-015", "ai_type", "Date cannot become int64"),
    ],
)
def test_what_does_not_compile_is_told_in_its_cell_and_holds_its_partition_only(
    tmp_path: Path, row: str, code: str, column: str, says: str
) -> None:
    made = live(tmp_path, f"claims,ORION,claim,{row},\n{KNOWN}")
    problem = only(made)
    assert (problem.code, problem.place) == (code, f"ai_mapping.csv:2:{column}")
    assert (problem.severity, problem.partitions) == ("error", (ACME,))
    assert (problem.subject, problem.owner) == ("ORION · claims · claim → x", "ai-mapping")
    assert "data/claims.parquet" in problem.message
    assert says in problem.message
    assert (list(made.held), list(made.jobs)) == ([ACME], ["claims|borealis"])


@pytest.mark.parametrize(
    ("row", "code", "column", "says"),
    [
        ("amount,x,float64,", "MAP-017", "source_column", "`amount` is taken for `Amount`"),
        (",x,string,upper(NOTE)", "MAP-017", "transform", "`NOTE` is taken for `Note`"),
        ("No,x,int32,", "MAP-022", "ai_type", "large values are rejected"),
        ('Big,x,"decimal(18,2)",', "MAP-022", "ai_type", "more digits are rejected"),
        ('Amount,x,"decimal(18,2)",', "MAP-022", "ai_type", "rounded to 2 digits"),
        ("Amount,x,float32,", "MAP-022", "ai_type", "about 7 digits"),
        ("Seen,x,date,", "MAP-022", "ai_type", "the time of day is dropped"),
        (",x,boolean,Day < current_date", "MAP-024", "transform", "reads the clock"),
        (",x,timestamp,now()", "MAP-024", "transform", "reads the clock"),
    ],
)
def test_what_is_worth_a_look_is_a_warning_that_holds_nothing(
    tmp_path: Path, row: str, code: str, column: str, says: str
) -> None:
    made = live(tmp_path, f"claims,ORION,claim,{row},\n")
    problem = only(made)
    assert (problem.code, problem.place) == (code, f"ai_mapping.csv:2:{column}")
    assert (problem.severity, problem.partitions) == ("warning", ())
    assert says in problem.message
    assert list(made.jobs) == [ACME, "claims|borealis"]


@pytest.mark.parametrize(
    "row",
    [
        "Ref,x,string,",
        "No,x,string,",
        'No,x,"decimal(18,0)",',
        ",x,string,Ref || 'now()'",
        """,x,date,\"""now""\"""",
        ",x,date,CAST(Seen AS DATE)",
        ",x,string,'a constant'",
    ],
)
def test_what_compiles_says_nothing(tmp_path: Path, row: str) -> None:
    assert live(tmp_path, f"claims,ORION,claim,{row},\n").diagnostics == ()


def test_every_cell_that_is_wrong_is_told_at_once_in_the_order_of_the_sheet(tmp_path: Path) -> None:
    rows = ("Amt,a,float64,", "Day,b,int64,", ",c,string,uper(Note)", ",d,string,Nte || Rf")
    made = live(tmp_path, "".join(f"claims,ORION,claim,{row},\n" for row in rows) + KNOWN)
    assert [(p.code, p.line) for p in made.diagnostics] == [
        ("MAP-014", 2), ("MAP-015", 3), ("MAP-011", 4), ("MAP-014", 5),
    ]  # fmt: skip
    assert "no column `Nte`; did you mean `Note`?, no `Rf`" in made.diagnostics[-1].message


def test_the_same_problem_of_many_clients_is_one_with_a_count(tmp_path: Path) -> None:
    clients = [f"c{i}" for i in range(14)]
    control = CONTROL.split("    VEGA", maxsplit=1)[0].replace("acme,data", "c0,data")
    control += "".join(
        f"    ORION,claims,claim,{client},data/{client}.parquet,Y\n" for client in clients[1:]
    )
    (tmp_path / "data").mkdir()
    for client in clients[1:]:
        pl.DataFrame(schema=SCHEMA).write_parquet(tmp_path / f"data/{client}.parquet")
    control += "    VEGA,claims,claim,borealis,data/claims.csv,Y\n"
    made = live(tmp_path, "claims,ORION,claim,Amt,x,float64,,\n", control)
    (problem,) = made.errors
    assert problem.code == "MAP-014"
    assert problem.partitions == tuple(sorted(f"claims|{client}" for client in clients))


def test_clients_whose_files_differ_are_counted_under_one_cell(tmp_path: Path) -> None:
    control = CONTROL + "    ORION,claims,claim,coral,data/coral.parquet,Y\n"
    (tmp_path / "data").mkdir()
    pl.DataFrame(schema={"Amt": pl.Int64}).write_parquet(tmp_path / "data/coral.parquet")
    problem = only(live(tmp_path, "claims,ORION,claim,Total,x,float64,,\n", control))
    assert problem.message.endswith("(and 1 more like it)")
    assert problem.partitions == (ACME, "claims|coral")


def test_only_the_clients_whose_source_lacks_the_column_are_held(tmp_path: Path) -> None:
    control = CONTROL + "    ORION,claims,claim,coral,data/coral.parquet,Y\n"
    (tmp_path / "data").mkdir()
    pl.DataFrame(schema={"Amt": pl.Float64}).write_parquet(tmp_path / "data/coral.parquet")
    made = live(tmp_path, "claims,ORION,claim,Amt,x,float64,,\n", control)
    assert (list(made.held), only(made).partitions) == ([ACME], (ACME,))


@pytest.mark.proves(
    "compile",
    "missing",
    "SRC-001, told before the run; the run tries again, for it may be there by then",
)
@pytest.mark.proves("compile", "corrupt", "SRC-002 or SRC-003, told before the run")
@pytest.mark.parametrize(
    ("location", "content", "code"),
    [
        ("data/nowhere.csv", {}, "SRC-001"),
        ("data/nowhere/*.csv", {}, "SRC-001"),
        ("data/empty.csv", {"empty.csv": ""}, "SRC-002"),
        ("data/claims.log", {"claims.log": "No\n"}, "SRC-003"),
        ("data/cut.parquet", {"cut.parquet": "PAR1"}, "SRC-003"),
    ],
)
def test_a_source_that_cannot_be_opened_is_an_error_that_is_tried_all_the_same(
    tmp_path: Path, location: str, content: dict[str, str], code: str
) -> None:
    for name, text in content.items():
        text_file(tmp_path, f"data/{name}", text)
    control = CONTROL.replace("data/claims.parquet", location)
    made = live(tmp_path, "claims,ORION,claim,No,x,int64,,\n", control)
    problem = only(made)
    assert (problem.code, problem.place) == (code, "control_table.csv:2:module_location")
    assert (problem.severity, problem.owner) == ("error", "orion-data")
    assert problem.partitions == (ACME,)  # those that would fail
    assert (made.held, list(made.jobs)) == ({}, [ACME, "claims|borealis"])


def test_a_column_whose_types_nothing_unites_is_told_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "data/two").mkdir(parents=True)
    pl.DataFrame({"No": [1]}).write_parquet(tmp_path / "data/two/a.parquet")
    pl.DataFrame({"No": ["1"]}).write_parquet(tmp_path / "data/two/b.parquet")
    control = CONTROL.replace("data/claims.parquet", "data/two")
    problem = only(live(tmp_path, "claims,ORION,claim,No,x,int64,,\n", control))
    assert (problem.code, problem.partitions) == ("SRC-010", (ACME,))
    assert (problem.place, problem.owner) == ("control_table.csv:2:module_location", "orion-data")
    assert "`No` is Int64 in a.parquet, is String in b.parquet" in problem.message


def test_a_column_that_files_lack_is_told_with_how_to_allow_it(tmp_path: Path) -> None:
    text_file(tmp_path, "data/two/a.csv", "No,Amount\n1,2\n")
    text_file(tmp_path, "data/two/b.csv", "Amount\n2\n")
    control = CONTROL.replace("data/claims.parquet", "data/two/*.csv")
    mapping = "claims,ORION,claim,No,x,int64,,\nclaims,ORION,claim,Amount,y,int64,,\n"
    made = live(tmp_path, mapping, control)
    problem = only(made)
    assert (problem.code, problem.owner, list(made.held)) == ("SRC-010", "orion-data", [])
    assert "`No` is not in b.csv" in problem.message
    assert 'drift = "add"' in problem.fix


@pytest.mark.proves(
    "compile",
    "concurrent",
    "MAP-014: a column that goes after compiling; what is read is compiled anew, nothing is null",
)
def test_a_source_that_changes_after_it_was_compiled_is_compiled_anew(tmp_path: Path) -> None:
    """What is read is what counts: a column that has gone since is no column of nulls."""
    made = live(tmp_path, "claims,ORION,claim,Amount,x,float64,,\n")
    assert made.diagnostics == ()
    pl.DataFrame({"Amt": [1.5]}).write_parquet(tmp_path / "data/claims.parquet")
    result = run(made.jobs[ACME], load_project(tmp_path).settings, "run-1")
    assert [failure.diagnostic.code for failure in result.failures] == ["MAP-014"]
    assert result.data == ()


SQL = '[sql.policydb]\nurl = "sqlite:///data/policy.sqlite"\n'


@pytest.mark.parametrize(
    ("client_column", "held"), [("Client", []), ("client", []), ("Clint", [ACME])]
)
def test_a_client_column_that_the_table_lacks_holds_back_its_client(
    tmp_path: Path, client_column: str, held: list[str]
) -> None:
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data/policy.sqlite") as connection:
        connection.execute("CREATE TABLE Claims (No INTEGER, Client TEXT)")
    location = f"sql://policydb/Claims?client_column={client_column}"
    control = CONTROL.replace("data/claims.parquet", location)
    made = live(tmp_path, "claims,ORION,claim,No,x,int64,,\n", control, SQL)
    assert list(made.held) == held
    if held:
        problem = only(made)
        assert (problem.code, problem.place) == ("CTL-014", "control_table.csv:2:module_location")
        assert "`Clint`; did you mean `Client`?" in problem.message


def test_what_is_told_of_one_type_does_not_stand_for_another(tmp_path: Path) -> None:
    control = CONTROL + "".join(
        f"    ORION,claims,claim,{client},data/{client}.parquet,Y\n" for client in ("b", "c", "d")
    )
    (tmp_path / "data").mkdir()
    days = {"b": pl.List(pl.Date()), "c": pl.Boolean(), "d": pl.Boolean()}
    for client, dtype in days.items():
        columns = {**SCHEMA, "Day": dtype, f"of {client}": pl.Int8()}
        pl.DataFrame(schema=columns).write_parquet(tmp_path / f"data/{client}.parquet")
    made = live(tmp_path, "claims,ORION,claim,Day,x,date,,\n", control)
    assert [(p.place, p.message, p.partitions) for p in made.errors if p.code == "MAP-015"] == [
        ("ai_mapping.csv:2:ai_type", "data/b.parquet: List(Date) cannot become date",
         ("claims|b",)),
        ("ai_mapping.csv:2:ai_type",
         "data/c.parquet: Boolean cannot become date (and 1 more like it)",
         ("claims|c", "claims|d")),
    ]  # fmt: skip


@pytest.mark.parametrize(("line_key", "codes"), [("Note", ["MAP-020"]), ("No", []), ("Big", [])])
def test_keys_that_are_text_in_one_submodule_only_are_a_warning(
    tmp_path: Path, line_key: str, codes: list[str]
) -> None:
    control = CONTROL + "    ORION,claims,line,acme,data/claims.parquet,Y\n"
    made = live(
        tmp_path,
        "claims,ORION,claim,No,claim_id,int64,,Y\n"
        f"claims,ORION,line,,claim_id,int64,{line_key},Y\n",
        control,
    )
    assert [(p.code, p.place) for p in made.diagnostics if p.code != "MAP-022"] == [
        (code, "ai_mapping.csv:3:source_column") for code in codes
    ]
    assert list(made.jobs) == [ACME, "claims|borealis"]


def test_a_rounding_that_changed_is_told_once_for_a_sheet(tmp_path: Path) -> None:
    rows = "".join(f"claims,ORION,claim,,x{i},float64,ROUND(Amount),\n" for i in range(3))
    problem = only(live(tmp_path, rows))
    assert (problem.code, problem.place, problem.severity) == (
        "MAP-030", "ai_mapping.csv", "warning"
    )  # fmt: skip
    assert "and 2 more like it" in problem.message


@pytest.mark.parametrize(("dialect", "codes"), [("", ["MAP-028"]), ("tsql", [])])
def test_the_settings_say_which_dialect_a_sheet_is_in(
    tmp_path: Path, dialect: str, codes: list[str]
) -> None:
    toml = TOML + (f'[mapping]\ndialect = "{dialect}"\n' if dialect else "")
    made = live(tmp_path, "claims,ORION,claim,,x,int64,LEN(Note),\n", toml=toml)
    assert [problem.code for problem in made.diagnostics] == codes


@pytest.mark.parametrize(
    ("times", "codes"), [(60_000, []), (1_600_000, [("MAP-011", "ai_mapping.csv:2:transform")])]
)
def test_a_long_cell_is_read_or_is_an_error_of_its_own_row(
    tmp_path: Path, times: int, codes: list[tuple[str, str]]
) -> None:
    made = live(tmp_path, f"claims,ORION,claim,,x,string,Note{' ' * times}|| Note,\n")
    assert [(problem.code, problem.place) for problem in made.diagnostics] == codes
    assert "claims|borealis" in made.jobs


def test_many_branches_end_no_command(tmp_path: Path) -> None:
    branches = " ".join(f"WHEN {i} THEN 'word {i}'" for i in range(1_200))
    deep = "abs(" * 5_000 + "No" + ")" * 5_000
    made = live(
        tmp_path,
        f"claims,ORION,claim,,x,string,CASE No {branches} END,\n"
        f"claims,ORION,claim,,y,int64,{deep},\n",
    )
    problem = only(made)
    assert (problem.code, problem.place) == ("MAP-011", "ai_mapping.csv:3:transform:404")
    assert "100 levels" in problem.message
    assert list(made.jobs) == ["claims|borealis"]
