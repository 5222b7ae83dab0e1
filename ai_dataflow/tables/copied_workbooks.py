"""Copies of workbooks that people made: opened with care, and what a copy of them lacks.

openpyxl keeps cells, formats, widths, formulas and most else of a workbook, but not all: who gets a
copy is told what is not in it.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections import Counter
from pathlib import Path

import openpyxl
from openpyxl.utils.cell import range_boundaries

from ai_dataflow.tables.archives import check_archive, failing_as, is_open_document, transitional
from ai_dataflow.tables.grids import UnreadableError
from ai_dataflow.tables.workbook_cells import MAX_CELLS

_RANGE = re.compile(
    rb'<(?:\w+:)?(?:mergeCell|hyperlink)\s[^>]*?ref="([A-Z]{1,3}\d+:[A-Z]{1,3}\d+)"'
)
# Parts of a workbook that openpyxl does not keep, or not all of: by a piece of their path.
_PARTS = {
    "vbaProject": "macros",
    "xl/charts/": "charts",
    "xl/media/": "pictures",
    "xl/pivotTables/": "pivot tables",
    "xl/threadedComments/": "answers to notes",
    "xl/slicers/": "slicers",
    "xl/timelines/": "timelines",
    "xl/ctrlProps/": "form controls",
    "xl/activeX/": "ActiveX controls",
    "xl/embeddings/": "embedded files",
    "xl/queryTables/": "queries",
    "xl/connections": "connections",
    "xl/externalLinks/": "links to other workbooks",
    "customXml/": "custom data",
    "_xmlsignatures/": "signatures",
}


def opened_whole(file: Path) -> tuple[openpyxl.Workbook, list[str]]:
    """Open a workbook to be copied; give it, and what could not be read of it.

    Raises:
        UnreadableError: it is none of Office Open XML, or is far larger than such a table can be.
    """
    if not zipfile.is_zipfile(file) or is_open_document(file):
        raise UnreadableError("notes can be written into .xlsx only", "save it as .xlsx")
    check_archive(file)
    _check_ranges(file)
    with warnings.catch_warnings(record=True) as told_of, failing_as("it is no workbook"):
        warnings.simplefilter("always")
        book = openpyxl.load_workbook(transitional(file), rich_text=True)
    return book, sorted({str(each.message) for each in told_of})


def _check_ranges(file: Path) -> None:
    """Refuse merged cells and links of so many cells that each of them would fill the memory."""
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if not name.startswith("xl/worksheets/sheet"):
                continue
            for match in _RANGE.finditer(archive.read(name)):
                left, top, right, bottom = range_boundaries(match[1].decode())
                if ((right or 1) - (left or 1) + 1) * ((bottom or 1) - (top or 1) + 1) > MAX_CELLS:
                    raise UnreadableError(f"it has merged cells or a link of {match[1].decode()}")


def lost(file: Path, copy: Path) -> list[str]:
    """Tell what the workbook has more of than its copy, and what is drawn anew."""
    before, after = _parts(file), _parts(copy)
    gone = [f"{what} are left out" for what in _PARTS.values() if before[what] > after[what]]
    with zipfile.ZipFile(file) as archive:
        if any(name.startswith("xl/drawings/drawing") for name in archive.namelist()):
            gone.append("charts are drawn anew, shapes and text boxes are left out")
    return gone


def _parts(file: Path) -> Counter[str]:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    return Counter(
        what for part, what in _PARTS.items() for name in names
        if part in name and not name.endswith(".rels")
    )  # fmt: skip
