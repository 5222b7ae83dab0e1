"""Commands that look and tell: what is published, what is wrong, what feeds what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ai_dataflow.cli.app import ConfigOption, JsonOption, app, load_draft, out, print_json
from ai_dataflow.config.codes import CODES
from ai_dataflow.config.codes import explain as explain_code
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean
from ai_dataflow.config.keys import PartitionKey

if TYPE_CHECKING:
    from ai_dataflow.planning.draft import Draft
    from ai_dataflow.planning.plan import Plan

Format = Literal["text", "github"]


@app.command()
def status(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show every partition: published when, rows, version; or what is wrong, and since when.

    Exits with 1 where a partition is failed or held back. Example:
    [bold]ai-dataflow status --json[/bold]
    """
    from ai_dataflow.cli.show.blocks import show_status
    from ai_dataflow.planning.active import active_partitions
    from ai_dataflow.tables.project import load_project
    from ai_dataflow.workstation.layout import open_workstation
    from ai_dataflow.workstation.reports import read_reports
    from ai_dataflow.workstation.statuses import partition_statuses

    project = load_project(config)
    reports = read_reports(open_workstation(project.settings).reports())
    statuses = partition_statuses(active_partitions(project), reports)
    if as_json:
        print_json([status.to_json() for status in statuses])
    else:
        show_status(out, statuses)
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
    from ai_dataflow.cli.show.problems import github_line, show_validation
    from ai_dataflow.runs.prospect import look_live

    made: Plan | None = None
    try:
        draft = load_draft(config)
        made = draft.plan if offline else look_live(draft).plan
        diagnostics = made.diagnostics
    except DataflowError as error:
        diagnostics = error.diagnostics
    if as_json:
        print_json([problem.to_json() for problem in diagnostics])
    elif form == "github":
        for problem in diagnostics:
            typer.echo(github_line(problem))
    else:
        show_validation(out, diagnostics, made)
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
    sheet: Annotated[
        str,
        typer.Option("--sheet", help="With this mapping sheet instead: what would it touch?"),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Show what a run would do now and why: to run, unchanged, held back, removed.

    Example: [bold]ai-dataflow plan --sheet draft.xlsx#AI_Map[/bold]
    """
    from ai_dataflow.cli.show.plans import show_plan
    from ai_dataflow.planning.draft import make_draft
    from ai_dataflow.runs.prospect import look_ahead
    from ai_dataflow.tables.project import load_project

    draft = make_draft(load_project(config, sheet))
    if explained:
        _show_explained(draft, PartitionKey(explained))
        return
    ahead = look_ahead(draft)
    made = ahead.plan
    if not as_json:
        show_plan(out, ahead)
        return
    new = [k for k, why in ahead.changes.due.items() if any(r.kind == "new" for r in why)]
    print_json(
        {
            "run": sorted(ahead.changes.due),
            "new": sorted(new),
            **ahead.changes.to_json(),
            "held": {
                key: [problem.to_json() for problem in problems]
                for key, problems in made.held.items()
            },
            "removed": list(ahead.removed),
            "coverage": {m: coverage.to_json() for m, coverage in made.coverage.items()},
        }
    )


def _show_explained(draft: Draft, key: PartitionKey) -> None:
    from ai_dataflow.planning.explain import explain_partition
    from ai_dataflow.runs.prospect import look_live

    live = look_live(draft, {key})
    made = live.plan
    if unknown := made.unknown([key]):
        raise DataflowError(*unknown)
    if key in made.held:
        raise DataflowError(*made.held[key])
    print(explain_partition(made.jobs[key], live.schemas))


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
    from ai_dataflow.cli.show.plans import show_feeds
    from ai_dataflow.engine.sight import look_inside
    from ai_dataflow.planning.explain import feeds
    from ai_dataflow.workstation.layout import open_workstation
    from ai_dataflow.workstation.reports import read_reports
    from ai_dataflow.workstation.statuses import filled_by

    draft = load_draft(config)
    made, settings = draft.plan, draft.project.settings
    schemas = look_inside(made.locations(), settings, names=draft.columns_read())
    reports = read_reports(open_workstation(settings).reports())
    filled = filled_by(made.partitions, reports, ai_column)
    chosen = [f for f in feeds(made, schemas, ai_column, filled) if module in (None, f.module)]
    if not chosen:
        names = {column.name for columns in made.columns.values() for column in columns}
        raise DataflowError(_unknown_column(ai_column, names - {ai_column}))
    if as_json:
        print_json([feed.to_json() for feed in chosen])
    else:
        show_feeds(out, chosen)


@app.command("help")
def help_(code: Annotated[str, typer.Argument(help="A code, such as MAP-014.")]) -> None:
    """Explain a code: what it means, an example, and its cure.

    Example: [bold]ai-dataflow help MAP-014[/bold]
    """
    entry = CODES.get(code.upper())
    if entry is None:
        raise typer.BadParameter(f"there is no code {code}{did_you_mean(code.upper(), CODES)}")
    from rich.markdown import Markdown

    out.print(Markdown(explain_code(entry)))


def _unknown_column(ai_column: str, names: set[str]) -> Diagnostic:
    return Diagnostic(
        "RUN-004",
        f"no partition that can run maps `{ai_column}`{did_you_mean(ai_column, names)}",
        fix="name another; `ai-dataflow validate` tells what is held back",
    )
