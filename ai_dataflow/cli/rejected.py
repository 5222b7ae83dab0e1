"""Commands about rejects: to look at them, and to replay them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from ai_dataflow.cli.app import ConfigOption, JsonOption, app, err, out, print_json
from ai_dataflow.config.codes import CODES
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean

if TYPE_CHECKING:
    from ai_dataflow.tables.project import Project

ModuleOption = Annotated[str, typer.Option("--module", "-m", help="Of one module.")]
ClientOption = Annotated[str, typer.Option("--client", help="Of one client.")]


@app.command()
def rejects(
    module: ModuleOption = "",
    client: ClientOption = "",
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
    from ai_dataflow.workstation import reject_tables
    from ai_dataflow.workstation.layout import open_workstation
    from ai_dataflow.workstation.reject_groups import reject_groups

    project = load_project(config)
    _check_known(project, module, client)
    workstation = open_workstation(project.settings)
    modules = [m for m in reject_tables.modules(workstation) if module in ("", m)]
    code = reason.upper()
    if code and code not in CODES:
        reasons = [code.code for code in CODES.values() if code.kind == "reject"]
        raise typer.BadParameter(f"there is no reason {code}; they are {', '.join(reasons)}")
    groups = [g for m in modules for g in reject_groups(workstation, m, client, code, samples)]
    if as_json:
        print_json([group.to_json() for group in groups])
    else:
        show_rejects(out, groups)


@app.command()
def replay(
    module: ModuleOption = "",
    client: ClientOption = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would pass.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Map the open rejects again after a fix of the sheet; publish those that pass, once.

    Sources are not read: a run reads them anew, and replaces all rejects. Exits with 1 where a
    partition's rejects cannot be replayed. Example: [bold]ai-dataflow replay --dry-run[/bold]
    """
    # Dagster takes a second to import: only the commands that need it wait.
    from ai_dataflow.cli.show.rejects import show_replay
    from ai_dataflow.cli.show.run_summary import watching
    from ai_dataflow.definitions import build_definitions
    from ai_dataflow.orchestration.instance import open_instance
    from ai_dataflow.orchestration.launch import launch_replay
    from ai_dataflow.runs.replay import Chosen, dry_replay
    from ai_dataflow.tables.project import load_project

    project = load_project(config)
    _check_known(project, module, client)
    chosen = Chosen(module, client)
    if dry_run:
        report = dry_replay(project, chosen, f"dry-{uuid.uuid4()}")
    else:
        with open_instance(project.settings) as instance, watching(err) as watcher:
            definitions = build_definitions(str(project.settings.file), watcher)
            report = launch_replay(definitions, project, chosen, instance)
    if as_json:
        typer.echo(report.model_dump_json(indent=1))
    else:
        for why in report.unreported:
            err.print(f"the report could not be written: {why}", soft_wrap=True)
        show_replay(out, report, dry_run=dry_run)
    raise typer.Exit(report.exit_code)


def _check_known(project: Project, module: str, client: str) -> None:
    """Refuse names that neither the control table nor the workstation has.

    Raises:
        DataflowError: RUN-001.
    """
    if not (module or client):
        return
    from ai_dataflow.planning.active import active_partitions
    from ai_dataflow.workstation import reject_tables
    from ai_dataflow.workstation.layout import open_workstation

    workstation = open_workstation(project.settings)
    keys = active_partitions(project)
    modules = {key.module for key in keys} | set(reject_tables.modules(workstation))
    clients = {key.client for key in keys} | {
        c for m in reject_tables.modules(workstation) for c in reject_tables.current(workstation, m)
    }
    problems = [
        Diagnostic(
            "RUN-001",
            f"no active control row has the {what} `{name}`{did_you_mean(name, names)}",
            fix=f"name another {what}",
        )
        for what, name, names in (("module", module, modules), ("client", client, clients))
        if name and name not in names
    ]
    if problems:
        raise DataflowError(*problems)
