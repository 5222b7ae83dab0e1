"""Run reports: the one source for metadata, mails and the terminal summary.

A report is JSON at `<workstation>/_runs/<run_id>.json`; its fields are a contract. In which order
they came, `report_order` tells.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.counts import ProductCounts, Unless0
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.report_order import SUFFIX, drop_numbers, run_ids, take_number
from ai_dataflow.workstation.stale_reports import StaleReport

Status = Literal["ok", "failed", "held", "waiting", "unchanged"]
Kind = Literal["run", "replay", "accept"]
NOT_WELL: tuple[Status, ...] = ("failed", "held", "waiting")
SCHEMA = "ai_dataflow.run"
COUNTS = ("rows_read", "rows_rejected", "rows_merged", "rows_published")
# Those of the sheet's further tabs: told where they are not zero.
FURTHER = ("rows_filtered", "rows_superseded", "rows_unmatched", "rows_produced",
           "rows_not_found")  # fmt: skip

_AT_ONCE = 500  # partitions whose JSON is in memory


class _Reported(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Counts(_Reported):
    """Where rows went, as `ProductCounts` has it. `rows_replayed` passed in a replay."""

    rows_read: int = 0
    rows_rejected: int = 0
    rows_merged: int = 0
    rows_published: int = 0
    rows_replayed: int = 0
    rows_filtered: Unless0 = 0
    rows_superseded: Unless0 = 0
    rows_unmatched: Unless0 = 0
    rows_produced: Unless0 = 0
    rows_not_found: Unless0 = 0

    @property
    def rows_mapped(self) -> int:
        """The rows that source rules took: those that were mapped, and could be rejected."""
        return self.rows_read + self.rows_produced - self.rows_filtered - self.rows_superseded


class ErrorReport(_Reported):
    """What ended a partition, and whose it is. `transient`: retried in vain, may pass later.

    `delivery` is the path or the table that it is about, as the control table spells it.
    """

    code: str
    title: str
    kind: str
    concern: str
    owner: str
    transient: bool = False
    place: str
    message: str
    fix: str = ""
    product: str = ""
    submodule: str = ""
    delivery: str = ""
    cause: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What is one and the same cause, whichever partitions it ended."""
        return self.code, self.place, self.message


class MadeReport(_Reported):
    """The run that made what readers see of a partition; when, in which version, how many rows."""

    run_id: str
    at: datetime
    version: int | None = None
    rows: int = 0


class PartitionReport(Counts):
    """What became of a partition. `version` is the Delta version that has it, if published.

    `error` is the first of `errors`. `bytes` is the size of its data file, `seconds` its work.
    `made` tells of what a run found unchanged who made it; its counts are of this run, so none.
    `lease` is the number of the module's lease that it was made under; where it was not
    (`under_lease` is false), that of the last lease before the run looked; 0 where nobody knows.
    What is `waiting` is not published: its counts are of what was made, and waits to be accepted.
    `is_first` tells that readers saw nothing of the partition before.
    """

    partition: str
    status: Status
    version: int | None = None
    seconds: float = 0.0
    bytes: int = 0
    products: dict[str, ProductCounts] = {}
    failed_stages: list[str] = []
    error: ErrorReport | None = None
    errors: list[ErrorReport] = []
    made: MadeReport | None = None
    lease: int = 0
    under_lease: bool = False
    is_first: bool = False

    @property
    def turn(self) -> tuple[int, bool]:
        """When this was, among all that became of the partition: what came later is greater."""
        return self.lease, not self.under_lease

    @property
    def module(self) -> str:
        """The partition's module."""
        return PartitionKey(self.partition).module


class ReferenceReport(_Reported):
    """Whether values of a module's column are in the column of another that they refer to.

    Of the clients that the run published; `orphans` are the rows whose value is not there, and
    `place` is the dictionary's cell.
    """

    module: str
    column: str
    references: str
    place: str = ""
    clients: int = 0
    rows_checked: int = 0
    orphans: int = 0
    clients_with_orphans: list[str] = []


