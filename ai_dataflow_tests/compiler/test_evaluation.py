"""What a row does not evaluate cannot fail; what overflows, leaves the calendar or is long does."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from ai_dataflow_tests.compiler.evaluated import results
from ai_dataflow_tests.compiler.reference import FAILED

BAD = "CAST(a AS INT)"  # fails where `a` is no number
ROWS = pl.DataFrame(
    {"a": ["1", "x", None], "n": [1, 0, None], "yes": [True, True, True], "no": [False] * 3}
)


def _results(text: str, rows: pl.DataFrame = ROWS, dialect: str = "") -> list[Any]:
    """Compute over the rows that most of these tests have."""
    return results(text, rows, dialect)


@pytest.mark.parametrize(
    "text",
    [
        f"COALESCE(5, {BAD})",
        f"COALESCE(TRY_CAST(a AS INT), 0, {BAD})",
        f"IFNULL(n - n, COALESCE(0, {BAD}))",
        f"ISNULL(0, {BAD})",
        f"NVL2(n, 0, 1) + CASE WHEN no THEN {BAD} ELSE 0 END",
        f"IIF(no, {BAD}, 0)",
        f"IIF(yes, IIF(no, {BAD}, 0), {BAD})",
        f"IF(no, {BAD}, 0)",
        f"NULLIF(NULLIF(1, 1), {BAD})",
        f"no AND {BAD} = 1",
        f"yes OR {BAD} = 1",
        f"no AND yes AND {BAD} = 1",
        f"yes AND no AND {BAD} = 1 AND {BAD} = 2",
        f"no OR yes OR {BAD} = 1",
        f"CASE WHEN yes THEN 0 WHEN {BAD} = 1 THEN 1 END",
        f"CASE 1 WHEN 1 THEN 0 WHEN {BAD} THEN 1 ELSE {BAD} END",
        f"CHOOSE(1, 0, {BAD})",
        f"DECODE(1, 1, 0, {BAD}, 2)",
        f"COALESCE(CASE WHEN yes THEN 1 ELSE {BAD} END, {BAD})",
        f"CASE {' '.join(f'WHEN n = {i + 9} THEN {BAD}' for i in range(20))} ELSE 0 END",
    ],
)
def test_what_is_not_evaluated_cannot_fail(text: str) -> None:
    assert FAILED not in _results(text)


@pytest.mark.parametrize(
    "text",
    [
        f"COALESCE({BAD}, 0)",
        f"COALESCE(NULL, {BAD})",
        f"IIF(yes, {BAD}, 0)",
        f"NULLIF(1, {BAD})",
        f"NULLIF({BAD}, 1)",
        f"yes AND {BAD} = 1",
        f"{BAD} = 1 AND no",
        f"NULL AND {BAD} = 1",
        f"no OR {BAD} = 1",
        f"yes AND yes AND {BAD} = 1",
        f"CASE WHEN {BAD} = 1 THEN 1 ELSE 0 END",
        f"CASE WHEN no THEN 0 ELSE {BAD} END",
        f"CASE {' '.join(f'WHEN n = {i + 9} THEN 0' for i in range(20))} ELSE {BAD} END",
        f"CASE WHEN {BAD} = 1 THEN 0 {' '.join(f'WHEN n = {i} THEN 1' for i in range(20))} END",
        f"1 IN (2, {BAD})",
        f"COALESCE(NULLIF(1, 1), {BAD})",
    ],
)
def test_what_is_evaluated_and_fails_rejects_its_row(text: str) -> None:
    assert [result == FAILED for result in _results(text)] == [False, True, False]


WIDTHS = {"SMALLINT": 16, "INT": 32, "BIGINT": 64}


@pytest.mark.parametrize("name", WIDTHS)
@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("{} + {}", lambda x, y: x + y),
        ("{} - {}", lambda x, y: x - y),
        ("{} * {}", lambda x, y: x * y),
        ("ABS({}) + {} * 0", lambda x, _: abs(x)),
        ("-{} + {} * 0", lambda x, _: -x),
        ("POWER({}, 2) + {} * 0", lambda x, _: x * x),
    ],
)
def test_whole_numbers_never_wrap(name: str, text: str, of: Any) -> None:
    low, high = -(2 ** (WIDTHS[name] - 1)), 2 ** (WIDTHS[name] - 1) - 1
    edges = [low, low + 1, -2, -1, 0, 1, 2, high // 2 + 1, high - 1, high]
    pairs = [(x, y) for x in edges for y in edges]
    rows = pl.DataFrame(pairs, schema={"x": pl.Int64, "y": pl.Int64}, orient="row")
    x, y = (f"CAST({column} AS {name})" for column in "xy")
    expected = [of(a, b) if low <= of(a, b) <= high else FAILED for a, b in pairs]
    assert _results(text.format(x, y), rows) == expected


def test_a_products_type_is_its_factors() -> None:
    rows = pl.DataFrame({"qty": ["30000", "2"], "cents": ["100000", "100"]})
    text = "CAST(qty AS INT) * CAST(cents AS INT)"
    assert _results(text, rows) == [FAILED, 200]
    assert _results("CAST(qty AS BIGINT) * CAST(cents AS INT)", rows) == [3_000_000_000, 200]


def test_decimals_are_exact_or_fail() -> None:
    most, least = Decimal("9" * 38), Decimal("-" + "9" * 38)
    rows = pl.DataFrame(
        {"x": [most, least, Decimal(3)], "y": [Decimal(1), Decimal(0), Decimal(7)]},
        schema=dict.fromkeys("xy", pl.Decimal(38, 0)),
    )
    assert _results("x + y", rows) == [FAILED, least, Decimal(10)]
    assert _results("x * y", rows) == [most, Decimal(0), Decimal(21)]
    assert _results("x - y", rows) == [Decimal("9" * 37 + "8"), least, Decimal(-4)]
    assert _results("x / y", rows) == [FAILED, FAILED, Decimal("0.428571")]
    assert _results("CASE WHEN y = 0 THEN 0 ELSE CAST(7 AS DECIMAL(9,0)) / y END", rows) == [
        Decimal(7), Decimal(0), Decimal(1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("DATEADD(day, -1, d)", FAILED, dt.date(9999, 12, 30)),
        ("DATEADD(day, 1, d)", dt.date(1, 1, 2), FAILED),
        ("DATEADD(month, 1, d)", dt.date(1, 2, 1), FAILED),
        ("DATEADD(year, -1, d)", FAILED, dt.date(9998, 12, 31)),
        ("DATEADD(year, 9223372036854775807, d)", FAILED, FAILED),
        ("DATEADD(day, 9223372036854775807, d)", FAILED, FAILED),
        ("d + INTERVAL '1 day'", dt.date(1, 1, 2), FAILED),
        ("EOMONTH(d, 1)", dt.date(1, 2, 28), FAILED),
        ("ADD_MONTHS(d, -12)", FAILED, dt.date(9998, 12, 31)),
        ("DATE_TRUNC('week', d)", dt.date(1, 1, 1), dt.date(9999, 12, 27)),
        ("CAST(d AS TIMESTAMP)", dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)),
    ],
)
def test_days_beyond_the_calendar_are_rejects(text: str, first: Any, last: Any) -> None:
    rows = pl.DataFrame({"d": [dt.date(1, 1, 1), dt.date(9999, 12, 31), None]})
    assert _results(text, rows) == [first, last, None]


def test_text_is_counted_in_characters() -> None:
    rows = pl.DataFrame({"name": ["Müller, Hans", "Meier", None]})
    text = "SUBSTR(name, 1, STRPOS(name, ',') - 1)"
    assert _results(text, rows) == ["Müller", FAILED, None]
    assert _results("STRPOS(name, ',')", rows) == [7, 0, None]


def test_a_float_is_rounded_half_away_from_zero() -> None:
    rows = pl.DataFrame({"f": [0.5, 1.5, 2.5, -2.5, None]})
    assert _results("ROUND(f)", rows) == [1.0, 2.0, 3.0, -3.0, None]
