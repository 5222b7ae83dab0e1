"""The command that writes the contract of a dataset, for those who read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ai_dataflow.cli.app import ConfigOption, JsonOption, app, err, load_draft, out, print_document
from ai_dataflow.cli.comparing import ModuleArgument
from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean, listing

if TYPE_CHECKING:
    from ai_dataflow.planning.draft import Draft
    from ai_dataflow.workstation.contracts import Terms


@app.command()
def contract(
    module: ModuleArgument,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write it there; a contract there gives its version."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the contract of a module's dataset: Open Data Contract Standard, as YAML.

    It has the columns that readers see, what must hold for them, where they are, whose they are.
    Examples: [bold]ai-dataflow contract sales[/bold],
    [bold]ai-dataflow contract sales --output contracts/sales.odcs.yaml[/bold]
    """
    import yaml

    from ai_dataflow.workstation.contract_versions import next_version

    made = _contract(load_draft(config), module)
    if output and (before := _before(output)):
        made["version"] = next_version(before, made)
    text = yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100)
    if output:
        _write(text, output)
    if as_json:
        from ai_dataflow.cli.printed import ContractDocument

        print_document(ContractDocument(module=module, contract=made))
    elif output:
        said = f"{output}: the contract of {module}, version {made['version']}"
        err.print(said, soft_wrap=True, markup=False)
    else:
        out.print(text.rstrip(), soft_wrap=True, markup=False, highlight=False)


def _write(text: str, file: Path) -> None:
    """Write a contract.

    Raises:
        DataflowError: CFG-033, where the file cannot be written.
    """
    from ai_dataflow.cli.sheet_files import not_written

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise not_written(file, error) from None


def _before(file: Path) -> dict[str, Any]:
    """Give the contract that a file has already; nothing where there is no file.

    Raises:
        typer.BadParameter: it is something else.
        DataflowError: CFG-033, where it can be no file.
    """
    import yaml

    from ai_dataflow.cli.sheet_files import not_written

    try:
        there = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:  # a folder, for one
        raise not_written(file, error) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        there = None
    if not isinstance(there, dict) or there.get("kind") != "DataContract":
        raise typer.BadParameter(f"{file} is no data contract: remove it, or name another file")
    return there


def _contract(draft: Draft, module: str) -> dict[str, Any]:
    """Give a module's contract: by what readers see of it, else by the sheet."""
    from ai_dataflow.runs.publishing import table_columns
    from ai_dataflow.workstation.commit import columns_of
    from ai_dataflow.workstation.contracts import contract_of
    from ai_dataflow.workstation.layout import open_workstation
    from ai_dataflow.workstation.readers import open_version

    table = open_workstation(draft.project.settings).dataset(module)
    delta = open_version(table)
    planned = draft.plan.columns.get(module)
    if delta is None and not planned:
        raise DataflowError(_no_module(draft, module))
    columns = columns_of(delta) if delta else table_columns(planned or ())
    terms = _terms(draft, module)
    return contract_of(table.url, module, columns, terms, is_published=delta is not None)


def _terms(draft: Draft, module: str) -> Terms:
    from ai_dataflow.workstation.contracts import Terms

    columns = draft.plan.columns.get(module, ())
    rules = {column.name: column.rule for column in columns if column.rule}
    codes = {
        column.name: sorted({code for _, codes in column.codes for code in codes.outcomes})
        for column in columns
    }
    return Terms(rules, codes, draft.project.teams)


def _no_module(draft: Draft, module: str) -> Diagnostic:
    names = draft.plan.columns
    return Diagnostic(
        "RUN-041",
        f"there is no module `{module}`{did_you_mean(module, names)}",
        fix=f"name one of {listing(names)}",
    )
