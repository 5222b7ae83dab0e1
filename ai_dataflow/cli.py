"""`ai-dataflow`: the command line. Each command is thin; what it does lives elsewhere.

Exit codes: 0 all well, 1 some partitions failed, 2 nothing could run (configuration or usage).
"""

from __future__ import annotations

import json
import logging
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markdown import Markdown

from ai_dataflow import __version__, terminal
from ai_dataflow.config.codes import CODES
from ai_dataflow.config.codes import explain as explain_code
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean
from ai_dataflow.config.project import Project, load_project
from ai_dataflow.planning.explain import explain_partition, feeds
from ai_dataflow.planning.plan import Plan, make_live_plan, make_plan
from ai_dataflow.sources.schemas import read_schemas
from ai_dataflow.workstation.cleanup import SAFE_AGE, clean
from ai_dataflow.workstation.paths import open_workstation, spare_reports
from ai_dataflow.workstation.readers import published_partitions
from ai_dataflow.workstation.reports import kept_report, read_reports
from ai_dataflow.workstation.status import filled_by, partition_statuses

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
Format = Literal["text", "github"]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make; must be new or empty.")],
) -> None:
    """Write a small project to start from: settings, tables, a little data.

    Example: [bold]ai-dataflow init my-project && cd my-project && ai-dataflow run[/bold]
    """
    from ai_dataflow.starter import write_project  # noqa: PLC0415 - it needs openpyxl

    write_project(folder)
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
    from ai_dataflow.orchestration.instance import open_instance, ui_command  # noqa: PLC0415
    from ai_dataflow.orchestration.launch import launch  # noqa: PLC0415

    project, plan = _load(config)
    keys = list(dict.fromkeys(partition or plan.partitions))
    if unknown := plan.unknown(keys):
        raise DataflowError(*unknown)
    if not keys:
        raise DataflowError(*plan.errors, _nothing_to_run(project))
    with open_instance(project.settings) as instance, terminal.progress_bar(err) as bar:
        task = bar.add_task("partitions", total=len(keys))
        definitions = build_definitions(
            str(project.settings.file),
            lambda progress: bar.update(
                task,
                completed=progress.done,
                total=progress.total,
                description=progress.note or "partitions",
            ),
        )
        report = launch(definitions, project, plan, keys, instance)
    if as_json:
        typer.echo(report.model_dump_json(indent=1))
    else:
        lone = [problem for problem in plan.diagnostics if not problem.partitions]
        terminal.show_diagnostics(err, lone)
        workstation = open_workstation(project.settings)
        kept = kept_report(spare_reports(project.settings), report.run_id)
        terminal.show_summary(out, report, workstation, kept, ui_command(project.settings))
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


@app.command()
def validate(
    config: ConfigOption = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Look at the tables only, at no source.")
    ] = False,
    as_json: JsonOption = False,
    form: Annotated[Format, typer.Option("--format", help="For people, or for GitHub.")] = "text",
) -> None:
    """Compile the tables against the live sources; tell every problem, in the order of the tables.

    Exits with 1 where there is an error, 2 where nothing could run. Example:
    [bold]ai-dataflow validate --format github[/bold]
    """
    made: Plan | None = None
    try:
        project = load_project(config)
        made = make_plan(project) if offline else make_live_plan(project)
        diagnostics = made.diagnostics
    except DataflowError as error:
        diagnostics = error.diagnostics
    if as_json:
        _print_json([problem.to_json() for problem in diagnostics])
    elif form == "github":
        for problem in diagnostics:
            typer.echo(terminal.github_line(problem))
    else:
        terminal.show_validation(out, diagnostics, made)
    if made is None or (made.errors and not made.jobs):
        raise typer.Exit(2)
    raise typer.Exit(int(bool(made.errors)))


