"""Runs that were cut off: they took leases, and neither live nor left a report.

A run that is killed cannot say so. Its leases do: whoever made a module last has the newest lease.
What it had published by then, the records tell. Where a run came later and looked at the same
module, nobody needs to know any more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.lease import DEAD_SECONDS, Held, last_leases
from ai_dataflow.workstation.records import read_records
from ai_dataflow.workstation.report_order import run_ids
from ai_dataflow.workstation.reports import read_reports

_EVER = datetime.min.replace(tzinfo=UTC)
# After so long without a sign of life a run of another machine is told of. Its clock may be off.
_SILENT = timedelta(seconds=4 * DEAD_SECONDS)


@dataclass
class CutOff:
    """A run that was cut off, with the modules that it was making and what it published.

    `seen` is its last sign of life. `is_certain` tells that its process is gone; of one on another
    machine nobody here knows more than that it is silent.
    """

    run_id: str
    host: str
    seen: datetime | None
    is_certain: bool
    modules: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)


def cut_off_runs(workstation: Folders, modules: Collection[str]) -> list[CutOff]:
    """Give the runs that were cut off when they made one of some modules.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    lost = [held for held in last_leases(workstation.leases()) if held.module in modules]
    lost = [held for held in lost if _is_cut_off(held)]
    if not lost:
        return []
    looked_at = _looked_at_since(workstation, min(held.changed or _EVER for held in lost))
    reported = set(run_ids(workstation.reports()))
    lost = [h for h in lost if h.holder.run_id not in reported and h.module not in looked_at]
    runs = [_of(held) for held in grouped(lost, lambda held: held.holder.run_id).values()]
    records = read_records(workstation, modules) if runs else {}
    for run in runs:
        made = (key for key, record in records.items() if record.run_id == run.run_id)
        run.published = sorted(map(str, made))
    return runs


def _looked_at_since(workstation: Folders, moment: datetime) -> set[str]:
    """Give the modules that runs looked at since: what they found unchanged has no new lease."""
    later = takewhile(lambda r: r.finished > moment, read_reports(workstation.reports()))
    return {PartitionKey(seen.partition).module for report in later for seen in report.partitions}


def _of(leases: list[Held]) -> CutOff:
    holder = leases[0].holder
    seen = [held.changed for held in leases if held.changed]
    modules = sorted(held.module for held in leases)
    return CutOff(
        holder.run_id, holder.host, max(seen, default=None), holder.has_no_process, modules
    )


def _is_cut_off(held: Held) -> bool:
    """Tell whether a run gave no lease back, and has no process any more or is silent."""
    if held.holder.released or not held.holder.makes_rows:
        return False
    is_silent = held.changed is not None and datetime.now(UTC) - held.changed > _SILENT
    return is_silent or held.holder.has_no_process
