"""How a terminal shows numbers, times, lists and texts that are not ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

SHOWN_PARTITIONS = 5


def printable(text: str) -> str:
    """Spell out what a terminal would act upon: escapes, or marks that turn the text around."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def counted(number: int, name: str) -> str:
    """Count things by name: `1 row`, `2,000 rows`."""
    return f"{number} {name}" if number == 1 else f"{number:,} {name}s"


def number(value: int | None) -> str:
    """Give a number as people read it; nothing where there is none."""
    return "" if value is None else f"{value:,}"


def when(moment: datetime | None) -> str:
    """Give a moment in local time; nothing where there is none."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else ""


def some(partitions: Sequence[str]) -> str:
    """Name the first few partitions, and count the rest."""
    more = len(partitions) - SHOWN_PARTITIONS
    return ", ".join(partitions[:SHOWN_PARTITIONS]) + (f" and {more} more" if more > 0 else "")
