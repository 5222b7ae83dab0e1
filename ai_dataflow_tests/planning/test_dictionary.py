"""The dictionary beside the mapping sheet: whose type and description hold, what contradicts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ai_dataflow.compiler.limits import Limits, pattern_problem
from ai_dataflow.planning.draft import make_plan
from ai_dataflow.planning.plan import Plan
from ai_dataflow.tables.ai_columns import share
from ai_dataflow.tables.ai_types import is_narrower
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests import projects
from ai_dataflow_tests.projects import text_file

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,header,acme,h.csv,Y
    VEGA,claims,header,acme,v.csv,Y
    VEGA,policies,header,acme,p.csv,Y
"""
SHEET = "module_name,product_code,submodule_name,source_column,ai_column,ai_type,description"


def _plan(folder: Path, mapping: str, dictionary: str) -> Plan:
    toml = 'ai_columns = "dictionary.csv"\n'
    rows = f"{SHEET}\n{mapping}policies,VEGA,header,No,policy_id,int64,\n"
    projects.project(folder, control=CONTROL, mapping=rows, toml=toml)
    text_file(folder, "dictionary.csv", f"module_name,ai_column,ai_type,description\n{dictionary}")
    return make_plan(load_project(folder))


def _problems(plan: Plan) -> list[tuple[str, str]]:
    return [(p.code, p.place) for p in plan.errors]


BOTH = "claims,ORION,header,No,claim_id,{},{}\nclaims,VEGA,header,No,claim_id,{},\n"


@pytest.mark.parametrize(
    ("orion", "vega", "dictionary", "ai_type"),
    [
        ("", "", "int64", "int64"),
        ("int64", "", "int64", "int64"),
        ("int32", "int32", "int64", "int32"),
        ("int64", "int64", "", "int64"),
        ("json", "json", " String", "json"),
    ],
)
def test_a_type_is_the_dictionarys_or_narrower(
    tmp_path: Path, orion: str, vega: str, dictionary: str, ai_type: str
) -> None:
    plan = _plan(tmp_path, BOTH.format(orion, "", vega), f"claims,claim_id,{dictionary},Number\n")
    assert _problems(plan) == []
    (column,) = plan.columns["claims"]
    assert (column.ai_type, column.description) == (ai_type, "Number")


