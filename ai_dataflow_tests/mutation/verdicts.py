"""What became of a mutant: pointed at, equal, legitimately different, or a failure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.planning.draft import make_draft
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.prospect import look_live
from ai_dataflow.tables.locations import FileLocation
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests.mutation.base import SHEETS, Rows
from ai_dataflow_tests.mutation.legitimate import is_legitimate
from ai_dataflow_tests.mutation.mutants import Mutant
from ai_dataflow_tests.mutation.watch import watched

Outcome = Literal["pointed error", "pointed warning", "equal", "different", "FAILED"]
OUTCOMES: tuple[Outcome, ...] = (
    "pointed error",
    "pointed warning",
    "equal",
    "different",
    "FAILED",
)


@dataclass(frozen=True)
class Compiled:
    """What the compiler made of a project: its problems, and what a run would do."""

    diagnostics: tuple[Diagnostic, ...]
    meaning: Any = None
    harm: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spoiled:
    """A table of a project in which one cell was changed."""

    table: str
    before: Rows
    mutant: Mutant
    is_workbook: bool

    @property
    def column(self) -> str:
        """The name of the spoiled cell's column."""
        return str(self.before[0][self.mutant.column])

    @property
    def kind(self) -> str:
        """What was done; a header's mutants are told apart."""
        return f"header:{self.mutant.kind}" if self.mutant.line == 1 else self.mutant.kind

    @property
    def lines(self) -> set[int]:
        """The lines that were changed: a swap with the cell below changes two."""
        return {self.mutant.line, self.mutant.line + (self.mutant.kind == "swap-below")}

    @property
    def columns(self) -> set[str]:
        """The columns that were changed: a swap with the cell to the right changes two."""
        right = self.mutant.column + (self.mutant.kind == "swap-right")
        return {self.column, str(self.before[0][right])}

    @property
    def tables(self) -> tuple[Rows, Rows]:
        """The table as it was and as it is."""
        return self.before, self.mutant.rows

    @property
    def rows(self) -> list[dict[str, str]]:
        """The changed rows, as they were and as they are, by the names of the columns."""
        header = [str(cell) for cell in self.before[0]]
        return [
            dict(zip(header, map(str, table[line - 1]), strict=False))
            for table in self.tables
            for line in sorted(self.lines)
        ]


def compile_watched(folder: Path) -> Compiled:
    """Compile a project as it is, live, and note what it touched on the way."""
    with watched(folder) as watch:
        try:
            project = load_project(folder)
            draft = make_draft(project)
            plan, outside = look_live(draft).plan, _outside(folder, draft.plan)
        except DataflowError as error:
            diagnostics, meaning, outside = tuple(error.diagnostics), None, []
        else:
            owners = [
                (t.name, t.email, t.concern, t.product, t.module, t.notify, t.cc, t.remind)
                for t in project.teams
            ]
            diagnostics, meaning = plan.diagnostics, (plan.jobs, plan.held, plan.columns, owners)
    harm = (*watch.harm, *outside)
    return Compiled(diagnostics, meaning, harm)


def judge(spoiled: Spoiled, before: Compiled, after: Compiled) -> tuple[Outcome, str]:
    """Tell what became of a mutant, and why it failed."""
    if after.harm:
        return "FAILED", f"touched {after.harm}"
    pointing = [problem for problem in after.diagnostics if points_at(problem, spoiled)]
    if any(problem.severity == "error" for problem in pointing):
        return "pointed error", ""
    if pointing:
        return "pointed warning", ""
    if after.diagnostics:
        return "FAILED", f"pointed elsewhere: {[*map(str, after.diagnostics)]}"
    if after.meaning == before.meaning:
        return "equal", ""
    if is_legitimate(spoiled.table, spoiled.column, spoiled.kind, spoiled.rows[0]):
        return "different", ""
    return "FAILED", "silently different"


def points_at(problem: Diagnostic, spoiled: Spoiled) -> bool:
    """Tell whether a problem leads to the cell: by its line, its column, its source, its text."""
    table, line, column = _place(problem.place, spoiled)
    if table and (line in spoiled.lines or (line and column in spoiled.columns)):
        return True
    if table and 1 in spoiled.lines and problem.code.endswith("-902"):
        return True  # the lines are compared with the header
    return _is_about(problem, spoiled) or _names(problem, spoiled)


def _is_about(problem: Diagnostic, spoiled: Spoiled) -> bool:
    """Tell whether a problem in the mapping sheet is about the row's source or AI column."""
    if not problem.code.startswith("MAP") or 1 in spoiled.lines:
        return False
    if spoiled.table == "control_table":
        about = {"product_code": problem.product, "module_name": problem.module,
                 "submodule_name": problem.submodule}  # fmt: skip
    else:
        about = {"module_name": problem.module, "ai_column": problem.ai_column}
    return all(about.values()) and any(
        all(row.get(column) == value for column, value in about.items()) for row in spoiled.rows
    )


def _names(problem: Diagnostic, spoiled: Spoiled) -> bool:
    """Tell whether the message names the cell, what it was, or what it became."""
    text = f"{problem.place} {problem.message} {problem.fix}"
    line, column = spoiled.mutant.line, spoiled.mutant.column
    cell = (
        f"{spoiled.table}.xlsx!{SHEETS[spoiled.table]}!{_letter(column)}{line}"
        if spoiled.is_workbook
        else f"{spoiled.table}.csv:{line}:{spoiled.column}"
    )
    words = {str(table[line - 1][column]).strip() for table in spoiled.tables
             if column < len(table[line - 1])}  # fmt: skip
    return cell in text or any(re.search(_quoted(word), text) for word in words - {""})


def _quoted(word: str) -> str:
    """Match a word that stands alone; of a long one its beginning, which is what is shown."""
    return rf"(?<![\w.-]){re.escape(word[:60])}" + (r"(?![\w.-])" if len(word) < 60 else "")


def _letter(column: int) -> str:
    return chr(ord("A") + column)


def _place(place: str, spoiled: Spoiled) -> tuple[bool, int, str]:
    """Take apart a place: is it in the spoiled table, in which line and column?"""
    header = [str(cell) for cell in spoiled.before[0]]
    if not spoiled.is_workbook:
        file, _, rest = place.partition(":")
        line, _, column = rest.partition(":")
        return file == f"{spoiled.table}.csv", int(line) if line.isdigit() else 0, column
    sheet, _, cell = place.rpartition("!")
    match = re.fullmatch(r"([A-Z])(\d+)", cell)
    if sheet != f"{spoiled.table}.xlsx!{SHEETS[spoiled.table]}" or match is None:
        return False, 0, ""
    index = ord(match[1]) - ord("A")
    return True, int(match[2]), header[index] if index < len(header) else ""


def _outside(folder: Path, offline: Plan) -> list[str]:
    """Find locations outside the project that no absolute path in a cell asks for.

    An absolute path may be read by design: it is how a table names data that is elsewhere.
    """
    return [
        f"looks at {location}"
        for location in offline.locations()
        if isinstance(location, FileLocation)
        and not location.text.startswith(("/", "~"))
        and not _is_within(location.url, folder)
    ]


def _is_within(url: str, folder: Path) -> bool:
    return Path(url.replace("\0", "")).resolve().is_relative_to(folder.resolve())
