"""Workbooks of all kinds: the visible sheet, the codes that people see, passwords."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.tables.table import CellTable, Layout, read_table

LAYOUT = Layout(
    "CTL", ("module_name", "client_code", "active"), ("note",), loose=("active", "note")
)
HEADER = ["module_name", "client_code", "active"]
Cell = tuple[Any, str]  # a value and its format
STRICT = {
    b"http://schemas.openxmlformats.org/officeDocument/2006/": b"http://purl.oclc.org/ooxml/officeDocument/",
    b"http://schemas.openxmlformats.org/spreadsheetml/2006/main": b"http://purl.oclc.org/ooxml/spreadsheetml/main",
    b"http://schemas.openxmlformats.org/drawingml/2006/": b"http://purl.oclc.org/ooxml/drawingml/",
}


def office(file: Path, sheets: Mapping[str, list[Cell]], hidden: str = "") -> None:
    book = openpyxl.Workbook()
    for name, cells in sheets.items():
        page = book.create_sheet(name)
        page.append(HEADER)
        for column, (value, number_format) in enumerate([("claims", "@"), *cells], start=1):
            page.cell(2, column, value).number_format = number_format
        page.sheet_state = hidden if hidden and name == "Old" else "visible"
    del book["Sheet"]
    book.save(file)


def strict(file: Path, sheets: Mapping[str, list[Cell]], hidden: str = "") -> None:
    office(file, sheets, hidden)
    with zipfile.ZipFile(file) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(file, "w") as new:
        for name, content in parts.items():
            for usual, other in STRICT.items():
                content = content.replace(usual, other)  # noqa: PLW2901
            new.writestr(name, content)


def old(file: Path, sheets: Mapping[str, list[Cell]], hidden: str = "") -> None:
    book = xlwt.Workbook()
    for name, cells in sheets.items():
        page = book.add_sheet(name)
        page.visibility = int(bool(hidden) and name == "Old")
        for column, title in enumerate(HEADER):
            page.write(0, column, title)
        for column, (value, number_format) in enumerate([("claims", "@"), *cells]):
            page.write(1, column, value, xlwt.easyxf(num_format_str=number_format))
    book.save(str(file))


def written(
    file: Path, sheets: Mapping[str, list[Cell]], hidden: str = "", **options: bool
) -> None:
    with xlsxwriter.Workbook(str(file), options) as book:
        for name, cells in sheets.items():
            page = book.add_worksheet(name)
            page.write_row(0, 0, HEADER)
            for column, (value, number_format) in enumerate([("claims", "@"), *cells]):
                page.write(1, column, value, book.add_format({"num_format": number_format}))
            if hidden and name == "Old":
                page.very_hidden() if hidden == "veryHidden" else page.hide()
            else:
                page.activate()


def inline(file: Path, sheets: Mapping[str, list[Cell]], hidden: str = "") -> None:
    written(file, sheets, hidden, constant_memory=True)  # its texts are in the cells


def since_1904(file: Path, sheets: Mapping[str, list[Cell]], hidden: str = "") -> None:
    written(file, sheets, hidden, date_1904=True)


OPEN = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">
<office:automatic-styles><style:style style:name="ta1"><style:table-properties table:display="true"
/></style:style><style:style style:name="ta2"><style:table-properties table:display="false"/>
</style:style></office:automatic-styles><office:body><office:spreadsheet>{}</office:spreadsheet>
</office:body></office:document-content>"""
EMPTY_REST = (
    '<table:table-row table:number-rows-repeated="1048574">'
    '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
)
TEXT = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'


def document(file: Path, *tables: str, manifest: str = "<manifest/>") -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", OPEN.format("".join(tables)))


def page(*cells: str, name: str = "Control", style: str = "ta1", repeated: int = 1) -> str:
    header = "".join(map(TEXT.format, HEADER))
    row = f'<table:table-row table:number-rows-repeated="{repeated}">{"".join(cells)}'
    return (
        f'<table:table table:name="{name}" table:style-name="{style}">'
        f"<table:table-row>{header}</table:table-row>{row}</table:table-row>{EMPTY_REST}</table:table>"
    )


def number(value: str, text: str, kind: str = "float") -> str:
    cell = f'<table:table-cell office:value-type="{kind}" office:value="{value}">'
    return f"{cell}<text:p>{text}</text:p></table:table-cell>"


