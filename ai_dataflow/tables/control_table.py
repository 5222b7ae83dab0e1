"""The control table: one row is one semantic model of one client, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ai_dataflow.config.diagnostics import Diagnostic, listing
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.tables.table import Layout, Row, Table, is_yes

FILE_FORMATS = ("parquet", "delta", "csv", "jsonl")
NAMES = ("product_code", "module_name", "submodule_name", "client_code")
LAYOUT = Layout("CTL", (*NAMES, "module_location", "active"), ("file_format", "load"), key=NAMES)


@dataclass(frozen=True)
class ControlRow(Row):
    """What to load: a product's submodule of a module, for one client.

    `append_by` is the column by which only new rows are read; blank where all are.
    """

    product: str
    module: str
    submodule: str
    client: str
    location: str
    file_format: str
    active: bool
    append_by: str = ""

    @property
    def partition(self) -> PartitionKey:
        """The partition that the row feeds."""
        return PartitionKey.of(self.module, self.client)


def control_rows(table: Table) -> tuple[list[ControlRow], list[Diagnostic]]:
    """Give the table's rows and its problems.

    Every row is given, the bad ones too: planning decides what they hold back. A row that names
    no usable partition cannot hold one back; its diagnostic stands alone.
    """
    problems = [
        *table.blanks((*NAMES, "module_location", "active")),
        *table.bad_names(NAMES),
        *table.bad_flags(["active"]),
        *_bad_formats(table),
        *_bad_loads(table),
        *_duplicates(table),
        *_alike(table),
    ]
    rows = [_row(table, line, cells) for line, cells in table.rows.items()]
    return rows, table.told(problems)


def _row(table: Table, line: int, cells: Mapping[str, str]) -> ControlRow:
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
    )


def _bad_formats(table: Table) -> list[Diagnostic]:
    formats = ((line, value.casefold()) for line, value in table.column("file_format"))
    return [
        table.problem(
            "010", line, "file_format", f"`{value}` is no file format", listing(FILE_FORMATS)
        )
        for line, value in formats
        if value not in ("", *FILE_FORMATS)
    ]


def append_column(load: str) -> str | None:
    """Give the column of `append_by:<column>`; none for `full`; None for what is neither."""
    kind, _, column = load.partition(":")
    if kind.strip().casefold() == "append_by" and column.strip():
        return column.strip()
    return "" if load.casefold() in ("", "full") else None


def _bad_loads(table: Table) -> list[Diagnostic]:
    return [
        table.problem(
            "018", line, "load", f"`{value[:80]}` is no way to load", "full, or append_by:<column>"
        )
        for line, value in table.column("load")
        if append_column(value) is None
    ]


def _alike(table: Table) -> list[Diagnostic]:
    """Find names that differ only in case: stores and readers may take them for one."""
    problems = []
    for column in NAMES:
        first: dict[str, str] = {}
        told = set()
        for line, name in table.column(column):
            known = first.setdefault(name.casefold(), name)
            if known != name and name not in told:
                told.add(name)
                message = f"`{name}` differs from `{known}` only in case"
                fix = "spell the name in one way"
                found = table.problem("012", line, column, message, fix)
                problems.append(replace(found, severity="warning"))
    return problems


def _duplicates(table: Table) -> list[Diagnostic]:
    """Find active rows that name the same source twice: its rows would be published twice."""
    first: dict[tuple[str, ...], int] = {}
    problems = []
    for line, cells in table.rows.items():
        names = tuple(cells[name] for name in NAMES)
        if not all(names) or not is_yes(cells["active"]):
            continue
        if (known := first.setdefault(names, line)) != line:
            place = table.sheet.place(known, "submodule_name")
            problems.append(
                table.problem(
                    "006",
                    line,
                    "submodule_name",
                    f"the same product, module, submodule and client are in {place}",
                    "remove one of the rows, or make it inactive",
                )
            )
    return problems
