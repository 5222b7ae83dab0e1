"""The mail about a run that ended without a report: killed, canceled, or stopped by its tables.

What became of it is known to Dagster only. It goes to the platform team. Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ai_dataflow.config.codes import CODES
from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.notifications.messages import Where, run_link, subject, unheard
from ai_dataflow.notifications.model import (
    Block,
    Cause,
    Command,
    Heading,
    Links,
    Message,
    Paragraph,
)
from ai_dataflow.notifications.routing import platform_team, recipients
from ai_dataflow.notifications.wording import counted, some, when
from ai_dataflow.tables.teams import Team

_FEW = 5


@dataclass(frozen=True)
class DeadRun:
    """A run without a report, as Dagster knows it.

    Without partitions it was about all of them, if it was `full`, else about those that changed.
    """

    run_id: str
    ended: datetime
    is_canceled: bool
    reason: str
    partitions: tuple[str, ...] = ()
    full: bool = False

    @property
    def about(self) -> str:
        """What it was to make, in few words."""
        if self.partitions:
            return counted(len(self.partitions), "partition")
        return "all partitions" if self.full else "the changed partitions"


def message_of(
    run: DeadRun, teams: Iterable[Team], where: Where
) -> tuple[list[Message], list[Diagnostic]]:
    """Give the platform team's message about a run that died."""
    team = platform_team(recipients(teams))
    if team is None:
        what = f"run {run.run_id} ended without a report, and there is no platform team to tell"
        return [], [unheard(what)]
    verb = "CANCELED" if run.is_canceled else "FAILED"
    title = f"{verb} {run.about}: no report"
    message = Message(
        run.run_id, team.name, "failure", subject(where["environment"], title, team.name),
        title, "warn" if run.is_canceled else "bad", (*_blocks(run), Links((
            run_link(where["ui_url"], run.run_id),
        ))), "the run ended without a report", team.to, team.cc,
    )  # fmt: skip
    return [message], []


def _blocks(run: DeadRun) -> list[Block]:
    verb = "was canceled" if run.is_canceled else "failed"
    code = CODES["RUN-002"]
    lines = (
        ("", f"Run {run.run_id} {verb} and left no report."),
        ("cause", run.reason),
        ("do", "look at the run in Dagster; then run its partitions again"),
        ("partitions", some(run.partitions) if run.partitions else run.about),
    )
    # A range has no command of its own, and without names the command would run other ones.
    named = len(run.partitions) <= _FEW and all(" to " not in key for key in run.partitions)
    chosen = "".join(f" -p {shlex.quote(key)}" for key in run.partitions)
    chosen = chosen or (" --full" if run.full else "")
    again: list[Block] = (
        [Heading("Run them again"), Command(f"ai-dataflow run{chosen}")] if named else []
    )
    return [
        Paragraph(f"Ended {when(run.ended)}.", "dim"),
        Cause(code.code, "a run ended without a report", "", "warn" if run.is_canceled else "bad",
              tuple((label, text) for label, text in lines if text)),
        Paragraph(
            "Readers see what was published before; what the run had published by then stays. "
            "`ai-dataflow status` tells of each partition."
        ),
        *again,
    ]  # fmt: skip
