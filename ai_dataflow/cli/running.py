"""Commands that change something: a new project, runs, cleaning up."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from ai_dataflow.cli.app import ConfigOption, JsonOption, RunOption, app, err, out, print_document
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
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.importing import importing
from ai_dataflow.config.interrupts import heeding

if TYPE_CHECKING:
    from ai_dataflow.config.settings import Settings
    from ai_dataflow.planning.draft import Draft
    from ai_dataflow.runs.progress import Watcher
    from ai_dataflow.runs.prospect import Prospect
    from ai_dataflow.tables.project import Project
    from ai_dataflow.workstation.reports import RunReport

_MOST_HOURS = 1_000_000  # a hundred years; what is longer, or no number, no clock tells
_UNDONE = ("failed", "held")  # what a run may leave to run again


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make; must be new or empty.")],
    template: Annotated[
        Literal["minimal", "azure"],
        typer.Option("--template", help="minimal runs as it is, azure after you edited it."),
    ] = "minimal",
) -> None:
    """Write a small project to start from: settings, tables, a little data. It asks nothing.

    Example: [bold]ai-dataflow init my-project && cd my-project && ai-dataflow run[/bold]
    """
    from ai_dataflow.cli.starter import next_commands, write_project

    write_project(folder, template)
    out.print(f"{folder} is ready. Next:", soft_wrap=True, markup=False)
    for command, purpose in next_commands(folder, template):
        out.print(f"  {command:<32}  {purpose}".rstrip(), soft_wrap=True, markup=False)


@app.command()
def run(  # noqa: PLR0913, PLR0917
    module: ModuleFilter = None,
    client: ClientFilter = None,
    product: ProductFilter = None,
    partition: PartitionFilter = None,
    config: ConfigOption = None,
    full: Annotated[
        bool, typer.Option("--full", help="Run all partitions, those too that did not change.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the partitions whose inputs changed, in one Dagster run; then say what became of them.

    `ai-dataflow plan` tells which these are, and why. Partitions that are named are run whether
    they changed or not; other filters choose among those that changed, with --full among all.
    Examples: [bold]ai-dataflow run --module sales[/bold],
    [bold]ai-dataflow run -p 'sales|USA' -p 'sales|UK'[/bold]
    """
    if full and partition:
        raise typer.BadParameter("give --full or --partition: one of the two is not needed")
    filters = Filters(module, client, product, partition)
    prospect, problems = _prospect(config, filters, full=full)
    if prospect.partitions:
        _run(prospect, problems, as_json=as_json)
    from ai_dataflow.workstation.layout import open_workstation
    from ai_dataflow.workstation.under_way import forget_dead_runs

    workstation = open_workstation(prospect.project.settings)
    forget_dead_runs(workstation, {key.module for key in prospect.changes.unchanged})
    if as_json:
        from ai_dataflow.runs.run import unchanged_report

        print_document(unchanged_report(prospect))
    else:
        from ai_dataflow.cli.show.plans import show_unchanged
        from ai_dataflow.cli.show.run_summary import show_stale
        from ai_dataflow.runs.freshness import stale_sources

        show_unchanged(out, prospect)
        show_stale(out, stale_sources(workstation, prospect.project, datetime.now(UTC)))


def _prospect(
    config: Path | None, filters: Filters, *, full: bool
) -> tuple[Prospect, list[Diagnostic]]:
    """Look at partitions that are named, at all, or at what changed; give the tables' problems too.

    The draft is let go of: of very many partitions it is large.
    """
    from ai_dataflow.cli.show.how_far import watching
    from ai_dataflow.runs.prospect import look_ahead, read_draft

    with watching(err) as watcher:
        draft = read_draft(config)
        if not draft.plan.partitions:
            raise DataflowError(*draft.plan.errors, _nothing_to_run(draft.project))
        keys = chosen(pairs_of(draft.project), filters)
        if full or filters.partition:
            return _named(draft, keys, watcher), _of_no_partition(draft)
        ahead = look_ahead(draft, watcher)
        return (ahead.only(keys) if filters else ahead), _of_no_partition(draft)


@app.command()
def retry(  # noqa: PLR0913, PLR0917
    module: ModuleFilter = None,
    client: ClientFilter = None,
    product: ProductFilter = None,
    partition: PartitionFilter = None,
    state: StateFilter = None,
    owner: OwnerFilter = None,
    config: ConfigOption = None,
    run_id: RunOption = "",
    as_json: JsonOption = False,
) -> None:
    """Run again what a run left failed or held back, in one Dagster run.

    What waits is not run again: `ai-dataflow accept` publishes it. Example:
    [bold]ai-dataflow retry --owner orion-data[/bold]
    """
    from ai_dataflow.cli.show.how_far import watching
    from ai_dataflow.notifications.mail_places import open_places
    from ai_dataflow.notifications.routing import problems_of, recipients
    from ai_dataflow.notifications.single_mails import report_named
    from ai_dataflow.runs.prospect import read_draft

    draft = read_draft(config)
    project = draft.project
    report = report_named(open_places(project.settings), run_id)
    check("state", state, _UNDONE)
    check("owner", owner, (team.name for team in project.teams))
    keys = chosen(pairs_of(project), Filters(module, client, product, partition))
    # Whose an error is, the mails say: what nobody owns is the platform team's.
    heard = problems_of(report, recipients(project.teams))
    theirs = (p.partition for p in heard if p.partition and (not owner or p.team in owner))
    undone = {p.partition for p in theirs if p.status in (state or _UNDONE)}
    failed = [key for key in keys if key in undone]
    if not failed:
        _nothing_again(draft, report, as_json=as_json)
    with watching(err) as watcher:
        prospect = _named(draft, failed, watcher)
    _run(prospect, _of_no_partition(draft), as_json=as_json)


