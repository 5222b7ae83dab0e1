"""Workbooks as sources: each value as it is, each text as people see it, or no row."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.config.sections import ExecutionSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.finding import find_one
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow_tests.sources import lake

examples = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
VALUES = st.one_of(
    st.none(), st.integers(-(2**53), 2**53), st.floats(-1e300, 1e300), st.booleans(),
    st.datetimes(datetime(1900, 3, 1), datetime(9999, 12, 31)).map(
        lambda moment: moment.replace(microsecond=0)
    ),
    st.dates(date(1900, 3, 1)),
    st.text(st.characters(min_codepoint=32, max_codepoint=0xD7FF), max_size=8).filter(
        lambda text: not text.startswith(("=", "#"))
    ),
)  # fmt: skip


def book(file: Path, rows: Sequence[Sequence[Any]], title: str = "Claims", form: str = "") -> Path:
    """Write a workbook of one sheet; `form` is the format of its whole numbers."""
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    for cell in (cell for row in sheet.iter_rows() for cell in row):
        if form and isinstance(cell.value, int):
            cell.number_format = form
    made.save(file)
    return file


def opened(
    location: Path | str, given: Settings | None = None, place: str = "cell", **written: Any
) -> Files:
    """Open a location; `written` is what its format says."""
    used = given or Settings(folder=Path())
    how = FormatSettings(type="excel", **written) if written else None
    at = FileLocation(str(location), "excel" if how else "", written=how)
    return open_files.opened(find_one(at, place, used).pin(place, used), place, used)


def rows(files: Files, *columns: str) -> list[tuple[Any, ...]]:
    """Read columns, by default those of the sheet itself."""
    names = columns or [name for name in files.schema() if not name.endswith("(as seen)")]
    return [
        row for _, frame in files.rows_by_file(lake.wanted(files, *names)) for row in frame.rows()
    ]


def refused(files: Files) -> str:
    """Give the code and the cause that a location is refused with."""
    with pytest.raises(DataflowError) as error:
        rows(files)
    (problem,) = error.value.diagnostics
    return f"{problem.code}: {problem.cause}"


def left_out(files: Files) -> list[tuple[str, str]]:
    """Give the cell of each row that is none, and what is wrong with it."""
    told = [json.loads(line) for lines in files.malformed.values() for line in lines]
    return [(each["cell"], each["problem"]) for each in told]


@examples
@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=6))
def test_what_openpyxl_writes_is_read_exactly(tmp_path: Path, table: list[list[Any]]) -> None:
    """Each column is made of one kind, so that it has a type; openpyxl reads it independently."""
    kinds = [type(next((row[i] for row in table if row[i] is not None), None)) for i in range(3)]
    table = [[v if type(v) is kind else None for v, kind in zip(row, kinds, strict=True)]
             for row in table]  # fmt: skip
    file = book(tmp_path / "a.xlsx", [["a", "b", "c"], *table])
    independent = openpyxl.load_workbook(file).worksheets[0]
    wanted = [
        tuple(_plain(value) for value in row)
        for row in independent.iter_rows(min_row=2, max_col=3, values_only=True)
    ]
    read = [tuple(map(_plain, row)) for row in rows(opened(file))]
    assert read == [row for row in wanted if any(value is not None for value in row)]


def _plain(value: Any) -> Any:
    """Let a day be the instant of its first moment, and a whole float the number that it is."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    return None if value == "" else value


def test_a_code_is_what_people_see_and_a_number_what_the_cell_holds(tmp_path: Path) -> None:
    files = opened(book(tmp_path / "a.xlsx", [["code", "n"], [7, 1.5], [12, 2]], form="000"))
    assert files.schema()["code"] == pl.Int64
    assert rows(files, "code", "code (as seen)") == [(7, "007"), (12, "012")]
    assert rows(files, "n", "n (as seen)") == [(1.5, "1.5"), (2.0, "002")]


def test_a_text_that_is_not_certain_is_a_row_less_only_where_it_is_wanted(tmp_path: Path) -> None:
    files = opened(book(tmp_path / "a.xlsx", [["n"], [1234], [5]], form="#,##0"))
    assert rows(files, "n") == [(1234,), (5,)]
    assert left_out(files) == []
    assert rows(files, "n (as seen)") == []
    assert [cell for cell, _ in left_out(files)] == ["Claims!A2", "Claims!A3"]


def test_a_column_of_several_kinds_is_text_as_people_see_it(tmp_path: Path) -> None:
    table = [["a"], [7], ["x"], [True], [date(2026, 1, 5)], [1.5]]
    assert rows(opened(book(tmp_path / "a.xlsx", table))) == [
        ("7",), ("x",), ("TRUE",), ("2026-01-05",), ("1.5",)
    ]  # fmt: skip


