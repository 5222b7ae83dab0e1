"""The control table: one row is one semantic model of one client, and where it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.config.format_settings import FORMAT_TYPES
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.tables.table import CellTable, Layout, Names, Row, is_yes, repeats

NAMES = ("product_code", "module_name", "submodule_name", "client_code")
LAYOUT = Layout(
    "CTL",
    (*NAMES, "module_location", "active"),
    ("file_format", "load", "client_value"),
    key=NAMES,
    loose=("active",),
)
EVERY_CLIENT = "*"  # as `client_value`: the rows of the source are every client's


@dataclass(frozen=True, slots=True)
class ControlRow(Row):
    """What to load: a product's submodule of a module, for one client.

    `append_by` is the column by which only new rows are read; blank where all are. `client_value`
    is how the source spells the client, where it is not its code.
    """

    product: str
    module: str
    submodule: str
    client: str
    location: str
    file_format: str
    active: bool
    append_by: str = ""
    client_value: str = ""

    @property
    def spelled_client(self) -> str:
        """The client as its source spells it."""
        return self.client_value or self.client

    @property
    def is_shared(self) -> bool:
        """Tell whether the rows of the source are meant for every client that names it."""
        return self.client_value == EVERY_CLIENT

    @property
    def names(self) -> Names:
        """The module, the product and the submodule that it loads."""
        return self.module, self.product, self.submodule

    @property
    def partition(self) -> PartitionKey:
        """The partition that the row feeds."""
        return PartitionKey.of(self.module, self.client)


def control_rows(
    table: CellTable, formats: Collection[str] = ()
) -> tuple[list[ControlRow], list[Diagnostic]]:
    """Give the table's rows and its problems; `formats` are the names under `[formats]`.

    Every row is given, the bad ones too: planning decides what they hold back. A row that names
    no usable partition cannot hold one back; its diagnostic stands alone.
    """
    names = (*formats, *FORMAT_TYPES)
    problems = [
        *table.blanks((*NAMES, "module_location", "active")),
        *table.bad_names(NAMES),
        *table.bad_flags(["active"]),
        *table.wrong("010", "file_format", partial(_bad_format, names), listing(names)),
        *table.wrong("018", "load", _bad_load, "full, or append_by:<column>"),
        *_duplicates(table),
        *_alike(table),
    ]
    rows = [_row(table, line, cells) for line, cells in table.rows.items()]
    return rows, table.diagnostics(problems)


def _row(table: CellTable, line: int, cells: Mapping[str, str]) -> ControlRow:
    return ControlRow(
        sheet=table.sheet,
        line=line,
        product=cells["product_code"],
        module=cells["module_name"],
        submodule=cells["submodule_name"],
        client=cells["client_code"],
        location=cells["module_location"],
        file_format=cells["file_format"].casefold(),
        active=is_yes(cells["active"]),
        append_by=append_column(cells["load"]) or "",
        client_value=cells["client_value"],
    )


def _bad_format(names: Collection[str], value: str) -> str:
    name = value.casefold()
    return "" if name in ("", *names) else f"`{name}` is no file format{did_you_mean(name, names)}"


def append_column(load: str) -> str | None:
    """Give the column of `append_by:<column>`; none for `full`; None for what is neither."""
    kind, _, column = load.partition(":")
    if kind.strip().casefold() == "append_by" and column.strip():
        return column.strip()
    return "" if load.casefold() in ("", "full") else None


def _bad_load(value: str) -> str:
    return f"`{value[:80]}` is no way to load" if append_column(value) is None else ""


def _alike(table: CellTable) -> Iterator[Diagnostic]:
    """Find names that differ only in case: stores and readers may take them for one."""
    for column in NAMES:
        names = {name: line for line, name in reversed(list(table.column(column)))}
        in_order = sorted(names.items(), key=lambda item: item[1])
        for (name, line), (first, _) in repeats(in_order, lambda item: item[0].casefold()):
            message = f"`{name}` differs from `{first}` only in case"
            fix = "spell the name in one way"
            yield table.problem("012", line, column, message, fix, severity="warning")


def _duplicates(table: CellTable) -> Iterator[Diagnostic]:
    """Find active rows that name the same source twice: its rows would be published twice."""
    active = [
        (line, names)
        for line, cells in table.rows.items()
        if all(names := tuple(cells[name] for name in NAMES)) and is_yes(cells["active"])
    ]
    for (line, _), (first, _) in repeats(active, lambda row: row[1]):
        place = table.sheet.place(first, "submodule_name")
        message = f"the same product, module, submodule and client are in {place}"
        fix = "remove one of the rows, or make it inactive"
        yield table.problem("006", line, "submodule_name", message, fix)
