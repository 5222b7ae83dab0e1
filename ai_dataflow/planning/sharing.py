"""Sharing: files and tables that feed several clients, each of which would get the rows of all."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from ai_dataflow.config.blob_urls import is_blob_url
from ai_dataflow.config.diagnostics import Diagnostic, listing
from ai_dataflow.config.grouped import grouped
from ai_dataflow.connections.globs import fixed_part, glob_pattern, with_names
from ai_dataflow.planning.findings import is_partition
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.source_job import SourceJob
from ai_dataflow.sources.survey import Survey
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.locations import FileLocation, Location

_SEVERAL = 2
Sources = Mapping[ControlRow, SourceJob]
Finding = tuple[Diagnostic, Sequence[ControlRow]]


def check_shared(sources: Sources) -> Iterator[Finding]:
    """Find locations that are those of several clients, by the tables alone."""
    alike_in = grouped(sources, lambda row: (row.product, _place_of(sources[row].location)))
    for alike in alike_in.values():
        if len(alike) == 1:
            continue
        if touched := _touched(alike, sources):
            yield _shared(alike, f"{sources[alike[0]].location}"), touched
        for same in grouped(alike, lambda row: sources[row].location).values():
            if sources[same[0]].location.client_column and len({row.client for row in same}) > 1:
                yield _shared(same, f"one client's rows of {sources[same[0]].location}"), same


def check_overlaps(sources: Sources, seen: Survey) -> Iterator[Finding]:
    """Find files that the locations of several clients name, by what a survey saw there.

    Where it did not look, the locations themselves tell whether they name a file that it saw.
    """
    claims = _Claims()
    for row, source in sources.items():
        location = source.location
        sight = seen.get(location)
        if isinstance(sight, Listing):
            claims.add(row, sight)
        elif sight is None and isinstance(location, FileLocation):
            claims.unseen.append((row, location))
    overlaps: dict[tuple[ControlRow, ...], str] = {}
    for path, claiming in claims.by_file():
        if len(claiming) < _SEVERAL:
            continue
        for of_product in grouped(claiming, lambda row: row.product).values():
            if len({row.client for row in of_product}) >= _SEVERAL:
                overlaps.setdefault(tuple(of_product), path)
    for several, path in overlaps.items():
        is_one = len({_place_of(sources[row].location) for row in several}) == 1
        if not is_one and (touched := _touched(several, sources)):
            widest = sorted(several, key=lambda row: -claims.size(row))
            yield _shared(widest, f"{path} at {sources[widest[0]].location}"), touched


@dataclass
class _Claims:
    """Which rows read which file; a Delta table as a whole is one, by its folder."""

    rows: dict[str, list[ControlRow]] = field(default_factory=dict)
    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    states: dict[str, list[str]] = field(default_factory=dict)
    tables: dict[str, list[ControlRow]] = field(default_factory=dict)
    sizes: dict[ControlRow, int] = field(default_factory=dict)
    sheets: dict[str, dict[str, list[ControlRow]]] = field(default_factory=dict)
    unseen: list[tuple[ControlRow, FileLocation]] = field(default_factory=list)

    def add(self, row: ControlRow, seen: Listing) -> None:
        """Note what a row reads."""
        self.sizes[row] = len(seen.files)
        if seen.version is not None and not seen.partition:
            self.tables.setdefault(seen.folder, []).append(row)
            return
        is_local = not is_blob_url(seen.folder)
        for file in seen.files:
            url = f"{seen.folder.rstrip('/')}/{file.path}"
            if seen.sheet:  # who names another sheet reads other rows, who names none maybe these
                self.sheets.setdefault(url, {}).setdefault(seen.sheet, []).append(row)
                continue
            self.rows.setdefault(url, []).append(row)
            self.files.setdefault(url, (url, file.path))
            if is_local:
                self.states.setdefault(file.etag, []).append(url)

    def size(self, row: ControlRow) -> int:
        """Count the files that a row reads; nobody knows of one that was not looked at."""
        return self.sizes.get(row, 0)

    def follow_links(self) -> None:
        """Take files for one that symbolic links lead to: these have one state."""
        folder_of = cache(os.path.realpath)  # many files lie in one
        for alike in self.states.values():
            names = dict.fromkeys(alike) if len(alike) > 1 else {}
            for url in names if len(names) > 1 else ():
                parent, name = os.path.split(url)
                is_link = os.path.islink(url)  # noqa: PTH114 - paths would take thrice as long
                leads_to = (
                    os.path.realpath(url) if is_link else os.path.join(folder_of(parent), name)  # noqa: PTH118 - the same
                )
                if leads_to != url and url in self.rows:
                    self.files.setdefault(leads_to, self.files.pop(url))
                    self.rows.setdefault(leads_to, []).extend(self.rows.pop(url))

    def by_file(self) -> Iterator[tuple[str, list[ControlRow]]]:
        """Give each file, by its path in its location, with the rows that read it."""
        self.follow_links()
        guesses = [_Guess(row, location) for row, location in self.unseen]
        for key, rows in self.rows.items():
            url, path = self.files[key]
            more = [g.row for g in guesses if g.names(url)]
            of_table = self._tables_above(url) if self.tables else []
            yield path, [*rows, *more, *of_table]
        for url, sheets in self.sheets.items():
            whole = self.rows.get(url, [])
            yield from ((f"the sheet {name}", [*whole, *rows]) for name, rows in sheets.items())
        yield from (("it", rows) for rows in self.tables.values() if len(rows) > 1)

    def _tables_above(self, url: str) -> list[ControlRow]:
        parents = (url[:i] for i, letter in enumerate(url) if letter == "/")
        return [row for parent in parents for row in self.tables.get(parent, ())]


class _Guess:
    """Tells whether a location that nobody looked at names a file."""

    def __init__(self, row: ControlRow, location: FileLocation) -> None:
        self.row = row
        self._url = location.url.rstrip("/")
        self._begin = fixed_part(self._url)

    def names(self, url: str) -> bool:
        """Tell whether it names a file: as it is, by a glob, or a folder that it is in."""
        if not url.startswith(self._begin):
            return False
        if url == self._url or url.startswith(f"{self._url}/"):
            return True
        if self._begin == self._url:
            return False
        glob = with_names(self._url, [url])
        return any(glob_pattern(each).fullmatch(url) for each in (glob, f"{glob}/**"))


def _place_of(location: Location) -> str:
    return location.url if isinstance(location, FileLocation) else str(location)


def _touched(rows: Collection[ControlRow], sources: Sources) -> list[ControlRow]:
    """Give the rows that read all clients' rows; none where only one client is there."""
    if len({row.client for row in rows if is_partition(row.partition)}) < _SEVERAL:
        return []
    return [row for row in rows if not (sources[row].location.client_column or row.is_shared)]


def _shared(rows: Sequence[ControlRow], what: str) -> Diagnostic:
    first = rows[0]
    other = next(row for row in rows if row.client != first.client)
    clients = listing(dict.fromkeys(row.client for row in rows), 4)
    return first.problem(
        "CTL-016",
        "module_location",
        f"{what} is the source of {clients}: each would be published with the rows of all; see "
        f"{first.place('module_location')} and {other.place('module_location')}",
        "name each client's own data, by {client_code} in a location that fits no other client's, "
        "or by client_column",
    )
