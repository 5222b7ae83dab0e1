"""The state of every partition, from the run reports: what is published, or wrong since when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from ai_dataflow.workstation.reports import PartitionReport, RunReport

State = Literal["ok", "failed", "held", "never"]


@dataclass
class PartitionStatus:
    """A partition now. `published` and `rows`, `version` are of what readers see."""

    partition: str
    state: State = "never"
    published: datetime | None = None
    rows: int | None = None
    version: int | None = None
    run_id: str = ""
    failing_since: datetime | None = None
    failed_runs: int = 0
    error: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the shape that `status --json` prints."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(self).items()
        }


def filled_by(
    partitions: Iterable[str], reports: Iterable[RunReport], ai_column: str
) -> set[tuple[str, str]]:
    """Give the (partition, product) pairs that have values in an AI column, as published last."""
    filled: set[tuple[str, str]] = set()
    open_keys = set(partitions)
    for report in reports:
        if not open_keys:
            break
        for seen in report.partitions if "ai_dataset" in report.stages else ():
            if seen.partition in open_keys and seen.status == "ok":
                open_keys.discard(seen.partition)
                filled |= {
                    (seen.partition, product)
                    for product, counts in seen.products.items()
                    if counts.filled.get(ai_column)
                }
    return filled


def partition_statuses(
    partitions: Iterable[str], reports: Iterable[RunReport]
) -> list[PartitionStatus]:
    """Give the state of each partition.

    `reports` come newest first; old ones are not read once everything is known.
    """
    statuses = {key: PartitionStatus(key) for key in partitions}
    open_keys = set(statuses)
    for report in reports:
        if not open_keys:
            break
        for partition in report.partitions if "ai_dataset" in report.stages else ():
            # A replay that could not do a thing left the partition as it was.
            replayed_in_vain = report.kind == "replay" and partition.status != "ok"
            if partition.partition in open_keys and not replayed_in_vain:
                _note(statuses[partition.partition], partition, report, open_keys)
    return list(statuses.values())


def _note(
    status: PartitionStatus, seen: PartitionReport, report: RunReport, open_keys: set[str]
) -> None:
    """Add what an earlier run says; the last publication closes the partition's story."""
    if status.state == "never":
        status.state = "ok" if seen.status == "unchanged" else seen.status
        status.run_id = report.run_id
        status.error = seen.error.model_dump() if seen.error else None
    if seen.status in ("failed", "held"):
        status.failing_since, status.failed_runs = report.finished, status.failed_runs + 1
        return
    if seen.made:
        status.published, status.rows = seen.made.at, seen.made.rows
        status.version = seen.made.version
    else:
        status.published, status.rows = report.finished, seen.rows_published
        status.version = seen.version
    open_keys.discard(seen.partition)
