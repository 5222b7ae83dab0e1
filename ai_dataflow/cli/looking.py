"""Commands that look and tell: what is published, what is wrong, what feeds what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from ai_dataflow.cli import completing
from ai_dataflow.cli.app import ConfigOption, JsonOption, app, err, load_draft, out, print_document
from ai_dataflow.cli.choosing import (
    ClientFilter,
    Filters,
    ModuleFilter,
    OwnerFilter,
    PartitionFilter,
    ProductFilter,
    StateFilter,
    check,
    chosen,
    pairs_of,
)
from ai_dataflow.config.codes import CODES
from ai_dataflow.config.codes import explain as explain_code
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean
from ai_dataflow.config.keys import PartitionKey

if TYPE_CHECKING:
    from ai_dataflow.planning.draft import Draft
    from ai_dataflow.planning.plan import Plan
    from ai_dataflow.runs.prospect import Prospect
    from ai_dataflow.runs.trial import Trial
    from ai_dataflow.workstation.cut_off import CutOff
    from ai_dataflow.workstation.statuses import PartitionStatus

Format = Literal["text", "github"]


@app.command()
def status(  # noqa: PLR0913, PLR0917
    module: ModuleFilter = None,
    client: ClientFilter = None,
    product: ProductFilter = None,
    partition: PartitionFilter = None,
    state: StateFilter = None,
    owner: OwnerFilter = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every partition: published when, rows, version; or what is wrong, and since when.

    A run that was cut off, killed or with its machine, is told before them, and a report that
    cannot be read.

    Exits with 1 where a partition that is shown is failed, held back or waiting. Examples:
    [bold]ai-dataflow status --state failed --owner orion-data[/bold],
    [bold]ai-dataflow status --json[/bold]
    """
    from ai_dataflow.runs.freshness import stale_sources
    from ai_dataflow.tables.project import load_project
    from ai_dataflow.workstation.cut_off import cut_off_runs
    from ai_dataflow.workstation.layout import open_workstation, spare_reports
    from ai_dataflow.workstation.reports import NOT_WELL, reports_and_damaged
    from ai_dataflow.workstation.statuses import State, partition_statuses, with_stale

    project = load_project(config)
    check("state", state, get_args(State))
    check("owner", owner, (team.name for team in project.teams))
    keys = chosen(pairs_of(project), Filters(module, client, product, partition))
    workstation = open_workstation(project.settings)
    reports, damaged = reports_and_damaged(workstation.reports())
    modules = {key.module for key in keys}
    cut_off = cut_off_runs(workstation, modules, spare_reports(project.settings))
    stale = stale_sources(workstation, project, datetime.now(UTC))
    statuses = [
        status
        for status in with_stale(partition_statuses(keys, reports), stale)
        if not state or status.state in state
        if not owner or status.owners & {*owner}
    ]
    _print_statuses(statuses, cut_off, damaged, as_json=as_json)
    raise typer.Exit(int(any(s.state in NOT_WELL for s in statuses)))


def _print_statuses(
    statuses: list[PartitionStatus],
    cut_off: list[CutOff],
    damaged: list[str],
    *,
    as_json: bool,
) -> None:
    from ai_dataflow.cli.show.blocks import show_status
    from ai_dataflow.cli.show.run_summary import show_stale

    if as_json:
        from ai_dataflow.cli.printed import StatusDocument

        print_document(StatusDocument(items=statuses, cut_off=cut_off, damaged=damaged))
    else:
        show_status(out, statuses, cut_off, damaged)
        show_stale(out, [source for status in statuses for source in status.stale])


