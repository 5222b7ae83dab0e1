"""The transforms that the sheets of random projects have, each beside what it means in Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ai_dataflow_tests.partition.values import FAILED, become

COLUMN = "COLUMN"
Meaning = Callable[[Any], Any]


def _if_given(meaning: Meaning) -> Meaning:
    return lambda value: None if value is None else meaning(value)


def _doubled(text: str) -> Any:
    number = become(text, "int64")
    return number if number in (None, FAILED) else number * 2


def _quotient(text: str) -> Any:
    number = become(text, "float64")
    if number in (None, FAILED):
        return number
    return 1000 / number if number else FAILED


def _counted(text: Any) -> str:
    number = become(text, "int64")
    return "few" if number in (None, FAILED) or number <= 5 else "many"  # noqa: PLR2004


# By the text of the sheet: the type of what it makes, and what it makes of its column's text.
TRANSFORMS: dict[str, tuple[str, Meaning]] = {
    "UPPER(TRIM(COLUMN))": ("text", _if_given(lambda text: text.strip().upper())),
    "COALESCE(COLUMN, 'none')": ("text", lambda text: "none" if text is None else text),
    "CAST(COLUMN AS BIGINT) * 2": ("int", _if_given(_doubled)),
    "1000 / CAST(COLUMN AS DOUBLE)": ("float", _if_given(_quotient)),
    "CASE WHEN COLUMN = 'yes' THEN 1 ELSE 0 END": ("int", lambda text: int(text == "yes")),
    "CASE WHEN TRY_CAST(COLUMN AS BIGINT) > 5 THEN 'many' ELSE 'few' END": ("text", _counted),
    "CAST(COLUMN AS DATE)": ("date", _if_given(lambda text: become(text, "date"))),
    "'fixed'": ("text", lambda _: "fixed"),
}


def of_sheet(text: str) -> tuple[str | None, str, Meaning]:
    """Give the column that a transform reads, the type of what it makes, and its meaning."""
    for pattern, (kind, meaning) in TRANSFORMS.items():
        found = re.fullmatch(re.escape(pattern).replace(COLUMN, r"(\w+)"), text)
        if found:
            return (found[1] if found.groups() else None), kind, meaning
    raise LookupError(text)
