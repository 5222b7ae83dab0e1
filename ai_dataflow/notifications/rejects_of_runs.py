"""Which rows runs left out: read from the reject tables, and summed up for mails."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.notifications.left_out import LeftOut, left_out
from ai_dataflow.notifications.mail_places import Places
from ai_dataflow.notifications.routing import Recipient
from ai_dataflow.workstation.reports import RunReport

if TYPE_CHECKING:
    from ai_dataflow.tables.ai_mapping import MappingRow
    from ai_dataflow.workstation.reject_groups import RejectGroup, State


def still_left_out(
    places: Places, reports: Sequence[RunReport], by_name: Mapping[str, Recipient]
) -> list[LeftOut]:
    """Give the rows that are left out now of the partitions from which runs left some out."""
    partitions = {p.partition for r in reports for p in r.partitions if p.rows_rejected}
    return _summed(places, partitions, "open", by_name)


def not_published(
    places: Places, report: RunReport, by_name: Mapping[str, Recipient]
) -> list[LeftOut]:
    """Give the rows for which a run did not publish partitions."""
    return _summed(places, _kept_back(report), "not published", by_name)


def still_not_published(
    places: Places, reports: Sequence[RunReport], by_name: Mapping[str, Recipient]
) -> list[LeftOut]:
    """Give the rows for which partitions are not published now; reports come newest first."""
    seen: set[str] = set()
    partitions: set[str] = set()
    for report in reports:
        partitions |= _kept_back(report) - seen
        seen |= {partition.partition for partition in report.partitions}
    return _summed(places, partitions, "not published", by_name)


def _kept_back(report: RunReport) -> set[str]:
    """Give the partitions that rejected too much, or wait with what they reject."""
    kinds = ("rejects", "shrinks")
    return {p.partition for p in report.failed for e in p.errors if e.kind in kinds}


def _summed(
    places: Places, partitions: Collection[str], state: State, by_name: Mapping[str, Recipient]
) -> list[LeftOut]:
    """Sum up rejects for mails. Where they cannot be read there are none: the mail goes out."""
    if not partitions:
        return []
    from ai_dataflow.workstation.reject_groups import (  # noqa: PLC0415 - few mails tell of rejects
        reject_groups,
    )

    groups: list[RejectGroup] = []
    with suppress(DataflowError):
        for module in sorted({PartitionKey(partition).module for partition in partitions}):
            groups += reject_groups(places.workstation, module)
    groups = [g for g in groups if g.partition in partitions and g.state == state]
    return left_out(groups, _sheet(places) if groups else [], by_name)


def _sheet(places: Places) -> Sequence[MappingRow]:
    """Give what the sheet says of columns; nothing where it cannot be read now."""
    from ai_dataflow.tables.project import load_project  # noqa: PLC0415 - as above

    try:
        return load_project(places.settings.file).mapping
    except DataflowError:
        return ()