def test_no_cell_is_null_in_silence(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    for row in [["a", "b"], [1, "#N/A"], [2, "=1+1"], [3, 3], [4, 4], [5, 5], [None, None], [6, 6]]:
        sheet.append(row)
    sheet.merge_cells("B5:B6")
    made.save(tmp_path / "a.xlsx")
    files = opened(tmp_path / "a.xlsx")
    assert rows(files) == [(3, 3), (4, 4), (6, 6)]
    assert [cell for cell, _ in left_out(files)] == ["Sheet!B2", "Sheet!B3", "Sheet!B6"]
    assert "the error #N/A" in left_out(files)[0][1]
    assert rows(files, "a") == [(1,), (2,), (3,), (4,), (5,), (6,)]  # nobody wants the others


def test_days_of_both_epochs_and_no_others(tmp_path: Path) -> None:
    for epoch in (openpyxl.utils.datetime.WINDOWS_EPOCH, openpyxl.utils.datetime.MAC_EPOCH):
        made = openpyxl.Workbook()
        made.epoch = epoch
        sheet = made.worksheets[0]
        days = [date(9999, 12, 31), date(1904, 1, 2), datetime(2026, 1, 5, 3, 4, 5, 678000)]
        for day in ["d", *days]:
            sheet.append([day])
        made.save(tmp_path / "a.xlsx")
        assert [row[0] for row in rows(opened(tmp_path / "a.xlsx"))] == [*map(_plain, days)]


@pytest.mark.parametrize("number", [60, 0.5, -1, 2_958_466, 1e300])
def test_a_number_that_is_no_day_is_no_row(tmp_path: Path, number: float) -> None:
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    for value in ["d", number, 1, 59, 61]:
        sheet.append([value])
    for row in range(2, 6):
        sheet.cell(row, 1).number_format = "yyyy-mm-dd"
    made.save(tmp_path / "a.xlsx")
    files = opened(tmp_path / "a.xlsx")
    assert rows(files) == [(date(1900, 1, 1),), (date(1900, 2, 28),), (date(1900, 3, 1),)]
    assert [cell for cell, _ in left_out(files)] == ["Sheet!A2"]


def test_a_number_with_more_digits_than_a_cell_keeps_is_no_row(tmp_path: Path) -> None:
    whole = book(tmp_path / "whole.xlsx", [["a"], [77], [5]])
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(tmp_path / "a.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"<v>77<", b"<v>12345678901234567<"))
    files = opened(tmp_path / "a.xlsx")
    assert rows(files) == [(5,)]
    assert [cell for cell, _ in left_out(files)] == ["Claims!A2"]


def test_the_sheet_is_the_one_that_is_named_or_the_first_that_people_see(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    made.worksheets[0].title = "Old"
    made.worksheets[0].append(["a"])
    made.worksheets[0].append([1])
    made.worksheets[0].sheet_state = "hidden"
    for title, value in (("New", 2), ("Più#1", 3)):
        sheet = made.create_sheet(title)
        sheet.append(["a"])
        sheet.append([value])
    made.save(tmp_path / "a.xlsx")
    file = tmp_path / "a.xlsx"
    assert rows(opened(file)) == [(2,)]
    assert rows(opened(f"{file}#Old")) == [(1,)]
    assert rows(opened(f"{file}#Più#1")) == [(3,)]
    assert rows(opened(file, sheet="Old")) == [(1,)]
    assert "there are Old, New, Più#1" in refused(opened(f"{file}#Nwe"))


def test_a_name_with_a_hash_is_a_name_first(tmp_path: Path) -> None:
    book(tmp_path / "a.xlsx", [["a"], [1]], "b.xlsx")
    book(tmp_path / "a.xlsx#b.xlsx", [["a"], [2]])
    assert rows(opened(tmp_path / "a.xlsx#b.xlsx")) == [(2,)]
    (tmp_path / "a.xlsx#b.xlsx").unlink()
    assert rows(opened(tmp_path / "a.xlsx#b.xlsx")) == [(1,)]


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ({"header": 3}, [("x", 1), ("y", 2), ("total", 3)]),
        ({"range": "B3:C5"}, [("x", 1), ("y", 2)]),
        ({"range": "B4:C5", "header": False, "columns": ["k", "n"]}, [("x", 1), ("y", 2)]),
    ],
)
def test_header_and_range(tmp_path: Path, written: dict[str, Any], wanted: list[Any]) -> None:
    table = [["Report", None, None], [], [None, "k", "n"], [None, "x", 1], [None, "y", 2]]
    file = book(tmp_path / "a.xlsx", [*table, [None, "total", 3]])
    assert rows(opened(file, **written), "k", "n") == wanted


def test_a_header_that_is_none_is_refused(tmp_path: Path) -> None:
    for table in ([], [["a", "a"], [1, 2]], [["#REF!"], [1]]):
        assert refused(opened(book(tmp_path / "a.xlsx", table))).startswith("SRC-003")


def test_files_of_a_location_agree_on_types(tmp_path: Path) -> None:
    book(tmp_path / "1.xlsx", [["a", "b", "c"], [1, 7, date(2026, 1, 5)]], form="00")
    book(tmp_path / "2.xlsx", [["b", "a", "c"], ["x", 1.5, None]])
    files = opened(tmp_path / "*.xlsx")
    assert dict(files.schema()) == {
        "a": pl.Float64(), "b": pl.String(), "c": pl.Date(), "a (as seen)": pl.String(),
        "c (as seen)": pl.String(),
    }  # fmt: skip
    assert rows(files) == [(1.0, "07", date(2026, 1, 5)), (1.5, "x", None)]
    book(tmp_path / "3.xlsx", [["a"], [1]])
    assert refused(opened(tmp_path / "*.xlsx")).startswith("SRC-010")
    assert len(rows(opened(tmp_path / "*.xlsx", drift="add"))) == 3


def test_an_old_workbook_is_read_as_xlrd_reads_it(tmp_path: Path) -> None:
    made = xlwt.Workbook()
    sheet = made.add_sheet("Claims")
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    code = xlwt.easyxf(num_format_str="000")
    for i, name in enumerate(["n", "d", "t", "b", "code"]):
        sheet.write(0, i, name)
    for i, value in enumerate([1.25, datetime(2026, 1, 5), "é", True, 7]):
        sheet.write(1, i, value, *([day] if i == 1 else [code] if i == 4 else []))
    made.save(str(tmp_path / "a.xls"))
    files = opened(tmp_path / "a.xls")
    wanted = [(1.25, date(2026, 1, 5), "é", True, "007")]
    assert rows(files, "n", "d", "t", "b", "code (as seen)") == wanted


ODS = """<office:document-content
  xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
  xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
  xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>
  <table:table table:name="Claims"><table:table-row>{header}</table:table-row>
  <table:table-row>{row}</table:table-row></table:table>
  </office:spreadsheet></office:body></office:document-content>"""


def _ods_cell(seen: str, kind: str = "string", **value: str) -> str:
    said = "".join(f' office:{name.replace("_", "-")}="{text}"' for name, text in value.items())
    return (
        f'<table:table-cell office:value-type="{kind}"{said}><text:p>{seen}</text:p>'
        "</table:table-cell>"
    )


def test_an_open_document_has_value_and_text(tmp_path: Path) -> None:
    row = [
        _ods_cell("1.234,50 €", "currency", value="1234.5"),
        _ods_cell("05.01.26", "date", date_value="2026-01-05"),
        _ods_cell("WAHR", "boolean", boolean_value="true"),
        _ods_cell("03:04", "time", time_value="PT03H04M05S"),
        _ods_cell("x"),
    ]
    header = "".join(map(_ods_cell, ["n", "d", "b", "t", "s"]))
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", ODS.format(header=header, row="".join(row)))
    files = opened(tmp_path / "a.ods")
    assert rows(files) == [(1234.5, date(2026, 1, 5), True, time(3, 4, 5), "x")]
    assert rows(files, "n (as seen)", "d (as seen)") == [("1.234,50 €", "05.01.26")]


@pytest.mark.parametrize("kind", ["xlsx", "xls"])
def test_damage_is_told_of_the_file_and_nothing_else(tmp_path: Path, kind: str) -> None:
    chance = random.Random(19)  # noqa: S311 - the same damage each time
    codes: set[str] = set()
    table = [["a", "b"], *([i, f"text {i}"] for i in range(20))]
    if kind == "xlsx":
        whole = book(tmp_path / "whole.xlsx", table).read_bytes()
    else:
        made = xlwt.Workbook()
        sheet = made.add_sheet("Claims")
        for i, row in enumerate(table):
            for j, value in enumerate(row):
                sheet.write(i, j, value)
        made.save(str(tmp_path / "whole.xls"))
        whole = (tmp_path / "whole.xls").read_bytes()
    for number in range(60):
        damaged = bytearray(whole)
        if number % 3 == 0:
            damaged = damaged[: chance.randrange(1, len(damaged))]
        elif number % 3 == 1:
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        else:
            damaged[8:] = chance.randbytes(len(damaged) - 8)
        (tmp_path / f"a.{kind}").write_bytes(damaged)
        try:
            rows(opened(tmp_path / f"a.{kind}"))
        except DataflowError as error:
            codes |= {problem.code for problem in error.diagnostics}
    assert codes == {"SRC-003"}


def test_what_unfolds_to_more_than_memory_is_refused_unread(tmp_path: Path) -> None:
    book(tmp_path / "a.xlsx", [["a"], [1]])
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b"<c>" * (200 << 20 >> 2))
    little = Settings(folder=Path(), execution=ExecutionSettings(max_memory="256 MB"))
    assert "it unfolds to 150 MB" in refused(opened(tmp_path / "a.xlsx", little))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (bytes.fromhex("D0CF11E0A1B11AE1") + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"a,b\n1,2\n", "no workbook"),
    ],
)
def test_what_is_no_workbook_says_why(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "a.xlsx").write_bytes(content)
    assert why in refused(opened(tmp_path / "a.xlsx"))


def test_a_binary_workbook_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.bin", b"")
    (tmp_path / "a.xlsb").write_bytes(content.getvalue())
    assert "binary workbook (.xlsb)" in refused(opened(tmp_path / "a.xlsb"))


def test_an_escaped_letter_is_the_letter(tmp_path: Path) -> None:
    files = opened(book(tmp_path / "a.xlsx", [["a"], ["x_x000D_y"], ["_x005F_x0041_"]]))
    assert rows(files) == [("x\ry",), ("_x0041_",)]