@app.command()
def validate(  # noqa: PLR0913, PLR0917
    module: ModuleFilter = None,
    client: ClientFilter = None,
    product: ProductFilter = None,
    partition: PartitionFilter = None,
    owner: OwnerFilter = None,
    config: ConfigOption = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Look at the tables only, at no source.")
    ] = False,
    as_json: JsonOption = False,
    form: Annotated[Format, typer.Option("--format", help="For people, or for GitHub.")] = "text",
) -> None:
    """Compile the tables against the live sources; tell every problem, in the order of the tables.

    With filters: of the partitions that they choose, and what is of no partition. Exits with 1
    where there is an error, 2 where nothing could run. Examples:
    [bold]ai-dataflow validate --module claims[/bold],
    [bold]ai-dataflow validate --format github[/bold]
    """
    from ai_dataflow.cli.show.problems import github_line, show_validation

    filters = Filters(module, client, product, partition)
    made: Plan | None = None
    try:
        draft = load_draft(config)
    except DataflowError as error:
        diagnostics = error.diagnostics
    else:
        made = _validated(draft, filters, owner, offline=offline)
        diagnostics = made.diagnostics
    if as_json:
        from ai_dataflow.cli.printed import TextFilesItem, ValidateDocument
        from ai_dataflow.cli.printed_parts import DiagnosticItem
        from ai_dataflow.planning.text_files import text_files

        items = [DiagnosticItem(**problem.to_json()) for problem in diagnostics]
        sources = [TextFilesItem(**read.to_json()) for read in (text_files(made) if made else ())]
        print_document(ValidateDocument(items=items, sources=sources))
    elif form == "github":
        for problem in diagnostics:
            typer.echo(github_line(problem))
    else:
        show_validation(out, diagnostics, made)
    if made is None or (made.errors and not made.jobs):
        raise typer.Exit(2)
    raise typer.Exit(int(bool(made.errors)))


def _validated(
    draft: Draft, filters: Filters, owner: Sequence[str] | None, *, offline: bool
) -> Plan:
    """Compile what filters choose; keep the problems that an owner has, and a product."""
    if not (filters or owner):
        return looked_at(draft, None, offline=offline)
    check("owner", owner, (team.name for team in draft.project.teams))
    keys = set(chosen(pairs_of(draft.project), filters))
    made = looked_at(draft, keys, offline=offline).only(keys)
    problems = tuple(
        problem
        for problem in made.diagnostics
        if not owner or problem.owner in owner
        if not (filters.product and problem.product) or problem.product in filters.product
    )
    return replace(made, diagnostics=problems)


def looked_at(draft: Draft, keys: Collection[PartitionKey] | None, *, offline: bool) -> Plan:
    """Complete a plan with what is at the sources, unless nobody is to look; show how far it is."""
    if offline:
        return draft.plan
    from ai_dataflow.cli.show.how_far import watching
    from ai_dataflow.runs.prospect import look_live

    with watching(err, "looking at the sources") as watcher:
        return look_live(draft, keys, watcher).plan


