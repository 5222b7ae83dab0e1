"""A project as its people wrote it: settings and tables, with what is wrong in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import Settings, load_settings
from ai_dataflow.tables import (
    ai_columns,
    ai_mapping,
    code_lists,
    control_table,
    source_rules,
    teams,
)
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.tables.ai_mapping import MappingRow
from ai_dataflow.tables.code_lists import CodeLists
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.single import read_project_table
from ai_dataflow.tables.source_rules import SourceRule
from ai_dataflow.tables.table import SQL_SCHEME, CellTable, Layout
from ai_dataflow.tables.teams import Team

T = TypeVar("T")
# The tables of a project, by the settings that name them, in the order in which people meet them.
LAYOUTS: Mapping[str, Layout] = {
    "ai_mapping": ai_mapping.LAYOUT,
    "source_rules": source_rules.LAYOUT,
    "code_lists": code_lists.LAYOUT,
    "ai_columns": ai_columns.LAYOUT,
    "control_table": control_table.LAYOUT,
    "teams": teams.LAYOUT,
}


@dataclass(frozen=True)
class Project:
    """Settings, rows and the problems of each table's rows."""

    settings: Settings
    control: tuple[ControlRow, ...]
    mapping: tuple[MappingRow, ...]
    teams: tuple[Team, ...]
    control_problems: tuple[Diagnostic, ...] = ()
    mapping_problems: tuple[Diagnostic, ...] = ()
    team_problems: tuple[Diagnostic, ...] = ()
    code_lists: CodeLists = field(default_factory=CodeLists)
    code_problems: tuple[Diagnostic, ...] = ()
    rules: tuple[SourceRule, ...] = ()
    rule_problems: tuple[Diagnostic, ...] = ()
    dictionary: tuple[DictionaryRow, ...] = ()
    dictionary_problems: tuple[Diagnostic, ...] = ()


def load_project(path: str | Path | None = None, ai_mapping_sheet: str = "") -> Project:
    """Read the settings and the tables; another mapping sheet if one is named.

    Raises:
        DataflowError: the settings, or any table as a whole, cannot be used; all such problems
            at once. Problems of single rows do not raise: they are in the project.
    """
    settings = load_settings(path)
    if ai_mapping_sheet:
        settings = settings.model_copy(update={"ai_mapping": ai_mapping_sheet})
    fatal: list[Diagnostic] = []

    def read(
        setting: str, layout: Layout, rows: Callable[[CellTable], tuple[list[T], list[Diagnostic]]]
    ) -> tuple[tuple[T, ...], tuple[Diagnostic, ...]]:
        try:
            parsed, problems = rows(read_project_table(setting, settings, layout))
        except DataflowError as error:
            fatal.extend(error.diagnostics)
            return (), ()
        return tuple(parsed), tuple(problems)

    def read_named(
        setting: str, layout: Layout, rows: Callable[[CellTable], tuple[list[T], list[Diagnostic]]]
    ) -> tuple[tuple[T, ...], tuple[Diagnostic, ...]]:
        """Read a table that a project need not have."""
        return read(setting, layout, rows) if getattr(settings, setting) else ((), ())

    control, control_problems = read(
        "control_table",
        control_table.LAYOUT,
        partial(control_table.control_rows, formats=settings.formats),
    )
    dictionary, dictionary_problems = read_named(
        "ai_columns", ai_columns.LAYOUT, ai_columns.dictionary_rows
    )
    mapping, mapping_problems = read(
        "ai_mapping",
        ai_mapping.LAYOUT,
        partial(
            ai_mapping.mapping_rows,
            usual=settings.mapping,
            dictionary=ai_columns.by_column(dictionary),
        ),
    )
    owners, team_problems = read("teams", teams.LAYOUT, teams.team_rows)
    codes, code_problems = read_named(
        "code_lists",
        code_lists.LAYOUT,
        partial(code_lists.code_rows, ignoring_case=settings.mapping.ignore_case),
    )
    lists = CodeLists(codes, frozenset(settings.mapping.ignore_case))
    rules, rule_problems = read_named(
        "source_rules",
        source_rules.LAYOUT,
        partial(source_rules.rule_rows, usual=settings.mapping),
    )
    if fatal:
        diagnostics = (*fatal, *control_problems, *mapping_problems, *team_problems,
                       *code_problems, *rule_problems, *dictionary_problems)  # fmt: skip
        raise DataflowError(*(teams.with_owner(owners, problem) for problem in diagnostics))
    return Project(
        settings, control, mapping, owners, control_problems, mapping_problems, team_problems,
        lists, code_problems, rules, rule_problems, dictionary, dictionary_problems,
    )  # fmt: skip


def load_control(settings: Settings) -> tuple[ControlRow, ...]:
    """Read the control table alone: what there is, whatever is wrong elsewhere.

    Raises:
        DataflowError: it cannot be used.
    """
    rows, _ = control_table.control_rows(
        read_project_table("control_table", settings, control_table.LAYOUT), settings.formats
    )
    return tuple(rows)


def load_dictionary(settings: Settings) -> tuple[DictionaryRow, ...]:
    """Read the dictionary alone: what it asks to be checked. A project need not have one.

    Raises:
        DataflowError: it cannot be used.
    """
    if not settings.ai_columns:
        return ()
    rows, _ = ai_columns.dictionary_rows(
        read_project_table("ai_columns", settings, ai_columns.LAYOUT)
    )
    return tuple(rows)


def references(settings: Settings) -> dict[str, str]:
    """Give where each table of a project is, as its setting says; those alone that it has."""
    every = {setting: str(getattr(settings, setting)) for setting in LAYOUTS}
    return {setting: reference for setting, reference in every.items() if reference}


def table_file(reference: str, settings: Settings) -> Path | None:
    """Give the file that a table is in; None where it is in a database."""
    is_file = not reference.casefold().startswith(SQL_SCHEME)
    return (settings.folder / reference.partition("#")[0]).resolve() if is_file else None


def read_tables(settings: Settings) -> dict[str, CellTable]:
    """Read the tables of a project as cells, by setting.

    Raises:
        DataflowError: a table as a whole cannot be used.
    """
    return {
        name: read_project_table(name, settings, LAYOUTS[name]) for name in references(settings)
    }
