"""What a run comes to: its state while it goes on, and the report that is made of it in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from ai_dataflow.config.at_once import both
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing, redacted
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.interrupts import asked
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.config.stopwatch import Stopwatch
from ai_dataflow.extracts.stages import Stage
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.planning.coverage import Coverage
from ai_dataflow.planning.plan import Plan
from ai_dataflow.runs.check_reports import check_reports
from ai_dataflow.runs.freshness import stale_sources
from ai_dataflow.runs.judging import NOT_JUDGED, Judgement, problems_of_waiting
from ai_dataflow.runs.lineage.after_run import lineage_of
from ai_dataflow.runs.lineage.traced import Made
from ai_dataflow.runs.references import check_references
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.locations import spelled_location
from ai_dataflow.tables.project import Project
from ai_dataflow.tables.teams import with_owner
from ai_dataflow.workstation.layout import Folders, spare_reports
from ai_dataflow.workstation.lease import Lease
from ai_dataflow.workstation.readers import Published, partitions_of, published
from ai_dataflow.workstation.records import Record, Waiting
from ai_dataflow.workstation.reports import (
    COUNTS,
    FURTHER,
    CheckReport,
    ErrorReport,
    Kind,
    MadeReport,
    PartitionReport,
    ReferenceReport,
    RunReport,
    Status,
    UnusualReport,
    store_report,
)
from ai_dataflow.workstation.stale_reports import StaleReport


class Recorder:
    """Hears what a run did to a partition, as soon as it is certain. This one keeps nothing."""

    def extracted(self, result: PartitionResult, stage: Stage) -> None:
        """An extract of a partition is there."""

    def published(
        self,
        result: PartitionResult,
        version: int,
        coverage: Coverage,
        unusual: Sequence[UnusualReport] = (),
    ) -> None:
        """A partition of the dataset is visible to readers; `unusual` is what differs in it."""

    def tell(self) -> None:
        """Keep what was heard where others will look."""


NOBODY = Recorder()


@dataclass
class Run:
    """A run, a replay or an acceptance while it goes on.

    `leases` were the newest before its plan was made; `seen` are the records of what it found
    unchanged. Of an acceptance `shown` is what waited, and `accepted` are the partitions whose next
    publication may shrink. `made` is kept for lineage. `problems` are of the run, beside those of
    partitions. `unusual` is what differs from before.
    """

    project: Project
    plan: Plan
    workstation: Folders
    run_id: str
    stages: Sequence[Stage]
    recorder: Recorder
    kind: Kind = "run"
    leases: Mapping[str, int] = field(default_factory=dict)
    seen: Mapping[PartitionKey, Record] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    partitions: list[PartitionReport] = field(default_factory=list)
    versions: dict[str, int] = field(default_factory=dict)
    timings: Stopwatch = field(default_factory=Stopwatch)
    work: Counter[str] = field(default_factory=Counter)
    untold: dict[str, Exception] = field(default_factory=dict)
    shown: dict[PartitionKey, Waiting] = field(default_factory=dict)
    accepted: list[PartitionKey] = field(default_factory=list)
    made: Made = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    unusual: dict[PartitionKey, list[UnusualReport]] = field(default_factory=dict)

    @cached_property
    def deliveries(self) -> dict[tuple[PartitionKey, str], list[ControlRow]]:
        """The active control rows of each partition and product."""
        active = [row for row in self.project.control if row.active]
        return grouped(active, lambda row: (row.partition, row.product))


def partition_report(
    run: Run,
    result: PartitionResult,
    version: int | None,
    held: Lease | None = None,
    judged: Judgement = NOT_JUDGED,
) -> PartitionReport:
    """Report a partition.

    Args:
        run: that made it, or could not.
        result: what came of it.
        version: of its module, if something of that was published.
        held: the lease that it was made under, if any.
        judged: what of its module waits, or is published for the first time.
    """
    if shown := judged.waiting.get(result.job.client):
        return _waiting(run, result, shown, held)
    # What ends several stages, such as a lease that another run has, is one error.
    causes = dict.fromkeys(failure.diagnostic for failure in result.failures)
    errors = _errors(run, result.partition, causes)
    is_unchanged = run.kind != "run" and not result.data
    status: Status = "failed" if errors else "unchanged" if is_unchanged else "ok"
    counts: dict[str, Any] = {name: result.total(name) for name in (*COUNTS, *FURTHER)}
    return PartitionReport(
        partition=result.partition,
        status=status,
        version=version if status == "ok" else None,
        seconds=round(result.seconds, 4),
        bytes=result.bytes if status == "ok" else 0,
        products=dict(result.counts),
        failed_stages=sorted(result.failed_stages & set(run.stages)),
        error=errors[0] if errors else None,
        errors=errors,
        rows_replayed=0 if errors else result.total("rows_replayed"),
        lease=held.number if held else run.leases.get(result.job.module, 0),
        under_lease=held is not None,
        is_first=status == "ok" and result.job.client in judged.first,
        **counts,
    )


def _waiting(
    run: Run, result: PartitionResult, shown: Waiting, held: Lease | None
) -> PartitionReport:
    reported = still_waiting(run, result.partition, shown)
    seconds, number = round(result.seconds, 4), held.number if held else reported.lease
    update = {"seconds": seconds, "lease": number, "under_lease": held is not None}
    return reported.model_copy(update=update)


def still_waiting(run: Run, key: PartitionKey, shown: Waiting) -> PartitionReport:
    """Report a partition whose publication waits; its counts are those of what was made."""
    errors = _errors(run, key, problems_of_waiting(shown))
    products = shown.products.values()
    return PartitionReport(
        partition=key,
        status="waiting",
        products=shown.products,
        failed_stages=["ai_dataset"],
        error=errors[0] if errors else None,
        errors=errors,
        lease=run.leases.get(key.module, 0),
        **{name: sum(getattr(counts, name) for counts in products) for name in (*COUNTS, *FURTHER)},
    )


def not_run(run: Run, key: PartitionKey) -> PartitionReport:
    """Report a partition that is held back, or that the control table does not have."""
    problems = run.plan.held.get(key) or run.plan.unknown([key])
    errors = _errors(run, key, problems)
    return PartitionReport(
        partition=key,
        status="held" if key in run.plan.held else "failed",
        failed_stages=list(run.stages),
        error=errors[0],
        errors=errors,
        lease=run.leases.get(key.module, 0),
    )


def interrupted(run: Run, key: PartitionKey) -> PartitionReport:
    """Report a partition that was left, since somebody asked the run to end."""
    errors = _errors(run, key, [_interrupted("before this was made")])
    return PartitionReport(
        partition=key,
        status="failed",
        failed_stages=list(run.stages),
        error=errors[0],
        errors=errors,
        lease=run.leases.get(key.module, 0),
    )


def _interrupted(when: str) -> Diagnostic:
    fix = "run what is left: `ai-dataflow retry`; the next run makes what changed, too"
    return Diagnostic("RUN-035", f"the run was ended by {asked()} {when}", fix=fix)


def blocked_report(run: Run, key: PartitionKey, problem: Diagnostic) -> None:
    """Report a problem of a partition that was not made, beside what is reported of it already."""
    errors = _errors(run, key, [problem])
    report = PartitionReport(
        partition=key,
        status="failed",
        failed_stages=["ai_dataset"],
        lease=run.leases.get(key.module, 0),
    )
    for seen in [seen for seen in run.partitions if seen.partition == key]:
        run.partitions.remove(seen)
        report = seen
    together = [*report.errors, *errors]
    status = report.status if report.status in ("held", "waiting") else "failed"
    update = {"status": status, "error": together[0], "errors": together}
    run.partitions.append(report.model_copy(update=update))


def unchanged(run: Run, key: PartitionKey, record: Record) -> PartitionReport:
    """Report a partition that readers see as it would be made again."""
    made = None
    if record.at is not None:
        made = MadeReport(
            run_id=record.run_id, at=record.at, version=record.version, rows=record.rows
        )
    return PartitionReport(
        partition=key,
        status="unchanged",
        version=record.version,
        made=made,
        lease=run.leases.get(key.module, 0),
    )


def _errors(run: Run, key: PartitionKey, problems: Iterable[Diagnostic]) -> list[ErrorReport]:
    """Give problems their owners, by concern, product and module, and the delivery they are of."""
    owned = [with_owner(run.project.teams, replace(p, module=key.module)) for p in problems]
    return [ErrorReport(**p.to_error(), delivery=_delivery(run, key, p)) for p in owned]


def _delivery(run: Run, key: PartitionKey, problem: Diagnostic) -> str:
    """Name the path or table of a problem; several where it is of all of a product."""
    rows = run.deliveries.get((key, problem.product), ())
    return listing(
        spelled_location(row) for row in rows if problem.submodule in ("", row.submodule)
    )


def report(run: Run, *, store: bool = True) -> RunReport:
    """Make the report of what was done, and store it."""
    requests = run.workstation.root.requests
    (modules, problems), (stale, unjudged) = both(
        partial(_published, run), partial(_stale, run), requests
    )
    removed = sorted(partitions_of(modules) - set(run.plan.partitions))
    # A replay says nothing of what it is not about.
    of_plan = [*run.plan.diagnostics, *_removed(run, removed)] if run.kind == "run" else []
    references, checks, unchecked = _checks(run)
    problems += _owned(run, run.problems)
    diagnostics = [*of_plan, *problems, *unchecked, *unjudged, *_untold(run), *_ended_early(run)]
    made = RunReport(
        run_id=run.run_id,
        kind=run.kind,
        started=run.started,
        finished=datetime.now(UTC),
        stages=list(run.stages),
        partitions=sorted(run.partitions, key=lambda partition: partition.partition),
        versions={name: module.version for name, module in modules.items()} | run.versions,
        removed=removed,
        accepted=sorted(run.accepted),
        diagnostics=[problem.to_json() for problem in diagnostics],
        coverage={m: coverage.to_json() for m, coverage in run.plan.coverage.items()},
        references=references,
        checks=checks,
        unusual=[one for key in sorted(run.unusual) for one in run.unusual[key]],
        stale=stale,
        timings={kind: round(seconds, 4) for kind, seconds in run.timings.items()},
        work={kind: round(seconds, 4) for kind, seconds in run.work.items()},
        interrupted=asked(),
    )
    if store:
        spare = spare_reports(run.project.settings)
        store_report(run.workstation.reports(), made, spare)
        if problem := lineage_of(run.project, run.workstation, made, run.made, run.plan.columns):
            made.diagnostics.append(problem.to_json())
            store_report(run.workstation.reports(), made, spare)
    return made


def _published(run: Run) -> tuple[dict[str, Published], list[Diagnostic]]:
    """Look at what readers see now; what hinders it is a problem of the report."""
    try:
        return published(run.workstation), []
    except DataflowError as error:
        return {}, _owned(run, error.diagnostics)


def _owned(run: Run, problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    return [with_owner(run.project.teams, problem) for problem in problems]


def _checks(run: Run) -> tuple[list[ReferenceReport], list[CheckReport], list[Diagnostic]]:
    """Check what the dictionary says of what readers see; what hinders it is a problem."""
    if "ai_dataset" not in run.stages:
        return [], [], []
    ok = (p for p in run.partitions if p.status == "ok" and p.module in run.versions)
    clients = grouped(ok, lambda partition: partition.module)
    published = {m: [PartitionKey(p.partition).client for p in ps] for m, ps in clients.items()}
    columns, keys = run.plan.columns, map(PartitionKey, run.plan.partitions)
    of_modules = {m: [k.client for k in ks] for m, ks in grouped(keys, lambda k: k.module).items()}
    try:
        references = [*check_references(run.workstation, columns, published)]
        reports = check_reports(
            run.workstation, columns, run.partitions, run.seen, of_modules, references
        )
        checks = [*reports]
    except DataflowError as error:
        return [], [], _owned(run, error.diagnostics)
    return references, checks, []


def _stale(run: Run) -> tuple[list[StaleReport], list[Diagnostic]]:
    """Judge whether something new is overdue; what hinders it is a problem of the report."""
    if run.kind != "run":
        return [], []
    try:
        return stale_sources(run.workstation, run.project, datetime.now(UTC)), []
    except DataflowError as error:
        return [], _owned(run, error.diagnostics)


def _ended_early(run: Run) -> list[Diagnostic]:
    """Mention that a run was ended before it knew of any partition."""
    if run.partitions or not asked():
        return []
    return [with_owner(run.project.teams, _interrupted("before it knew what had changed"))]


def _untold(run: Run) -> list[Diagnostic]:
    """Mention the partitions of which there is no event."""
    if not run.untold:
        return []
    first = next(iter(run.untold.values()))
    problem = Diagnostic(
        "RUN-010",
        f"Dagster was not told of {listing(run.untold, 5)}; the data is as this report says",
        place="Dagster",
        fix="see that the instance's storage has space and answers, then run these again",
        cause=redacted(first),
    )
    return [with_owner(run.project.teams, problem)]


def _removed(run: Run, partitions: list[str]) -> list[Diagnostic]:
    """Mention published partitions that the control table no longer has."""
    if not partitions:
        return []
    problem = Diagnostic(
        "RUN-003",
        f"{listing(partitions, 5)} is published and no longer in the control table; "
        "readers still see it",
        place=run.project.settings.control_table,
        fix="add the rows again, or remove the data from the workstation",
        severity="warning",
    )
    return [with_owner(run.project.teams, problem)]
