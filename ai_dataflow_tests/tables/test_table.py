"""Reading a table: every wrong header, name, flag and file is called by its place."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.tables.table import NAME_RULE, CellTable, Layout, is_yes, read_table
from ai_dataflow_tests.projects import table

LAYOUT = Layout("CTL", ("module_name", "client_code", "active"), ("file_format",))
ROW_KINDS = pytest.mark.parametrize("sheet", ["", "Control"], ids=["csv", "xlsx"])


def read(folder: Path, text: str, sheet: str = "") -> CellTable:
    return read_table(table(folder, "control_table", text, sheet), folder, LAYOUT)


def problems(folder: Path, text: str, sheet: str = "") -> list[Diagnostic]:
    with pytest.raises(DataflowError) as error:
        read(folder, text, sheet)
    return list(error.value.diagnostics)


def found(diagnostics: list[Diagnostic]) -> list[tuple[str, str]]:
    return [(problem.code, problem.place) for problem in diagnostics]


@pytest.mark.parametrize(
    ("sheet", "place"),
    [("", "control_table.csv:1:aktive"), ("Control", "control_table.xlsx!Control!C1")],
)
def test_unknown_column_is_named_with_its_place_and_the_near_one(
    tmp_path: Path, sheet: str, place: str
) -> None:
    unknown, missing = problems(tmp_path, "module_name,client_code,aktive\n", sheet)
    assert (unknown.code, unknown.place) == ("CTL-001", place)
    assert "`aktive`" in unknown.message
    assert "did you mean `active`?" in unknown.message
    assert (missing.code, missing.message) == ("CTL-002", "the column `active` is missing")


@pytest.mark.parametrize(
    ("sheet", "place"),
    [("", "control_table.csv:1"), ("Control", "control_table.xlsx!Control!A1")],
)
def test_every_missing_column_is_named(tmp_path: Path, sheet: str, place: str) -> None:
    both = problems(tmp_path, "module_name\n", sheet)
    assert found(both) == [("CTL-002", place), ("CTL-002", place)]
    assert "`client_code`" in both[0].message
    assert "`active`" in both[1].message


@ROW_KINDS
def test_a_table_without_any_line_misses_all_columns(tmp_path: Path, sheet: str) -> None:
    assert [p.code for p in problems(tmp_path, "", sheet)] == ["CTL-002"] * 3


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (twice,) = problems(tmp_path, "module_name,client_code,active,active\n")
    assert (twice.code, twice.place) == ("CTL-907", "control_table.csv:1:active")


@pytest.mark.parametrize(
    ("line", "says"),
    [("claims,borealis, Inc.,Y", "4 cells, the header 3"), ("claims,borealis", "2 cells")],
    ids=["stray comma", "missing comma"],
)
def test_a_line_with_too_many_or_too_few_cells_is_a_problem_of_its_own(
    tmp_path: Path, line: str, says: str
) -> None:
    rows = read(tmp_path, f"module_name,client_code,active\nclaims,acme,Y\n{line}\n")
    (width,) = (flaw for flaw in rows.flaws if flaw.code == "CTL-902")
    assert (width.place, width.severity) == ("control_table.csv:3", "error")
    assert says in width.message
    assert list(rows.rows) == [2, 3]  # the rest of the table is read


@ROW_KINDS
def test_rows_keep_their_lines_and_blanks_around_cells_go(tmp_path: Path, sheet: str) -> None:
    text = """
        module_name,client_code,active
        claims,  acme ,Y

        claims,\u00a0borealis,N
    """
    rows = list(read(tmp_path, text, sheet).rows.items())
    assert [(line, cells["client_code"]) for line, cells in rows] == [(2, "acme"), (4, "borealis")]
    assert {cells["file_format"] for _, cells in rows} == {""}


def test_a_row_over_several_lines_is_called_by_its_first(tmp_path: Path) -> None:
    rows = read(tmp_path, 'module_name,client_code,active\nclaims,"ac\nme",Y\nclaims,b,Y\n')
    assert list(rows.rows) == [2, 4]


@ROW_KINDS
def test_empty_columns_at_the_right_edge_are_harmless(tmp_path: Path, sheet: str) -> None:
    text = "module_name,client_code,active,,\nclaims,acme,Y,,\n"
    assert len(read(tmp_path, text, sheet).rows) == 1


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    assert len(read(tmp_path, "\ufeffmodule_name,client_code,active\nclaims,acme,Y\n").rows) == 1


def test_typed_cells_of_a_workbook_read_as_a_person_sees_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.create_sheet("Control", 0)
    page.append(["module_name", "client_code", "active"])
    page.append(["claims", 7.0, True])
    page.append([date(2026, 1, 5), 7.5, None])
    book.save(tmp_path / "control_table.xlsx")
    rows = read_table("control_table.xlsx", tmp_path, LAYOUT).rows
    assert list(rows[2].values()) == ["claims", "7", "TRUE", ""]
    assert list(rows[3].values())[1:] == ["7.5", "", ""]


def test_without_a_sheet_name_the_first_sheet_is_read(tmp_path: Path) -> None:
    table(tmp_path, "control_table", "module_name,client_code,active\n", "Anything")
    sheet = read_table("control_table.xlsx", tmp_path, LAYOUT).sheet
    assert sheet.place(17, "active") == "control_table.xlsx!Anything!C17"


@pytest.mark.parametrize(
    ("reference", "code", "says", "fix"),
    [
        ("contrl_table.csv", "CFG-005", "did you mean `control_table.csv`?", "correct the name"),
        ("folder.csv", "CFG-005", "is a folder", "correct the name"),
        ("control_table.xlsx#Contrl", "CFG-006", "did you mean `Control`?", "after the `#`"),
        ("control_table.xlsx#Zzz", "CFG-006", "Control, Sheet", "after the `#`"),
        ("latin1.csv", "CFG-006", "utf-8", "save it as UTF-8 CSV"),
        ("open_quote.csv", "CFG-006", "unexpected end of data", "correct that line"),
        ("cut.xlsx", "CFG-006", "zip", "save it as .xlsx"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(
    tmp_path: Path, reference: str, code: str, says: str, fix: str
) -> None:
    (tmp_path / "folder.csv").mkdir()
    header = "module_name,client_code,active\n"
    table(tmp_path, "control_table", header)
    table(tmp_path, "control_table", header, "Control")
    (tmp_path / "latin1.csv").write_bytes("module_name\nMünchen".encode("latin-1"))
    (tmp_path / "open_quote.csv").write_text(f'{header}claims,"acme,Y\n')
    (tmp_path / "cut.xlsx").write_bytes((tmp_path / "control_table.xlsx").read_bytes()[:900])
    with pytest.raises(DataflowError) as error:
        read_table(reference, tmp_path, LAYOUT)
    (problem,) = error.value.diagnostics
    assert (problem.code, problem.place) == (code, reference)
    assert says in problem.message
    assert fix in problem.fix


def test_a_sheet_that_is_not_there_stands_apart_from_those_that_are(tmp_path: Path) -> None:
    table(tmp_path, "control_table", "module_name,client_code,active\n", "Control")
    with pytest.raises(DataflowError, match=r"`Zzz`\W+ .*Control, Sheet"):
        read_table("control_table.xlsx#Zzz", tmp_path, LAYOUT)


BAD_NAMES = ["a b", "a/b", "a\\b", "a|b", "..", "...", ".hidden", "a...b", "café", "a:b", "a" * 101,
             "../../x", "'; drop table", "🙂", "\u202eacme", "a\u00a0b"]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
@ROW_KINDS
def test_a_bad_part_of_a_partition_key_is_refused_in_its_cell(
    tmp_path: Path, sheet: str, name: str
) -> None:
    rows = read(tmp_path, f'module_name,client_code,active\nclaims,"{name}",Y\n', sheet)
    (problem,) = rows.bad_names(["module_name", "client_code"])
    assert problem.code == "CTL-004"
    assert problem.place in {"control_table.csv:2:client_code", "control_table.xlsx!Control!B2"}


@pytest.mark.parametrize(("name", "bad"), [("_runs", 1), ("_a b", 1), ("a_b", 0), ("__", 1)])
def test_a_module_cannot_begin_with_an_underscore(tmp_path: Path, name: str, bad: int) -> None:
    rows = read(tmp_path, f"module_name,client_code,active\n{name},_acme,Y\n")
    places = [p.place for p in rows.bad_names(["module_name", "client_code"])]
    assert places == ["control_table.csv:2:module_name"] * bad


def test_blank_cells_and_unclear_flags_are_found_in_their_cells(tmp_path: Path) -> None:
    rows = read(
        tmp_path,
        """
        module_name,client_code,active
        claims,,Y
        claims,acme,maybe
        """,
    )
    assert found(rows.blanks(["module_name", "client_code"])) == [
        ("CTL-003", "control_table.csv:2:client_code")
    ]
    assert found(rows.bad_flags(["active"])) == [("CTL-005", "control_table.csv:3:active")]


@pytest.mark.parametrize(
    ("text", "yes"), [("Y", True), ("TRUE", True), ("x", True), ("N", False), ("", False)]
)
def test_yes_has_the_usual_spellings_and_blank_is_no(text: str, yes: bool) -> None:
    assert is_yes(text) is yes


NAMES = st.text("aZ0_.-", min_size=1, max_size=8) | st.text("a./\\| \n*é", max_size=4)
GOOD_NAMES = NAMES.filter(lambda name: re.fullmatch(NAME_RULE, name))


@given(GOOD_NAMES, GOOD_NAMES)
def test_names_that_pass_make_a_key_that_splits_back_and_a_path_that_stays(
    module: str, client: str
) -> None:
    names = [module, client]
    key = "|".join(names)
    assert key.split("|") == names
    assert "..." not in key  # Dagster's mark of a range
    assert Path(module, client).parts == (module, client)
    assert not set("/\\ \n") & set(key)
    assert ".." not in names
