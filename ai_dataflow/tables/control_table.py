"""The control table: one row is one semantic model of one client, and where it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ai_dataflow.config.diagnostics import Diagnostic, did_you_mean, listing
from ai_dataflow.config.format_settings import FORMAT_TYPES
from ai_dataflow.config.grouped import grouped
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
# As `client_value`: the rows of the source are every client's. As `client_code`: the row stands for
# one of each client that has another source of the product in the module.
EVERY_CLIENT = "*"


@dataclass(frozen=True, slots=True)
class ControlRow(Row):
    """What to load: a product's submodule of a module, for one client.

    `append_by` is the column by which only new rows are read; blank where all are. `client_value`
    is how the source spells the client, where it is not its code. One of the rows of `*` is
    `of_every`; it has the client that it is for.
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
    of_every: bool = False

    def __hash__(self) -> int:
        """Hash what tells most rows apart: plans look them up by the thousand."""
        return hash((self.line, self.client))

    @property
    def spelled_client(self) -> str:
        """The client as its source spells it."""
        return self.client_value or self.client

    @property
    def is_shared(self) -> bool:
        """Tell whether the rows of the source are meant for every client that names it."""
        return self.of_every or self.client_value == EVERY_CLIENT

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

    A row whose client is `*` is given once for each client that it feeds, and never as such.
    Every row is given, the bad ones too: planning decides what they hold back. A row that names
    no usable partition cannot hold one back; its diagnostic stands alone.
    """
    names = (*formats, *FORMAT_TYPES)
    problems = [
        *table.blanks((*NAMES, "module_location", "active")),
        *table.bad_names(NAMES[:-1]),
        *table.bad_names(NAMES[-1:], also=EVERY_CLIENT),
        *table.bad_flags(["active"]),
        *table.wrong("010", "file_format", partial(_bad_format, names), listing(names)),
        *table.wrong("018", "load", _bad_load, "full, or append_by:<column>"),
        *_duplicates(table),
        *_alike(table),
    ]
    rows = [_row(table, line, cells) for line, cells in table.rows.items()]
    problems += _not_for_all(rows)
    spread = _spread(rows)
    problems += _for_nobody(rows, {row.line for row in spread})
    return spread, table.diagnostics(problems)


def _spread(rows: Sequence[ControlRow]) -> list[ControlRow]:
    """Give for each row for every client one for each client that it feeds, below all others.

    Those are the clients that have another active source of the product in the module. A client's
    active row of the very source takes the place of the one for every client. Below, as what all
    share is joined to what is a client's: else its rows could not be written under it.
    """
    active = [row for row in rows if row.active and row.client != EVERY_CLIENT]
    clients = grouped(active, lambda row: (row.module, row.product))
    having = {(row.names, row.client) for row in active}
    of_clients = [row for row in rows if row.client != EVERY_CLIENT]
    return of_clients + [
        replace(row, client=client, of_every=True)
        for row in rows
        if row.client == EVERY_CLIENT
        for client in dict.fromkeys(
            other.client
            for other in clients.get((row.module, row.product), ())
            if (row.names, other.client) not in having
        )
    ]


def _not_for_all(rows: Sequence[ControlRow]) -> Iterator[Diagnostic]:
    """Find rows for every client that read what is one client's alone."""
    for row in rows:
        if row.client != EVERY_CLIENT:
            continue
        for odd in ("{client_code}", "?client_column="):
            if odd in row.location:
                yield row.problem(
                    "CTL-031",
                    "module_location",
                    f"the row is for every client, and `{odd}` in its location says that each has "
                    "data of its own",
                    "name a source that all clients share, or write a row for each client",
                )
        if row.client_value not in ("", EVERY_CLIENT):
            yield row.problem(
                "CTL-031",
                "client_value",
                "the row is for every client, and a source spells each of them in another way",
                "clear `client_value`, or write a row for each client",
            )


def _for_nobody(rows: Sequence[ControlRow], used: Collection[int]) -> Iterator[Diagnostic]:
    """Find active rows for every client that feed none: alone they make no partition."""
    active = [row for row in rows if row.active and row.client != EVERY_CLIENT]
    sources = {row.names for row in active}
    for row in rows:
        if row.client == EVERY_CLIENT and row.active and row.line not in used:
            of_it = row.names in sources
            what = "each has a row of its own for it" if of_it else "there is none"
            yield row.problem(
                "CTL-030",
                "client_code",
                f"the row is for every client of {row.product} that has another source in "
                f"`{row.module}`, and {what}",
                "make the row inactive" if of_it else "add the rows of the clients, or name the "
                "client that it is for",
            )  # fmt: skip


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