@app.command()
def plan(
    config: ConfigOption = None,
    explained: Annotated[
        str | None,
        typer.Option("--explain", help="Show what 'module|client' compiles to."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a run would do now: partitions to run, held back, removed; what products map.

    Example: [bold]ai-dataflow plan --explain 'sales|USA'[/bold]
    """
    project = load_project(config)
    made = make_live_plan(project, {explained} if explained else None)
    if explained:
        if unknown := made.unknown([explained]):
            raise DataflowError(*unknown)
        if explained in made.held:
            raise DataflowError(*made.held[explained])
        job = made.jobs[explained]
        schemas = read_schemas(made.locations({explained}), project.settings)
        print(explain_partition(job, schemas))
        return
    published = published_partitions(open_workstation(project.settings))
    if as_json:
        _print_json(
            {
                "run": list(made.jobs),
                "new": sorted(set(made.jobs) - published),
                "held": {
                    key: [problem.to_json() for problem in problems]
                    for key, problems in made.held.items()
                },
                "removed": sorted(published - set(made.partitions)),
                "coverage": {m: coverage.to_json() for m, coverage in made.coverage.items()},
            }
        )
    else:
        terminal.show_plan(out, made, published)


@app.command()
def explain(
    ai_column: Annotated[str, typer.Argument(help="An AI column.")],
    module: Annotated[str | None, typer.Option("--module", "-m", help="Of one module.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell where an AI column comes from in every product, and for how many clients.

    Example: [bold]ai-dataflow explain amount --module sales[/bold]
    """
    project = load_project(config)
    made = make_plan(project)
    schemas = read_schemas(made.locations(), project.settings)
    reports = read_reports(open_workstation(project.settings).reports())
    filled = filled_by(made.partitions, reports, ai_column)
    found = [f for f in feeds(made, schemas, ai_column, filled) if module in (None, f.module)]
    if not found:
        known = {column.name for columns in made.columns.values() for column in columns}
        raise DataflowError(_unknown_column(ai_column, known - {ai_column}))
    if as_json:
        _print_json([feed.to_json() for feed in found])
    else:
        terminal.show_feeds(out, found)


@app.command()
def cleanup(
    config: ConfigOption = None,
    older_than: Annotated[
        float, typer.Option("--older-than", min=0, help="In hours: what is younger stays.")
    ] = SAFE_AGE.total_seconds() / 3600,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what killed and failed runs left in the workstation, which no reader ever saw.

    All versions of the datasets stay. Exits with 1 where a module is just being made. Example:
    [bold]ai-dataflow cleanup --dry-run[/bold]
    """
    workstation = open_workstation(load_project(config).settings)
    run_id = f"cleanup-{uuid.uuid4()}"
    cleaned = clean(workstation, run_id, timedelta(hours=older_than), dry_run=dry_run)
    if as_json:
        _print_json({module: found.to_json() for module, found in cleaned.items()})
    else:
        terminal.show_cleanup(out, cleaned, dry_run=dry_run)
    raise typer.Exit(int(any(found.problems for found in cleaned.values())))


@app.command("help")
def help_(code: Annotated[str, typer.Argument(help="A code, such as MAP-014.")]) -> None:
    """Explain a code: what it means, an example, and its cure.

    Example: [bold]ai-dataflow help MAP-014[/bold]
    """
    known = CODES.get(code.upper())
    if known is None:
        raise typer.BadParameter(f"there is no code {code}{did_you_mean(code.upper(), CODES)}")
    out.print(Markdown(explain_code(known)))


def _unknown_column(ai_column: str, known: set[str]) -> Diagnostic:
    return Diagnostic(
        "RUN-004",
        f"no partition that can run maps `{ai_column}`{did_you_mean(ai_column, known)}",
        fix="name another; `ai-dataflow validate` tells what is held back",
    )


def _load(config: Path | None) -> tuple[Project, Plan]:
    project = load_project(config)
    return project, make_plan(project)


def _nothing_to_run(project: Project) -> Diagnostic:
    return Diagnostic(
        "RUN-001",
        "the control table has no active row that names a partition",
        place=project.settings.control_table,
        fix="add a row, or set `active` to Y",
    )


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


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
    # What azure-identity tried is told in our words; without a handler it would print its own.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    try:
        app()
    except DataflowError as error:
        if "--json" in sys.argv:
            _print_json({"diagnostics": [problem.to_json() for problem in error.diagnostics]})
        terminal.show_diagnostics(err, error.diagnostics)
        sys.exit(2)
