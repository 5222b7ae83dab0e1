"""The control table's rows and what is wrong with them, cell by cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.tables.control_table import LAYOUT, ControlRow, control_rows
from ai_dataflow.tables.table import read_table
from ai_dataflow_tests.projects import table

HEADER = "product_code,module_name,submodule_name,client_code,module_location,active,file_format"
GOOD = "ORION,claims,claim,acme,data/claims.csv,Y,"


def read(folder: Path, *rows: str, sheet: str = "") -> tuple[list[ControlRow], list[Diagnostic]]:
    text = "\n".join([HEADER, *rows])
    return control_rows(read_table(table(folder, "control_table", text, sheet), folder, LAYOUT))


@pytest.mark.parametrize(
    ("row", "code", "column", "letter"),
    [
        (",claims,line,acme,data/x.csv,Y,", "CTL-003", "product_code", "A"),
        ("ORION,,line,acme,data/x.csv,Y,", "CTL-003", "module_name", "B"),
        ("ORION,claims,line,acme,,Y,", "CTL-003", "module_location", "E"),
        ("ORION,claims,line,acme,data/x.csv,,", "CTL-003", "active", "F"),
        ("ORION X,claims,line,acme,data/x.csv,Y,", "CTL-004", "product_code", "A"),
        ("ORION,_claims,line,acme,data/x.csv,Y,", "CTL-004", "module_name", "B"),
        ("ORION,claims,a/b,acme,data/x.csv,Y,", "CTL-004", "submodule_name", "C"),
        ("ORION,claims,line,..,data/x.csv,Y,", "CTL-004", "client_code", "D"),
        ("ORION,claims,line,acme,data/x.csv,maybe,", "CTL-005", "active", "F"),
        ("orion,claims,claim,acme,data/x.csv,Y,", "CTL-012", "product_code", "A"),
        ("ORION,claims,line,Acme,data/x.csv,Y,", "CTL-012", "client_code", "D"),
        ("ORION,claims,claim,acme,data/x.csv,Y,", "CTL-006", "submodule_name", "C"),
        ("ORION,claims,claim,acme,data/x.csv,N,", "", "", ""),
        ("ORION,claims,line,acme,data/x.csv,Y,xls", "CTL-010", "file_format", "G"),
        ("ORION,claims,line,acme,data/x.csv,Y,Parquet", "", "", ""),
    ],
)
def test_a_bad_cell_is_called_by_code_and_place(
    tmp_path: Path, row: str, code: str, column: str, letter: str
) -> None:
    in_csv = [(p.code, p.place) for p in read(tmp_path, GOOD, row)[1]]
    in_xlsx = [(p.code, p.place) for p in read(tmp_path, GOOD, row, sheet="Control")[1]]
    assert in_csv == ([(code, f"control_table.csv:3:{column}")] if code else [])
    assert in_xlsx == ([(code, f"control_table.xlsx!Control!{letter}3")] if code else [])


def test_a_duplicate_names_the_row_that_it_repeats(tmp_path: Path) -> None:
    _, (problem,) = read(tmp_path, GOOD, GOOD)
    assert "control_table.csv:2:submodule_name" in problem.message


def test_blank_names_are_not_duplicates_as_well(tmp_path: Path) -> None:
    blank = ",claims,claim,acme,data/claims.csv,Y,"
    _, problems = read(tmp_path, blank, blank)
    assert [problem.code for problem in problems] == ["CTL-003", "CTL-003"]


def test_a_row_says_what_to_load(tmp_path: Path) -> None:
    ((row,), problems) = read(tmp_path, "ORION,claims,claim,acme,/mnt/orion/claims,yes,DELTA")
    assert not problems
    assert (row.product, row.module, row.submodule, row.client) == (
        "ORION", "claims", "claim", "acme",
    )  # fmt: skip
    assert (row.location, row.file_format, row.active) == ("/mnt/orion/claims", "delta", True)
    assert row.partition == "claims|acme"
    assert row.place("module_location") == "control_table.csv:2:module_location"


def test_a_table_with_only_a_header_has_no_rows_and_no_problems(tmp_path: Path) -> None:
    assert read(tmp_path) == ([], [])


OTHERS = (
    "ORION,claims,claim,beta,data/b.csv,Y,",
    "ORION,claims,claim,gone,data/g.csv,N,",
    "VEGA,claims,claim,coral,data/v.csv,Y,",
    "ORION,policies,claim,delta,data/p.csv,Y,",
)


@pytest.mark.parametrize(
    ("more", "clients", "codes"),
    [
        (["ORION,claims,rate,*,data/r.csv,Y,"], "acme beta", []),
        (["ORION,claims,rate,*,data/r.csv,N,"], "acme beta", []),
        (["ORION,claims,rate,beta,data/o.csv,Y,", "ORION,claims,rate,*,data/r.csv,Y,"], "acme", []),
        (["ORION,claims,rate,beta,data/o.csv,N,", "ORION,claims,rate,*,data/r.csv,Y,"],
         "acme beta", []),
        (["LYRA,claims,rate,*,data/r.csv,Y,"], "", ["CTL-030"]),
        (["LYRA,claims,rate,*,data/r.csv,N,"], "", []),
        (["ORION,claims,claim,*,data/r.csv,Y,"], "", ["CTL-030"]),
        (["ORION,claims,rate,*,data/{client_code}.csv,Y,"], "acme beta", ["CTL-031"]),
        (["ORION,claims,rate,*,data/r.csv?client_column=C,Y,"], "acme beta", ["CTL-031"]),
        (["ORION,claims,rate,*,data/r.csv,Y,", "ORION,claims,rate,*,data/s.csv,Y,"],
         "acme beta acme beta", ["CTL-006"]),
    ],
)  # fmt: skip
def test_a_row_of_every_client_stands_for_those_that_the_product_has(
    tmp_path: Path, more: list[str], clients: str, codes: list[str]
) -> None:
    rows, problems = read(tmp_path, more[-1], GOOD, *OTHERS, *more[:-1])
    assert [problem.code for problem in problems] == codes
    assert "*" not in {row.client for row in rows}
    shared = [row for row in rows if row.of_every]
    assert [row.client for row in shared] == clients.split()
    assert rows[len(rows) - len(shared) :] == shared
    assert all(row.is_shared and row.partition.client == row.client for row in shared)
