"""The projects that `ai-dataflow init` writes: small and commented; their files are in `templates`.

In the name of a template's file `dot-` stands for the dot of a hidden one, and `.txt` at the end is
dropped: as they are called in a project, these would mean something to the tools of this one.
"""

from __future__ import annotations

import csv
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from ai_dataflow.cli.sheet_files import not_written
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.offers import offers
from ai_dataflow.sources.schemas import Look, files_among, look_at
from ai_dataflow.sources.survey import survey
from ai_dataflow.tables.cell_words import Offers
from ai_dataflow.tables.locations import Location
from ai_dataflow.tables.new_workbooks import Tab, write_workbook
from ai_dataflow.tables.project import LAYOUTS, load_project

Template = Literal["minimal", "azure"]
_TEMPLATES = Path(__file__).with_name("templates")
_WORKBOOK = "ai_mapping.xlsx"  # the tables of `shared` are its tabs


def write_project(folder: Path, template: Template = "minimal") -> None:
    """Write a project into a new or empty folder.

    Args:
        folder: where; it is made if it is not there.
        template: `minimal` has data of its own and runs; `azure` is to be edited first.

    Raises:
        DataflowError: CFG-003 where the folder has something in it; CFG-033.
    """
    try:
        _write_project(folder, template)
    except OSError as error:
        raise not_written(folder, error) from None


def _write_project(folder: Path, template: Template) -> None:
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
            name = _name(source.relative_to(root))
            if (source.stem not in LAYOUTS or kind == template) and not _is_set(name):
                _write(source, folder / name)
    _write_workbook(folder, is_live=template == "minimal")


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


def _is_set(name: Path) -> bool:
    """Tell whether a file would hide what is set for everybody: Dagster lets `.env` win."""
    return name == Path(".env") and bool(os.environ.get("DAGSTER_HOME"))


def _write(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")


def _write_workbook(folder: Path, *, is_live: bool) -> None:
    """Write the tabs of the mapping sheet; once more, when it is known what its cells may say."""
    files = {name: _TEMPLATES / "shared" / f"{name}.csv" for name in LAYOUTS}
    tabs = [_tab(name, file) for name, file in files.items() if file.exists()]
    write_workbook(folder / _WORKBOOK, tabs, Offers())
    draft = make_draft(load_project(folder))
    schemas: Mapping[Location, Look] = {}
    if is_live:
        places, settings = draft.plan.locations(), draft.project.settings
        schemas = look_at(places, settings, survey(files_among(places), settings))
    write_workbook(folder / _WORKBOOK, tabs, offers(draft, schemas))


def _tab(setting: str, file: Path) -> Tab:
    with file.open(encoding="utf-8", newline="") as text:
        blank = dict.fromkeys(LAYOUTS[setting].columns, "")
        return Tab(setting, LAYOUTS[setting], [blank | row for row in csv.DictReader(text)])
