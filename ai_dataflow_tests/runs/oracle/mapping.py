"""From a source's rows to AI columns: what the sheet makes of each, or why it is left out."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ai_dataflow_tests.partition.values import FAILED
from ai_dataflow_tests.runs.oracle.cells import LISTED, UNMAPPED, Codes
from ai_dataflow_tests.runs.oracle.formats import Row
from ai_dataflow_tests.runs.oracle.reading import Content, Opened, Place, resolved
from ai_dataflow_tests.runs.oracle.reshaping import Shape
from ai_dataflow_tests.runs.oracle.rules import columns_of, taken
from ai_dataflow_tests.runs.oracle.tables import Mapping, Source
from ai_dataflow_tests.runs.oracle.transforms import of_sheet

# What can become an AI type at all; the rest is an error of the sheet.
_NUMBERS = {"int", "float", "decimal", "bool"}
_FROM = {
    "string": {"text", "date", "timestamp", *_NUMBERS},
    "boolean": {"text", *_NUMBERS},
    "date": {"text", "date", "timestamp"},
    "timestamp": {"text", "date", "timestamp"},
}


@dataclass(frozen=True)
class Reject:
    """A row left out, as the reject table has it."""

    product: str
    submodule: str
    reason: str
    ai_column: str
    cell: str
    source: str
    position: int | None
    raw_row: str


@dataclass(frozen=True)
class Mapped:
    """A good row: its AI columns, and the source row that it was made of."""

    values: Row
    place: Place
    raw: Row


@dataclass(frozen=True)
class _Feed:
    row: Mapping
    column: str | None
    meaning: Callable[[Any], Any]
    codes: dict[str, str]


class SheetError(Exception):
    """Mapping rows that do not fit a source's columns; raised with the codes that tell why."""


@dataclass(frozen=True)
class Compiled:
    """A source whose mapping rows fit its columns."""

    source: Source
    feeds: list[_Feed]
    ruled: dict[str, str]  # the columns that its rule asks, as they are called
    shape: Shape | None = None

    @property
    def columns(self) -> list[str]:
        """The columns that are mapped, or that its rule asks."""
        fed = (feed.column for feed in self.feeds if feed.column)
        return list(dict.fromkeys([*fed, *self.ruled.values()]))

    @property
    def read(self) -> list[str]:
        """The source's columns that are read."""
        return self.shape.read(self.columns) if self.shape else self.columns


def compiled(source: Source, at: Opened, codes: Codes) -> Compiled:
    """Compile a source's mapping rows.

    Raises:
        UnreadableError: SRC-031.
        SheetError: MAP-014 for a column that is not there, MAP-015 for one that never fits,
            MAP-044 for one that no code list can name.
    """
    feeds, wrong = [], []
    at.check_headers([*named(source)])
    shape = _shape(source, at)
    types = shape.types(at.types) if shape else at.types
    for row in source.mappings:
        name, transform = of_sheet(row.transform) if row.transform else (row.names[0], None)
        column = resolved(name, types) if name else None
        kind = transform.kind if transform else types.get(column or "", "")
        if name and column is None:
            wrong.append("MAP-014")
        elif row.cells.code_list and kind not in LISTED:
            wrong.append("MAP-044")
        elif not _fits("text" if row.cells.code_list else kind, row.ai_type):
            wrong.append("MAP-015")
        meaning = transform.meaning if transform else lambda value: value
        feeds.append(_Feed(row, column, meaning, codes.of(row.cells.code_list, source.product)))
    ruled = {name: resolved(name, types) for name in columns_of(source.taking)}
    wrong += ["MAP-014"] * (None in ruled.values())
    if wrong:
        raise SheetError(*wrong)
    return Compiled(source, feeds, {n: column or "" for n, column in ruled.items()}, shape)


def named(source: Source) -> Iterator[str]:
    """Give the source columns that the sheet names."""
    for row in source.mappings:
        yield from row.names
        yield (of_sheet(row.transform)[0] or "") if row.transform else ""
    yield from columns_of(source.taking)
    for names in source.rule.several if source.rule else ():
        yield from names


def _shape(source: Source, at: Opened) -> Shape | None:
    """Find the columns that a source's rule names."""
    if source.rule is None:
        return None
    columns = [resolved(name, at.types) for name in source.rule.columns]
    if None in columns:
        raise SheetError("MAP-014")
    there = [column for column in columns if column is not None]
    fields: list[str] = []
    if source.rule.explode:
        (exploded,) = source.rule.columns
        asked = {name for name in named(source) if name.startswith(f"{exploded}.")}
        fields = sorted(there[0] + name.removeprefix(exploded) for name in asked)
    return Shape(source.rule, there, fields, is_text=at.types[there[0]] != "list")


def _fits(kind: str, ai_type: str) -> bool:
    return kind == "null" or kind in _FROM.get(ai_type, {"text", *_NUMBERS})


@dataclass
class Done:
    """What became of a source's rows."""

    good: list[Mapped]
    rejects: list[Reject]
    filtered: int
    superseded: int

    @property
    def number(self) -> int:
        """How many there are."""
        return len(self.good) + len(self.rejects) + self.filtered + self.superseded


def mapped(source: Compiled, content: Content) -> Done:
    """Map the rows of a source that its rule takes.

    Raises:
        AmbiguousError: as `taken`.
    """
    good, rejects = list[Mapped](), list[Reject]()
    unlisted: list[tuple[Place, Row]] = []
    if source.shape:
        content, unlisted = source.shape.rows(content)
    for place, row in unlisted:
        cell = source.shape.rule.cell if source.shape else ""
        rejects.append(reject(source.source, "REJ-003", "", cell, place, row))
    raws = [(place, {name: row[name] for name in source.columns}) for place, row in content.rows]
    rule = source.source.taking
    asked = [{n: rule.cells.read(raw[c]) for n, c in source.ruled.items()} for _, raw in raws]
    sure = taken(rule, asked, [raw for _, raw in raws])
    for i, (reason, cell) in sure.rejects.items():
        rejects.append(reject(source.source, reason, "", rule.cell + cell, *raws[i]))
    for place, raw in (raws[i] for i in sure.rows):
        made = {f.row.ai_column: _value(f, raw) for f in source.feeds}
        why = next(filter(None, (_reason(f.row, made) for f in source.feeds)), None)
        if why:
            rejects.append(reject(source.source, *why, place, raw))
        else:
            good.append(Mapped(made, place, raw))
    for place, line in content.malformed:
        rejects.append(
            reject(source.source, "REJ-003", "", source.source.cell, place, {"line": line})
        )
    return Done(good, rejects, sure.filtered, sure.superseded)


def _value(feed: _Feed, raw: Row) -> Any:
    cells = feed.row.cells
    made = feed.meaning(cells.read(raw[feed.column]) if feed.column else None)
    return cells.made(made, feed.row.ai_type, feed.codes)


def _reason(row: Mapping, made: Row) -> tuple[str, str, str] | None:
    value = made[row.ai_column]
    reasons = {FAILED: "REJ-001", UNMAPPED: "REJ-006", None: "REJ-002" * row.required}
    code = reasons.get(value, "")
    return (code, row.ai_column, row.cell) if code else None


def reject(
    source: Source, reason: str, ai_column: str, cell: str, place: Place, raw: Row
) -> Reject:
    """Make the reject of a source row."""
    spelled = json.dumps({name: _spelled(raw[name]) for name in sorted(raw)})
    return Reject(
        source.product, source.submodule, reason, ai_column, cell, place.source, place.number,
        spelled,
    )  # fmt: skip


def _spelled(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value) if isinstance(value, float | Decimal) else value
