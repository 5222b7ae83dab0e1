"""Long chains are flat, nesting has a limit, and nothing ends more than its own cell."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from ai_dataflow.compiler.parsing import MAX_DEPTH
from ai_dataflow.compiler.transforms import TransformError, compile_transform
from ai_dataflow_tests.compiler.evaluated import evaluated

ROWS = pl.DataFrame(
    {"code": ["7", "1199", "x", None], "n": [1, 2, 3, None], "s": ["ä", "b", None, ""]}
)
CASE = " ".join(f"WHEN '{i}' THEN 'word {i}'" for i in range(1200))
WHEN = " ".join(f"WHEN code = '{i}' THEN 'word {i}'" for i in range(1200))
LIST = ", ".join(f"'{i}'" for i in range(20_000))
WORDS = ["word 7", "word 1199", "other", "other"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"CASE code {CASE} ELSE 'other' END", WORDS),
        (f"CASE {WHEN} ELSE 'other' END", WORDS),
        (f"LENGTH({' || '.join(['s'] * 20_000)})", [20_000, 20_000, None, 0]),
        (" + ".join(["n"] * 20_000), [20_000, 40_000, 60_000, None]),
        (" - ".join(["n"] * 2_000), [-1998, -3996, -5994, None]),
        (" AND ".join(f"n <> {i + 3}" for i in range(5_000)), [True, True, False, None]),
        (" OR ".join(f"n = {i + 3}" for i in range(5_000)), [False, False, True, None]),
        (f"code IN ({LIST})", [True, True, False, None]),
        (f"COALESCE({', '.join(['s'] * 2_000)})", ["ä", "b", None, ""]),
        (f"CASE {' '.join(f'WHEN n = {i} THEN CAST(code AS INT)' for i in range(100))} END",
         [7, 1199, None, None]),
    ],
    ids=range(10),
)  # fmt: skip
def test_long_chains_are_flat(text: str, expected: list[Any]) -> None:
    assert evaluated(text, ROWS).values == expected


NESTS = [
    "CAST({} AS INT)", "({})", "COALESCE({}, n)", "IIF(n > 1, {}, n)",
    "CASE WHEN n > 1 THEN {} END", "ABS({})", "({} + 1)", "n - ({})", "NULLIF({}, 7)", "- {}",
    "GREATEST({}, n)", "DATE({})",
]  # fmt: skip


def _nested(text: str, times: int) -> str:
    made = "n"
    for _ in range(times):
        made = text.format(made)
    return made


@pytest.mark.parametrize("text", NESTS[:-1])
def test_nests_compile_up_to_the_limit(text: str) -> None:
    compile_transform(_nested(text, MAX_DEPTH - 2), ROWS.schema)
    done = evaluated(_nested(text, 40), ROWS)
    assert len(done.values) == ROWS.height


@pytest.mark.parametrize("text", NESTS)
@pytest.mark.parametrize("times", [MAX_DEPTH + 1, 5_000])
def test_what_nests_deeper_is_refused_with_the_limit(text: str, times: int) -> None:
    with pytest.raises(TransformError, match=r"deeper than 100 levels") as error:
        compile_transform(_nested(text, times), ROWS.schema)
    assert error.value.offset > 0


@pytest.mark.parametrize(
    "text",
    ["n" + "::varchar::int" * 5_000, "n" + " * n" * 5_000, "n" + " = n" * 5_000,
     "NOT " * 5_000 + "n = 1", "n" + "[1]" * 5_000, "(" * 5_000, "CASE " * 5_000],
    ids=["casts", "factors", "equals", "nots", "indexes", "open", "cases"],
)  # fmt: skip
def test_chains_that_are_deep_without_parentheses_are_refused(text: str) -> None:
    with pytest.raises(TransformError):
        compile_transform(text, ROWS.schema)


def test_casts_nested_deep_are_computed_once_each() -> None:
    text = "code"
    for _ in range(45):
        text = f"CAST(CAST({text} AS DATE) AS VARCHAR)"
    assert evaluated(text, ROWS).failed == [True, True, True, False]


def test_text_that_grows_has_a_limit() -> None:
    text = "s"
    for _ in range(90):
        text = f"REPLACE({text}, 'b', 'bb')"
    assert evaluated(text, ROWS).failed == [False, True, False, False]


@pytest.mark.parametrize("text", ["LPAD(s, 1000000000, 'x')", "REPEAT(s, 1000000000)",
                                  "SPACE(1000000000)", "RPAD(s, 8001)"])  # fmt: skip
def test_text_that_is_made_has_a_limit(text: str) -> None:
    with pytest.raises(TransformError, match="8,000 characters"):
        compile_transform(text, ROWS.schema)
    asked = evaluated(text.replace("1000000000", "n * 8001").replace("8001)", "n * 8001)"), ROWS)
    assert asked.failed[0]


def test_a_pattern_that_could_run_for_ever_is_refused() -> None:
    with pytest.raises(TransformError, match="linear time"):
        compile_transform(r"REGEXP_LIKE(s, '(a+)\1')", ROWS.schema)