def refused(file: Path, sheet: str = "") -> str:
    with pytest.raises(DataflowError) as error:
        read(file, sheet)
    (problem,) = error.value.diagnostics
    assert problem.code == "CFG-006"
    return problem.message


def read(file: Path, sheet: str = "") -> CellTable:
    return read_table(f"{file.name}#{sheet}" if sheet else file.name, file.parent, LAYOUT)


KINDS = pytest.mark.parametrize(
    ("write", "name"),
    [(office, "c.xlsx"), (strict, "c.xlsx"), (old, "c.xls"), (old, "c.xlsx"),
     (written, "c.xlsx"), (inline, "c.xlsx"), (since_1904, "c.xlsx")],
)  # fmt: skip


@KINDS
@pytest.mark.parametrize(
    ("cell", "code"),
    [((7, "000"), "007"), ((7, "General"), "7"), (("007", "@"), "007"), (("1E5", "General"), "1E5"),
     ((True, "General"), "TRUE"), ((date(2026, 1, 5), "yyyy-mm-dd"), "2026-01-05"),
     ((7, '"C"000'), "C007")],
)  # fmt: skip
def test_a_code_is_read_as_it_is_seen(
    tmp_path: Path, write: Any, name: str, cell: Cell, code: str
) -> None:
    write(tmp_path / name, {"Control": [cell, (True, "General")]})
    table = read(tmp_path / name)
    assert (table.flaws, table.rows[2]["client_code"], table.rows[2]["active"]) == (
        (),
        code,
        "TRUE",
    )


@KINDS
@pytest.mark.parametrize(
    "cell",
    [
        (123456789012, "General"),
        (1234, "#,##0"),
        (date(2026, 1, 5), "m/d/yy"),
        ("acme_x000D_", "@"),
    ],
)
def test_a_code_that_is_not_certain_is_refused_in_its_cell(
    tmp_path: Path, write: Any, name: str, cell: Cell
) -> None:
    write(tmp_path / name, {"Control": [cell, cell]})
    # A flag's cell may be of any kind.
    (flaw,) = (flaw for flaw in read(tmp_path / name).flaws if flaw.severity == "error")
    assert (flaw.code, flaw.place, flaw.void) == ("CTL-909", f"{name}!Control!B2", "cell")
    assert str(cell[0])[:4] in flaw.message


@KINDS
@pytest.mark.parametrize("hidden", ["hidden", "veryHidden"])
def test_the_first_sheet_that_people_see_is_read(
    tmp_path: Path, write: Any, name: str, hidden: str
) -> None:
    sheets = {"Old": [("a", "@"), ("Y", "@")], "New": [("b", "@"), ("Y", "@")]}
    write(tmp_path / name, sheets, hidden)
    assert read(tmp_path / name).rows[2]["client_code"] == "b"
    assert read(tmp_path / name, "Old").rows[2]["client_code"] == "a"


def test_parts_of_a_text_formulas_and_tables_give_what_they_show(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "c.xlsx")) as book:
        page, bold = book.add_worksheet("Control"), book.add_format({"bold": True})
        columns = [{"header": name} for name in HEADER]
        page.add_table(0, 0, 2, 2, {"columns": columns, "name": "Control"})
        page.write_rich_string(1, 0, "cla", bold, "ims")
        page.write_formula(1, 1, '="ac" & "me"', None, "acme")
        page.write_formula(1, 2, "=1=1", None, value=True)
        page.write_row(2, 0, ["claims", "beta", "Y"])
        page.write_comment(2, 1, "a new client")
        page.merge_range(3, 0, 3, 1, "claims")
    table = read(tmp_path / "c.xlsx")
    assert [table.rows[2][name] for name in HEADER] == ["claims", "acme", "TRUE"]
    assert [table.rows[3][name] for name in HEADER] == ["claims", "beta", "Y"]
    assert [flaw.place for flaw in table.flaws] == ["c.xlsx!Control!A4"]


def test_a_document_gives_what_it_shows(tmp_path: Path) -> None:
    truth = number("true", "WAHR", "boolean").replace("office:value=", "office:boolean-value=")
    document(tmp_path / "c.ods", page(TEXT.format("claims"), number("7", "007"), truth, repeated=2))
    table = read(tmp_path / "c.ods")
    assert table.flaws == ()
    assert [table.rows[line] for line in (2, 3)] == [
        {"module_name": "claims", "client_code": "007", "active": "TRUE", "note": ""}
    ] * 2


