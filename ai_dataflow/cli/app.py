"""What all commands share: the application, its consoles, common options."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperGroup

from ai_dataflow import __version__
from ai_dataflow.config.visible import printable

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ai_dataflow.config.diagnostics import Diagnostic
    from ai_dataflow.planning.draft import Draft

_OURS = "\n\t"  # what a text of ours may have of what is spelled otherwise


class Terminal(Console):
    """A console that cuts nothing off, and shows nothing that a screen would act upon.

    What is too wide goes on beyond the edge.
    """

    def print(self, *objects: Any, crop: bool = False, **how: Any) -> None:
        """Print as rich does."""
        super().print(*map(_safe, objects), crop=crop, **how)


def _safe(shown: Any) -> Any:
    if isinstance(shown, str):
        return printable(shown, _OURS)
    is_unsafe = isinstance(shown, Text) and printable(shown.plain, _OURS) != shown.plain
    return Text(printable(shown.plain, _OURS), shown.style) if is_unsafe else shown


class CommandLine(TyperGroup):
    """The commands; a machine is told of a wrong command line in JSON, too."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Read the options of all commands."""
        with _telling_machines():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        """Read the options of a command, and call it."""
        with _telling_machines():
            return super().invoke(ctx)


@contextmanager
def _telling_machines() -> Iterator[None]:
    try:
        yield
    except typer.TyperException as error:
        if "--json" in sys.argv:
            from ai_dataflow.config.diagnostics import Diagnostic

            said = getattr(error, "format_message", error.__str__)()
            print_error([Diagnostic("CFG-027", said, fix="see the command's --help")])
        raise


# What an application of commands and its groups have in common.
LOOKS: dict[str, Any] = {
    "rich_markup_mode": "rich",
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    **LOOKS,
    cls=CommandLine,
    no_args_is_help=True,
    help="From product semantic models to one AI dataset per module, partitioned by client.",
)
out = Terminal(highlight=False)
err = Terminal(stderr=True, highlight=False)
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="ai_dataflow.toml or its folder [dim]\\[default: here][/dim]"
    ),
]
RunOption = Annotated[
    str, typer.Option("--run", help="Of this run [dim]\\[default: the last][/dim]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def load_draft(config: Path | None) -> Draft:
    """Read a project and plan it from its tables alone."""
    from ai_dataflow.planning.draft import make_draft
    from ai_dataflow.tables.project import load_project

    return make_draft(load_project(config))


def print_document(document: BaseModel) -> None:
    """Print what a machine reads: one JSON document, without a byte that a screen acts upon."""
    from pydantic_core import PydanticSerializationError

    try:
        text = document.model_dump_json(indent=1)
    except PydanticSerializationError:  # half a character, of a name that is no text
        text = json.dumps(document.model_dump(mode="json"), indent=1)
    is_whole = _has_letters_of(text)
    if not (is_whole and text.replace("\n", "").isprintable()):
        kept = (c == "\n" or (c.isprintable() and (is_whole or c.isascii())) for c in text)
        text = "".join(c if k else json.dumps(c)[1:-1] for c, k in zip(text, kept, strict=True))
    typer.echo(text)


def _has_letters_of(text: str) -> bool:
    """Tell whether standard output has all letters of a text: a code page has not."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def print_error(diagnostics: Iterable[Diagnostic]) -> None:
    """Print the document of a command that could not do what it was asked to."""
    from ai_dataflow.cli.printed_parts import DiagnosticItem, ErrorDocument

    items = [DiagnosticItem(**problem.to_json()) for problem in diagnostics]
    print_document(ErrorDocument(items=items))


def without_colour(arguments: list[str]) -> list[str]:
    """Heed `--no-color`, wherever it stands; give the arguments without it."""
    _no_colour("--no-color" in arguments)
    return [argument for argument in arguments if argument != "--no-color"]


def _no_colour(wanted: bool) -> None:
    if wanted:
        os.environ["NO_COLOR"] = "1"  # for typer's own errors, and for what a command starts
        out.no_color = err.no_color = True


def _version(wanted: bool) -> None:
    if wanted:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    no_color: Annotated[
        bool,
        typer.Option(
            "--no-color",
            callback=_no_colour,
            is_eager=True,
            help="Without colours, as with NO_COLOR; before or after the command.",
        ),
    ] = False,
) -> None:
    """Take the options that all commands share."""
