"""CSV tables as Git likes them: one spelling of what means the same, whoever saved them last.

What a reader of the table takes from it is the same before and after. So are its rows' order, the
blank lines between them, and whatever is wrong in a cell; what is wrong with the file as such is
refused, as nobody can know what was meant.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.tables.cell_words import spelled
from ai_dataflow.tables.grids import without_blanks
from ai_dataflow.tables.table import Layout, read_table


def formatted(setting: str, file: Path, layout: Layout) -> str:
    """Give a CSV table's text as it should be.

    Args:
        setting: the setting that names the table.
        file: where it is.
        layout: its columns.

    Raises:
        DataflowError: as `read_table`; a line has more cells than the header, or less.
    """
    table = read_table(file.name, file.parent, layout)
    if wrong := [flaw for flaw in table.flaws if flaw.severity == "error"]:
        raise DataflowError(*wrong)
    lines = list(_lines(file))
    while lines and not any(lines[-1]):
        lines.pop()
    first = next(i for i, cells in enumerate(lines) if any(cells))
    header = lines[first]
    order = [(header.index(name), name) for name in layout.columns if name in header]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([name for _, name in order])
    for cells in lines[first + 1 :]:
        row = [spelled((setting, name), cells[i]) for i, name in order] if any(cells) else []
        writer.writerow(row)
    return text.getvalue()


def _lines(file: Path) -> Iterator[list[str]]:
    """Give the cells of all lines, blank ones too, without the blanks around them."""
    with file.open(encoding="utf-8-sig", newline="") as text:
        for cells in csv.reader(text, strict=True):
            yield [without_blanks(cell) for cell in cells]
