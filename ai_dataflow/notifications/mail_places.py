"""Where the outboxes and the reports of a project are, and which of them can be reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.notifications.outbox import Outbox, utc_now
from ai_dataflow.workstation.layout import (
    Folders,
    open_workstation,
    spare_outbox,
    spare_reports,
)
from ai_dataflow.workstation.report_order import numbers, run_ids
from ai_dataflow.workstation.reports import RunReport, read_report, read_reports, report_name

_PATIENCE = 10  # seconds: a mail can wait, whoever waits for it should not


@dataclass(frozen=True)
class Places:
    """The outbox of the workstation, None where it cannot be reached, and the local one."""

    settings: Settings
    workstation: Folders
    main: Outbox | None
    spare: Outbox
    unreached: DataflowError | None = None

    @property
    def outbox(self) -> Outbox:
        """Where to queue."""
        return self.main or self.spare

    @property
    def outboxes(self) -> list[Outbox]:
        """All that can be reached."""
        return [self.main, self.spare] if self.main else [self.spare]

    def report(self, run_id: str) -> RunReport | None:
        """Find a run's report, which may be beside the project."""
        spare = read_report(spare_reports(self.settings), run_id)
        return spare or (read_report(self.workstation.reports(), run_id) if self.main else None)

    def report_url(self, run_id: str) -> str:
        """Give the place of a run's report."""
        spare = spare_reports(self.settings)
        folder = spare if spare.stat(report_name(run_id)) else self.workstation.reports()
        return folder.join(report_name(run_id))

    def reports(self, before: str = "") -> Iterator[RunReport]:
        """Give the reports that can be reached, newest first, read one by one.

        `before` is a run: only those that came before its report, if it has one. What lies beside
        the project, the workstation is to get yet: it came last.
        """
        spare, main = spare_reports(self.settings), self.workstation.reports()
        if self.main is None:
            return read_reports(spare, before)
        if before in run_ids(main):
            return read_reports(main, before)
        return chain(read_reports(spare, before), read_reports(main))

    def report_numbers(self) -> dict[str, int]:
        """Give the numbers of reports in the workstation's order, of those that have one."""
        return numbers(self.workstation.reports()) if self.main else {}

    def newest_number(self) -> int:
        """Give the number of the workstation's newest report; 0 where there is none."""
        return max(self.report_numbers().values(), default=0)


def open_places(settings: Settings) -> Places:
    """Open a project's outboxes."""
    hasty = settings.execution.model_copy(
        update={"retry_seconds": min(settings.execution.retry_seconds, _PATIENCE)}
    )
    workstation = open_workstation(settings.model_copy(update={"execution": hasty}))
    spare = Outbox(spare_outbox(settings))
    main = Outbox(workstation.outbox())
    places = Places(settings, workstation, main, spare)
    try:
        main.began(utc_now(), places.newest_number)
    except DataflowError as error:
        return Places(settings, workstation, None, spare, error)
    return places