@pytest.mark.parametrize(
    ("orion", "vega", "dictionary", "problems"),
    [
        ("int64", "int64", "int32", [("DIC-011", 2), ("DIC-011", 3)]),
        ("int32", "", "int64", [("MAP-007", 3)]),  # one column has one type
        ("", "", "", [("MAP-003", 2), ("MAP-003", 3)]),
        ("", "", "int46", [("DIC-010", 0)]),
        ("date", "date", "timestamp", [("DIC-011", 2), ("DIC-011", 3)]),
    ],
)
def test_what_contradicts_is_told_with_its_cells(
    tmp_path: Path, orion: str, vega: str, dictionary: str, problems: list[tuple[str, int]]
) -> None:
    plan = _plan(tmp_path, BOTH.format(orion, "", vega), f"claims,claim_id,{dictionary},\n")
    places = {0: "dictionary.csv:2:ai_type"}
    wanted = [(code, places.get(line, f"ai_mapping.csv:{line}:ai_type")) for code, line in problems]
    assert _problems(plan) == wanted
    assert list(plan.held) == ["claims|acme"]
    contradicted = (p for p in plan.errors if p.code == "DIC-011")
    assert all("dictionary.csv:2:ai_type" in problem.message for problem in contradicted)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("int64,Number,", []),  # its type is needed, and its meaning as good as any
        ("int64,,Y", ["dictionary.csv:2:required"]),
    ],
)
def test_a_column_for_joins_alone_has_a_type_and_nothing_that_must_hold(
    tmp_path: Path, says: str, told: list[str]
) -> None:
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key,published
        claims,ORION,header,No,claim_id,,Y,N
        claims,ORION,header,Note,note,string,,
    """
    control = "\n".join(CONTROL.strip().splitlines()[:2])
    folder = projects.project(
        tmp_path, control=control, mapping=mapping, toml='ai_columns = "dictionary.csv"\n'
    )
    head = "module_name,ai_column,ai_type,description,required"
    text_file(folder, "dictionary.csv", f"{head}\nclaims,claim_id,{says}\n")
    plan = make_plan(load_project(folder))
    assert [p.place for p in plan.diagnostics if p.code == "DIC-017"] == told
    assert plan.errors == []


def test_the_sheets_description_takes_the_place(tmp_path: Path) -> None:
    plan = _plan(tmp_path, BOTH.format("", "Ours", ""), "claims,claim_id,int64,Number\n")
    assert plan.columns["claims"][0].description == "Ours"


@pytest.mark.parametrize(
    ("narrow", "wide", "is_so"),
    [
        ("int32", "int64", True), ("int16", "int64", True), ("int64", "int32", False),
        ("decimal(10,2)", "decimal(18,2)", True), ("decimal(10,2)", "decimal(11,3)", True),
        ("decimal(10,3)", "decimal(18,2)", False), ("decimal(10,2)", "decimal(10,3)", False),
        ("float32", "float64", False), ("date", "timestamp", False), ("int64", "string", False),
        ("json", "string", True), ("int32", "decimal(18,2)", False),
    ],
)  # fmt: skip
def test_which_types_are_narrower(narrow: str, wide: str, is_so: bool) -> None:
    assert is_narrower(narrow, wide) == is_so


def test_patterns_are_of_the_whole_text() -> None:
    texts = pl.DataFrame({"v": ["AB", "AB\n", "xAB", "ABx", "", None]})
    unlike = texts.select(Limits("v", "string").unlike("AB|CD"))["v"].to_list()
    assert unlike == [False, True, True, True, True, None]


@pytest.mark.parametrize("pattern", ["a)|(b", "(?x)a # b", "[", "(?<=a)b", r"(a)\1", "x{9999999}"])
def test_what_is_no_pattern_is_told(pattern: str) -> None:
    assert pattern_problem(pattern)


def test_no_float_that_is_no_number_is_within_limits() -> None:
    values = pl.DataFrame({"v": [float("nan"), -0.0, 1.0, None]})
    limits = Limits("v", "float64")
    outside = values.select(a=limits.below("0"), b=limits.above("1")).to_dict(as_series=False)
    assert outside == {"a": [True, False, False, None], "b": [True, False, False, None]}


@pytest.mark.parametrize("text", ["1", "100", "-5%", "101%", "5 percent", "1.5", "0,05"])
def test_what_is_no_share(text: str) -> None:
    assert share(text) is None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("claim_id,Y,", ["dictionary.csv:2:required"]),
        ("claim_id,Y,warn", []),
        ("note,Y,", ["dictionary.csv:2:required"]),
    ],
)
def test_a_submodule_without_what_the_dictionary_requires_is_told(
    tmp_path: Path, said: str, told: list[str]
) -> None:
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type
        claims,ORION,header,No,claim_id,int64
        claims,ORION,note,Text,note,string
    """
    head, row = CONTROL.strip().splitlines()[:2]
    control = "\n".join([head, row, row.replace("header", "note")])
    folder = projects.project(
        tmp_path, control=control, mapping=mapping, toml='ai_columns = "dictionary.csv"\n'
    )
    text_file(folder, "dictionary.csv", f"module_name,ai_column,required,severity\nclaims,{said}\n")
    plan = make_plan(load_project(folder))
    assert [p.place for p in plan.diagnostics if p.code == "MAP-031"] == told
    assert plan.errors == []


@pytest.mark.parametrize(
    ("said", "problems"),
    [
        ("warn,", []), ("WARN,N", []), ("error,Y", []), (",yes", []),
        ("wran,", [("DIC-021", "severity")]), (",maybe", [("DIC-005", "blocks")]),
        ("warn,Y", [("DIC-022", "blocks")]),
    ],
)  # fmt: skip
def test_what_becomes_of_a_breach_is_checked_offline(
    tmp_path: Path, said: str, problems: list[tuple[str, str]]
) -> None:
    folder = tmp_path
    _plan(folder, BOTH.format("int64", "", "int64"), "")
    head = "module_name,ai_column,min,severity,blocks"
    text_file(folder, "dictionary.csv", f"{head}\nclaims,claim_id,1,{said}\n")
    plan = make_plan(load_project(folder))
    assert _problems(plan) == [(code, f"dictionary.csv:2:{cell}") for code, cell in problems]
    assert bool(plan.held) == bool(problems)
