"""Runs that were cut off: they began, and neither live nor left a report.

A run that is killed cannot say so; the file that it had while it was under way does. What it had
published by then, the records tell. Where a run came later and looked at the same modules, nobody
needs to know any more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.records import read_records
from ai_dataflow.workstation.report_order import run_ids
from ai_dataflow.workstation.reports import read_reports
from ai_dataflow.workstation.under_way import dead_runs


@dataclass
class CutOff:
    """A run that was cut off, with the modules that it was to make and what it published.

    `seen` is its last sign of life. `is_certain` tells that its process is gone; of one on another
    machine nobody here knows more than that it is silent.
    """

    run_id: str
    host: str
    seen: datetime | None
    is_certain: bool
    modules: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)


def cut_off_runs(workstation: Folders, modules: Collection[str], spare: Folder) -> list[CutOff]:
    """Give the runs that were cut off and had one of some modules to make.

    Args:
        workstation: where.
        modules: those that are asked for.
        spare: where reports are that the workstation could not take.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    dead = dead_runs(workstation)
    if not dead:
        return []
    reported = {*run_ids(workstation.reports()), *run_ids(spare)}
    lost = [sign for sign in dead if sign.run.run_id not in reported]
    if not lost:
        return []
    looks = _last_looks(workstation, min(sign.at for sign in lost))
    runs = [
        CutOff(sign.run.run_id, sign.run.host, sign.at, sign.run.has_no_process, sorted(left))
        for sign in lost
        if (left := {*modules} & {m for m in sign.run.modules if looks.get(m, sign.at) <= sign.at})
    ]
    records = read_records(workstation, modules) if runs else {}
    for run in runs:
        made = (key for key, record in records.items() if record.run_id == run.run_id)
        run.published = sorted(map(str, made))
    return runs


def _last_looks(workstation: Folders, since: datetime) -> dict[str, datetime]:
    """Give when a run ended last that looked at a module, of those that ended after a moment."""
    looks: dict[str, datetime] = {}
    for report in takewhile(lambda r: r.finished > since, read_reports(workstation.reports())):
        for seen in report.partitions:
            looks.setdefault(PartitionKey(seen.partition).module, report.finished)
    return looks
