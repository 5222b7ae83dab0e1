"""Files that clients share, by a column that tells them apart: who is in them, and who is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.files.client_counts import ClientCounts, Counted
from ai_dataflow.sources.source_job import SourceJob, Strays
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.locations import FileLocation, Location, resolve

Sources = Mapping[ControlRow, SourceJob]
Finding = tuple[Diagnostic, Sequence[ControlRow]]


def by_column(location: Location) -> FileLocation | None:
    """Give files that clients share, whichever's rows are meant; None for other locations."""
    if isinstance(location, FileLocation) and location.client_column:
        return replace(location, client="")
    return None


def with_strays(sources: Sources, settings: Settings) -> dict[ControlRow, SourceJob]:
    """Say of each source whose files clients share what becomes of rows that are nobody's.

    Where they are rejects, those of the first of the clients have them.
    """
    shared = [row for row in sources if by_column(sources[row].location)]
    said: dict[ControlRow, SourceJob] = {}
    groups = grouped(shared, lambda row: (*row.names, by_column(sources[row].location)))
    for rows in groups.values():
        module = settings.module(rows[0].module)
        first = min(row.client for row in rows)
        for row in rows:
            strays: Strays = "reject" if row.client == first else "leave"
            strays = strays if module.without_client == "reject" else "fail"
            said[row] = replace(sources[row], strays=strays, shared_at=sources[rows[0]].place)
    return {row: said.get(row, source) for row, source in sources.items()}


def listed_clients(
    sources: Sources, control: Iterable[ControlRow], settings: Settings
) -> dict[Location, frozenset[str]]:
    """Give the clients that the control table lists for shared files, the inactive ones too."""
    clients: dict[Location, set[str]] = {}
    for source in sources.values():
        if files := by_column(source.location):
            clients.setdefault(files, set()).add(source.location.client)
    for row in control if clients else ():
        if not row.active:
            with suppress(DataflowError):  # what is inactive may be unfinished
                location = resolve(row, settings)
                if (files := by_column(location)) in clients:
                    clients[files].add(location.client)
    return {files: frozenset(listed) for files, listed in clients.items()}


def check_clients(sources: Sources, counts: Mapping[Location, Counted]) -> Iterator[Finding]:
    """Find clients without rows, rows without a client, and rows of clients that nobody lists."""
    shared = [row for row in sources if by_column(sources[row].location) in counts]
    for rows in grouped(shared, lambda row: by_column(sources[row].location)).values():
        counted = counts[by_column(sources[rows[0]].location) or sources[rows[0]].location]
        if not isinstance(counted, ClientCounts):
            continue  # who reads the files tells what is wrong with them
        if counted.others:
            yield _unlisted(rows[0], sources[rows[0]], counted), []
        for row in rows:
            if wrong := _of_client(sources[row], counted):
                yield from (
                    (replace(problem, line=row.line), [row]) for problem in wrong.diagnostics
                )


def _of_client(source: SourceJob, counted: ClientCounts) -> DataflowError | None:
    where, column = str(source.location), counted.column
    if counted.strays and source.strays == "fail":
        return file_failures.strays(where, column, counted.strays, source.shared_at)
    if not counted.rows.get(source.location.client):
        numbers = counted.holds_numbers
        return file_failures.no_rows(where, column, source.place, holds_numbers=numbers)
    return None


def _unlisted(row: ControlRow, source: SourceJob, counted: ClientCounts) -> Diagnostic:
    clients = "1 client that" if counted.others == 1 else f"{counted.others:,} clients that"
    rows = "1 row" if counted.other_rows == 1 else f"{counted.other_rows:,} rows"
    return row.problem(
        "CTL-023",
        "module_location",
        f"{source.location} has {rows} of {clients} the control table does not list",
        "add rows for them, or correct a client_code or client_value; inactive rows count",
        severity="warning",
    )
