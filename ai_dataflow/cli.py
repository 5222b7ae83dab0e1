"""`ai-dataflow`: the command line. Each command is thin; what it does lives elsewhere.

Exit codes: 0 all well, 1 some partitions failed, 2 nothing could run (configuration or usage).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ai_dataflow import __version__, starter, terminal
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.project import Project, load_project
from ai_dataflow.planning.plan import Plan, make_plan
from ai_dataflow.workstation.paths import open_workstation
from ai_dataflow.workstation.reports import read_reports
from ai_dataflow.workstation.status import partition_statuses

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="From product semantic models to one AI dataset per module, partitioned by client.",
)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="ai_dataflow.toml or its folder [dim]\\[default: here][/dim]"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make; must be new or empty.")],
) -> None:
    """Write a small project to start from: settings, tables, a little data.

    Example: [bold]ai-dataflow init my-project && cd my-project && ai-dataflow run[/bold]
    """
    starter.write_project(folder)
    out.print(f"{folder} is ready. Next:\n  cd {folder}\n  ai-dataflow run", soft_wrap=True)


@app.command()
def run(
    config: ConfigOption = None,
    partition: Annotated[
        list[str] | None,
        typer.Option("--partition", "-p", help="'module|client'; may be given more than once."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run partitions, all by default, in one Dagster run; then say what became of them.

    Example: [bold]ai-dataflow run --partition 'sales|USA' --partition 'sales|UK'[/bold]
    """
    # Dagster takes a second to import: only the command that needs it waits.
    from ai_dataflow.definitions import build_definitions  # noqa: PLC0415
    from ai_dataflow.orchestration.instance import dagster_home, open_instance  # noqa: PLC0415
    from ai_dataflow.orchestration.launch import launch  # noqa: PLC0415

    project, plan = _load(config)
    keys = list(dict.fromkeys(partition or plan.partitions))
    if unknown := plan.unknown(keys):
        raise DataflowError(*unknown)
    if not keys:
        raise DataflowError(*_errors_of(plan), _nothing_to_run(project))
    with open_instance(project.settings) as instance, terminal.progress_bar(err) as bar:
        task = bar.add_task("partitions", total=len(keys))
        definitions = build_definitions(
            str(project.settings.file),
            lambda progress: bar.update(task, completed=progress.done, total=progress.total),
        )
        report = launch(definitions, project, plan, keys, instance)
    if as_json:
        out.print_json(report.model_dump_json())
    else:
        lone = [problem for problem in plan.diagnostics if not problem.partitions]
        terminal.show_diagnostics(err, lone)
        workstation = open_workstation(project.settings)
        terminal.show_summary(out, report, workstation, dagster_home(project.settings))
    raise typer.Exit(report.exit_code)


@app.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every partition: published when, rows, version; or what is wrong, and since when.

    Exits with 1 where a partition is failed or held back. Example:
    [bold]ai-dataflow status --json[/bold]
    """
    project, plan = _load(config)
    reports = read_reports(open_workstation(project.settings).reports())
    statuses = partition_statuses(plan.partitions, reports)
    if as_json:
        _print_json([status.to_json() for status in statuses])
    else:
        terminal.show_status(out, statuses)
    raise typer.Exit(int(any(s.state in ("failed", "held") for s in statuses)))


def _load(config: Path | None) -> tuple[Project, Plan]:
    project = load_project(config)
    return project, make_plan(project)


def _errors_of(plan: Plan) -> list[Diagnostic]:
    return [problem for problem in plan.diagnostics if problem.severity == "error"]


def _nothing_to_run(project: Project) -> Diagnostic:
    return Diagnostic(
        "RUN-001",
        "the control table has no active row that names a partition",
        place=project.settings.control_table,
        fix="add a row, or set `active` to Y",
    )


def _print_json(value: Any) -> None:
    out.print_json(json.dumps(value))


def _version(wanted: bool) -> None:
    if wanted:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that all commands share."""


def main() -> None:
    """Run the command line; a user's mistake ends it with 2 and never with a traceback."""
    try:
        app()
    except DataflowError as error:
        if "--json" in sys.argv:
            _print_json({"diagnostics": [problem.to_json() for problem in error.diagnostics]})
        terminal.show_diagnostics(err, error.diagnostics)
        sys.exit(2)
