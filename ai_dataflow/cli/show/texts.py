"""How a terminal shows numbers, lists and tables; what mails write alike is in `wording`."""

from __future__ import annotations

from collections.abc import Sequence

from ai_dataflow.cli.show.whole_tables import WholeTable

SHOWN_PARTITIONS = 5


def figures(name: str, *numbers: str) -> WholeTable:
    """Begin a table: a column of names, then columns of numbers, which stand to the right."""
    return WholeTable(name, *numbers, numbers=numbers)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Give rows as lines, their cells below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ([c.ljust(width) for c, width in zip(row, widths, strict=True)] for row in rows)
    return ["   ".join(cells).rstrip() for cells in padded]


def number(value: int | None) -> str:
    """Give a number as people read it; nothing where there is none."""
    return "" if value is None else f"{value:,}"


def not_shown(column: str, sensitivity: str) -> str:
    """Say why the values of a column are not shown."""
    return f"{column}: values are not shown: {sensitivity} (--sensitive shows them)"


def some(partitions: Sequence[str]) -> str:
    """Name the first few partitions, and count the rest."""
    more = len(partitions) - SHOWN_PARTITIONS
    return ", ".join(partitions[:SHOWN_PARTITIONS]) + (f" and {more} more" if more > 0 else "")
