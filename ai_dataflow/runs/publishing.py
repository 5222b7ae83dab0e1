"""Publishing what a run made of a module: in types that fit all clients, in one commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, listing
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.connections.stores import Folder
from ai_dataflow.extracts.stages import Failure
from ai_dataflow.partition.job import AiColumn
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.runs.judging import NOT_JUDGED, Judgement, judge
from ai_dataflow.runs.keeping_profiles import Publishing, keep_profiles
from ai_dataflow.runs.outcome import Run, blocked_report
from ai_dataflow.runs.packed_profiles import PackedProfiles
from ai_dataflow.runs.type_fitting import Fitted, fit
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.commit import TableColumn, open_table
from ai_dataflow.workstation.layout import PRODUCT_COLUMN
from ai_dataflow.workstation.lease import Lease
from ai_dataflow.workstation.publish import Made, publish
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.readers import publications_in


@dataclass(frozen=True)
class ModuleOutcome:
    """What became of a module's partitions: the results as they are now, the version if any.

    `judged` tells what waits to be accepted. `blocking` are the clients, with the publications that
    readers see, that keep columns from their new types, and `problem` says so.
    """

    results: Sequence[PartitionResult]
    version: int | None = None
    judged: Judgement = NOT_JUDGED
    blocking: Mapping[str, str] = field(default_factory=dict)
    problem: Diagnostic | None = None


def publish_module(
    run: Run,
    module: str,
    results: Sequence[PartitionResult],
    held: Lease,
    profiles: PackedProfiles,
) -> ModuleOutcome:
    """Publish a module's finished partitions in one commit; what shrinks too much waits.

    Raises:
        DataflowError: as `judge`, `fit` and `publish`; nothing is visible then.
    """
    table = run.workstation.dataset(module)
    with reaching(table):
        seen = open_table(table)
    judged = _judged(run, results, publications_in(seen) if seen else {})
    as_made = results = [_held_aside(result, judged) for result in results]
    fitted = fit(table, seen, table_columns(run.plan.columns[module]), results)
    problem = _waiting(run, module, fitted) if fitted.waiting else None
    if problem:
        aside = judged.waiting
        results = [r if r.job.client in aside else _fitted(r, fitted, problem) for r in results]
    keep_profiles(run, Publishing(module, as_made, results, judged, fitted, profiles), held)
    made = [_made(result, judged) for result in results]
    published = publish(run.workstation, module, fitted.columns, made, held, fitted.recast)
    if published.version is not None:
        run.versions[module] = published.version
        _remove_replaced(table, as_made, fitted)
    results = [_kept_out(r) if r.job.client in published.vanished else r for r in results]
    judged = judged.but(published.vanished)
    return ModuleOutcome(results, published.version, judged, fitted.blocking, problem)


def _judged(run: Run, results: Sequence[PartitionResult], seen: Mapping[str, str]) -> Judgement:
    """Judge what a run made; what is replayed or accepted waits for nobody."""
    if run.kind == "run":
        return judge(run.workstation, run.project.settings, run.run_id, results, seen)
    return Judgement(before=seen)


def _held_aside(result: PartitionResult, judged: Judgement) -> PartitionResult:
    """Take the data files from a result that waits: they are in its record."""
    return replace(result, data=()) if result.job.client in judged.waiting else result


def _remove_replaced(table: Folder, as_made: Sequence[PartitionResult], fitted: Fitted) -> None:
    """Remove the files that were made and recast before the commit: nobody has seen them.

    Not sooner: what waits is accepted with these very files, and again if that was killed.
    """
    written = {file.path for result in as_made for file in fitted.made.get(result.job.client, ())}
    left = {f.path for r in as_made if r.job.client in fitted.made for f in r.data} - written
    if left:
        with suppress(DataflowError), reaching(table):  # else `cleanup` finds them
            table.delete(sorted(left))


def _made(result: PartitionResult, judged: Judgement) -> Made:
    client = result.job.client
    waits = result.publication if client in judged.waiting else ""
    return Made(client, result.data, result.rejects, result.replaces, waits)


def table_columns(columns: Sequence[AiColumn]) -> list[TableColumn]:
    """Give the columns of a module's table: its AI columns, and the product."""
    return [
        *(
            TableColumn(
                column.name,
                ai_types.to_delta(column.ai_type),
                column.description,
                tuple((column.notes | column.relations).items()),
            )
            for column in columns
        ),
        TableColumn(PRODUCT_COLUMN, "string", "the product that the row comes from"),
    ]


def _fitted(result: PartitionResult, fitted: Fitted, problem: Diagnostic) -> PartitionResult:
    """Give a result with the files that are published; without any, if they do not fit."""
    client = result.job.client
    if client in fitted.unfit or (client in fitted.blocking and not result.data):
        failed = Failure("ai_dataset", problem)
        return replace(result, data=(), failures=(*result.failures, failed))
    return replace(result, data=fitted.made.get(client, result.data))


def _kept_out(result: PartitionResult) -> PartitionResult:
    """Fail a partition whose files another program took away before they were published."""
    if result.failures:
        return result  # it was only to be recast
    problem = Diagnostic(
        "WST-008",
        "its files were gone when they were to be published; readers see the version before",
        place=result.partition,
        fix="keep other programs from removing young files, then run the partition again",
    )
    return replace(result, data=(), failures=(Failure("ai_dataset", problem),))


def _waiting(run: Run, module: str, fitted: Fitted) -> Diagnostic:
    """Say which columns cannot have the sheet's type yet, and who is in their way."""
    rows = [
        row
        for row in run.project.mapping
        if row.module == module and row.ai_column in fitted.waiting
    ]
    types = {column.name: column.ai_type for column in run.plan.columns[module]}
    stays = {name: f"stays {old}" if old else "stays away" for name, old in fitted.waiting.items()}
    columns = listing(f"`{n}` cannot become {types[n]} yet and {how}" for n, how in stays.items())
    clients = listing(fitted.blocking, 3)
    return Diagnostic(
        "WST-002",
        f"{columns}: published rows of {clients} would lose values, and no new ones are there",
        place=next((row.place("ai_type") for row in rows), ""),
        fix=f"make {clients} run well, or accept what waits of it, or delete the published rows; "
        "or let the column have its old type, or a new name",
        ai_column=next(iter(fitted.waiting)),
    )


def note_blocking(run: Run, module: str, outcome: ModuleOutcome) -> None:
    """Report the clients in the way of a new type that the run was not about, or found held."""
    if outcome.problem is None:
        return
    seen = {result.job.client for result in outcome.results} - outcome.judged.waiting.keys()
    for client in sorted(outcome.blocking.keys() - seen):
        blocked_report(run, PartitionKey.of(module, client), outcome.problem)
