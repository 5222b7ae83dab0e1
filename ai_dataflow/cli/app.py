"""What all commands share: the application, its consoles, common options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from ai_dataflow import __version__

if TYPE_CHECKING:
    from ai_dataflow.planning.draft import Draft

# What an application of commands and its groups have in common.
LOOKS: dict[str, Any] = {
    "rich_markup_mode": "rich",
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
app = typer.Typer(
    **LOOKS,
    no_args_is_help=True,
    add_completion=False,
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
RunOption = Annotated[
    str, typer.Option("--run", help="Of this run [dim]\\[default: the last][/dim]")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def load_draft(config: Path | None) -> Draft:
    """Read a project and plan it from its tables alone."""
    from ai_dataflow.planning.draft import make_draft
    from ai_dataflow.tables.project import load_project

    return make_draft(load_project(config))


def print_json(value: Any) -> None:
    """Print what a machine reads."""
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
