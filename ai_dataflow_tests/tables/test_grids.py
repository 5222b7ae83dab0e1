"""What only a file can have wrong: merged cells, formulas, error cells, blanks, separators."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.tables import grids
from ai_dataflow.tables.table import CellTable, Layout, read_table
from ai_dataflow_tests.projects import table

LAYOUT = Layout("CTL", ("module_name", "client_code", "active"), ("file_format",))
HEADER = ["module_name", "client_code", "active"]


def workbook(folder: Path, *rows: list[Any], merged: str = "") -> CellTable:
    book = openpyxl.Workbook()
    page = book.create_sheet("Control", 0)
    for row in (HEADER, *rows):
        page.append(row)
    if merged:
        page.merge_cells(merged)
    book.save(folder / "c.xlsx")
    return read_table("c.xlsx#Control", folder, LAYOUT)


def text(folder: Path, content: str) -> CellTable:
    return read_table(table(folder, "c", content), folder, LAYOUT)


def refused(folder: Path, name: str, content: bytes) -> Diagnostic:
    (folder / name).write_bytes(content)
    with pytest.raises(DataflowError) as error:
        read_table(name, folder, LAYOUT)
    (problem,) = error.value.diagnostics
    return problem


def test_merged_cells_are_told_in_each_of_their_rows(tmp_path: Path) -> None:
    read = workbook(tmp_path, ["claims", "a", "Y"], [None, "b", "Y"], merged="A2:A3")
    assert [(flaw.code, flaw.place) for flaw in read.flaws] == [
        ("CTL-903", "c.xlsx!Control!A2"),
        ("CTL-903", "c.xlsx!Control!A3"),
    ]
    assert {(flaw.severity, "A2:A3" in flaw.message) for flaw in read.flaws} == {("error", True)}


@pytest.mark.parametrize(
    ("row", "void"),
    [
        (["claims", None, "Y"], {"CTL-003": "cell"}),
        (["claims", "a/b", "Y"], {"CTL-004": "cell"}),
        (["claims", "a", "perhaps"], {"CTL-005": ""}),
        (["claims", "a ", "Y"], {"CTL-901": ""}),
        (["claims", "a", "Y", "more"], {"CTL-902": "line"}),
        (["claims", "=A2", "Y"], {"CTL-904": "cell"}),
        (["claims", "#REF!", "Y"], {"CTL-905": "cell"}),
    ],
)
def test_what_has_no_value_to_go_by_is_said(
    tmp_path: Path, row: list[Any], void: dict[str, str]
) -> None:
    read, names = workbook(tmp_path, row), ["module_name", "client_code"]
    problems = [*read.blanks(names), *read.bad_names(names), *read.bad_flags(["active"])]
    assert {p.code: p.void for p in read.diagnostics(problems)} == void


@pytest.mark.parametrize("formula", ["=A2", "=cmd()", "=HYPERLINK(1,2)"])
def test_a_formula_without_a_value_is_told_and_is_blank(tmp_path: Path, formula: str) -> None:
    read = workbook(tmp_path, ["claims", formula, "Y"])
    (flaw,) = read.flaws
    assert (flaw.code, flaw.place) == ("CTL-904", "c.xlsx!Control!B2")
    assert [p.place for p in read.blanks(["client_code"])] == ["c.xlsx!Control!B2"]


def test_a_formula_in_a_csv_is_text_like_any_other(tmp_path: Path) -> None:
    read = text(tmp_path, "module_name,client_code,active\nclaims,=cmd(),Y\n")
    assert [p.code for p in read.bad_names(["client_code"])] == ["CTL-004"]


def test_a_formula_has_the_value_that_excel_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workbook(tmp_path, ["claims", "=A2", "Y"])
    page = io.BytesIO()
    with zipfile.ZipFile(tmp_path / "c.xlsx") as old, zipfile.ZipFile(page, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            computed = re.sub(rb"<f>A2</f><v ?(/>|></v>)", b"<f>A2</f><v>7</v>", content)
            new.writestr(name, computed)
    (tmp_path / "c.xlsx").write_bytes(page.getvalue())
    read = read_table("c.xlsx#Control", tmp_path, LAYOUT)
    assert (read.flaws, read.rows[2]["client_code"]) == ((), "7")


@pytest.mark.parametrize("value", ["#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#SPILL!"])
def test_an_error_cell_is_no_name(tmp_path: Path, value: str) -> None:
    (flaw,) = workbook(tmp_path, ["claims", value, "Y"]).flaws
    assert (flaw.code, flaw.place) == ("CTL-905", "c.xlsx!Control!B2")
    assert value in flaw.message


@pytest.mark.parametrize(
    "blank", [" ", "\t", "\u00a0", "\u200b", "\ufeff", "\u00a0 \u200b", "\u3000"]
)
def test_blanks_around_a_name_are_ignored_with_a_warning(tmp_path: Path, blank: str) -> None:
    for read in (
        text(tmp_path, f"module_name,client_code,active\nclaims,{blank}acme{blank},Y\n"),
        workbook(tmp_path, ["claims", f"{blank}acme{blank}", "Y"]),
    ):
        (flaw,) = read.flaws
        assert (flaw.code, flaw.severity) == ("CTL-901", "warning")
        assert flaw.place in ("c.csv:2:client_code", "c.xlsx!Control!B2")
        assert read.rows[2]["client_code"] == "acme"


def test_blanks_are_told_once_for_each_column(tmp_path: Path) -> None:
    rows = "".join(f"claims, c{i},Y \n" for i in range(5))
    client, active = text(tmp_path, f"module_name,client_code,active\n{rows}").flaws
    assert (client.place, active.place) == ("c.csv:2:client_code", "c.csv:2:active")
    assert client.message == "blanks around `c0` are ignored, and 4 more cells of this column"


def test_blanks_around_a_column_name_are_ignored_too(tmp_path: Path) -> None:
    read = text(tmp_path, "module_name, client_code ,active\nclaims,acme,Y\n")
    assert [(flaw.code, flaw.place) for flaw in read.flaws] == [("CTL-901", "c.csv:1:client_code")]


def test_a_cell_of_blanks_alone_is_blank_and_a_line_of_them_is_none(tmp_path: Path) -> None:
    read = text(tmp_path, "module_name,client_code,active\n , \u00a0,\nclaims,\u00a0,Y\n")
    assert (list(read.rows), read.flaws) == ([3], ())
    assert read.rows[3]["client_code"] == ""


@pytest.mark.parametrize(("separator", "shown"), [(";", "`;`"), ("\t", "tabs"), ("|", "`|`")])
def test_another_separator_is_named(tmp_path: Path, separator: str, shown: str) -> None:
    lines = [HEADER, ["claims", "acme", "Y"]]
    content = "\n".join(separator.join(line) for line in lines).encode()
    problem = refused(tmp_path, "c.csv", content)
    assert (problem.code, problem.place) == ("CTL-906", "c.csv:1")
    assert f"the header is one cell, with {shown} in it" == problem.message


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("c.csv", "module_name\nMünchen\n".encode("latin-1"), "not utf-8 (byte 13)"),
        ("c.csv", "module_name\n".encode("utf-16"), "not utf-8 (byte 0)"),
        ("c.csv", b'module_name\n"claims\n', "line 2"),
        ("c.csv", b"PK\x03\x04" + bytes(range(256)), "not utf-8"),
        ("c.xlsx", b"module_name,client_code\n", "no workbook"),
        ("c.xlsx", b"", "no workbook"),
        ("c.xlsx", b"PK\x05\x06" + bytes(18), "no workbook"),
    ],
    ids=["latin-1", "utf-16", "open quote", "binary", "csv as xlsx", "empty", "empty archive"],
)
def test_what_is_no_table_is_refused_with_the_reason(
    tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    problem = refused(tmp_path, name, content)
    assert (problem.code, problem.place) == ("CFG-006", name)
    assert says in problem.message


def test_a_workbook_that_unfolds_to_gigabytes_is_not_unfolded(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(5):
            archive.writestr(f"xl/{i}.xml", bytes(60 << 20))
    problem = refused(tmp_path, "c.xlsx", packed.getvalue())
    assert (
        problem.message
        == "`c.xlsx` cannot be read: it unfolds to 300 MB, too large for such a table"
    )


def test_a_cell_far_from_the_table_is_told_and_not_walked_to(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(HEADER)
    book.worksheets[0]["XFD1048576"] = "x"
    book.save(tmp_path / "c.xlsx")
    with pytest.raises(DataflowError, match="reaches to row 1,048,576, column 16,384"):
        read_table("c.xlsx", tmp_path, LAYOUT)


def test_a_table_with_too_many_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grids, "MAX_ROWS", 3)
    problem = refused(tmp_path, "c.csv", b"module_name,client_code,active\n" + b"c,a,Y\n" * 4)
    assert "more than 3 rows" in problem.message


def test_a_value_in_a_column_without_a_name_is_told_and_not_dropped(tmp_path: Path) -> None:
    """As where somebody clears the header cell of an optional column."""
    (flaw,) = workbook(tmp_path, ["claims", "acme", "Y"], ["claims", "b", "Y", "", "x"]).flaws
    assert (flaw.code, flaw.place) == ("CTL-902", "c.xlsx!Control!E3")
    read = text(tmp_path, "module_name,client_code,,active\nclaims,a,,Y\nclaims,b,x,Y\n")
    assert [(flaw.code, flaw.place) for flaw in read.flaws] == [("CTL-902", "c.csv:3")]
    assert "its column no name" in read.flaws[0].message


def test_a_short_row_of_a_workbook_is_a_row_with_blanks(tmp_path: Path) -> None:
    read = workbook(tmp_path, ["claims", "acme"])
    assert (read.flaws, read.rows[2]["active"]) == ((), "")


def test_what_follows_from_a_flaw_is_not_told_as_well(tmp_path: Path) -> None:
    read = workbook(tmp_path, [" claims", "#REF!", "maybe"], ["claims", None, "Y"])
    found = read.diagnostics(
        [
            *read.blanks(["client_code"]),
            *read.bad_names(["client_code"]),
            *read.bad_flags(["active"]),
        ]
    )
    assert sorted((p.code, p.place[-2:]) for p in found) == [
        ("CTL-003", "B3"), ("CTL-005", "C2"), ("CTL-901", "A2"), ("CTL-905", "B2"),
    ]  # fmt: skip


def test_of_a_line_of_the_wrong_width_only_that_is_told(tmp_path: Path) -> None:
    read = text(tmp_path, "module_name,client_code,active\nclaims,acme, Inc.,Y\nclaims,,Y\n")
    found = read.diagnostics([*read.blanks(["client_code"]), *read.bad_flags(["active"])])
    assert [(p.code, p.line) for p in found] == [("CTL-902", 2), ("CTL-003", 3)]
