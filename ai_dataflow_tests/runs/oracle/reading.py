"""What is at a location: files, their columns with types, their rows; or the code of what is wrong.

Columns have the types that a sheet's casts tell apart: text, int, float, decimal, bool, date,
timestamp and null.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
_FIELD = re.compile(r'(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))')


class UnreadableError(Exception):
    """A source that cannot be read; it is raised with the code that tells why."""


@dataclass(frozen=True)
class Place:
    """Where a row is: its source as rejects spell it, and its number there, from 1."""

    source: str
    number: int | None


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
    root = folder / location
    if is_delta(root):
        return [root / path for path in _log(root)[0]]
    if "*" in location:
        files = sorted(folder.glob(location))
    else:
        files = [root] if root.is_file() else sorted(f for f in root.rglob("*") if f.is_file())
    if not files:
        raise UnreadableError("SRC-001")
    if not all(file.stat().st_size for file in files):
        raise UnreadableError("SRC-002")
    return files


def is_delta(root: Path) -> bool:
    """Tell a Delta table by its log."""
    return (root / "_delta_log").is_dir()


def _log(root: Path) -> tuple[list[str], dict[str, str]]:
    """Replay the commits of a Delta table: its files now, the newest first, and its columns."""
    paths: dict[str, None] = {}
    types: dict[str, str] = {}
    for commit in sorted((root / "_delta_log").glob("*.json")):
        for action in map(json.loads, commit.read_text().splitlines()):
            if "remove" in action:
                paths.pop(action["remove"]["path"], None)
            if "add" in action:
                paths[action["add"]["path"]] = None
            if "metaData" in action:
                fields = json.loads(action["metaData"]["schemaString"])["fields"]
                types = {field["name"]: _delta_kind(field["type"]) for field in fields}
    return list(reversed(paths)), types


def _delta_kind(name: str) -> str:
    kinds = {"boolean": "bool", "double": "float", "date": "date", "string": "text",
             "long": "int", "integer": "int", "short": "int"}  # fmt: skip
    return kinds.get(name) or name.partition("(")[0].removesuffix("_ntz")


@dataclass(frozen=True)
class Opened:
    """A location's files, opened: their columns are known, their rows not yet read."""

    folder: Path
    location: str
    files: list[Path]
    types: dict[str, str]

    @property
    def kind(self) -> str:
        """The format of its files; those of a Delta table are one whole."""
        return "delta" if is_delta(self.folder / self.location) else self.files[0].suffix[1:]

    def read(self, columns: list[str]) -> Content:
        """Read some columns of all rows.

        Raises:
            UnreadableError: SRC-001, SRC-003 or SRC-004.
        """
        wanted = columns or list(self.types)[:1]
        if self.kind == "csv":
            return self._read_csv(wanted)
        rows = _json_rows(self.files) if self.kind == "jsonl" else _parquet_rows(self.files, wanted)
        placed: list[tuple[Place, Row]] = []
        before = 0
        for file, own in rows:
            # Of Parquet each file is counted from 1, of others all together.
            by_file = self.kind == "parquet"
            place = self._called(file) if by_file else self.location
            placed += [
                (Place(place, i if by_file else before + i), {name: row.get(name) for name in wanted})
                for i, row in enumerate(own, start=1)
            ]  # fmt: skip
            before += len(own)
        return Content(placed)

    def _read_csv(self, columns: list[str]) -> Content:
        content = Content()
        for file in self.files:
            place, text = self._called(file), _text(file)
            if not text.endswith("\n"):
                raise UnreadableError("SRC-004")
            good, bad = _csv_rows(text)
            content.rows.extend(
                (Place(place, i), {name: row[name] for name in columns})
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


def opened(folder: Path, location: str) -> Opened:
    """Open a location's files.

    Raises:
        UnreadableError: as `files_at`; SRC-003, or SRC-010 where files differ.
    """
    files = files_at(folder, location)
    if is_delta(folder / location):
        return Opened(folder, location, files, _log(folder / location)[1])
    suffix = files[0].suffix
    types = {".csv": _csv_types, ".jsonl": _json_types, ".parquet": _parquet_types}[suffix](files)
    return Opened(folder, location, files, types)


def _text(file: Path) -> str:
    """Read a file, which may be cut off within a letter."""
    return file.read_bytes().decode(errors="replace")


def _csv_types(files: list[Path]) -> dict[str, str]:
    headers = [_text(file).split("\n", 1)[0] for file in files]
    if len(set(headers)) > 1:
        raise UnreadableError("SRC-010")
    return dict.fromkeys(next(csv.reader([headers[0]])), "text")


def _csv_rows(text: str) -> tuple[list[Row], list[str]]:
    """Divide a CSV's lines into rows and others. No field of these projects has a line in it."""
    if text.count('"') % 2:
        raise UnreadableError("SRC-003")
    header, *lines = text.splitlines()
    names, good, bad = next(csv.reader([header])), [], []
    for line in lines:
        values = _fields(line)
        if len(values) == len(names):
            good.append(dict(zip(names, values, strict=True)))
        else:
            bad.append(line)
    return good, bad


def _fields(line: str) -> list[str | None]:
    """Split a line; an empty field is null, one in quotes an empty text."""
    found = [(field[1], field[2]) for field in _FIELD.finditer(line)]
    return [
        (plain or None) if quoted is None else quoted.replace('""', '"') for quoted, plain in found
    ]


def _json_rows(files: list[Path]) -> Iterator[tuple[Path, list[Row]]]:
    for file in files:
        try:
            yield file, [json.loads(line) for line in _text(file).splitlines()]
        except ValueError:
            raise UnreadableError("SRC-003") from None


def _json_types(files: list[Path]) -> dict[str, str]:
    """Find the type of each key that any line has."""
    kinds: dict[str, set[str]] = {}
    for row in chain.from_iterable(rows for _, rows in _json_rows(files)):
        for name, value in row.items():
            kinds.setdefault(name, set()).update(_kind_of(value))
    return {name: _common(found) for name, found in kinds.items()}


def _kind_of(value: Any) -> Iterable[str]:
    names = {bool: "bool", int: "int", float: "float", str: "text"}
    return [] if value is None else [names[type(value)]]


def _common(kinds: set[str]) -> str:
    order = ("text", "float", "int", "bool")
    return next((kind for kind in order if kind in kinds), "null")


def _parquet_types(files: list[Path]) -> dict[str, str]:
    schemas = []
    for file in files:
        try:
            schemas.append(pq.read_schema(file))
        except (pa.ArrowInvalid, OSError):
            raise UnreadableError("SRC-003") from None
    # Another order of the same columns is another shape, too.
    types = [[(column.name, column.type) for column in schema] for schema in schemas]
    if any(other != types[0] for other in types):
        raise UnreadableError("SRC-010")
    return {name: _arrow_kind(dtype) for name, dtype in types[0]}


def _arrow_kind(dtype: pa.DataType) -> str:
    tests = {
        "int": pa.types.is_integer, "float": pa.types.is_floating, "bool": pa.types.is_boolean,
        "decimal": pa.types.is_decimal, "date": pa.types.is_date,
        "timestamp": pa.types.is_timestamp, "null": pa.types.is_null,
    }  # fmt: skip
    return next((kind for kind, test in tests.items() if test(dtype)), "text")


def _parquet_rows(files: list[Path], columns: list[str]) -> Iterator[tuple[Path, list[Row]]]:
    for file in files:
        try:
            yield file, pq.ParquetFile(file).read(columns).to_pylist()
        except FileNotFoundError:  # a Delta table says that it is there
            raise UnreadableError("SRC-001") from None
        except (pa.ArrowException, OSError):
            raise UnreadableError("SRC-003") from None
