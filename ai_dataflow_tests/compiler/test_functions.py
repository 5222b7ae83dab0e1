"""Each function against an independent reference, over rows with limits in them."""

from __future__ import annotations

from typing import Any

import pytest

from ai_dataflow.compiler.calls import functions
from ai_dataflow.compiler.date_functions import CLOCK
from ai_dataflow_tests.compiler.edges import EXAMPLES
from ai_dataflow_tests.compiler.evaluated import results
from ai_dataflow_tests.compiler.examples import BY_HAND, LIKE_DUCKDB, ROWS, Example
from ai_dataflow_tests.compiler.page import named
from ai_dataflow_tests.compiler.reference import by_duckdb, plain, same


@pytest.mark.parametrize("example", LIKE_DUCKDB, ids=lambda example: example.text)
def test_a_function_gives_what_duckdb_gives(example: Example) -> None:
    mine = results(example.text, ROWS, example.dialect)
    theirs = by_duckdb(example.theirs, ROWS)
    assert [m for m, t in zip(mine, theirs, strict=True) if not same(m, t)] == [], (mine, theirs)


@pytest.mark.parametrize(("text", "dialect", "expected"), BY_HAND)
def test_a_function_gives_what_its_dialect_says(
    text: str, dialect: str, expected: list[Any]
) -> None:
    assert [plain(value) for value in results(text, ROWS, dialect)] == [plain(v) for v in expected]


def test_every_function_has_an_example() -> None:
    texts = [one.text for one in LIKE_DUCKDB] + [text for text, _, _ in BY_HAND]
    texts += [one.text for examples in EXAMPLES.values() for one in examples]
    there = named(" ".join(texts))
    without = [
        entry.name
        for entry in functions()
        if not there & {entry.name, *entry.also} and entry.name not in (CLOCK[0], "TRUNC_DATE")
    ]
    assert without == []
