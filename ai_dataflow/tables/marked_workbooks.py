"""A copy of a workbook with what is wrong in it: notes in the cells, colours, a list in front.

The copy has what the author made, as far as openpyxl keeps it; what it does not is told. Colours
are conditional formats, so that the author's are still there beneath. Who goes on in a copy, and
checks that, has the last check's findings only.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import openpyxl
from openpyxl.cell.cell import MergedCell
from openpyxl.comments import Comment
from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.visible import printable
from ai_dataflow.tables.archives import failing_as
from ai_dataflow.tables.copied_workbooks import lost, opened_whole

_AUTHOR = "ai_dataflow"
_TAB = "Problems"
_MARK = "ai-dataflow sheet check:"  # begins our part of a note
_ALWAYS = 'LEN("ai-dataflow")>0'  # the condition of our colours, by which they are known again
_COLOURS = {"error": "FFC7CE", "warning": "FFEB9C"}
_HEADER = ("Severity", "Code", "Cell", "Message", "Fix", "Owner", "Partitions")
_WIDTHS = (10, 10, 34, 70, 60, 18, 11)
_LINE = 22  # points of a note's line, about


def write_marked(file: Path, target: Path, problems: Sequence[Diagnostic]) -> list[str]:
    """Write a copy of a workbook with problems in it; give what of the workbook is not in the copy.

    Args:
        file: the workbook.
        target: the copy; one that is there is replaced.
        problems: all that there are. Those about other files are in the list only.

    Raises:
        UnreadableError: it is no workbook that can be copied so.
        OSError: the copy cannot be written.
    """
    book, doubts = opened_whole(file)
    _forget(book)
    places = ((problem, cell_of(problem, file.name, book)) for problem in problems)
    cells = {problem: cell for problem, cell in places if cell}
    alike = grouped(cells, lambda problem: cells[problem])
    noted = grouped(cells, lambda problem: _first(book, *cells[problem]))
    for (title, place), those in noted.items():
        _note(book[title], place, those)
    for severity, colour in reversed(_COLOURS.items()):
        _colour(book, alike, severity, colour)
    _list(book, problems, cells)
    copy = io.BytesIO()
    with failing_as("it cannot be copied"):
        book.save(copy)
    partial = target.with_name(f"{target.name}.partial")
    try:
        partial.write_bytes(copy.getvalue())
        gone = lost(file, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return [*gone, *doubts]


def cell_of(problem: Diagnostic, name: str, book: openpyxl.Workbook) -> tuple[str, str] | None:
    """Give the sheet and the cell that a problem of a workbook is about.

    Titles of sheets may have any sign but a few; so they are compared, and not cut out.
    """
    for title in book.sheetnames:
        start = f"{name}!{title}!"
        cell = problem.place.removeprefix(start)
        if problem.place.startswith(start) and re.fullmatch(r"[A-Z]{1,3}\d+", cell):
            return title, cell
    return None


def _forget(book: openpyxl.Workbook) -> None:
    """Take off what an earlier check wrote."""
    if _TAB in book.sheetnames and [cell.value for cell in book[_TAB][1]] == [*_HEADER]:
        del book[_TAB]
    for sheet in book.worksheets:
        for cell in (cell for row in sheet.iter_rows() for cell in row):
            written, mark, _ = (cell.comment.text if cell.comment else "").partition(_MARK)
            if mark and cell.comment:
                author = cell.comment.author
                cell.comment = Comment(written.rstrip(), author) if written.strip() else None
        for ranges in [*sheet.conditional_formatting]:
            if any(_ALWAYS in rule.formula for rule in ranges.rules):
                del sheet.conditional_formatting[ranges.sqref]


def _first(book: openpyxl.Workbook, title: str, place: str) -> tuple[str, str]:
    """Give the cell that can have the note of another: of merged cells only the first can."""
    sheet = book[title]
    if isinstance(sheet[place], MergedCell):
        merged = next(each for each in sheet.merged_cells.ranges if place in each)
        return title, sheet.cell(merged.min_row, merged.min_col).coordinate
    return title, place


def _note(sheet: Worksheet, place: str, problems: Sequence[Diagnostic]) -> None:
    cell = sheet[place]
    before = cell.comment
    written = [before.text.rstrip()] if before else []
    text = "\n\n".join([*written, _MARK, *(_said(problem) for problem in problems)])
    author = before.author if before else _AUTHOR
    lines = sum(1 + len(line) // 50 for line in text.splitlines())
    cell.comment = Comment(text, author, height=max(80, _LINE * lines), width=380)


def _said(problem: Diagnostic) -> str:
    fix = f"\nFix: {problem.fix}" if problem.fix else ""
    owner = f"\nOwner: {problem.owner}" if problem.owner else ""
    return printable(f"{problem.severity} {problem.code}: {problem.message}{fix}{owner}", "\n")


def _colour(
    book: openpyxl.Workbook,
    alike: Mapping[tuple[str, str], Sequence[Diagnostic]],
    severity: str,
    colour: str,
) -> None:
    """Colour the cells of a severity; errors are coloured last, so that theirs is what is seen."""
    fill = PatternFill("solid", bgColor=colour)
    cells: dict[str, list[str]] = {}
    for (title, cell), problems in alike.items():
        worst = min(problem.severity for problem in problems)  # `error` is before `warning`
        if worst == severity:
            cells.setdefault(title, []).append(cell)
    for title, places in cells.items():
        rule = Rule(type="expression", formula=[_ALWAYS], dxf=DifferentialStyle(fill=fill))
        book[title].conditional_formatting.add(" ".join(places), rule)


def _list(
    book: openpyxl.Workbook,
    problems: Sequence[Diagnostic],
    cells: Mapping[Diagnostic, tuple[str, str]],
) -> None:
    sheet = book.create_sheet(_TAB, 0)
    sheet.append(_HEADER)
    for line, problem in enumerate(problems, start=2):
        texts = (problem.severity, problem.code, problem.place, problem.message, problem.fix,
                 problem.owner)  # fmt: skip
        for column, text in enumerate(texts, start=1):
            cell = sheet.cell(line, column)
            cell.value, cell.data_type = printable(text), "s"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        sheet.cell(line, 1).fill = PatternFill("solid", fgColor=_COLOURS[problem.severity])
        sheet.cell(line, len(_HEADER), len(problem.partitions))
        if problem in cells:
            _link(sheet, line, *cells[problem])
    _finish(sheet, len(problems))
    for each in book.worksheets:
        each.sheet_view.tabSelected = each is sheet
    book.active = 0


def _link(sheet: Worksheet, line: int, title: str, place: str) -> None:
    cell = sheet.cell(line, 3)
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"{quote_sheetname(title)}!{place}")
    cell.font = Font(name="Calibri", size=11, color="0563C1", underline="single")


def _finish(sheet: Worksheet, problems: int) -> None:
    if not problems:
        sheet.cell(2, 1, "No problem was found.")
    for column, width in enumerate(_WIDTHS, start=1):
        sheet.cell(1, column).font = Font(name="Calibri", size=11, bold=True)
        sheet.column_dimensions[get_column_letter(column)].width = width
    sheet.freeze_panes = "A2"
