"""A project as its people wrote it: settings and tables, with what is wrong in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.settings import Settings, load_settings
from ai_dataflow.tables import (
    ai_columns,
    ai_mapping,
    code_lists,
    control_table,
    mapping_sheet,
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
# In which order their problems are told: what there is, what it means, whose it is.
_AS_TOLD = (
    "control_table", "ai_mapping", "teams", "code_lists", "source_rules", "ai_columns"
)  # fmt: skip


@dataclass(frozen=True)
class Project:
    """Settings, rows and the problems of rows, by the setting that names their table."""

    settings: Settings
    control: tuple[ControlRow, ...]
    mapping: tuple[MappingRow, ...]
    teams: tuple[Team, ...]
    problems: Mapping[str, tuple[Diagnostic, ...]]
    code_lists: CodeLists
    rules: tuple[SourceRule, ...]
    dictionary: tuple[DictionaryRow, ...]


@dataclass
class _Reading:
    """The tables of a project while they are read one by one: all that is wrong in any of them."""

    settings: Settings
    fatal: list[Diagnostic] = field(default_factory=list)
    problems: dict[str, tuple[Diagnostic, ...]] = field(
        default_factory=lambda: dict.fromkeys(_AS_TOLD, ())
    )

    def rows(
        self, setting: str, parsed: Callable[[CellTable], tuple[list[T], list[Diagnostic]]]
    ) -> tuple[T, ...]:
        """Give the rows of a table; none where it cannot be used as a whole."""
        try:
            rows, problems = parsed(read_project_table(setting, self.settings, LAYOUTS[setting]))
        except DataflowError as error:
            self.fatal.extend(error.diagnostics)
            return ()
        self.problems[setting] = tuple(problems)
        return tuple(rows)

    def rows_if_named(
        self, setting: str, parsed: Callable[[CellTable], tuple[list[T], list[Diagnostic]]]
    ) -> tuple[T, ...]:
        """Give the rows of a table that a project need not have."""
        return self.rows(setting, parsed) if getattr(self.settings, setting) else ()

    def check(self, owners: Sequence[Team]) -> None:
        """Raise all problems, each with its owner, if a table cannot be used as a whole."""
        if self.fatal:
            every = chain(self.fatal, *self.problems.values())
            raise DataflowError(*(teams.with_owner(owners, problem) for problem in every))


def load_project(path: str | Path | None = None, ai_mapping_sheet: str = "") -> Project:
    """Read the settings and the tables; another mapping sheet if one is named.

    Raises:
        DataflowError: the settings, or any table as a whole, cannot be used; all such problems
            at once. Problems of single rows do not raise: they are in the project.
    """
    settings = load_settings(path)
    if ai_mapping_sheet:
        settings = settings.model_copy(update={"ai_mapping": ai_mapping_sheet})
    usual, tables = settings.mapping, _Reading(settings)
    of_control = partial(control_table.control_rows, formats=settings.formats)
    control = tables.rows("control_table", of_control)
    dictionary = tables.rows_if_named("ai_columns", ai_columns.dictionary_rows)
    said = ai_columns.by_column(dictionary)
    of_mapping = partial(mapping_sheet.mapping_rows, usual=usual, dictionary=said)
    mapping = tables.rows("ai_mapping", of_mapping)
    owners = tables.rows("teams", teams.team_rows)
    of_codes = partial(code_lists.code_rows, ignoring_case=usual.ignore_case)
    codes = tables.rows_if_named("code_lists", of_codes)
    of_rules = partial(source_rules.rule_rows, usual=usual)
    rules = tables.rows_if_named("source_rules", of_rules)
    tables.check(owners)
    lists = CodeLists(codes, frozenset(usual.ignore_case))
    return Project(settings, control, mapping, owners, tables.problems, lists, rules, dictionary)


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
