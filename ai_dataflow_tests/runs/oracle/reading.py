"""What is at a location: files, their columns with types, their rows; or the code of what is wrong.

Columns have the types that a sheet's casts tell apart: text, int, float, decimal, bool, date,
timestamp and null.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from ai_dataflow_tests.runs.oracle.formats import (
    Row,
    UnreadableError,
    csv_rows,
    csv_types,
    is_delta,
    json_rows,
    json_types,
    log_of,
    parquet_rows,
    parquet_types,
    sqlite_rows,
    sqlite_types,
    text_of,
)


@dataclass(frozen=True)
class Place:
    """Where a row is: its source as rejects spell it, and its number there, from 1."""

    source: str
    number: int | None


class AmbiguousError(Exception):
    """Rows that are read and say not what is to be made of them; raised with the code."""


@dataclass(frozen=True)
class Content:
    """A source's rows, each with its place, and its lines that are no rows."""

    rows: list[tuple[Place, Row]] = field(default_factory=list)
    malformed: list[tuple[Place, str]] = field(default_factory=list)


def files_at(folder: Path, location: str) -> list[Path]:
    """Find the files of a location; a Delta table may have none.

    Raises:
        UnreadableError: SRC-001 where there is none, SRC-002 where one has no byte.
    """
    if location.startswith("sql://"):
        return [folder / database_of(folder, location)]
    root = folder / location
    if is_delta(root):
        return [root / path for path in log_of(root)[0]]
    if "*" in location:
        files = sorted(folder.glob(location))
    else:
        files = [root] if root.is_file() else sorted(f for f in root.rglob("*") if f.is_file())
    if not files:
        raise UnreadableError("SRC-001")
    if not all(file.stat().st_size for file in files):
        raise UnreadableError("SRC-002")
    return files


def database_of(folder: Path, location: str) -> str:
    """Give the file of the database that a location names, by its connection."""
    urls = _urls((folder / "ai_dataflow.toml").read_text())
    return urls[location.split("/")[2]].removeprefix("sqlite:///")


@cache
def _urls(settings: str) -> dict[str, str]:
    return {name: said["url"] for name, said in tomllib.loads(settings)["sql"].items()}


