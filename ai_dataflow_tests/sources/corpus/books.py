"""Workbooks, as pandas, openpyxl and xlwt write them."""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import xlwt

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow_tests.sources.corpus.cases import Case, Rows, content

DAY = dt.date(2025, 1, 31)
HEAD = ("id", "ort", "amount", "open")
ROWS: Rows = [(1, "Köln", 2.5, True), (2, None, -3.25, False)]


def _said(**how: Any) -> FormatSettings:
    return FormatSettings(type="excel", **how)


def _case(what: str, by: str, write: Any, read: Any, name: str = "rows.xlsx", **more: Any) -> Case:
    return Case(kind="Excel", what=what, by=by, name=name, write=write, read=read, **more)


def _refused(what: str, write: Any, name: str = "rows.xlsx", **more: Any) -> Case:
    return _case(what, "by hand", write, None, name, refused="SRC-003", **more)


def by_openpyxl(sheet: str = "", first: int = 2, columns: int = 4) -> Callable[[Path], Rows]:
    """Read by openpyxl, from a line on."""

    def read(path: Path) -> Rows:
        opened = openpyxl.load_workbook(path, data_only=True)
        page = opened[sheet] if sheet else opened.worksheets[0]
        return [tuple(row[:columns]) for row in page.iter_rows(min_row=first, values_only=True)]

    return read


def _book(
    rows: Sequence[Sequence[Any]], *before: str, hidden: bool = False, form: str = ""
) -> Callable[[Path], object]:
    """Write a sheet `Claims`, after others; these may be hidden, whole numbers in a format."""

    def write(path: Path) -> None:
        made = openpyxl.Workbook()
        made.worksheets[0].title = "Claims"
        for row in rows:
            made["Claims"].append(list(row))
        for name in before:
            made.create_sheet(name, 0).append(["other"])
            made[name].sheet_state = "hidden" if hidden else "visible"
        for cell in (cell for row in made["Claims"].iter_rows() for cell in row):
            if form and isinstance(cell.value, int):
                cell.number_format = form
        made.save(path)

    return write


def _read_ones() -> Iterator[Case]:
    plain = "numbers, texts, true and false, empty cells"
    days = "days, times, both together"
    frame = pd.DataFrame(ROWS, columns=list(HEAD))
    yield _case(plain, "openpyxl", _book([HEAD, *ROWS]), by_openpyxl())
    yield _case(plain, "pandas", lambda path: frame.to_excel(path, index=False), by_openpyxl())
    moments = [(DAY, dt.datetime(2025, 1, 31, 12, 30), dt.time(23, 59)), (None, None, None)]
    dated = [("a", "b", "c"), *moments, (dt.date(1999, 12, 31), dt.datetime(2000, 1, 1, 1), None)]
    yield _case(days, "openpyxl", _book(dated), lambda _: [r for r in dated[1:] if any(r)])
    yield _case("the first sheet that people see", "openpyxl",
                _book([HEAD, *ROWS], "Hidden", hidden=True), by_openpyxl("Claims"))  # fmt: skip
    yield _case("a sheet that is named", "openpyxl", _book([HEAD, *ROWS], "Other"),
                by_openpyxl("Claims"), said=_said(sheet="Claims"))  # fmt: skip
    titled = [["Report of May"], [], HEAD, *ROWS]
    yield _case("a header in any line, cells of a range, said", "openpyxl", _book(titled),
                by_openpyxl(first=4), said=_said(header=3))  # fmt: skip
    yield _case("a header in any line, cells of a range, said", "openpyxl",
                _book([["", *HEAD], *(["x", *row] for row in ROWS)]),
                lambda _: ROWS, said=_said(range="B1:E3"))  # fmt: skip
    yield _case("no header, with `columns`", "openpyxl", _book(ROWS), by_openpyxl(first=1),
                said=_said(columns=HEAD))  # fmt: skip
    coded = [("code",), (7,), (123,)]
    yield _case("codes as people see them: 7 in the format 000 is 007", "openpyxl",
                _book(coded, form="000"), lambda _: [("007",), ("123",)],
                names=("code (as seen)",))  # fmt: skip
    mixed = [("v",), (1,), ("x",)]
    yield _case("a column of several kinds, as texts", "openpyxl", _book(mixed),
                lambda _: [("1",), ("x",)])  # fmt: skip
    yield _case(".xls", "xlwt", _old, lambda _: [(1, "Köln", 2.5)], "rows.xls")
    yield _case(".xlsm", "openpyxl", _book([HEAD, *ROWS]), lambda _: ROWS, "rows.xlsm")
    wrong = [("v",), (1,), ("#N/A",)]
    yield _case("an error in a cell makes a reject of its row", "openpyxl", _book(wrong),
                lambda _: [(1,)], rejects=1)  # fmt: skip


def _old(path: Path) -> None:
    made = xlwt.Workbook()
    sheet = made.add_sheet("Claims")
    for line, row in enumerate([HEAD[:3], (1, "Köln", 2.5)]):
        for number, value in enumerate(row):
            sheet.write(line, number, value)
    made.save(str(path))


def _refused_ones() -> Iterator[Case]:
    yield _refused("a name twice in the header", _book([("id", "id"), (1, 2)]))
    yield _refused("a sheet that is not there", _book([HEAD, *ROWS]), said=_said(sheet="Nope"))
    yield _refused("what is no workbook, or is damaged", content(b"PK\x03\x04 and no more"))
    yield _refused("what is no workbook, or is damaged", content(b"id,ort\n1,2\n"))
    locked = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)
    yield _refused("what is no workbook, or is damaged", content(locked), "rows.xls")
    yield _refused(".xlsb", _binary, "rows.xlsx")


def _binary(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.bin", b"\x00")


def cases() -> Iterator[Case]:
    """Give all workbooks."""
    yield from _read_ones()
    yield from _refused_ones()
