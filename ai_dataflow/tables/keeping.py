"""What `unique_by` and `keep` of a source rule say: columns, and which of equal rows is kept."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import Literal

from ai_dataflow.config.diagnostics import listing

Way = Literal["latest", "first", "fail"]
_WAYS: tuple[Way, ...] = ("latest", "first", "fail")
_FIX = "write `latest:<column>`, `first:<column>` or `fail`"


@dataclass(frozen=True)
class Keep:
    """Which of several rows is kept: the one with the largest or smallest `order`, or none.

    `order` is an expression over source columns; `at` is where in the cell it begins, from 0.
    """

    way: Way
    order: str = ""
    at: int = 0


def unique_columns(text: str) -> tuple[str, ...]:
    """Give the columns that a cell names, separated by commas.

    Example:
        >>> unique_columns('No, "Name, first"')
        ('No', 'Name, first')
    """
    if not text:
        return ()
    lines = csv.reader([text], skipinitialspace=True, strict=True)
    return tuple(name.strip() for name in next(lines))


def keep_of(text: str) -> Keep:
    """Give what a checked cell says; blank is `fail`, which drops no row that nobody asked for.

    Example:
        >>> keep_of("latest: ModifiedAt")
        Keep(way='latest', order='ModifiedAt', at=8)
    """
    word, _, rest = text.partition(":")
    way: Way = next((way for way in _WAYS if way == word.strip().casefold()), "fail")
    return Keep(way, rest.strip(), len(text) - len(rest.lstrip()))


def check_unique_by(text: str) -> str:
    """Say what is wrong with a `unique_by`; nothing where all is well."""
    try:
        columns = unique_columns(text)
    except csv.Error:
        return "a quote in it is not closed, or has something beside it"
    if not all(columns):
        return "a column in it has no name"
    twice = [name for name in dict.fromkeys(columns) if columns.count(name) > 1]
    return f"{listing(f'`{name[:80]}`' for name in twice)} is named twice" if twice else ""


def check_keep(text: str, unique_by: str) -> tuple[str, str] | None:
    """Say what is wrong with a `keep`, and what to do; None where all is well."""
    word, colon, order = (part.strip() for part in text.partition(":"))
    if not text:
        return None
    if word.casefold() not in _WAYS:
        return f"`{text[:80]}` is no way to keep rows", _FIX
    if word.casefold() == "fail":
        wrong = "`fail` keeps none of them, and needs no order" if colon else ""
    else:
        wrong = "" if order else f"`{word.casefold()}` needs an order"
    if wrong:
        return wrong, _FIX
    if not unique_by:
        return "it says which of equal rows is kept, and no `unique_by` says which are", (
            "name the columns in `unique_by`, or clear `keep`"
        )
    return None
