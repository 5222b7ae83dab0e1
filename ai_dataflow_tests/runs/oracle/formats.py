"""The formats that sources are stored in: the columns of files, their types, their rows."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
_FIELD = re.compile(r'(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))')


class UnreadableError(Exception):
    """A source that cannot be read; it is raised with the code that tells why."""


def is_delta(root: Path) -> bool:
    """Tell a Delta table by its log."""
    return (root / "_delta_log").is_dir()


def log_of(root: Path) -> tuple[list[str], dict[str, str]]:
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


def sqlite_types(file: Path) -> dict[str, str]:
    """Give the columns of the one table of a database."""
    kinds = {"TEXT": "text", "BIGINT": "int", "DOUBLE": "float"}
    with closing(sqlite3.connect(file)) as connection:
        columns = connection.execute("PRAGMA table_info(rows)").fetchall()
    if not columns:
        raise UnreadableError("SRC-001")
    return {name: kinds[declared] for _, name, declared, *_ in columns}


def sqlite_rows(file: Path, columns: list[str]) -> list[Row]:
    """Read columns of the table; nobody knows the order of its rows, so these are sorted."""
    names = ", ".join(f'"{name}"' for name in columns)
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute(f"SELECT {names} FROM rows").fetchall()  # noqa: S608
    rows.sort(key=lambda row: [(value is not None, value or type(value)()) for value in row])
    return [dict(zip(columns, row, strict=True)) for row in rows]


def text_of(file: Path) -> str:
    """Read a file, which may be cut off within a letter."""
    return file.read_bytes().decode(errors="replace")


def csv_types(files: list[Path]) -> list[dict[str, str]]:
    headers = [text_of(file).split("\n", 1)[0] for file in files]
    return [dict.fromkeys(next(csv.reader([header])), "text") for header in headers]


def csv_rows(text: str) -> tuple[list[Row], list[str]]:
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


def json_rows(files: list[Path]) -> Iterator[tuple[Path, list[Row]]]:
    for file in files:
        try:
            yield file, [json.loads(line) for line in text_of(file).splitlines()]
        except ValueError:
            raise UnreadableError("SRC-003") from None


def json_types(files: list[Path]) -> list[dict[str, str]]:
    """Find the type of each key that any line has."""
    kinds: dict[str, set[str]] = {}
    for row in chain.from_iterable(rows for _, rows in json_rows(files)):
        for name, value in row.items():
            kinds.setdefault(name, set()).update(_kind_of(value))
    return [{name: _common(found) for name, found in kinds.items()}]


def _kind_of(value: Any) -> Iterable[str]:
    names = {bool: "bool", int: "int", float: "float", str: "text", list: "text"}
    return [] if value is None else [names[type(value)]]


def _common(kinds: set[str]) -> str:
    order = ("text", "float", "int", "bool")
    return next((kind for kind in order if kind in kinds), "null")


def parquet_types(files: list[Path]) -> list[dict[str, str]]:
    schemas = []
    for file in files:
        try:
            schemas.append(pq.read_schema(file))
        except (pa.ArrowInvalid, OSError):
            raise UnreadableError("SRC-003") from None
    return [dict(kind for column in schema for kind in _kinds(column)) for schema in schemas]


def _kinds(column: pa.Field) -> Iterator[tuple[str, str]]:
    """Give the type of a column, and of the fields of its elements, `column[].field`."""
    yield column.name, _arrow_kind(column.type)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        yield from _fields_of(f"{column.name}[]", column.type.value_type)


def _fields_of(name: str, dtype: pa.DataType) -> Iterator[tuple[str, str]]:
    for field in dtype if pa.types.is_struct(dtype) else ():
        yield f"{name}.{field.name}", _arrow_kind(field.type)
        yield from _fields_of(f"{name}.{field.name}", field.type)


def _arrow_kind(dtype: pa.DataType) -> str:
    tests = {
        "int": pa.types.is_integer, "float": pa.types.is_floating, "bool": pa.types.is_boolean,
        "decimal": pa.types.is_decimal, "date": pa.types.is_date,
        "timestamp": pa.types.is_timestamp, "null": pa.types.is_null,
        "list": lambda t: pa.types.is_list(t) or pa.types.is_large_list(t),
    }  # fmt: skip
    return next((kind for kind, test in tests.items() if test(dtype)), "text")


def parquet_rows(files: list[Path], columns: list[str]) -> Iterator[tuple[Path, list[Row]]]:
    for file in files:
        try:
            yield file, pq.ParquetFile(file).read(columns).to_pylist()
        except FileNotFoundError:  # a Delta table says that it is there
            raise UnreadableError("SRC-001") from None
        except (pa.ArrowException, OSError):
            raise UnreadableError("SRC-003") from None
