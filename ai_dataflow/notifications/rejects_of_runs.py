"""Which rows runs left out: read from the reject tables, and summed up for mails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.notifications.left_out import Fed, LeftOut, fed_by, left_out
from ai_dataflow.notifications.mail_places import Places
from ai_dataflow.notifications.routing import Recipient
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.reject_groups import RejectGroup, reject_groups
from ai_dataflow.workstation.reports import RunReport


def still_left_out(
    places: Places, reports: Sequence[RunReport], by_name: Mapping[str, Recipient]
) -> list[LeftOut]:
    """Give the rows that runs left out of what they published, and that still are."""
    runs = {report.run_id for report in reports}
    modules = {p.module for report in reports for p in report.partitions if p.rows_rejected}
    return _summed(
        places, sorted(modules), by_name,
        lambda group: group.state == "open" and group.run_id in runs,
    )  # fmt: skip


def not_published(
    places: Places, report: RunReport, by_name: Mapping[str, Recipient]
) -> list[LeftOut]:
    """Give the rows for which a run did not publish partitions."""
    partitions = {p.partition for p in report.failed for e in p.errors if e.kind == "rejects"}
    modules = {PartitionKey(partition).module for partition in partitions}
    return _summed(
        places, sorted(modules), by_name,
        lambda group: group.state == "not published" and group.partition in partitions,
    )  # fmt: skip


def _summed(
    places: Places,
    modules: Iterable[str],
    by_name: Mapping[str, Recipient],
    is_asked_for: Callable[[RejectGroup], bool],
) -> list[LeftOut]:
    """Sum up rejects for mails. Where they cannot be read there are none: the mail goes out."""
    groups: list[RejectGroup] = []
    with suppress(DataflowError):
        for module in modules:
            groups += filter(is_asked_for, reject_groups(places.workstation, module))
    return left_out(groups, _sheet(places) if groups else {}, by_name)


def _sheet(places: Places) -> Fed:
    """Give what the sheet says of columns; nothing where it cannot be read now."""
    try:
        return fed_by(load_project(places.settings.file).mapping)
    except DataflowError:
        return {}