class CheckReport(_Reported):
    """Whether a check of the dictionary holds for what readers see of a module.

    `kind` is the dictionary's column that asks for it, `range` for `min` and `max`; `place` is its
    cell and `limit` what it says. Of all clients, `number` are the published rows that break it, of
    `rows`, and `rows_rejected` those that were left out for it. `clients_failed` are the clients
    with such rows in the dataset, and those whose partition it held back in this run.
    """

    module: str
    kind: str
    column: str
    severity: Literal["error", "warn"]
    passed: bool
    clients_failed: list[str] = []
    number: int = 0
    rows: int = 0
    rows_rejected: int = 0
    limit: str = ""
    place: str = ""

    @property
    def asks(self) -> str:
        """What it asks for, as people read it: `max 100`, `is_key`, `pattern [A-Z]+`."""
        if self.limit.startswith(("min ", "max ")):
            return self.limit
        return f"{self.kind} {self.limit}".rstrip()


class UnusualReport(_Reported):
    """What is unusual of a product's column in a partition, against `before` or `others`.

    Without a column it is about the count of rows. `message` has counts, shares and distances, and
    no value; `place` is the mapping cell, else the source's. `score` is how many times as far it is
    as is usual. It says nothing of the partition's status: the data is published.
    """

    partition: str
    product: str
    ai_column: str = ""
    kind: str
    message: str
    place: str = ""
    owner: str = ""
    concern: str = ""
    score: float = 0.0
    against: Literal["before", "others"] = "before"


class RunReport(_Reported):
    """What a run did, a replay of rejects, or an acceptance of what waits.

    `versions` are the Delta versions of all modules when the run ended: a snapshot, which
    `load(..., snapshot=run_id)` reads. `removed` are published partitions that the control table no
    longer has, `accepted` those whose next publication may shrink; `coverage` is the matrix of each
    module; `timings` are seconds by kind of work, and `work` divides the data work of all workers:
    extract, map, merge, write. `references` are checks of what the dictionary says refers to other
    modules, left out where it says nothing; `checks` are all that it says must hold, for what
    readers see of all modules when the run ended. `unusual` is what differs more than usual from
    what was published before; `stale` are the sources of which nothing new came for too long, of
    all partitions. `interrupted` says who asked the run to end before it was done:
    `Ctrl-C`, `SIGTERM`, `cancellation`; else empty.
    """

    model_config = ConfigDict(extra="ignore", serialize_by_alias=True)

    schema_name: str = Field(default=SCHEMA, alias="schema")
    schema_version: int = 1
    run_id: str
    kind: Kind = "run"
    started: datetime
    finished: datetime
    stages: list[str] = []
    partitions: list[PartitionReport] = []
    versions: dict[str, int] = {}
    removed: list[str] = []
    accepted: list[str] = []
    diagnostics: list[dict[str, Any]] = []
    coverage: dict[str, dict[str, Any]] = {}
    references: Annotated[list[ReferenceReport], Field(exclude_if=operator.not_)] = []
    checks: Annotated[list[CheckReport], Field(exclude_if=operator.not_)] = []
    unusual: Annotated[list[UnusualReport], Field(exclude_if=operator.not_)] = []
    stale: Annotated[list[StaleReport], Field(exclude_if=operator.not_)] = []
    timings: dict[str, float] = {}
    work: dict[str, float] = {}
    interrupted: str = ""

    def statuses(self) -> Counter[str]:
        """Count the partitions by status."""
        return Counter(partition.status for partition in self.partitions)

    @property
    def failed(self) -> list[PartitionReport]:
        """The partitions that are not as they should be: failed, held back or waiting."""
        return [p for p in self.partitions if p.status in NOT_WELL]

    @property
    def unreported(self) -> list[str]:
        """Why the workstation could not take this report; empty where it has it."""
        return self._errors_of("WST")

    @property
    def untold(self) -> list[str]:
        """What Dagster has no events of, though it was done; empty where it knows all."""
        return self._errors_of("RUN-010")

    @property
    def exit_code(self) -> int:
        """0 all well, 1 something failed, was held back or waits, 2 nothing could run."""
        if self.partitions and all(p.status == "held" for p in self.partitions):
            return 2
        return 1 if self.failed or any(self._errors) else 0

    @property
    def _errors(self) -> Iterator[dict[str, Any]]:
        """The errors of the run itself, not of a partition."""
        return (problem for problem in self.diagnostics if problem.get("severity") == "error")

    def _errors_of(self, code: str) -> list[str]:
        """Give the run's errors whose code begins so.

        Of the code alone, whose meaning the catalogue may not have: the run may be an older one's.
        """
        return [f"{d['code']} {d['message']}" for d in self._errors if d["code"].startswith(code)]


