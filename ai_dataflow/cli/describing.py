"""The command that shows a module's data card: on the terminal, as a page, as JSON."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ai_dataflow.cli import completing
from ai_dataflow.cli.app import ConfigOption, JsonOption, app, out, print_document
from ai_dataflow.cli.comparing import ModuleArgument, SensitiveOption, told_as_diagnostics
from ai_dataflow.config.diagnostics import DataflowError

if TYPE_CHECKING:
    from ai_dataflow.cli.card.card_facts import CardParts, ProjectParts
    from ai_dataflow.cli.card.card_values import DataCard


@app.command()
def describe(
    module: ModuleArgument,
    client: Annotated[
        str,
        typer.Option(
            "--client",
            metavar="NAME",
            help="Only the rows of this client.",
            autocompletion=completing.clients,
        ),
    ] = "",
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the card as one HTML file."),
    ] = None,
    sensitive: SensitiveOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the data card of a module: its columns, how full they are, by product, and since when.

    A card has values of the data: it is for who may read the data. Example:
    [bold]ai-dataflow describe claims --html card.html[/bold]
    """
    from ai_dataflow.cli.card.card_facts import data_card
    from ai_dataflow.cli.show.cards import show_card

    card = data_card(_parts(config, module, client), is_open=sensitive)
    if html:
        _write(card, html)
    if as_json:
        from ai_dataflow.cli.printed import DescribeDocument

        print_document(DescribeDocument(**vars(card)))
    elif html:
        out.print(f"wrote {html}", soft_wrap=True, markup=False)
    else:
        show_card(out, card)


def _parts(config: Path | None, module: str, client: str) -> CardParts:
    """Read what the workstation has, and what the project's tables add, where they can be read."""
    from concurrent.futures import ThreadPoolExecutor

    from ai_dataflow.cli.card.card_reading import read_card
    from ai_dataflow.config.settings import load_reader_settings
    from ai_dataflow.workstation.layout import open_workstation

    folders = open_workstation(load_reader_settings(config))
    with ThreadPoolExecutor(1) as beside, told_as_diagnostics():
        project = beside.submit(_project, config, module)
        parts = read_card(folders, module, client)
    try:
        return replace(parts, project=project.result())
    except DataflowError as error:
        first = error.diagnostics[0]
        note = f"Owners and coverage are not shown: {first.code} {first.message} ({first.place})."
        return replace(parts, notes=(*parts.notes, note))


def _project(config: Path | None, module: str) -> ProjectParts:
    """Read the project's tables: most of that is to import what knows them.

    Raises:
        DataflowError: they cannot be read.
    """
    from ai_dataflow.cli.card.card_project import project_parts

    return project_parts(config, module)


def _write(card: DataCard, file: Path) -> None:
    """Write the page of a card.

    Raises:
        DataflowError: CFG-033, where the file cannot be written.
    """
    from datetime import UTC, datetime

    from ai_dataflow.cli.card.card_page import card_html

    try:
        file.write_text(card_html(card, datetime.now(UTC)), encoding="utf-8")
    except OSError as error:
        from ai_dataflow.cli.sheet_files import not_written  # which knows workbooks too

        raise not_written(file, error) from None
