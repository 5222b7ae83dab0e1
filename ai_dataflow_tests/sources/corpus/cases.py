"""A file of the corpus: who writes it, what is special about it, what another reader has of it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_dataflow.config.format_settings import FormatSettings

Rows = list[tuple[Any, ...]]
NAMES = ("id", "ort", "amount")  # of most files
TABLE: Rows = [("1", "Köln", "2.50"), ("2", "a,b; c", "-3.25"), ("3", 'say "hi"', "1000.00")]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A file of the corpus.

    `kind` and `what` are a row of the table and what stands in it; `by` is who writes it. `read` is
    another reader; of what is refused `refused` has the code. `names` are the columns that a sheet
    would map, by default all; `rejects` the rows that are none.
    """

    kind: str
    what: str
    by: str
    name: str
    write: Callable[[Path], object]
    read: Callable[[Path], Rows] | None = None
    refused: str = ""
    said: FormatSettings | None = None
    names: Sequence[str] = ()
    rejects: int = 0

    def __str__(self) -> str:
        """Name it, for the tests' list."""
        return f"{self.kind}: {self.what} ({self.by})"


def content(data: bytes | str, encoding: str = "utf-8") -> Callable[[Path], object]:
    """Write just these bytes, or this text."""
    return lambda path: path.write_bytes(data.encode(encoding) if isinstance(data, str) else data)


def table(rows: Rows = TABLE) -> Callable[[Path], Rows]:
    """Give rows that need no reader: what was written is right."""
    return lambda _: rows


def plain(rows: Iterable[Sequence[Any]]) -> Rows:
    """Give rows in plain values: instants in UTC, no empty texts, NaN as a word."""
    return [tuple(map(_plain, row)) for row in rows]


def _plain(value: Any) -> Any:
    match value:
        case "":
            return None
        case float() if math.isnan(value):
            return "NaN"
        case dt.datetime() if value.tzinfo:
            return dt.datetime.fromtimestamp(value.timestamp(), dt.UTC)
        case dt.datetime():
            return dt.datetime(*value.timetuple()[:6], value.microsecond, dt.UTC)
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case bytearray() | memoryview():
            return bytes(value)
        case _:
            return value
