"""Accepting: what waits is published, exactly as it was shown; what is to come may shrink.

It is the spine of a run with other work: nothing is made, the files are there. Whether what waits
is still what would be made, over what readers still see, is looked at under the module's lease.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.connections.stores import Folder
from ai_dataflow.extracts.stages import STAGES, Failure, Stage
from ai_dataflow.partition.job import PartitionJob
from ai_dataflow.partition.result import Origin, PartitionResult, Task
from ai_dataflow.planning.changes import Changes, changes
from ai_dataflow.planning.draft import Draft
from ai_dataflow.planning.inputs import content_seen, inputs_of, sheet_of
from ai_dataflow.runs.judging import exactly
from ai_dataflow.runs.modules import make_and_report
from ai_dataflow.runs.outcome import Recorder, Run, not_run
from ai_dataflow.runs.progress import Watcher
from ai_dataflow.runs.prospect import look_ahead
from ai_dataflow.runs.run import planned_anew
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.file_statistics import described
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow.workstation.lease import Lease
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.records import Inputs, Record, Waiting, read_records, updated_records
from ai_dataflow.workstation.reject_tables import Current
from ai_dataflow.workstation.reports import RunReport


@dataclass(frozen=True)
class Accepted:
    """What is accepted: partitions, all of some modules, or what the sheet does anywhere."""

    partitions: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    sheet: bool = False

    def has(self, key: PartitionKey) -> bool:
        """Tell whether a partition is meant."""
        if self.partitions:
            return key in self.partitions
        return not self.modules or key.module in self.modules


def execute_acceptance(
    draft: Draft,
    accepted: Accepted,
    run_id: str,
    recorder: Recorder,
    watcher: Watcher = lambda _: None,
) -> RunReport:
    """Publish what waits and is accepted; let what is to come of it shrink. Report everything.

    Nothing that a user can cause raises, but for:

    Raises:
        DataflowError: WST-004 or WST-005: the workstation does not say what is published.
    """
    ahead = look_ahead(draft)
    plan, workstation = ahead.plan, open_workstation(draft.project.settings)
    stages: tuple[Stage, ...] = ("ai_dataset",)
    run = Run(draft.project, plan, workstation, run_id, stages, recorder, "accept", draft.leases)
    keys = _concerned(accepted, ahead.changes)
    run.partitions += [not_run(run, key) for key in keys if key not in plan.jobs]
    jobs = [plan.jobs[key] for key in keys if key in plan.jobs]

    def tasks_of(jobs: list[PartitionJob], held: Lease) -> list[tuple[PartitionJob, Task]]:
        if held.number != draft.leases.get(jobs[0].module, 0) + 1:
            jobs = planned_anew(run, jobs, STAGES)  # sources are compared, if not read
        return list(_Accepting(run, accepted, jobs).tasks()) if jobs else []

    return make_and_report(run, jobs, tasks_of, watcher, _in_turn)


def _in_turn(tasks: Iterable[tuple[PartitionJob, Task]]) -> Iterator[PartitionResult]:
    """Carry tasks out here and now: there is nothing to compute."""
    return (task() for _, task in tasks)


def _concerned(accepted: Accepted, seen: Changes) -> list[PartitionKey]:
    """Give the partitions that are named; of a module or a sheet those that wait or change."""
    if accepted.partitions:
        return sorted(map(PartitionKey, accepted.partitions))
    return sorted(key for key in (*seen.waiting, *seen.due) if accepted.has(key))


class _Accepting:
    """The acceptance of partitions of one module, under its lease."""

    def __init__(self, run: Run, accepted: Accepted, jobs: list[PartitionJob]) -> None:
        self._run, self._accepted, self._jobs = run, accepted, jobs
        self._module = jobs[0].module
        self._current = reject_tables.current(run.workstation, self._module)
        self._records = read_records(run.workstation, [self._module])
        published = {
            PartitionKey.of(self._module, client): current.publication
            for client, current in self._current.items()
            if current.data
        }
        by_key = {job.partition: job for job in jobs}
        self._changes = changes(by_key, self._records, published, run.project.settings)

    def tasks(self) -> Iterator[tuple[PartitionJob, Task]]:
        """Give what publishes each that waits, or tells why it cannot; note what is to come."""
        in_advance: dict[str, str] = {}
        for job in self._jobs:
            current = self._current.get(job.client, Current())
            record = self._records.get(job.partition, Record()).settled(current.publication)
            inputs = inputs_of(job, self._run.project.settings, content_seen)
            if shown := record.waiting:
                if self._is_meant(shown):
                    self._run.shown[job.partition] = shown
                    yield job, self._task(job, shown, inputs, current)
            elif job.partition in self._changes.unchanged:
                if self._accepted.partitions:  # accepted before
                    yield job, partial(PartitionResult, job)
            elif self._accepted.partitions:
                yield job, _refusing(job, _nothing_waits(job))
            elif record.inputs and (digest := self._to_come(record.inputs, inputs)):
                in_advance[job.client] = digest
        if in_advance:
            changed = {client: {"accepted": digest} for client, digest in in_advance.items()}
            with updated_records(self._run.workstation, self._module, changed):
                self._run.accepted += [PartitionKey.of(self._module, c) for c in in_advance]

    def _is_meant(self, shown: Waiting) -> bool:
        """Tell whether what waits does so for what is accepted."""
        if not self._accepted.sheet:
            return True
        return all(problem.get("whose") == "mapping" for problem in shown.problems)

    def _to_come(self, before: Inputs, now: Inputs) -> str:
        """Give the digest of what may shrink; nothing where the sheet is meant and unchanged."""
        if not self._accepted.sheet:
            return exactly(now)
        return "" if sheet_of(before) == sheet_of(now) else sheet_of(now)

    def _task(self, job: PartitionJob, shown: Waiting, inputs: Inputs, current: Current) -> Task:
        if shown.inputs != inputs:
            return _refusing(job, _overtaken(job, "its sources or tables changed since"))
        if shown.over != current.publication or not current.data:
            why = "readers see another version than when it was made"
            return _refusing(job, _overtaken(job, why))
        return partial(_shown_again, job, shown, current, self._run.workstation.dataset)


def _shown_again(
    job: PartitionJob, shown: Waiting, current: Current, dataset: Callable[[str], Folder]
) -> PartitionResult:
    """Give the result that was shown, its files as they were written."""
    table = dataset(job.module)
    try:
        data = tuple(_there(job, table, shown))
    except DataflowError as error:
        failures = tuple(Failure("ai_dataset", problem) for problem in error.diagnostics)
        return PartitionResult(job, failures=failures)
    return PartitionResult(
        job,
        publication=shown.publication,
        counts=shown.products,
        origins={
            column: tuple(Origin(*origin) for origin in origins)
            for column, origins in shown.origins.items()
        },
        data=data,
        rejects=tuple(DataFile(file.path, file.size, file.rows) for file in shown.rejects),
        replaces=current.data,
    )


def _there(job: PartitionJob, table: Folder, shown: Waiting) -> Iterator[DataFile]:
    """Give the data files that wait, with their statistics.

    Raises:
        DataflowError: RUN-026 where one is gone; WST-001, WST-004 or WST-005.
    """
    for file in shown.data:
        with reaching(table):
            stored = table.stat(file.path)
        if stored is None or stored.size != file.size:
            by_name = f"make it anew: ai-dataflow run -p {shlex.quote(job.partition)}"
            raise DataflowError(_overtaken(job, "another program removed its files", by_name))
        yield described(table, DataFile(file.path, file.size, file.rows))


def _refusing(job: PartitionJob, problem: Diagnostic) -> Task:
    return partial(PartitionResult, job, failures=(Failure("ai_dataset", problem),))


def _nothing_waits(job: PartitionJob) -> Diagnostic:
    return Diagnostic(
        "RUN-025",
        "nothing of it waits to be accepted",
        place=job.partition,
        fix="run it first; `ai-dataflow status` shows what waits",
    )


def _overtaken(job: PartitionJob, why: str, fix: str = "") -> Diagnostic:
    return Diagnostic(
        "RUN-026",
        f"what was shown is not published: {why}",
        place=job.partition,
        fix=fix or "run it again: it is judged anew, and what waits then can be accepted",
    )