@pytest.mark.parametrize(
    ("cell", "code"),
    [(number("123456789012345680", "1.23456789012346E+017"), "CTL-909"),
     (number("7", ""), "CTL-909"),
     (TEXT.format("Err:508").replace("office:", 'calcext:value-type="error" office:'), "CTL-905"),
     (TEXT.format("#REF!"), "CTL-905"),
     (TEXT.format("a").replace("office:", 'table:number-rows-spanned="2" office:'), "CTL-903")],
)  # fmt: skip
def test_a_cell_of_a_document_that_says_nothing_certain_is_refused(
    tmp_path: Path, cell: str, code: str
) -> None:
    document(tmp_path / "c.ods", page(TEXT.format("claims"), cell, TEXT.format("Y")))
    assert [(flaw.code, flaw.place[:16]) for flaw in read(tmp_path / "c.ods").flaws] == [
        (code, "c.ods!Control!B2")
    ]


def test_a_comment_and_blanks_in_a_document_are_no_part_of_the_text(tmp_path: Path) -> None:
    cell = ("<table:table-cell office:value-type='string'>"
            "<office:annotation><text:p>old: 7</text:p></office:annotation>"
            "<text:p>a<text:s text:c='2'/><text:span>b</text:span></text:p>"
            "</table:table-cell>")  # fmt: skip
    document(tmp_path / "c.ods", page(TEXT.format("claims"), cell, TEXT.format("Y")))
    assert read(tmp_path / "c.ods").rows[2]["client_code"] == "a  b"


def test_a_hidden_sheet_of_a_document_is_read_where_it_is_named(tmp_path: Path) -> None:
    cells = {name: [TEXT.format(t) for t in ("claims", name, "Y")] for name in ("Old", "New")}
    document(
        tmp_path / "c.ods",
        page(*cells["Old"], name="Old", style="ta2"),
        page(*cells["New"], name="New"),
    )
    assert read(tmp_path / "c.ods").rows[2]["client_code"] == "New"
    assert read(tmp_path / "c.ods", "Old").rows[2]["client_code"] == "Old"


def test_a_sheet_that_reaches_too_far_is_refused_before_it_is_unfolded(tmp_path: Path) -> None:
    document(tmp_path / "c.ods", page(*[TEXT.format("x")] * 3, repeated=1_000_000))
    assert "reaches to row 1,000,001" in refused(tmp_path / "c.ods")


def test_a_workbook_of_hidden_sheets_alone_asks_for_a_name(tmp_path: Path) -> None:
    document(tmp_path / "c.ods", page(TEXT.format("x"), name="Old", style="ta2"))
    assert "all its sheets are hidden; name one of Old" in refused(tmp_path / "c.ods")


def test_what_is_behind_a_password_is_refused_as_that(tmp_path: Path) -> None:
    streams = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(2000)
    (tmp_path / "c.xlsx").write_bytes(streams + "EncryptedPackage".encode("utf-16-le"))
    document(tmp_path / "c.ods", manifest="<manifest:encryption-data/>")
    for name in ("c.xlsx", "c.ods"):
        assert "protected by a password" in refused(tmp_path / name)


@pytest.mark.parametrize("suffix", ["xlsb", "xlsx"])
def test_a_binary_workbook_is_refused_as_that(tmp_path: Path, suffix: str) -> None:
    with zipfile.ZipFile(tmp_path / f"c.{suffix}", "w") as archive:
        archive.writestr("xl/workbook.bin", b"")
    assert "binary workbook (.xlsb); save it as .xlsx" in refused(tmp_path / f"c.{suffix}")


@pytest.mark.parametrize("suffix", ["xls", "ods", "xlsx"])
@pytest.mark.parametrize(
    "content", [b"", b"x" * 3000, bytes.fromhex("D0CF11E0A1B11AE1") + b"x" * 3000]
)
def test_what_is_no_workbook_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    (tmp_path / f"c.{suffix}").write_bytes(content)
    assert "it is no workbook" in refused(tmp_path / f"c.{suffix}")


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["c.xls", "c.ods"]), st.data())
def test_a_spoiled_workbook_is_a_table_or_is_refused(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    file = tmp_path / name
    if name == "c.xls":
        old(file, {"Control": [(7, "000"), ("Y", "@")]})
    else:
        document(file, page(*map(TEXT.format, ["claims", "a", "Y"])))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with contextlib.suppress(DataflowError):  # and nothing else may rise
        read(file)
