"""A transform without a dialect means what Polars' SQL means; what fails costs only its row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.compiler.transforms import TransformError, compile_transform
from ai_dataflow_tests.compiler.evaluated import evaluated
from ai_dataflow_tests.partition.effort import settings_of

ROWS = pl.DataFrame(
    {
        "a": ["1", "x", None],
        "b": ["2024-01-31", "2024-02-31", None],
        "flag": ["yes", "perhaps", None],
        "n": [1, 300, None],
        "m": [1.5, -2.5, None],
        "clock": ["10:11:12", "25:11:12", None],
        "items": [[1], [2], None],
        "Sale No": ["7", "8", None],
    }
)


def _apply(text: str, rows: pl.DataFrame = ROWS) -> tuple[list[Any], list[bool]]:
    """Give a transform's values, and in which rows a strict cast failed."""
    return evaluated(text, rows)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("CAST(a AS INT)", 1),
        ("a::int", 1),
        ("CAST(CAST(a AS INT) AS VARCHAR)", "1"),
        ("a::int::varchar", "1"),
        ("CAST(a AS INT) + n", 2),
        ("UPPER(CAST(CAST(a AS DOUBLE) AS VARCHAR))", "1.0"),
        ("CASE WHEN n > 0 THEN CAST(a AS INT) ELSE 0 END", 1),
        ("CASE WHEN CAST(a AS INT) = 1 THEN 'one' ELSE 'other' END", "one"),
        ("COALESCE(CAST(a AS INT), 0)", 1),
        ("CAST(a AS INT) IN (1, 2)", True),
        ("TRY_CAST(CAST(a AS INT) AS VARCHAR)", "1"),
        ("CAST(n AS TINYINT)", 1),
        ("CAST(a AS DECIMAL(18,2))", Decimal("1.00")),
        ("CAST(b AS DATE)", dt.date(2024, 1, 31)),
        ("b::date", dt.date(2024, 1, 31)),
        ("DATE(b)", dt.date(2024, 1, 31)),
        ("CAST(b AS TIMESTAMP)", dt.datetime(2024, 1, 31)),
        ("STRPTIME(b, '%Y-%m-%d')", dt.datetime(2024, 1, 31)),
        ("CAST(clock AS TIME)", dt.time(10, 11, 12)),
        ("CAST(flag AS BOOLEAN)", True),
    ],
)
def test_a_strict_cast_that_fails_marks_only_its_row(text: str, first: object) -> None:
    values, failed = _apply(text)
    assert values[0] == first
    assert failed == [False, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "TRY_CAST(a AS INT)",
        "TRY_CAST(b AS DATE)",
        "TRY_CAST(flag AS BOOLEAN)",
        "TRY_CAST(n AS TINYINT)",
        "CAST(TRY_CAST(a AS INT) AS VARCHAR)",
    ],
)
def test_a_lenient_cast_gives_null_and_no_failure(text: str) -> None:
    values, failed = _apply(text)
    assert [value is None for value in values] == [False, True, True]
    assert failed == [False] * 3


def test_a_lenient_cast_may_have_a_default() -> None:
    assert _apply("COALESCE(TRY_CAST(a AS INT), -1)") == ([1, -1, -1], [False] * 3)


@pytest.mark.parametrize(
    "text",
    [
        "CASE WHEN a = '1' THEN CAST(a AS INT) ELSE 0 END",
        "CASE WHEN a <> '1' THEN 0 ELSE CAST(a AS INT) END",
        "CASE WHEN n > 1 THEN 0 WHEN n > 0 THEN CAST(a AS INT) END",
    ],
)
def test_a_cast_that_its_case_guards_does_not_fail(text: str) -> None:
    """`CASE` is how SQL looks before it casts: the branch that is not taken is not computed."""
    assert _apply(text)[1] == [False] * 3


def test_casts_from_text_follow_the_rules_of_ai_types() -> None:
    rows = pl.DataFrame({"a": [" 12.0 ", "", "Y"]})
    assert _apply("CAST(a AS INT)", rows) == ([12, None, None], [False, False, True])
    assert _apply("CAST(a AS BOOLEAN)", rows)[0] == [None, None, True]


@pytest.mark.parametrize("text", ["SUM(n)", "MAX(n) + 1", "COUNT(*)", "UPPER(MAX(a))",
                                  "CASE WHEN MAX(n) > 1 THEN 1 ELSE 0 END", "MEDIAN(n)",
                                  "FIRST(n)", "COUNT(DISTINCT n)", "QUANTILE_CONT(n, 0.5)",
                                  "CORR(n, m)", "COVAR(n, m)", "STRING_AGG(a, ',')"])  # fmt: skip
def test_aggregates_are_refused(text: str) -> None:
    with pytest.raises(TransformError):
        compile_transform(text, ROWS.schema)


