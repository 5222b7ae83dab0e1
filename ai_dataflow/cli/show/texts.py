"""How a terminal shows numbers, lists and tables; what mails write alike is in `wording`."""

from __future__ import annotations

from collections.abc import Sequence

SHOWN_PARTITIONS = 5


def number(value: int | None) -> str:
    """Give a number as people read it; nothing where there is none."""
    return "" if value is None else f"{value:,}"


def some(partitions: Sequence[str]) -> str:
    """Name the first few partitions, and count the rest."""
    more = len(partitions) - SHOWN_PARTITIONS
    return ", ".join(partitions[:SHOWN_PARTITIONS]) + (f" and {more} more" if more > 0 else "")
