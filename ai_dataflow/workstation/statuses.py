"""The state of every partition, from the run reports: what is published, or wrong since when.

What came later, the leases tell; where none was taken, the order of the reports. Never a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from ai_dataflow.config.grouped import grouped
from ai_dataflow.workstation.reports import NOT_WELL, PartitionReport, RunReport
from ai_dataflow.workstation.stale_reports import StaleReport

State = Literal["ok", "failed", "held", "waiting", "never"]
Story = list[tuple[RunReport, PartitionReport]]


@dataclass
class PartitionStatus:
    """A partition now. `published` and `rows`, `version` are of what readers see.

    `stale` are its sources of which nothing new came for too long.
    """

    partition: str
    state: State = "never"
    published: datetime | None = None
    rows: int | None = None
    version: int | None = None
    run_id: str = ""
    failing_since: datetime | None = None
    failed_runs: int = 0
    error: dict[str, Any] | None = None
    stale: list[StaleReport] = field(default_factory=list)

    @property
    def owners(self) -> set[str]:
        """The teams that have something to do for it."""
        of_error = {self.error.get("owner", "")} if self.error else set()
        return of_error | {source.owner for source in self.stale}


def filled_by(
    partitions: Iterable[str], reports: Iterable[RunReport], ai_column: str
) -> set[tuple[str, str]]:
    """Give the (partition, product) pairs that have values in an AI column, as published last."""
    filled: set[tuple[str, str]] = set()
    for key, story in _stories(partitions, reports).items():
        last = next((seen for _, seen in story if seen.status == "ok"), None)
        products = last.products.items() if last else ()
        filled |= {(key, product) for product, c in products if c.filled.get(ai_column)}
    return filled


def partition_statuses(
    partitions: Iterable[str], reports: Iterable[RunReport]
) -> list[PartitionStatus]:
    """Give the state of each partition; `reports` come newest first."""
    return [_status(key, story) for key, story in _stories(partitions, reports).items()]


def with_stale(
    statuses: Iterable[PartitionStatus], stale: Iterable[StaleReport]
) -> list[PartitionStatus]:
    """Add to partitions their sources of which nothing new came for too long."""
    late = grouped(stale, lambda source: source.partition)
    return [replace(status, stale=late.get(status.partition, [])) for status in statuses]


def _stories(partitions: Iterable[str], reports: Iterable[RunReport]) -> dict[str, Story]:
    """Give what became of the datasets of some partitions, what came last first."""
    stories: dict[str, Story] = {key: [] for key in partitions}
    for report in reports:
        for seen in report.partitions if "ai_dataset" in report.stages else ():
            # A replay or an acceptance that could not do a thing left the partition as it was.
            was_in_vain = report.kind != "run" and seen.status != "ok"
            if seen.partition in stories and not was_in_vain:
                stories[seen.partition].append((report, seen))
    return {key: _latest_first(story) for key, story in stories.items()}


def _latest_first(story: Story) -> Story:
    """Sort by leases: a run may report a partition long after another one made it anew.

    Where no lease is known, as when the workstation was away, the order of the reports counts.
    """
    turn, turns = (0, False), []
    for _, seen in reversed(story):
        turns.append(seen.turn if seen.lease else turn)
        turn = max(turn, turns[-1])
    turns.reverse()
    places = sorted(range(len(story)), key=lambda i: turns[i], reverse=True)
    return [story[i] for i in places]


def _status(key: str, story: Story) -> PartitionStatus:
    status = PartitionStatus(key)
    for report, seen in story:
        _note(status, seen, report)
        if seen.status not in NOT_WELL:
            break  # the last publication: what was before is over
    return status


def _note(status: PartitionStatus, seen: PartitionReport, report: RunReport) -> None:
    """Add what an earlier run says."""
    if status.state == "never":
        status.state = "ok" if seen.status == "unchanged" else seen.status
        status.run_id = report.run_id
        status.error = seen.error.model_dump() if seen.error else None
    if seen.status in NOT_WELL:
        status.failing_since, status.failed_runs = report.finished, status.failed_runs + 1
        return
    if seen.made:
        status.published, status.rows = seen.made.at, seen.made.rows
        status.version = seen.made.version
    else:
        status.published, status.rows = report.finished, seen.rows_published
        status.version = seen.version