@app.command()
def plan(  # noqa: PLR0913, PLR0917
    module: ModuleFilter = None,
    client: ClientFilter = None,
    product: ProductFilter = None,
    partition: PartitionFilter = None,
    config: ConfigOption = None,
    explained: Annotated[
        str | None,
        typer.Option(
            "--explain",
            help="Show what 'module|client' compiles to.",
            autocompletion=completing.partitions,
        ),
    ] = None,
    sheet: Annotated[
        str,
        typer.Option("--sheet", help="With this mapping sheet instead: what would it touch?"),
    ] = "",
    rows: Annotated[
        bool,
        typer.Option(
            "--rows", help="Make it aside, too: how many rows and rejects would come and go?"
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a run would do now and why: to run, unchanged, waiting, held back, removed.

    Examples: [bold]ai-dataflow plan --module claims[/bold],
    [bold]ai-dataflow plan --explain 'claims|acme'[/bold],
    [bold]ai-dataflow plan --sheet draft.xlsx#AI_Map[/bold]
    """
    from ai_dataflow.planning.draft import make_draft
    from ai_dataflow.tables.project import load_project

    draft = make_draft(load_project(config, sheet))
    if explained:
        _show_explained(draft, PartitionKey(explained), as_json=as_json)
        return
    ahead = _looked_ahead(draft, Filters(module, client, product, partition))
    trial = _tried_out(ahead) if rows else None
    if as_json:
        _print_plan(ahead, trial)
    else:
        _show_plan(ahead, trial)


def _looked_ahead(draft: Draft, filters: Filters) -> Prospect:
    """Look what a run would do, about the partitions that are meant."""
    from ai_dataflow.cli.show.how_far import watching
    from ai_dataflow.runs.prospect import look_ahead

    with watching(err, "looking at the sources") as watcher:
        ahead = look_ahead(draft, watcher)
    if not filters:
        return ahead
    keys = chosen([*pairs_of(draft.project), *((key, "") for key in ahead.removed)], filters)
    return replace(ahead.only(keys), plan=ahead.plan.only(keys))


def _tried_out(ahead: Prospect) -> Trial:
    from ai_dataflow.runs.trial import try_out

    return try_out(ahead)


def _show_plan(ahead: Prospect, trial: Trial | None) -> None:
    from ai_dataflow.cli.show.plans import show_plan, show_trial

    show_plan(out, ahead)
    if trial:
        show_trial(out, trial)


def _print_plan(ahead: Prospect, trial: Trial | None) -> None:
    from ai_dataflow.cli.printed_plans import PlanDocument

    due = ahead.changes.due
    held = ahead.plan.held.items()
    content = {
        "run": sorted(due),
        "new": sorted(k for k, why in due.items() if any(r.kind == "new" for r in why)),
        **ahead.changes.to_json(),
        "held": {key: [problem.to_json() for problem in problems] for key, problems in held},
        "removed": list(ahead.removed),
        "coverage": {m: coverage.to_json() for m, coverage in ahead.plan.coverage.items()},
        **(trial.to_json() if trial else {}),
    }
    print_document(PlanDocument.model_validate(content))


def _show_explained(draft: Draft, key: PartitionKey, *, as_json: bool) -> None:
    from ai_dataflow.planning.explain import explain_partition
    from ai_dataflow.runs.prospect import look_live

    live = look_live(draft, {key})
    made = live.plan
    if unknown := made.unknown([key]):
        raise DataflowError(*unknown)
    if key in made.held:
        raise DataflowError(*made.held[key])
    explained = explain_partition(made.jobs[key], live.schemas)
    if as_json:
        from ai_dataflow.cli.printed_plans import PlanExplainDocument

        print_document(PlanExplainDocument(**vars(explained)))
    else:
        out.print(str(explained), soft_wrap=True, markup=False)


@app.command()
def explain(  # noqa: PLR0913, PLR0917
    ai_column: Annotated[str, typer.Argument(help="An AI column.")],
    module: ModuleFilter = None,
    client: ClientFilter = None,
    product: ProductFilter = None,
    partition: PartitionFilter = None,
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
    settings = draft.project.settings
    filters = Filters(module, client, product, partition)
    made = draft.plan.only(chosen(pairs_of(draft.project), filters))
    schemas = look_inside(made.locations(), settings, names=draft.columns_read())
    reports = read_reports(open_workstation(settings).reports())
    filled = filled_by(made.partitions, reports, ai_column)
    fed = [
        f for f in feeds(made, schemas, ai_column, filled) if not product or f.product in product
    ]
    if not fed:
        names = {column.name for columns in made.columns.values() for column in columns}
        raise DataflowError(_unknown_column(ai_column, names - {ai_column}))
    if as_json:
        from ai_dataflow.cli.printed_plans import ExplainDocument

        print_document(ExplainDocument(items=fed))
    else:
        show_feeds(out, fed)


@app.command("help")
def help_(
    code: Annotated[
        str,
        typer.Argument(help="A code, such as MAP-014.", autocompletion=completing.codes),
    ],
    as_json: JsonOption = False,
) -> None:
    """Explain a code: what it means, an example, and its cure.

    Example: [bold]ai-dataflow help MAP-014[/bold]
    """
    entry = CODES.get(code.upper())
    if entry is None:
        raise typer.BadParameter(f"there is no code {code}{did_you_mean(code.upper(), CODES)}")
    if as_json:
        from ai_dataflow.cli.printed import CodeDocument

        print_document(CodeDocument(**entry._asdict()))
        return
    from rich.markdown import Markdown

    out.print(Markdown(explain_code(entry)))


def _unknown_column(ai_column: str, names: set[str]) -> Diagnostic:
    return Diagnostic(
        "RUN-004",
        f"no partition that can run maps `{ai_column}`{did_you_mean(ai_column, names)}",
        fix="name another; `ai-dataflow validate` tells what is held back",
    )
