"""Commands of those who read datasets: which versions there are, and what differs between two."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ai_dataflow.cli import completing
from ai_dataflow.cli.app import ConfigOption, JsonOption, app, out, print_document
from ai_dataflow.cli.choosing import ClientFilter
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic

if TYPE_CHECKING:
    import polars as pl

    from ai_dataflow.cli.printed import DiffDocument
    from ai_dataflow.workstation.diffs import DatasetDiff

_MOST_ROWS = 1_000_000
_OF_VALUES = (
    "least", "greatest", "mean", "deviation", "length_least", "length_greatest", "length_mean",
    "quantiles", "frequent",
)  # fmt: skip
ModuleArgument = Annotated[
    str, typer.Argument(metavar="MODULE", help="A module.", autocompletion=completing.modules)
]
SensitiveOption = Annotated[
    bool,
    typer.Option(
        "--sensitive", help="Show values of columns too that the dictionary calls sensitive."
    ),
]
_NAMES = "A version: its number, -1 for the one before the newest, a run's id, or a moment"


@contextmanager
def told_as_diagnostics() -> Iterator[None]:
    """Tell what a reader asks for and is not there as commands tell errors.

    Raises:
        DataflowError: RUN-041 or RUN-042.
    """
    from ai_dataflow.workstation.readers import FilesGoneError

    try:
        yield
    except FilesGoneError as error:
        fix = "name a younger version; `ai-dataflow snapshots` lists what runs published"
        raise DataflowError(Diagnostic("RUN-042", str(error), fix=fix)) from None
    except (LookupError, ValueError) as error:
        fix = "name what is published: `ai-dataflow snapshots` lists modules and versions"
        raise DataflowError(Diagnostic("RUN-041", str(error), fix=fix)) from None


@app.command()
def diff(  # noqa: PLR0913, PLR0917
    module: ModuleArgument,
    before: Annotated[str, typer.Option("--from", metavar="VERSION", help=f"{_NAMES}.")] = "-1",
    after: Annotated[
        str,
        typer.Option("--to", metavar="VERSION", help="Likewise [dim]\\[default: the newest][/dim]"),
    ] = "",
    client: ClientFilter = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="COLUMN",
            help="A column that tells rows of a client apart; may be given more than once "
            "[dim]\\[default: the dictionary's key][/dim]",
        ),
    ] = None,
    rows: Annotated[
        int,
        typer.Option("--rows", min=0, max=_MOST_ROWS, help="Show so many rows of each kind, too."),
    ] = 0,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions of a dataset: rows by client and key, columns, how they were made.

    Values are shown with --rows only. Examples:
    [bold]ai-dataflow diff sales[/bold],
    [bold]ai-dataflow diff sales --from 3 --to 2026-12-31 --client acme --rows 5[/bold]
    """
    from ai_dataflow.cli.show.changed_rows import show_diff
    from ai_dataflow.workstation.datasets import Workstation

    with told_as_diagnostics():
        dataset = Workstation.of_project(config)[module]
        compared = dataset.diff(before, after or None, client=client, key=key)
        if as_json:
            print_document(_document(compared, rows))
        else:
            show_diff(out, compared, rows)


def _document(compared: DatasetDiff, rows: int) -> DiffDocument:
    from ai_dataflow.cli.printed import DiffDocument
    from ai_dataflow.workstation.profile_drift import greatest_drift

    return DiffDocument.model_validate(
        {
            "module": compared.module,
            "before": compared.before,
            "after": compared.after,
            "key": compared.key,
            "columns": [vars(column) for column in compared.columns],
            "items": compared.counts.to_dicts(),
            "changed_columns": compared.changed_columns.to_dicts(),
            "mapping": compared.mapping.to_dicts(),
            "code": compared.code.to_dicts(),
            "unprofiled": compared.unprofiled,
            "drift": greatest_drift(compared.drift).to_dicts(),
            "rows": compared.first_rows(rows) if rows else {},
        }
    )


@app.command()
def profile(
    module: ModuleArgument,
    client: ClientFilter = None,
    version: Annotated[
        str,
        typer.Option(metavar="VERSION", help=f"{_NAMES} [dim]\\[default: the newest][/dim]."),
    ] = "",
    sensitive: SensitiveOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the columns of a dataset are like, by product: how full, what values, how spread.

    It reads the profiles that publishing keeps, and no data; it shows values, those of sensitive
    columns on request alone. Examples:
    [bold]ai-dataflow profile sales[/bold],
    [bold]ai-dataflow profile sales --client acme --version 12 --json[/bold]
    """
    from ai_dataflow.cli.show.column_profiles import show_profile
    from ai_dataflow.config.settings import load_reader_settings
    from ai_dataflow.workstation.dataset_schema import sensitive_columns
    from ai_dataflow.workstation.dataset_versions import number_of
    from ai_dataflow.workstation.datasets import Dataset
    from ai_dataflow.workstation.layout import open_workstation

    folders = open_workstation(load_reader_settings(config))
    with told_as_diagnostics():
        number = number_of(folders, module, version or None)
        rows = Dataset(module, folders).profile(number, client, by=["product_code", "ai_column"])
        hidden = {} if sensitive else sensitive_columns(folders.dataset(module), number)
    rows = _without_values(rows, hidden)
    if as_json:
        from ai_dataflow.cli.printed import ProfileDocument, ProfileItem

        items = [ProfileItem.model_validate(row) for row in rows.to_dicts()]
        print_document(ProfileDocument(module=module, items=items))
    else:
        show_profile(out, module, rows, hidden)


def _without_values(rows: pl.DataFrame, hidden: Collection[str]) -> pl.DataFrame:
    """Give profiles without what is a value of a row, or is made of values, of some columns."""
    import polars as pl

    is_hidden = pl.col("ai_column").is_in([*hidden])
    values = [pl.when(~is_hidden).then(name).alias(name) for name in _OF_VALUES]
    return rows.with_columns(*values, is_hidden=is_hidden)


@app.command()
def snapshots(
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1_000_000, help="So many of the last.")
    ] = 20,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the last runs, each with the versions that all modules had when it ended.

    A run is a snapshot: read by its id, several modules fit together. Example:
    [bold]ai-dataflow snapshots --limit 5[/bold]
    """
    from ai_dataflow.cli.show.changed_rows import show_snapshots
    from ai_dataflow.workstation.datasets import Workstation

    listed = Workstation.of_project(config).snapshots(limit)
    if as_json:
        from ai_dataflow.cli.printed import SnapshotItem, SnapshotsDocument

        print_document(SnapshotsDocument(items=[SnapshotItem(**vars(each)) for each in listed]))
    else:
        show_snapshots(out, listed)