@dataclass(frozen=True)
class Opened:
    """A location's files, opened: their columns are known, their rows not yet read.

    `some` are the columns that some of the files lack; `headers` the names in each file of text.
    `differ` tells that the types of a column are not the same in all files; `called` are columns
    that are named otherwise here than in the files.
    """

    folder: Path
    location: str
    files: list[Path]
    types: dict[str, str]
    some: frozenset[str] = frozenset()
    headers: tuple[frozenset[str], ...] = ()
    differ: bool = False
    called: dict[str, str] = field(default_factory=dict)

    def named_by(self, names: list[str]) -> Opened:
        """Call columns as the sheet does, where files differ: each might spell them in its way."""
        found = {name: resolved(name, self.types) for name in names} if self.differ else {}
        called = {name: column for name, column in found.items() if column not in (None, name)}
        names_of = {column: name for name, column in called.items()}
        types = {names_of.get(column, column): kind for column, kind in self.types.items()}
        return replace(self, types=types, called={n: c or n for n, c in called.items()})

    def called_first(self, alternatives: Iterable[tuple[str, ...]]) -> Opened:
        """Call columns by the first of their names, where they have several."""
        several = [names for names in alternatives if len(names) > 1]
        found = {n[0]: next(filter(None, (resolved(e, self.types) for e in n)), None)
                 for n in several}  # fmt: skip
        there = {name: column for name, column in found.items() if column}
        types = {
            name + of.removeprefix(column): kind
            for name, column in there.items()
            for of, kind in self.types.items()
            if of == column or of.startswith(f"{column}[]")
        }
        called = {name: self.called.get(column, column) for name, column in there.items()}
        return replace(self, types={**self.types, **types}, called={**self.called, **called})

    def check_headers(self, names: list[str]) -> None:
        """Make sure that the first line of each file of text has one of the names of the sheet.

        Raises:
            UnreadableError: SRC-031.
        """
        wanted = {name.casefold() for name in names}
        if not all(wanted & {name.casefold() for name in header} for header in self.headers):
            raise UnreadableError("SRC-031")

    @property
    def kind(self) -> str:
        """The format of its files; those of a Delta table are one whole."""
        return "delta" if is_delta(self.folder / self.location) else self.files[0].suffix[1:]

    def read(self, columns: list[str]) -> Content:
        """Read some columns of all rows.

        Raises:
            UnreadableError: SRC-001, SRC-003 or SRC-004; SRC-010 for what some files lack.
        """
        wanted = columns or list(self.types)[:1]
        names = {name: self.called.get(name, name) for name in wanted}
        there = list(dict.fromkeys(names.values()))
        if columns and self.some & {*there}:
            raise UnreadableError("SRC-010")
        if self.kind == "csv":
            return self._read_csv(names)
        if self.kind == "sqlite":
            own = sqlite_rows(self.files[0], there)
            rows_of = ({n: row[c] for n, c in names.items()} for row in own)
            return Content([(Place(self.location, None), row) for row in rows_of])
        rows = (
            [*json_rows(self.files)] if self.kind == "jsonl" else [*parquet_rows(self.files, there)]
        )
        placed = [
            (Place(self._called(file), i), row)
            for file, own in rows
            for i, row in enumerate(own, 1)
        ]
        if self.kind != "parquet" and not _is_nested(rows):  # others are told apart, each from 1
            placed = [(Place(self.location, i), row) for i, (_, row) in enumerate(placed, 1)]
        return Content([(at, {n: row.get(c) for n, c in names.items()}) for at, row in placed])

    def _read_csv(self, names: dict[str, str]) -> Content:
        content = Content()
        for file in self.files:
            place, text = self._called(file), text_of(file)
            if not text.endswith("\n"):
                raise UnreadableError("SRC-004")
            good, bad = csv_rows(text)
            content.rows.extend(
                (Place(place, i), {name: row[column] for name, column in names.items()})
                for i, row in enumerate(good, start=1)
            )
            content.malformed.extend((Place(place, None), line) for line in bad)
        return content

    def _called(self, file: Path) -> str:
        if len(self.files) == 1:
            return self.location
        # Files of a folder or a glob are told apart by their paths within it.
        parts = Path(self.location).parts
        plain = [part for part in parts if "*" not in part]
        return f"{self.location} ({file.relative_to(self.folder.joinpath(*plain)).as_posix()})"


def _is_nested(files: list[tuple[Path, list[Row]]]) -> bool:
    """Tell whether a line of JSON has a list in it."""
    return any(isinstance(value, list) for _, own in files for row in own for value in row.values())


def opened(folder: Path, location: str) -> Opened:
    """Open a location's files.

    Raises:
        UnreadableError: as `files_at`; SRC-003.
    """
    files = files_at(folder, location)
    if is_delta(folder / location):
        return Opened(folder, location, files, log_of(folder / location)[1])
    suffix = files[0].suffix
    if suffix == ".sqlite":
        return Opened(folder, location, files, sqlite_types(files[0]))
    types = {".csv": csv_types, ".jsonl": json_types, ".parquet": parquet_types}[suffix](files)
    every = {name: kind for of_file in types for name, kind in of_file.items()}
    some = frozenset(name for name in every if any(name not in of_file for of_file in types))
    headers = tuple(map(frozenset, types)) if suffix == ".csv" else ()
    differ = suffix == ".jsonl" and _differ(files)
    return Opened(folder, location, files, every, some, headers, differ)


def _differ(files: list[Path]) -> bool:
    """Tell whether files of JSON differ in their columns; those with lists are read as one."""
    is_nested = _is_nested([*json_rows(files)])
    return not is_nested and len({str(json_types([file])) for file in files}) > 1


def resolved(name: str, types: dict[str, str]) -> str | None:
    """Find a column by its name, or by the only one that differs in case alone."""
    alike = [column for column in types if column.casefold() == name.casefold()]
    return name if name in types else alike[0] if len(alike) == 1 else None
