"""Run reports written by hand: a status per partition, a run per day."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

from ai_dataflow.workstation.reports import ErrorReport, PartitionReport, RunReport, Status

ERROR = ErrorReport(
    code="SRC-001", title="source not found", kind="missing_source", concern="source",
    owner="orion-data", place="control_table.csv:2:module_location", message="there is nothing",
)  # fmt: skip


def day(number: int, hour: int = 12) -> datetime:
    """Give an hour of a day of January."""
    return datetime(2024, 1, number, hour, tzinfo=UTC)


def partition(
    key: str, status: Status, rows: int = 0, version: int | None = None
) -> PartitionReport:
    """Report a partition, with an error where there must be one."""
    assert status in get_args(Status)
    error = ERROR if status in ("failed", "held") else None
    return PartitionReport(
        partition=key, status=status, rows_published=rows, version=version, error=error,
        errors=[error] if error else [],
    )  # fmt: skip


def report(
    number: int, *partitions: PartitionReport, stages: tuple[str, ...] = ("ai_dataset",)
) -> RunReport:
    """Report the run of a day: from eleven to twelve."""
    return RunReport(
        run_id=f"run-{number}", started=day(number, 11), finished=day(number), stages=list(stages),
        partitions=list(partitions),
    )  # fmt: skip