@pytest.mark.parametrize(
    "text",
    [
        "SUM(n) OVER (PARTITION BY a)",
        "ROW_NUMBER() OVER (ORDER BY n)",
        "LAG(n) OVER (ORDER BY n)",
        "(SELECT 1)",
        "n IN (SELECT 1)",
        "EXISTS (SELECT 1)",
        "UNNEST(items)",
        "COLUMNS('a|b')",
        "*",
        "n, m",
        "n; DROP TABLE t",
        "n +",
        "",
    ],
)
def test_what_is_no_expression_of_one_row_is_refused(text: str) -> None:
    with pytest.raises(TransformError):
        compile_transform(text, ROWS.schema)


def test_an_unknown_function_is_refused_by_name() -> None:
    with pytest.raises(TransformError, match="frobnicate"):
        compile_transform("FROBNICATE(n)", ROWS.schema)


def test_an_unknown_column_is_refused_with_the_columns_that_are_read() -> None:
    with pytest.raises(TransformError) as error:
        compile_transform("n + nosuch", ROWS.schema)
    assert error.value.columns == ("n", "nosuch")


@pytest.mark.parametrize(
    "text",
    ["a + 1", "-a", "a = 1", "n = '1'", "UPPER(n)", "ABS(a)", "EXTRACT(YEAR FROM a)",
     "CASE WHEN n THEN 1 END", "CAST(items AS VARCHAR)"],
)  # fmt: skip
def test_an_expression_that_its_columns_types_do_not_fit_is_refused(text: str) -> None:
    """It would fail on the data, and not in one row but in all of the partition."""
    with pytest.raises(TransformError):
        compile_transform(text, ROWS.schema)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("n + m * n", ("n", "m")),
        ("CONCAT(a, '-', b)", ("a", "b")),
        ('"Sale No" || a', ("Sale No", "a")),
        ("'fixed'", ()),
    ],
)
def test_the_columns_of_a_transform_are_known(text: str, columns: tuple[str, ...]) -> None:
    assert compile_transform(text, ROWS.schema).columns == columns


def test_a_literal_is_every_rows_value() -> None:
    assert _apply("'EUR'") == (["EUR"] * 3, [False] * 3)
    assert _apply("CAST('x' AS INT)") == ([None] * 3, [True] * 3)


WORDS = st.none() | st.text("aAbB %_-'\"ßÜ€😀", max_size=5)
SMALL = st.none() | st.integers(-1000, 1000)
CLEAN = st.lists(
    st.fixed_dictionaries(
        {
            "s": WORDS,
            "t": WORDS,
            "n": SMALL,
            "m": SMALL,
            "digits": st.none() | st.integers(-(2**31), 2**31 - 1).map(str),
            "day": st.none() | st.dates(dt.date(1900, 1, 1)).map(dt.date.isoformat),
        }
    ),
    max_size=10,
)
CLEAN_SCHEMA = {"s": pl.String, "t": pl.String, "n": pl.Int64, "m": pl.Int64, "digits": pl.String,
                "day": pl.String}  # fmt: skip
TEMPLATES = [
    "n + m", "n - 2 * m", "n / 4", "ABS(n)", "n BETWEEN -5 AND 5", "n IS NULL OR m > 0",
    "s || '-' || t", "CONCAT(s, t)", "UPPER(s)", "LENGTH(s)", "SUBSTR(s, 1, 2)", "TRIM(s)",
    "COALESCE(s, t, 'none')", "NULLIF(s, t)", "s LIKE '%a%'", "n IN (1, 2, 3)",
    "CASE WHEN n > m THEN s ELSE t END", "CASE n WHEN 0 THEN 'zero' WHEN 1 THEN 'one' END",
    "CAST(digits AS INT)", "digits::bigint + n", "TRY_CAST(digits AS DOUBLE) / 2",
    "STRPTIME(day, '%Y-%m-%d')", "DATE(day)", "EXTRACT(YEAR FROM DATE(day))",
    "CAST(n AS VARCHAR)", "CAST(n AS DECIMAL(10,2))", "GREATEST(n, m)", "'fixed'", "NULL",
]  # fmt: skip


@given(CLEAN)
@settings_of(share=5)
@pytest.mark.parametrize("text", TEMPLATES)
def test_on_clean_data_a_transform_is_what_polars_sql_makes_of_it(
    text: str, records: list[dict[str, Any]]
) -> None:
    rows = pl.DataFrame(records, schema=CLEAN_SCHEMA)
    values, failed = _apply(text, rows)
    assert values == rows.with_columns(value=pl.sql_expr(text))["value"].to_list()
    assert not any(failed)


@pytest.mark.parametrize("transform", ["m / z", "m % z", "n / z", "LN(z)", "SQRT(0 - m)"])
def test_what_is_no_number_fails_its_row(transform: str) -> None:
    rows = pl.DataFrame({"m": [1.5], "n": [3], "z": [0]})
    compiled = compile_transform(transform, rows.schema)
    assert rows.select(compiled.failed).item() is True


def test_small_integers_do_not_overflow_in_silence() -> None:
    rows = pl.DataFrame({"q": [100_000], "p": [100_000]}, schema={"q": pl.Int32, "p": pl.Int32})
    compiled = compile_transform("q * p", rows.schema)
    assert rows.select(compiled.value).item() == 10_000_000_000
