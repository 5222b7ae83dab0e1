"""Each function against an independent reference, over rows with limits in them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ai_dataflow.compiler.calls import functions
from ai_dataflow.compiler.date_functions import CLOCK
from ai_dataflow_tests.compiler.evaluated import evaluated
from ai_dataflow_tests.compiler.examples import BY_HAND, LIKE_DUCKDB, ROWS, Example
from ai_dataflow_tests.compiler.reference import FAILED, by_duckdb, plain, same


def _results(text: str, dialect: str) -> list[Any]:
    done = evaluated(text, ROWS, dialect)
    return [FAILED if bad else value
            for value, bad in zip(done.values, done.failed, strict=True)]  # fmt: skip


@pytest.mark.parametrize("example", LIKE_DUCKDB, ids=lambda example: example.text)
def test_a_function_gives_what_duckdb_gives(example: Example) -> None:
    mine = _results(example.text, example.dialect)
    theirs = by_duckdb(example.theirs, ROWS)
    assert [m for m, t in zip(mine, theirs, strict=True) if not same(m, t)] == [], (mine, theirs)


@pytest.mark.parametrize(("text", "dialect", "expected"), BY_HAND)
def test_a_function_gives_what_its_dialect_says(
    text: str, dialect: str, expected: list[Any]
) -> None:
    assert [plain(value) for value in _results(text, dialect)] == [plain(v) for v in expected]


def test_every_function_has_an_example() -> None:
    texts = " ".join([example.text for example in LIKE_DUCKDB] + [text for text, _, _ in BY_HAND])
    named = set(re.findall(r"([A-Z][A-Z0-9_]*)\(", texts.upper()))
    without = [
        entry.name
        for entry in functions()
        if not named & {entry.name, *entry.also} and entry.name not in (CLOCK[0], "TRUNC_DATE")
    ]
    assert without == []