def _nothing_again(draft: Draft, report: RunReport, *, as_json: bool) -> NoReturn:
    """Say that a run left nothing, of what was asked for, to run again."""
    from ai_dataflow.runs.prospect import Prospect
    from ai_dataflow.runs.run import unchanged_report

    if as_json:
        print_document(unchanged_report(Prospect(draft.project, draft.plan, ())))
    err.print(f"run {report.run_id} left nothing to run again", soft_wrap=True)
    raise typer.Exit(0)


def _of_no_partition(draft: Draft) -> list[Diagnostic]:
    return [problem for problem in draft.plan.diagnostics if not problem.partitions]


def _named(draft: Draft, partitions: Sequence[str], watcher: Watcher) -> Prospect:
    """Look at what is to be run, whether it changed or not."""
    from ai_dataflow.runs.prospect import look_at

    return look_at(draft, list(partitions), watcher=watcher)


def _run(prospect: Prospect, problems: Sequence[Diagnostic], *, as_json: bool) -> NoReturn:
    """Run what a prospect is about; say what became of it, and of the mails about it.

    `problems` are those of the tables that are of no partition, and are shown by themselves.
    """
    # Dagster takes a second to import: only the command that needs it waits.
    with importing():
        from ai_dataflow.cli.ending import end_after
        from ai_dataflow.cli.mails_after_run import mail_after
        from ai_dataflow.cli.show.how_far import watching
        from ai_dataflow.orchestration.instance import open_instance
        from ai_dataflow.orchestration.launch import launch

    project = prospect.project
    with open_instance(project.settings) as instance:
        with heeding():
            with watching(err, "starting the run") as watcher:
                report = launch(prospect, instance, watcher)
            _show(project.settings, problems, report, as_json=as_json)
        # What the run did has been said by now, whatever becomes of the mails.
        mails = mail_after(instance, project, report)
    (err if as_json else out).print(f"{'mails':<11} {mails}", soft_wrap=True, markup=False)
    end_after(report)


def _show(
    settings: Settings, problems: Sequence[Diagnostic], report: RunReport, *, as_json: bool
) -> None:
    if as_json:
        print_document(report)
        return
    from ai_dataflow.cli.show.problems import problems_of_run, show_diagnostics
    from ai_dataflow.cli.show.run_summary import show_summary
    from ai_dataflow.orchestration.instance import ui_command
    from ai_dataflow.workstation.layout import open_workstation, spare_reports
    from ai_dataflow.workstation.reports import kept_report

    show_diagnostics(err, [*problems, *problems_of_run(report, problems)])
    kept = kept_report(spare_reports(settings), report.run_id)
    show_summary(out, report, open_workstation(settings), kept, ui_command(settings))


@app.command()
def cleanup(
    config: ConfigOption = None,
    older_than: Annotated[
        float | None,
        typer.Option(
            "--older-than",
            help="In hours: what is younger stays [dim]\\[default: 24][/dim]",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove what killed and failed runs left in the workstation, which no reader ever saw.

    All versions of the datasets stay. Exits with 1 where a module is just being made. Example:
    [bold]ai-dataflow cleanup --dry-run[/bold]
    """
    from ai_dataflow.cli.show.run_summary import show_cleanup
    from ai_dataflow.runs.cleanup import SAFE_AGE, clean
    from ai_dataflow.tables.project import load_project
    from ai_dataflow.workstation.layout import open_workstation

    workstation = open_workstation(load_project(config).settings)
    run_id = f"cleanup-{uuid.uuid4()}"
    if older_than is not None and not 0 <= older_than <= _MOST_HOURS:
        raise typer.BadParameter(f"--older-than is a number of hours from 0 to {_MOST_HOURS:,}")
    age = SAFE_AGE if older_than is None else timedelta(hours=older_than)
    cleaned = clean(workstation, run_id, age, dry_run=dry_run)
    if as_json:
        from ai_dataflow.cli.printed import CleanedItem, CleanupDocument

        items = [CleanedItem(module=m, **result.to_json()) for m, result in cleaned.items()]
        print_document(CleanupDocument(items=items))
    else:
        show_cleanup(out, cleaned, dry_run=dry_run)
    raise typer.Exit(int(any(result.problems for result in cleaned.values())))


def _nothing_to_run(project: Project) -> Diagnostic:
    return Diagnostic(
        "RUN-001",
        "the control table has no active row that names a partition",
        place=project.settings.control_table,
        fix="add a row, or set `active` to Y",
    )
