"""The projects that `ai-dataflow init` writes: small and commented; their files are in `templates`.

In the name of a template's file `dot-` stands for the dot of a hidden one, and `.txt` at the end is
dropped: as they are called in a project, these would mean something to the tools of this one.
"""

from __future__ import annotations

import csv
import shlex
from pathlib import Path
from typing import Literal

import openpyxl
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic

Template = Literal["minimal", "azure"]
_TEMPLATES = Path(__file__).with_name("templates")
_MAPPING = "ai_mapping.csv"  # written as a workbook, with a note on each column

_NOTES = {
    "module_name": "The module; its AI dataset has this name.",
    "product_code": "The product that the row is about; * is every product.",
    "submodule_name": "The submodule, as in the control table.",
    "source_column": "The product's column. May be blank where there is a transform.",
    "ai_column": "The column of the AI dataset.",
    "ai_type": "string, boolean, int32, int64, float64, decimal(18,2), date, timestamp, ...",
    "transform": "A scalar SQL expression over the source's columns.",
    "is_key": "Y: the product's submodules are joined on it.",
    "required": "Y: a row without a value is rejected.",
    "description": "What the column means; it travels in the dataset's schema.",
}


def write_project(folder: Path, template: Template = "minimal") -> None:
    """Write a project into a new or empty folder.

    Args:
        folder: where; it is made if it is not there.
        template: `minimal` has data of its own and runs; `azure` is to be edited first.

    Raises:
        DataflowError: CFG-003 where the folder has something in it.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataflowError(
            Diagnostic(
                "CFG-003",
                f"{folder} is there already and not an empty folder",
                place=str(folder),
                fix="choose another folder",
            )
        )
    for kind in ("shared", template):
        root = _TEMPLATES / kind
        for source in sorted(path for path in root.rglob("*") if path.is_file()):
            _write(source, folder / _name(source.relative_to(root)))


def next_commands(folder: Path, template: Template) -> list[tuple[str, str]]:
    """Give what to type next in a project that was just written: commands and what they do."""
    edit = ("ai-dataflow validate --offline", "after you edited ai_dataflow.toml, which says how")
    first = {
        "minimal": ("ai-dataflow validate", "what is wrong, if anything"),
        "azure": edit,
    }[template]
    return [
        (f"cd {shlex.quote(str(folder))}", ""),
        first,
        ("ai-dataflow run", "publish the datasets"),
        ("dg dev", "the same in Dagster, at http://127.0.0.1:3000"),
    ]


def _name(path: Path) -> Path:
    """Give the name in a project of a template's file."""
    shown = [part.removesuffix(".txt") for part in path.parts]
    return Path(*(f".{part[4:]}" if part.startswith("dot-") else part for part in shown))


def _write(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    text = source.read_text(encoding="utf-8")
    if source.name == _MAPPING:
        _write_mapping(text, target.with_suffix(".xlsx"))
    else:
        target.write_text(text, encoding="utf-8")


def _write_mapping(text: str, file: Path) -> None:
    header, *rows = csv.reader(text.splitlines())
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)  # noqa: S101 - a new workbook has one
    sheet.title = "AI_Map"
    sheet.append(header)
    for row in rows:
        sheet.append([value or None for value in row])
    for i, name in enumerate(header, start=1):
        cell = sheet.cell(1, i)
        cell.font = Font(bold=True)
        cell.comment = Comment(_NOTES[name], "ai_dataflow")
        sheet.column_dimensions[get_column_letter(i)].width = 18
    sheet.freeze_panes = "A2"
    book.save(file)
