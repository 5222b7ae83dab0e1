"""The command that publishes what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ai_dataflow.cli import completing
from ai_dataflow.cli.app import ConfigOption, JsonOption, app, err, out, print_document
from ai_dataflow.cli.choosing import Filters, ModuleFilter, chosen, pairs_of
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.interrupts import heeding

if TYPE_CHECKING:
    from ai_dataflow.tables.project import Project


@app.command()
def accept(
    partitions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="MODULE|CLIENT…",
            help="Of which something waits.",
            autocompletion=completing.partitions,
        ),
    ] = None,
    module: ModuleFilter = None,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="What the present mapping sheet does, for all clients.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish partitions that wait because they would shrink: exactly the files that were made.

    With --module or --sheet also before a run: what changed by now may shrink when it is made.
    Exits with 1 where something cannot be published any more. Example:
    [bold]ai-dataflow accept 'claims|acme'[/bold]
    """
    if not (partitions or module or sheet):
        raise typer.BadParameter("name partitions, or give --module or --sheet")
    if partitions and (module or sheet):
        raise typer.BadParameter("give partitions, or --module or --sheet: not both")
    # Dagster takes a second to import: only the commands that need it wait.
    from ai_dataflow.cli.ending import end_after
    from ai_dataflow.cli.show.how_far import watching
    from ai_dataflow.cli.show.problems import problems_of_run, show_diagnostics
    from ai_dataflow.cli.show.run_summary import show_accepted
    from ai_dataflow.definitions import build_definitions
    from ai_dataflow.orchestration.instance import open_instance
    from ai_dataflow.orchestration.launch import launch_acceptance
    from ai_dataflow.runs.acceptance import Accepted
    from ai_dataflow.tables.project import load_project

    project = load_project(config)
    _check(project, Filters(module, partition=partitions))
    accepted = Accepted(tuple(dict.fromkeys(partitions or ())), tuple(module or ()), sheet)
    with open_instance(project.settings) as instance, heeding(), watching(err) as watcher:
        definitions = build_definitions(str(project.settings.file), watcher)
        report = launch_acceptance(definitions, project, accepted, instance)
    if as_json:
        print_document(report)
    else:
        show_diagnostics(err, problems_of_run(report))
        show_accepted(out, report)
    end_after(report)


def _check(project: Project, filters: Filters) -> None:
    """Refuse names of no partition and of no module, and a workstation that lets nobody in.

    Raises:
        DataflowError: RUN-001, RUN-030, WST-001, WST-004 or WST-005.
    """
    from ai_dataflow.workstation.layout import check_workstation, open_workstation

    if problems := check_workstation(open_workstation(project.settings)):
        raise DataflowError(*problems)
    if filters:
        chosen(pairs_of(project), filters)
