"""Commands about rejects: to look at them, and to replay them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from ai_dataflow.cli.app import ConfigOption, JsonOption, app, err, out, print_document
from ai_dataflow.cli.choosing import (
    ClientFilter,
    Filters,
    ModuleFilter,
    Pair,
    PartitionFilter,
    ProductFilter,
    StateFilter,
    check,
    chosen,
    pairs_of,
)
from ai_dataflow.config.codes import CODES
from ai_dataflow.config.interrupts import heeding
from ai_dataflow.config.keys import PartitionKey

if TYPE_CHECKING:
    from ai_dataflow.runs.replay import Chosen
    from ai_dataflow.tables.project import Project


@app.command()
def rejects(  # noqa: PLR0913, PLR0917
    module: ModuleFilter = None,
    client: ClientFilter = None,
    product: ProductFilter = None,
    partition: PartitionFilter = None,
    state: StateFilter = None,
    reason: Annotated[str, typer.Option("--reason", help="For one reason, by code.")] = "",
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="So many rows of each group, as they were read.")
    ] = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the rows that were left out, counted by source and reason; with samples if asked.

    Example: [bold]ai-dataflow rejects --module claims --samples 3[/bold]
    """
    from ai_dataflow.cli.show.rejects import show_rejects
    from ai_dataflow.tables.project import load_project
    from ai_dataflow.workstation.layout import open_workstation
    from ai_dataflow.workstation.reject_groups import State, reject_groups

    project = load_project(config)
    code = reason.upper()
    if code and code not in CODES:
        reasons = [code.code for code in CODES.values() if code.kind == "reject"]
        raise typer.BadParameter(f"there is no reason {code}; they are {', '.join(reasons)}")
    check("state", state, get_args(State))
    filters = Filters(module, client, product, partition)
    keys = chosen(_pairs(project), filters)
    workstation = open_workstation(project.settings)
    groups = [
        group
        for name in sorted({key.module for key in keys})
        for group in reject_groups(workstation, name, reason=code, samples=samples)
        if group.partition in keys
        if not product or group.product in product
        if not state or group.state in state
    ]
    if as_json:
        from ai_dataflow.cli.printed import RejectItem, RejectsDocument

        items = [RejectItem(**vars(group), title=group.title) for group in groups]
        print_document(RejectsDocument(items=items))
    else:
        show_rejects(out, groups)


@app.command()
def replay(  # noqa: PLR0913, PLR0917
    module: ModuleFilter = None,
    client: ClientFilter = None,
    product: ProductFilter = None,
    partition: PartitionFilter = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would pass.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map the open rejects again after a fix of the sheet; publish those that pass, once.

    Sources are not read: a run reads them anew, and replaces all rejects. Exits with 1 where a
    partition's rejects cannot be replayed. Example: [bold]ai-dataflow replay --dry-run[/bold]
    """
    # Dagster takes a second to import: only the commands that need it wait.
    from ai_dataflow.cli.ending import end_after
    from ai_dataflow.cli.show.how_far import watching
    from ai_dataflow.cli.show.problems import problems_of_run, show_diagnostics
    from ai_dataflow.cli.show.rejects import show_replay
    from ai_dataflow.definitions import build_definitions
    from ai_dataflow.orchestration.instance import open_instance
    from ai_dataflow.orchestration.launch import launch_replay
    from ai_dataflow.runs.replay import dry_replay
    from ai_dataflow.tables.project import load_project

    project = load_project(config)
    these = _to_replay(project, Filters(module, client, product, partition))
    if dry_run:
        report = dry_replay(project, these, f"dry-{uuid.uuid4()}")
    else:
        with open_instance(project.settings) as instance, heeding(), watching(err) as watcher:
            definitions = build_definitions(str(project.settings.file), watcher)
            report = launch_replay(definitions, project, these, instance)
    if as_json:
        print_document(report)
    else:
        for why in report.unreported:
            err.print(f"the report could not be written: {why}", soft_wrap=True, markup=False)
        show_diagnostics(err, problems_of_run(report))
        show_replay(out, report, dry_run=dry_run)
    end_after(report)


def _to_replay(project: Project, filters: Filters) -> Chosen:
    """Name the partitions that are asked for; without a client, only those of the control table."""
    from ai_dataflow.runs.replay import Chosen

    if not filters:
        return Chosen()
    keys = chosen(_pairs(project), filters)
    if not (filters.client or filters.partition):
        there = {key for key, _ in pairs_of(project)}
        keys = [key for key in keys if key in there]
    return Chosen(partitions=tuple(keys))


def _pairs(project: Project) -> list[Pair]:
    """Give the project's partitions, and those that left its control table and have rejects."""
    from ai_dataflow.workstation import reject_tables
    from ai_dataflow.workstation.layout import open_workstation

    workstation = open_workstation(project.settings)
    pairs = pairs_of(project)
    there = {key for key, _ in pairs}
    with_rejects = (
        PartitionKey.of(module, client)
        for module in reject_tables.modules(workstation)
        for client in reject_tables.current(workstation, module)
    )
    return [*pairs, *((key, "") for key in with_rejects if key not in there)]
