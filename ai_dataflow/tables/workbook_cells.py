"""What the readers of all kinds of workbooks share: sheets, cells as shown, flaws."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from openpyxl.utils import get_column_letter
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.escape import unescape

from ai_dataflow.config.diagnostics import did_you_mean, listing
from ai_dataflow.tables.grids import Flaw, Grid, UnreadableError, cell_text
from ai_dataflow.tables.shown import shown

MAX_CELLS = 4_000_000
_MAX_MERGES = 1_000
_ESCAPED = re.compile("_x[0-9A-Fa-f]{4}_")
ERROR_VALUES = frozenset(
    {"#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"}
)


def chosen(name: str, sheets: Sequence[str], visible: Sequence[str]) -> str:
    """Choose the sheet of a name, or the first one that people see.

    Raises:
        UnreadableError: there is none.
    """
    if not sheets:
        raise UnreadableError("it has no sheet with cells")
    if name and name not in sheets:
        near = did_you_mean(name, sheets) or f"; there are {listing(sheets)}"
        raise UnreadableError(f"there is no sheet `{name}`{near}", "correct the name after the `#`")
    if not name and not visible:
        fix = "name a sheet after the `#`, or show one"
        raise UnreadableError(f"all its sheets are hidden; name one of {listing(sheets)}", fix)
    return name or visible[0]


def as_shown(value: object, number_format: str, place: tuple[int, int], grid: Grid) -> str:
    """Give a cell's text as people see it; what cannot be known so is noted as a flaw.

    `place` is its line and column, the latter from 0.
    """
    is_escaped = isinstance(value, str) and _ESCAPED.search(value)
    text = None if is_escaped else shown(value, number_format)
    if text is not None:
        return text
    kind = {str: "text", int: "number", float: "number"}.get(type(value), "date or time")
    grid.flaws.append(not_shown(*place, kind, value, number_format))
    return unescape(value) if isinstance(value, str) else cell_text(value)


def lettered(grid: Grid) -> Grid:
    """Give a grid that is read to its end the letters of its columns."""
    widest = max((len(cells) for _, cells in grid.lines), default=0)
    grid.header.extend([""] * (widest - len(grid.header)))
    reach = max((flaw.column + 1 for flaw in grid.flaws), default=0)
    grid.letters = [get_column_letter(i + 1) for i in range(max(widest, reach))]
    return grid


def merged_lines(merges: Iterable[str], grid: Grid) -> list[Flaw]:
    """Find the lines that merged cells cross, each once."""
    flaws: dict[int, Flaw] = {}
    for cells in islice(dict.fromkeys(merges), _MAX_MERGES):
        left, top, _, bottom = range_boundaries(cells)
        for line, _ in grid.lines:
            if (top or 1) <= line <= (bottom or line):
                flaws.setdefault(line, _merged(line, (left or 1) - 1, cells))
    return list(flaws.values())


def _merged(line: int, column: int, cells: str) -> Flaw:
    return Flaw(
        "903", line, column, f"the cells {cells} are merged: all but the first are blank",
        "unmerge them and fill in each",
    )  # fmt: skip


def formula(line: int, column: int) -> Flaw:
    """A formula whose value nobody computed."""
    return Flaw(
        "904", line, column, "the cell is a formula without a computed value",
        "open and save the workbook in Excel, or write the value", void="cell",
    )  # fmt: skip


def error_cell(line: int, column: int, value: str) -> Flaw:
    """An error of the spreadsheet."""
    message, fix = f"the cell is the error {value}", "correct its formula"
    return Flaw("905", line, column, message, fix, void="cell")


def not_shown(line: int, column: int, kind: str, value: object, seen: str) -> Flaw:
    """A cell that is shown in another way on another screen, or is more than what is shown."""
    said = f"the cell holds the {kind} `{str(value)[:80]}`, shown as `{seen[:80]}`"
    return Flaw(
        "909", line, column, f"{said}: what people see in it is not certain",
        "format the column as text, and write the value anew as it is meant", void="cell",
        is_of_codes=True,
    )  # fmt: skip
