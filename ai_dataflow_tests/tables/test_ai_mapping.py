"""The mapping sheet's rows and what is wrong with them, cell by cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.tables.ai_mapping import LAYOUT, MappingRow, rows_for
from ai_dataflow.tables.mapping_sheet import mapping_rows
from ai_dataflow.tables.table import read_table
from ai_dataflow_tests.projects import table

HEADER = "module_name,product_code,submodule_name,source_column,ai_column,ai_type,transform,is_key"
GOOD = "claims,ORION,claim,ClaimNo,claim_id,int64,,"


def read(folder: Path, *rows: str, sheet: str = "") -> tuple[list[MappingRow], list[Diagnostic]]:
    text = "\n".join([HEADER, *rows])
    return mapping_rows(read_table(table(folder, "ai_mapping", text, sheet), folder, LAYOUT))


@pytest.mark.parametrize(
    ("row", "code", "column", "letter"),
    [
        (",ORION,claim,Amt,amount,float64,,", "MAP-003", "module_name", "A"),
        ("claims,ORION,claim,Amt,,float64,,", "MAP-003", "ai_column", "E"),
        ("claims,ORION,claim,Amt,amount,,,", "MAP-003", "ai_type", "F"),
        ("_claims,ORION,claim,Amt,amount,float64,,", "MAP-004", "module_name", "A"),
        ("claims,ORI ON,claim,Amt,amount,float64,,", "MAP-004", "product_code", "B"),
        ("claims,**,claim,Amt,amount,float64,,", "MAP-004", "product_code", "B"),
        ("claims,*,*,Amt,amount,float64,,", "MAP-004", "submodule_name", "C"),
        ("claims,ORION,claim,Amt,amount,float64,,maybe", "MAP-005", "is_key", "H"),
        ("claims,ORION,claim,Amt,amount,flaot64,,", "MAP-006", "ai_type", "F"),
        ("claims,VEGA,claim,No,claim_id,string,,", "MAP-007", "ai_type", "F"),
        ("claims,*,claim,No,claim_id,string,,", "MAP-007", "ai_type", "F"),
        ("claims,VEGA,claim,No,claim_id,INT64,,", "", "", ""),
        ("policies,ORION,claim,No,claim_id,string,,", "", "", ""),
        ("claims,ORION,claim,P,product_code,string,,", "MAP-008", "ai_column", "E"),
        ("claims,ORION,claim,C,Client_Code,string,,", "MAP-008", "ai_column", "E"),
        ("claims,ORION,claim,C,__row,string,,", "MAP-008", "ai_column", "E"),
        ("claims,ORION,claim,Number,claim_id,int64,,", "MAP-009", "ai_column", "E"),
        ("claims,VEGA,claim,No,Claim_ID,int64,,", "MAP-023", "ai_column", "E"),
        ("policies,VEGA,claim,No,Claim_ID,int64,,", "", "", ""),
        ("claims,ORION,claim,Amt,2nd,float64,,", "MAP-004", "ai_column", "E"),
        ("claims,ORION,claim,Amt,a-b,float64,,", "MAP-004", "ai_column", "E"),
        (f"claims,ORION,claim,Amt,{'a' * 129},float64,,", "MAP-004", "ai_column", "E"),
        (f"claims,ORION,claim,Amt,{'é' * 128},float64,,", "", "", ""),
        ("claims,ORION,line,Number,claim_id,int64,,", "", "", ""),
        ("claims,ORION,claim,,amount,float64,,", "MAP-010", "source_column", "D"),
        ("claims,ORION,claim,,amount,float64,Amt * 2,", "", "", ""),
    ],
)
def test_a_bad_cell_is_called_by_code_and_place(
    tmp_path: Path, row: str, code: str, column: str, letter: str
) -> None:
    in_csv = [(p.code, p.place) for p in read(tmp_path, GOOD, row)[1]]
    in_xlsx = [(p.code, p.place) for p in read(tmp_path, GOOD, row, sheet="AI_Map")[1]]
    assert in_csv == ([(code, f"ai_mapping.csv:3:{column}")] if code else [])
    assert in_xlsx == ([(code, f"ai_mapping.xlsx!AI_Map!{letter}3")] if code else [])


def test_an_unknown_type_comes_with_the_near_one_and_all_of_them(tmp_path: Path) -> None:
    _, (problem,) = read(tmp_path, "claims,ORION,claim,Amt,amount,flaot64,,")
    assert "`flaot64` is no ai_type; did you mean `float64`?" in problem.message
    assert "decimal(18,2)" in problem.fix


def test_two_types_name_both_and_the_row_that_decided(tmp_path: Path) -> None:
    _, (problem,) = read(tmp_path, GOOD, "claims,VEGA,claim,No,claim_id,string,,", sheet="AI_Map")
    assert problem.message == "`claim_id` is string here and int64 in ai_mapping.xlsx!AI_Map!F2"


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [
        ("Amt,amount,", "total,amount,float64", ["MAP-003"]),
        ("Amt,amount,flaot64", "total,amount,float64", ["MAP-006"]),
        ("Amt,amount,float64", "total,amount,flaot64", ["MAP-006"]),
        ("A,,int64", "B,,float64", ["MAP-003", "MAP-003"]),
    ],
    ids=["blank type", "unknown type", "unknown type later", "blank names"],
)
def test_one_mistake_is_told_once(
    tmp_path: Path, first: str, second: str, codes: list[str]
) -> None:
    rows = (f"claims,ORION,claim,{first},,", f"claims,VEGA,claim,{second},,")
    assert [p.code for p in read(tmp_path, *rows)[1]] == codes


def test_blank_names_are_not_mapped_twice_as_well(tmp_path: Path) -> None:
    blanks = ("claims,ORION,claim,A,,int64,,", "claims,ORION,claim,B,,int64,,")
    assert [p.code for p in read(tmp_path, *blanks)[1]] == ["MAP-003", "MAP-003"]


@pytest.mark.parametrize(
    ("product", "sources"),
    [("ORION", ["ClaimNo", "Amt", "Own"]), ("VEGA", ["ClaimNo", "Status", "Total"])],
)
def test_a_star_row_is_for_every_product_unless_it_has_a_row_of_its_own(
    tmp_path: Path, product: str, sources: list[str]
) -> None:
    rows, problems = read(
        tmp_path,
        "claims,*,claim,ClaimNo,claim_id,int64,,",
        "claims,*,claim,Status,status,string,,",
        "claims,ORION,claim,Amt,amount,float64,,",
        "claims,*,claim,Total,amount,float64,,",
        "claims,ORION,claim,Own,status,string,,",
        "claims,ORION,line,Other,status,string,,",
        "policies,*,claim,Other,status,string,,",
    )
    assert not problems
    assert [r.source_column for r in rows_for(rows, ("claims", product, "claim"))] == sources


@pytest.mark.parametrize(("transform", "letter"), [("", "D"), ("upper(No)", "G")])
def test_a_row_points_to_what_feeds_its_column(tmp_path: Path, transform: str, letter: str) -> None:
    (row,), _ = read(tmp_path, f"claims,*,claim,No,no,string,{transform},x", sheet="AI_Map")
    assert row.cell == f"ai_mapping.xlsx!AI_Map!{letter}2"
    assert (row.is_key, row.required) == (True, False)


def test_a_sheet_with_only_a_header_has_no_rows_and_no_problems(tmp_path: Path) -> None:
    assert read(tmp_path) == ([], [])


@pytest.mark.parametrize(("second", "codes"), [("a | b", []), ("a | c", ["MAP-033"])])
def test_alternatives_that_begin_alike_are_the_same(
    tmp_path: Path, second: str, codes: list[str]
) -> None:
    rows = (
        f"claims,ORION,claim,{cell},{ai},string,," for cell, ai in (("a | b", "x"), (second, "y"))
    )
    assert [problem.code for problem in read(tmp_path, *rows)[1]] == codes