def report_name(run_id: str) -> str:
    """Give the name of a run's report within the reports' folder."""
    return f"{run_id}{SUFFIX}"


def write_report(folder: Folder, report: RunReport) -> str:
    """Write a report, as the newest one; give its URL.

    Raises:
        DataflowError: WST-001.
    """
    return _write(folder, report.run_id, as_json(report))


def as_json(report: RunReport) -> Iterator[bytes]:
    """Give a report's JSON in pieces: of ten thousand partitions it has twenty megabytes."""
    frame = to_json(report.model_copy(update={"partitions": []}), indent=1)
    before, field, after = frame.partition(b'\n "partitions": [')
    yield before + field
    for at in range(0, len(report.partitions), _AT_ONCE):
        items = to_json(report.partitions[at : at + _AT_ONCE], indent=1)
        # Without the brackets of the list; its lines are one deeper here.
        yield (b"," if at else b"") + items[1:-2].replace(b"\n", b"\n ")
    yield (b"\n " if report.partitions else b"") + after


def _write(folder: Folder, run_id: str, content: Iterable[bytes]) -> str:
    """Write a report's number in the order, then the report: one that is seen has its number."""
    name = report_name(run_id)
    take_number(folder, run_id)
    with reaching(folder), folder.create(name) as file:
        for piece in content:
            file.write(piece)
    return folder.join(name)


def store_report(folder: Folder, report: RunReport, spare: Folder) -> None:
    """Write a report, and those that could not be written before.

    Where it cannot be written either, the reason joins its diagnostics and it is kept in `spare`,
    a local folder: what a run did must not vanish with the workstation.
    """
    try:
        for run_id in reversed(run_ids(spare)):  # they came before this one
            _write(folder, run_id, [spare.read(report_name(run_id))])
        write_report(folder, report)
        spare.delete([file.path for file in spare.files()])
        drop_numbers(spare)
    except DataflowError as error:
        report.diagnostics += [problem.to_json() for problem in error.diagnostics]
        with suppress(DataflowError):  # a project's folder that cannot be written to either
            write_report(spare, report)


def kept_report(spare: Folder, run_id: str) -> str:
    """Give the URL of a run's report in `spare`; empty where the workstation has it."""
    name = report_name(run_id)
    return spare.join(name) if spare.stat(name) else ""


def has_report(folder: Folder, run_id: str) -> bool:
    """Tell whether a run's report is there.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(folder):
        return folder.stat(report_name(run_id)) is not None


def read_report(folder: Folder, run_id: str) -> RunReport | None:
    """Read a run's report; None where the run has left none, or a damaged one.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    return next(_valid(_read(folder, [run_id])), None)


def read_reports(folder: Folder, before: str = "") -> Iterator[RunReport]:
    """Give the reports one by one, newest first; one that is damaged is passed over.

    Args:
        folder: where they are.
        before: a run: only those that came before its report, if it has one.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    ids = run_ids(folder)
    first = ids.index(before) + 1 if before in ids else 0
    yield from _valid(_read(folder, ids[first:]))


def reports_and_damaged(folder: Folder) -> tuple[list[RunReport], list[str]]:
    """Give the reports, newest first, and the runs whose report is there and damaged.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    read = list(_read(folder, run_ids(folder)))
    return list(_valid(read)), [damaged for damaged in read if isinstance(damaged, str)]


def _valid(read: Iterable[RunReport | str]) -> Iterator[RunReport]:
    return (report for report in read if isinstance(report, RunReport))


def _read(folder: Folder, ids: Iterable[str]) -> Iterator[RunReport | str]:
    """Give the report of each run that left one; where it is damaged, the run."""
    for run_id in ids:
        name = report_name(run_id)
        with reaching(folder):
            content = folder.read_if_any(name)
        if content is not None:
            try:
                yield RunReport.model_validate_json(content)
            except ValidationError:
                yield run_id
