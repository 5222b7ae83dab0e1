"""What is unusual of what runs published, for the teams whose it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.notifications.model import Block, Heading, Paragraph
from ai_dataflow.notifications.routing import Recipient
from ai_dataflow.notifications.wording import counted
from ai_dataflow.workstation.reports import RunReport, UnusualReport

_SHOWN = 10


def unusual_of_runs(reports: Iterable[RunReport], team: Recipient) -> list[UnusualReport]:
    """Give what is unusual that a team owns, of each partition by the newest run that says so.

    Of what nobody owns the platform team hears.
    """
    seen: dict[tuple[str, ...], UnusualReport] = {}
    for one in (one for report in reports for one in report.unusual if _is_for(one, team)):
        seen.setdefault((one.partition, one.product, one.ai_column, one.kind), one)
    return [*seen.values()]


def _is_for(one: UnusualReport, team: Recipient) -> bool:
    return one.owner == team.name or (not one.owner and team.runs_commands)


def unusual_blocks(theirs: Sequence[UnusualReport]) -> list[Block]:
    """Say what is unusual; what many clients have in one column once, by the farthest of them."""
    if not theirs:
        return []
    alike = grouped(theirs, _about).values()
    ordered = sorted(alike, key=lambda several: (-len(several), -max(o.score for o in several)))
    hidden = len(ordered) - _SHOWN
    more = [Paragraph(f"… and {hidden:,} more; the run report has all.", "dim")]
    return [
        Heading("Unusual"),
        *(Paragraph(_line(several), "warn") for several in ordered[:_SHOWN]),
        *(more if hidden > 0 else []),
    ]


def _about(one: UnusualReport) -> tuple[str, str, str, str]:
    return PartitionKey(one.partition).module, one.product, one.ai_column, one.kind


def _line(several: Sequence[UnusualReport]) -> str:
    most = max(several, key=lambda one: one.score)
    key = PartitionKey(most.partition)
    what = f"{key.module}.{most.ai_column}" if most.ai_column else key.module
    others = len(several) - 1
    more = f" and {counted(others, 'other client')}" if others else ""
    where = f" ({most.place})" if most.place else ""
    return f"{what} of {most.product}, client {key.client}{more}: {most.message}{where}"
