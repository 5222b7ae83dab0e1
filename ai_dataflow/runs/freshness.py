"""Freshness: of which sources nothing new comes, though it usually does.

What is usual, the arrivals tell: when the content of each source was another one (see `telling`).
They are noted for what a run makes; what is overdue is judged of all partitions, in each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ai_dataflow.config.keys import SourceKey
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.locations import spelled_location
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.teams import Team, owner_of
from ai_dataflow.workstation.arrivals import Overdue, overdue
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.stale_reports import StaleReport

_CONCERN = "source"
_EVERY_CLIENT = "*"
Rows = dict[tuple[str, ...], ControlRow]


def stale_sources(workstation: Folders, project: Project, now: datetime) -> list[StaleReport]:
    """Give the sources of active partitions of which nothing new came for too long.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    active = [row for row in project.control if row.active]
    modules = dict.fromkeys(row.module for row in active)
    late = [*overdue(workstation, modules, int(now.timestamp()))]
    rows: Rows = {
        (row.module, row.client, str(SourceKey(row.product, row.submodule))): row
        for row in (active if late else ())
    }
    reports = (_report(each, rows, project.teams, now) for each in late)
    return sorted((r for r in reports if r), key=lambda r: (r.partition, r.product, r.submodule))


def _report(late: Overdue, rows: Rows, teams: Sequence[Team], now: datetime) -> StaleReport | None:
    """Report a source; one that has left the control table is none."""
    module, client = late.partition.module, late.partition.client
    row = rows.get((module, client, late.source)) or rows.get((module, _EVERY_CLIENT, late.source))
    if row is None:
        return None
    return StaleReport(
        partition=late.partition,
        product=row.product,
        submodule=row.submodule,
        since=datetime.fromtimestamp(late.last, UTC),
        overdue_since=datetime.fromtimestamp(late.last + late.limit, UTC),
        age=now.timestamp() - late.last,
        usual=late.usual,
        place=row.place("module_location"),
        delivery=spelled_location(row),
        owner=owner_of(teams, _CONCERN, row.product, module),
    )
