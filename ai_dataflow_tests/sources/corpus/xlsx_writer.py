"""Workbooks as XlsxWriter writes them: reports that programs make without Excel."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow_tests.sources.corpus.cases import Case, Rows

HEAD = ("id", "ort", "amount", "open")
ROWS: Rows = [(1, "Köln", 2.5, True), (2, 'say "hi"', -3.25, False)]
_DAY = dt.date(2025, 1, 31)
Fill = Callable[[xlsxwriter.Workbook], object]


def cases() -> Iterator[Case]:
    """Give what it writes."""
    plain = "numbers, texts, true and false, empty cells"
    for how in ({}, {"constant_memory": True}):  # texts in a table of their own, or in the cells
        yield _case(plain, lambda book: _fill(book, [HEAD, *ROWS]), _by_openpyxl, **how)
    yield _case(plain, _rich, lambda _: [("a bold c", 1)])
    for since in (False, True):
        yield _case("days, times, both together", _days, _dated, date_1904=since)
    seen = "codes as people see them: 7 in the format 000 is 007"
    yield _case(seen, lambda book: _formed(book, "000", 7, 123), lambda _: [("007",), ("123",)],
                names=("code (as seen)",))  # fmt: skip
    long = 123_456_789_012_345
    yield _case(seen, lambda book: _formed(book, "0", long, 12), lambda _: [(str(long),), ("12",)],
                names=("code (as seen)",))  # fmt: skip
    yield _case(seen, lambda book: _formed(book, "@", "007", "1E5"),
                lambda _: [("007",), ("1E5",)], names=("code",))  # fmt: skip
    yield _case("formulas, with the values that the program stored", _formulas,
                lambda _: [(2.0, 4.0), (3.0, 6.0)])  # fmt: skip
    yield _case("the first sheet that people see", _hidden, _by_openpyxl_of("Claims"))
    yield _case("a part of merged cells but the first makes a reject of its row", _merged,
                lambda _: [("north", 1)], rejects=1)  # fmt: skip
    yield _case("tables with filters, notes, widths, colours", _table, _by_openpyxl)
    yield _case("signs that XML escapes: `_x000D_`, line breaks, `<&>`", _escaped,
                _by_openpyxl_of("Claims", 1))  # fmt: skip
    said = FormatSettings(type="excel", sheet="Claims", range="B2:E4")
    yield _case("a header in any line, cells of a range, said", _framed, lambda _: ROWS, said=said)


def _case(what: str, fill: Fill, read: Callable[[Path], Rows], **more: Any) -> Case:
    options = {name: more.pop(name) for name in ("constant_memory", "date_1904") if name in more}

    def write(path: Path) -> None:
        with xlsxwriter.Workbook(str(path), options) as book:
            fill(book)

    return Case(kind="Excel", what=what, by="XlsxWriter", name="rows.xlsx", write=write, read=read,
                **more)  # fmt: skip


def _fill(book: xlsxwriter.Workbook, rows: Sequence[Sequence[Any]], name: str = "Claims") -> Any:
    sheet = book.add_worksheet(name)
    for line, row in enumerate(rows):
        sheet.write_row(line, 0, row)
    return sheet


def _by_openpyxl(path: Path) -> Rows:
    return _by_openpyxl_of("Claims")(path)


def _by_openpyxl_of(sheet: str, columns: int = 4) -> Callable[[Path], Rows]:
    def read(path: Path) -> Rows:
        page = openpyxl.load_workbook(path, data_only=True)[sheet]
        return [tuple(row[:columns]) for row in page.iter_rows(min_row=2, values_only=True)]

    return read


def _rich(book: xlsxwriter.Workbook) -> None:
    sheet, bold = _fill(book, [("text", "n"), ("", 1)]), book.add_format({"bold": True})
    sheet.write_rich_string(1, 0, "a ", bold, "bold", " c")


_MOMENTS: Rows = [(_DAY, dt.datetime(2025, 1, 31, 12, 30), dt.time(23, 59)),
                  (dt.date(1999, 12, 31), dt.datetime(2000, 1, 1, 1), dt.time(0, 30))]  # fmt: skip


def _days(book: xlsxwriter.Workbook) -> None:
    sheet = _fill(book, [("a", "b", "c")])
    forms = [book.add_format({"num_format": form})
             for form in ("dd.mm.yyyy", "yyyy-mm-dd hh:mm:ss", "hh:mm")]  # fmt: skip
    for line, moments in enumerate(_MOMENTS, 1):
        for number, (moment, form) in enumerate(zip(moments, forms, strict=True)):
            sheet.write_datetime(line, number, moment, form)


def _dated(_: Path) -> Rows:
    return _MOMENTS


def _formed(book: xlsxwriter.Workbook, form: str, *values: Any) -> None:
    sheet, shown = _fill(book, [("code",)]), book.add_format({"num_format": form})
    for line, value in enumerate(values, 1):
        (sheet.write_string if isinstance(value, str) else sheet.write_number)(
            line, 0, value, shown
        )


def _formulas(book: xlsxwriter.Workbook) -> None:
    sheet = _fill(book, [("n", "twice"), (2,), (3,)])
    for line, value in enumerate((4, 6), 1):
        sheet.write_formula(line, 1, f"=A{line + 1}*2", None, value)


def _hidden(book: xlsxwriter.Workbook) -> None:
    _fill(book, [("other",), (1,)], "Notes").hide()
    _fill(book, [HEAD, *ROWS]).activate()
    book.worksheets()[1].set_first_sheet()


def _merged(book: xlsxwriter.Workbook) -> None:
    sheet = _fill(book, [("region", "n"), ("", 1), ("", 2)])
    sheet.merge_range(1, 0, 2, 0, "north")


def _table(book: xlsxwriter.Workbook) -> None:
    sheet = _fill(book, [HEAD, *ROWS])
    sheet.add_table(0, 0, len(ROWS), len(HEAD) - 1, {
        "columns": [{"header": name} for name in HEAD], "data": [list(row) for row in ROWS],
        "style": "Table Style Medium 9",
    })  # fmt: skip
    sheet.set_column(0, 3, 20, book.add_format({"bg_color": "#ffeeee"}))
    sheet.write_comment(1, 0, "the first claim")
    sheet.freeze_panes(1, 0)


def _escaped(book: xlsxwriter.Workbook) -> None:
    _fill(book, [("text",), ("a_x000D_b",), ("two\nlines",), ("<&>\"'",), (" blanks ",)])


def _framed(book: xlsxwriter.Workbook) -> None:
    sheet = _fill(book, [("Report of May",)])
    for line, row in enumerate([HEAD, *ROWS], 1):
        sheet.write_row(line, 1, row)
    sheet.write(5, 0, "end of the report")
