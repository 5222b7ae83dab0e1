"""Sources of which nothing new comes, as their team hears of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ai_dataflow.config.grouped import grouped
from ai_dataflow.notifications.model import Block, Cell, Column, Heading, Paragraph, cells, table
from ai_dataflow.notifications.routing import Recipient, platform_team
from ai_dataflow.notifications.wording import when
from ai_dataflow.tables.teams import Remind
from ai_dataflow.workstation.reports import RunReport
from ai_dataflow.workstation.stale_reports import StaleReport, span

_SHOWN = 20
_DAYS: Mapping[Remind, int] = {"always": 1, "daily": 1, "weekly": 7}


def stale_for(
    report: RunReport, team: Recipient, recipients: Mapping[str, Recipient]
) -> list[StaleReport]:
    """Give the overdue sources that are a team's; what nobody owns is the platform team's."""
    platform = platform_team(recipients)
    nobodys = platform.name if platform else ""
    return [
        source
        for source in report.stale
        if (source.owner if source.owner in recipients else nobodys) == team.name
    ]


def is_due(stale: Sequence[StaleReport], team: Recipient, day: datetime) -> bool:
    """Tell whether a team hears of overdue sources on a day: the first, and then as it chose."""
    days = [(day.date() - source.overdue_since.date()).days for source in stale]
    every = _DAYS.get(team.remind)
    return any(number <= 0 or (every is not None and number % every == 0) for number in days)


def stale_blocks(stale: Sequence[StaleReport]) -> list[Block]:
    """Say of which sources nothing new comes, those first that are late the longest."""
    if not stale:
        return []
    columns = [Column("source", is_wide=True), Column("nothing new for"), Column("usual is"),
               Column("last change"), Column("partition")]  # fmt: skip
    alike = grouped(stale, lambda s: (s.module, s.product, s.submodule, s.delivery)).values()
    late = sorted(alike, key=lambda sources: -max(source.age for source in sources))
    hidden = len(late) - _SHOWN
    more = [Paragraph(f"… and {hidden:,} more", "dim")] if hidden > 0 else []
    return [
        Heading("Nothing new"),
        Paragraph("These sources change regularly, and have not for longer than is usual.", "warn"),
        table(columns, [_row(sources) for sources in late[:_SHOWN]]),
        *more,
    ]


def _row(sources: Sequence[StaleReport]) -> tuple[Cell, ...]:
    first = max(sources, key=lambda source: source.age)
    several = f" and {len(sources) - 1:,} more" if len(sources) > 1 else ""
    return cells(
        first.delivery,
        span(first.age),
        span(first.usual),
        when(first.since),
        f"{first.partition}{several}",
    )
