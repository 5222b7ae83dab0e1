"""Workbooks that mean harm: small files that would become gigabytes, or take for ever.

Run as a program, it reads them all, and prints how each ended, its seconds and the peak of memory.
"""

from __future__ import annotations

import json
import resource
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import openpyxl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.tables import control_table
from ai_dataflow.tables.table import read_table

SHEET = "xl/worksheets/sheet1.xml"
_MB = 1 << 20
_HEAD = '<?xml version="1.0"?>'
_NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_ENTITIES = "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">'
    for before, name in zip("abcdefghijk", "bcdefghijkl", strict=True)
)


def valid_workbook(file: Path) -> Path:
    """Write a small control table."""
    book = openpyxl.Workbook()
    page = book.worksheets[0]
    page.append(list(control_table.LAYOUT.columns))
    page.append(["ORION", "claims", "header", "acme", "data/claims.csv", "Y", "csv"])
    book.save(file)
    return file


def with_part(valid: Path, file: Path, name: str, chunks: Iterable[str]) -> Path:
    """Copy a workbook with one of its parts replaced, or added."""
    with zipfile.ZipFile(valid) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != name:
                new.writestr(entry, old.read(entry))
        with new.open(name, "w") as part:
            for chunk in chunks:
                part.write(chunk.encode())
    return file


def sheet_of(rows: str, *, after: str = "", before: str = "") -> list[str]:
    """Give a sheet's XML."""
    return [f"{_HEAD}<worksheet {_NAMESPACE}>{before}<sheetData>{rows}</sheetData>{after}",
            "</worksheet>"]  # fmt: skip


def _text(reference: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>x</t></is></c>'


def _repeated(head: str, piece: str, size: int, tail: str) -> Iterable[str]:
    yield f"{_HEAD}{head}"
    yield from (piece * (_MB // len(piece)) for _ in range(size // _MB))
    yield tail


def _row(number: str, cells: str) -> str:
    return f'<row r="{number}">{cells}</row>'


_OPEN, _CLOSE = f"<worksheet {_NAMESPACE}><sheetData>", "</sheetData></worksheet>"
_FULL_ROW = "<row>" + "<c/>" * 16_384 + "</row>"
_LAUGHS = f"<!DOCTYPE worksheet [<!ENTITY a '{'ha' * 50}'>{_ENTITIES}]>"

BOMBS: dict[str, tuple[str, Callable[[], Iterable[str]]]] = {
    "blanks of 300 MB": (SHEET, lambda: _repeated(_OPEN, " ", 300 * _MB, _CLOSE)),
    "a row wider than Excel's": (
        SHEET, lambda: [_OPEN, "<row>", "<c/>" * 18_300, "</row>", _CLOSE],
    ),
    "a row of millions of cells": (
        SHEET, lambda: _repeated(f"{_OPEN}<row>", "<c/>", 30 * _MB, f"</row>{_CLOSE}"),
    ),
    "millions of cells in rows": (SHEET, lambda: _repeated(_OPEN, _FULL_ROW, 60 * _MB, _CLOSE)),
    "millions of styles": (
        "xl/styles.xml",
        lambda: _repeated(f"<styleSheet {_NAMESPACE}><cellXfs>", "<xf/>", 20 * _MB,
                          "</cellXfs></styleSheet>"),
    ),
    "millions of strings": (
        "xl/sharedStrings.xml",
        lambda: _repeated(f"<sst {_NAMESPACE}>", "<si/>", 40 * _MB, "</sst>"),
    ),
    "a cell in the last corner": (
        SHEET, lambda: sheet_of(_row("1", _text("A1")) + _row("1048576", _text("XFD1048576"))),
    ),
    "a row that is beyond Excel": (SHEET, lambda: sheet_of(_row("999999999999", _text("A1")))),
    "a column that is beyond Excel": (SHEET, lambda: sheet_of(_row("1", _text("ZZZZZZ1")))),
    "a dimension of everything": (
        SHEET,
        lambda: sheet_of(_row("1", _text("A1")), before='<dimension ref="A1:XFD1048576"/>'),
    ),
    "everything merged": (
        SHEET,
        lambda: sheet_of(
            _row("1", _text("A1")),
            after='<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>',
        ),
    ),
    "a link on everything": (
        SHEET,
        lambda: sheet_of(
            _row("1", _text("A1")),
            after='<hyperlinks><hyperlink ref="A1:XFD1048576" location="a"/></hyperlinks>',
        ),
    ),
    "a billion laughs": (
        SHEET,
        lambda: [
            f"{_HEAD}{_LAUGHS}{_OPEN}",
            '<row r="1"><c r="A1" t="inlineStr"><is><t>&l;</t></is></c></row>' + _CLOSE,
        ],
    ),
    "an external entity": (
        SHEET,
        lambda: [
            f'{_HEAD}<!DOCTYPE worksheet [<!ENTITY x SYSTEM "file:///etc/passwd">]>{_OPEN}',
            '<row r="1"><c r="A1" t="inlineStr"><is><t>&x;</t></is></c></row>' + _CLOSE,
        ],
    ),
    "deep nesting": (SHEET, lambda: _repeated(_OPEN, "<a>", 6 * _MB, "")),
    "deep nesting that ends": (SHEET, lambda: [_OPEN, "<a>" * 99_000, "</a>" * 99_000, _CLOSE]),
}  # fmt: skip


def read(file: Path) -> str:
    """Read a control table; give the codes of what is wrong with it."""
    try:
        table = read_table(file.name, file.parent, control_table.LAYOUT)
        control_table.control_rows(table)
    except DataflowError as error:
        return " ".join(sorted({problem.code for problem in error.diagnostics}))
    return "a table"


def peak_bytes() -> int:
    """Give the most memory that this process had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(folder: Path) -> None:
    """Read every bomb; the peak only grows, so the first that is too large shows."""
    valid = valid_workbook(folder / "valid.xlsx")
    read(valid)
    before = peak_bytes()
    for name, (part, chunks) in BOMBS.items():
        file = with_part(valid, folder / "bomb.xlsx", part, chunks())
        end = read(file)
        grown = (peak_bytes() - before) // _MB
        print(json.dumps({"bomb": name, "end": end, "grown_mb": grown}))
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
