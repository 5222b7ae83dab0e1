"""One table of a project, read by itself: what needs no other table imports none of their rooms."""

from __future__ import annotations

from ai_dataflow.config.settings import Settings
from ai_dataflow.tables import teams
from ai_dataflow.tables.table import SQL_SCHEME, CellTable, Layout, read_table
from ai_dataflow.tables.teams import Team


def load_teams(settings: Settings) -> tuple[Team, ...]:
    """Read the teams table alone: who is mailed where the other tables cannot be read.

    Raises:
        DataflowError: it cannot be used.
    """
    owners, _ = teams.team_rows(read_project_table("teams", settings, teams.LAYOUT))
    return tuple(owners)


def read_project_table(setting: str, settings: Settings, layout: Layout) -> CellTable:
    """Read the cells of the table that a setting names.

    Raises:
        DataflowError: it cannot be used.
    """
    reference: str = getattr(settings, setting)
    if reference.casefold().startswith(SQL_SCHEME):
        from ai_dataflow.tables.sql_tables import read_sql_table  # noqa: PLC0415 - for SQLAlchemy

        return read_sql_table(setting, settings, layout)
    return read_table(reference, settings.folder, layout)
