"""The message model: what a mail says, as blocks; `render` and the terminal make them visible."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["", "good", "bad", "warn", "dim"]
Kind = Literal["failure", "recovery", "success", "digest", "test"]


@dataclass(frozen=True)
class Heading:
    """The title of what follows."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """A sentence or two."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Facts:
    """A few figures that stand out: (name, value)."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Cause:
    """What is wrong, where, and what to do. `note` tells how long; `lines` are (label, text)."""

    head: str
    title: str
    note: str = ""
    tone: Tone = "bad"
    lines: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Column:
    """A column of a table; numbers stand to the right. `is_wide` may take several lines."""

    name: str
    is_number: bool = False
    is_wide: bool = False


@dataclass(frozen=True)
class Cell:
    """A table's cell."""

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Table:
    """Rows under a header; `more` tells of those that are left out."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: `share` of the longest, 0 to 1."""

    label: str
    share: float
    shown: str
    tone: Tone = ""


@dataclass(frozen=True)
class Bars:
    """A small chart without an image: bars to the right, the newest last."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Command:
    """A command to copy."""

    text: str


@dataclass(frozen=True)
class Links:
    """Where to look: (label, URL or path)."""

    items: tuple[tuple[str, str], ...]


Block = Heading | Paragraph | Facts | Cause | Table | Bars | Command | Links


@dataclass(frozen=True)
class Message:
    """A message to a team. `errors` are the failures in it, and `healed` those that are over."""

    run_id: str
    team: str
    kind: Kind
    subject: str
    title: str
    tone: Tone
    blocks: tuple[Block, ...]
    preview: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    errors: tuple[str, ...] = field(default=(), compare=False)
    healed: tuple[str, ...] = field(default=(), compare=False)


def cells(*texts: str | Cell) -> tuple[Cell, ...]:
    """Make a table's row."""
    return tuple(text if isinstance(text, Cell) else Cell(text) for text in texts)


def table(columns: Sequence[Column], rows: Sequence[tuple[Cell, ...]], most: int = 50) -> Table:
    """Make a table of at most so many rows; the others are counted."""
    left_out = len(rows) - most
    more = f"and {left_out:,} more" if left_out > 0 else ""
    return Table(tuple(columns), tuple(rows[:most]), more)
