"""The transforms that the sheets of random projects have, each beside what it means in Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
    return "few" if number in (None, FAILED) or number <= 5 else "many"


@dataclass(frozen=True)
class Transform:
    """What a transform makes of its column's text, and of which type that is.

    `good` are texts that it can read, `bad` some that fail.
    """

    kind: str
    meaning: Meaning
    good: tuple[str, ...]
    bad: tuple[str, ...] = ()


_TEXTS, _NUMBERS = ("yes", " a ", "é", ""), ("7", " 2 ", "12.0", "-3")
# By the text of the sheet.
TRANSFORMS: dict[str, Transform] = {
    "UPPER(TRIM(COLUMN))": Transform("text", _if_given(lambda text: text.strip().upper()), _TEXTS),
    "COALESCE(COLUMN, 'none')": Transform(
        "text", lambda text: "none" if text is None else text, _TEXTS
    ),
    "CAST(COLUMN AS BIGINT) * 2": Transform("int", _if_given(_doubled), _NUMBERS, ("x", "1.5")),
    "1000 / CAST(COLUMN AS DOUBLE)": Transform("float", _if_given(_quotient), _NUMBERS, ("0", "x")),
    "CASE WHEN COLUMN = 'yes' THEN 1 ELSE 0 END": Transform(
        "int", lambda text: int(text == "yes"), _TEXTS
    ),
    "CASE WHEN TRY_CAST(COLUMN AS BIGINT) > 5 THEN 'many' ELSE 'few' END": Transform(
        "text", _counted, (*_NUMBERS, "x")
    ),
    "CAST(COLUMN AS DATE)": Transform(
        "date", _if_given(lambda text: become(text, "date")), ("2024-01-31",), ("2024-02-30",)
    ),
    "'fixed'": Transform("text", lambda _: "fixed", ()),
}


def of_sheet(text: str) -> tuple[str | None, Transform]:
    """Give the column that a transform of the sheet reads, if any, and what it means."""
    for pattern, transform in TRANSFORMS.items():
        found = re.fullmatch(re.escape(pattern).replace(COLUMN, r"(\w+)"), text)
        if found:
            return (found[1] if found.groups() else None), transform
    raise LookupError(text)
