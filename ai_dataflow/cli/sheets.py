"""`ai-dataflow sheet`: tools around the tables that people edit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ai_dataflow.cli.app import (
    LOOKS,
    ConfigOption,
    JsonOption,
    app,
    err,
    load_draft,
    out,
    print_document,
)
from ai_dataflow.cli.looking import looked_at
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic

if TYPE_CHECKING:
    from ai_dataflow.sources.schemas import Look
    from ai_dataflow.tables.locations import Location

sheet_app = typer.Typer(**LOOKS)
app.add_typer(sheet_app, name="sheet")
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Look at the tables only, at no source.")
]


@sheet_app.callback(invoke_without_command=True)
def sheet(context: typer.Context) -> None:
    """Look at the tables that people edit, and put them in order.

    Examples: [bold]ai-dataflow sheet check ai_mapping.xlsx[/bold],
    [bold]ai-dataflow sheet format[/bold]
    """
    if not context.invoked_subcommand:
        out.print(context.get_help())
        raise typer.Exit(2)


@sheet_app.command("check")
def check_sheet(
    file: Annotated[Path, typer.Argument(help="A workbook that has tables of the project.")],
    target: Annotated[
        Path | None,
        typer.Option("--out", help="The copy [dim]\\[default: FILE.checked.xlsx][/dim]"),
    ] = None,
    config: ConfigOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a copy of a workbook with every problem of `validate` as a note in its cell.

    A first tab, Problems, lists them all. The workbook itself is never changed. Exits with 1 where
    there is an error, 2 where no copy could be made. Example:
    [bold]ai-dataflow sheet check ai_mapping.xlsx[/bold]
    """
    from ai_dataflow.cli.sheet_files import copy_of, named_workbook, owners_named, write_copy
    from ai_dataflow.config.settings import load_settings

    settings = load_settings(config)
    with owners_named(settings):
        workbook = named_workbook(file, settings)
        copy = copy_of(workbook, target, settings)
        problems = _problems(config, offline=offline)
        lost = write_copy(workbook, copy, problems)
    if as_json:
        from ai_dataflow.cli.printed import SheetCheckDocument
        from ai_dataflow.cli.printed_parts import DiagnosticItem

        items = [DiagnosticItem(**problem.to_json()) for problem in problems]
        print_document(SheetCheckDocument(file=str(copy), items=items, lost=lost))
    else:
        _tell_check(copy, problems, lost)
    raise typer.Exit(int(any(problem.severity == "error" for problem in problems)))


def _problems(config: Path | None, *, offline: bool) -> Sequence[Diagnostic]:
    try:
        draft = load_draft(config)
    except DataflowError as error:
        return error.diagnostics
    return looked_at(draft, None, offline=offline).diagnostics


def _tell_check(copy: Path, problems: Sequence[Diagnostic], lost: Iterable[str]) -> None:
    from ai_dataflow.notifications.wording import counted

    errors = sum(problem.severity == "error" for problem in problems)
    said = f"{counted(errors, 'error')}, {counted(len(problems) - errors, 'warning')} in {copy}"
    out.print(said, soft_wrap=True, markup=False)
    for what in lost:
        out.print(f"  the copy is not all of the workbook: {what}", soft_wrap=True, markup=False)


@sheet_app.command("format")
def format_sheet(
    file: Annotated[
        Path | None,
        typer.Argument(help="A CSV table of the project [dim]\\[default: all][/dim]"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 where it would.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the project's CSV tables in one spelling, so that Git shows what changed and no more.

    The order of rows stays, and what the tables say. Where one of them is refused, none is written.
    Example: [bold]ai-dataflow sheet format --check[/bold]
    """
    from ai_dataflow.cli.sheet_files import csv_tables, owners_named, write_whole
    from ai_dataflow.config.settings import load_settings
    from ai_dataflow.tables.formatting import formatted
    from ai_dataflow.tables.project import LAYOUTS

    settings = load_settings(config)
    with owners_named(settings):
        tables = csv_tables(file, settings)
        texts = {t: formatted(name, t, LAYOUTS[name]) for t, name in tables.items()}
    changed = {t: text for t, text in texts.items() if t.read_bytes() != text.encode()}
    if not check:
        for table, text in changed.items():
            write_whole(table, text)
    if as_json:
        from ai_dataflow.cli.printed import FormattedItem, SheetFormatDocument

        items = [FormattedItem(file=str(table), changed=table in changed) for table in tables]
        print_document(SheetFormatDocument(items=items))
    else:
        verb = "would change" if check else "formatted"
        for table in tables:
            said = verb if table in changed else "is as it should be"
            out.print(f"{table.name}: {said}", soft_wrap=True, markup=False)
    raise typer.Exit(int(check and bool(changed)))


@sheet_app.command("workbook")
def new_workbook(
    file: Annotated[Path, typer.Argument(help="The workbook to make; none may be there.")],
    config: ConfigOption = None,
    offline: OfflineOption = False,
) -> None:
    """Write the project's tables into a new workbook, with drop-downs, notes and colours.

    Drop-downs offer types, names of the project and the columns of the sources that can be reached.
    It prints the settings that name the tabs. Example:
    [bold]ai-dataflow sheet workbook tables.xlsx[/bold]
    """
    from ai_dataflow.cli.sheet_files import owners_named, write_project_workbook
    from ai_dataflow.cli.show.how_far import watching
    from ai_dataflow.planning.offers import offers
    from ai_dataflow.runs.prospect import look_live
    from ai_dataflow.tables.new_workbooks import TITLES

    draft = load_draft(config)
    schemas: Mapping[Location, Look] = {}
    if not offline:
        with watching(err, "looking at the sources") as watcher:
            schemas = look_live(draft, watcher=watcher).schemas
    with owners_named(draft.project.settings):
        tabs = write_project_workbook(file, draft.project.settings, offers(draft, schemas))
    out.print(f"{file} is ready. To use it, write into ai_dataflow.toml:", markup=False)
    for setting in tabs:
        out.print(f'  {setting:<13} = "{file.name}#{TITLES[setting]}"', markup=False)
