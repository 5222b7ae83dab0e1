"""The command about code lists: what they have, and which values they lack."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from ai_dataflow.cli.app import ConfigOption, JsonOption, app, out, print_document
from ai_dataflow.cli.choosing import Filters, ModuleFilter, chosen, pairs_of

if TYPE_CHECKING:
    from ai_dataflow.runs.missing_codes import MissingCode
    from ai_dataflow.tables.project import Project


@app.command()
def codes(
    module: ModuleFilter = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="The values that they lack, most rows first.")
    ] = False,
    draft: Annotated[
        bool, typer.Option("--draft", help="These as rows to add to the table, as CSV.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the code lists, who uses them, and how many rows are left out for want of a code.

    Values are counted where they rejected their row: what `unmapped` keeps, makes null or replaces
    is published. Example: [bold]ai-dataflow codes --missing[/bold]
    """
    from ai_dataflow.cli.show import code_tables
    from ai_dataflow.tables.project import load_project

    if draft and (missing or as_json):
        raise typer.BadParameter("--draft prints CSV alone: give it without --missing and --json")
    project = load_project(config)
    modules = {key.module for key in chosen(pairs_of(project), Filters(module))}
    lacking = _missing(project, modules)
    if draft:
        code_tables.show_draft(out, lacking)
    elif as_json:
        from ai_dataflow.cli.printed import CodeListItem, CodesDocument, MissingItem

        items = [
            CodeListItem(
                code_list=name,
                codes=len(project.code_lists.by_name.get(name, ())),
                columns=columns,
                rows_missing=sum(n for code, n in lacking.items() if code.code_list == name),
                missing=[
                    MissingItem(product=code.product, value=code.value, rows=rows)
                    for code, rows in lacking.most_common()
                    if missing and code.code_list == name
                ],
            )
            for name, columns in _lists(project, modules).items()
        ]
        print_document(CodesDocument(items=items))
    elif missing:
        code_tables.show_missing(out, lacking)
    else:
        code_tables.show_lists(out, project.code_lists, _lists(project, modules), lacking)


def _lists(project: Project, modules: set[str]) -> dict[str, list[str]]:
    """Give all code lists, each with the AI columns that use it, as `module.column`."""
    lists: dict[str, list[str]] = {name: [] for name in sorted(project.code_lists.by_name)}
    for row in project.mapping:
        if row.code_list and row.module in modules:
            column = f"{row.module}.{row.ai_column}"
            columns = lists.setdefault(row.code_list, [])
            columns += [] if column in columns else [column]
    return lists


def _missing(project: Project, modules: set[str]) -> Counter[MissingCode]:
    from ai_dataflow.runs.missing_codes import MissingCode, missing_codes
    from ai_dataflow.workstation.layout import open_workstation

    workstation, counted = open_workstation(project.settings), Counter[MissingCode]()
    for module in sorted(modules):
        counted += missing_codes(workstation, project, module)
    return counted
