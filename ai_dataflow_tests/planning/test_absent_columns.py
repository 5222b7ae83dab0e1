"""A column that is not there is told without telling a value that stands where names should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests import projects
from ai_dataflow_tests.header_cases import CASES, VALUE, location_of, parquet
from ai_dataflow_tests.projects import project


def _told(folder: Path, files: dict[str, bytes], mapping: str) -> tuple[Diagnostic, ...]:
    control = projects.CONTROL.replace("claims.csv", location_of(files))
    written = project(folder, control=control, mapping=mapping)
    for path, content in files.items():
        (folder / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / path).write_bytes(content)
    return look_live(make_draft(load_project(written))).plan.diagnostics


TRANSFORMS = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform
    claims,ORION,claim,,claim_id,int64,ClaimNo + 1
    claims,ORION,claim,,amount,float64,Amount.vAlUe * ABS(Amount)
"""


@pytest.mark.parametrize("mapping", [projects.MAPPING, TRANSFORMS], ids=["columns", "transforms"])
@pytest.mark.parametrize("case", CASES)
def test_no_value_is_told_where_a_name_should_be(tmp_path: Path, case: str, mapping: str) -> None:
    told = _told(tmp_path, CASES[case], mapping)
    are_rejects = case == "fields that are values"  # an object is a text, which is no number
    assert are_rejects or any(problem.severity == "error" for problem in told)
    assert VALUE not in json.dumps([problem.to_json() for problem in told])


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("no header", "its first line does not look like a header"),
        ("one column", "its first line does not look like a header"),
        ("in a folder with a name of the sheet", "its first line does not look like a header"),
        ("keys that are values", "it has 2 columns, and no name of the sheet is among theirs"),
    ],
)
def test_how_many_columns_there_are_is_told(tmp_path: Path, case: str, says: str) -> None:
    told = _told(tmp_path, CASES[case], projects.MAPPING)
    codes = ("MAP-014", "SRC-031")
    assert any(says in f"{p.message}; {p.fix}" for p in told if p.code in codes)


@pytest.mark.parametrize("name", ["ClaimNo", "CLAIMNO"])
@pytest.mark.parametrize(
    "content",
    [
        {"x.csv": "{},Amont\n1,2\n"},
        {"x.jsonl": '{{"{}": 1, "Amont": 2}}\n'},
        {"x.parquet": ""},
    ],
    ids=str,
)
def test_names_of_which_the_sheet_has_one_are_told(
    tmp_path: Path, name: str, content: dict[str, str]
) -> None:
    ((path, text),) = content.items()
    file = text.format(name).encode() or parquet(**{name: [1], "Amont": [2]})
    (problem,) = (p for p in _told(tmp_path, {path: file}, projects.MAPPING) if p.code == "MAP-014")
    assert "no column `Amount`; did you mean `Amont`?" in problem.message
    assert problem.fix == f"it has {name}, Amont"


def test_fields_of_an_object_are_told_where_the_sheet_names_one(tmp_path: Path) -> None:
    mapping = """
        module_name,product_code,submodule_name,source_column,ai_column,ai_type
        claims,ORION,claim,ClaimNo,claim_id,int64
        claims,ORION,claim,o.amont,amount,float64
        claims,ORION,claim,o.day,day,string
    """
    line = {"ClaimNo": 1, "o": {"amount": 1, "day": "x"}, "p": {VALUE: 1}}
    told = _told(tmp_path, {"x.jsonl": f"{json.dumps(line)}\n".encode()}, mapping)
    (problem,) = (problem for problem in told if problem.code == "MAP-014")
    assert "did you mean `o.amount`?" in problem.message
    assert "ClaimNo, o, p, o.amount, o.day" in problem.fix
    assert VALUE not in json.dumps(problem.to_json())
