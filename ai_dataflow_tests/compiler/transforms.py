"""Random transforms with their meaning: SQL text beside a Python function of a row.

A cast that fails fails its expression, and what is made of it; a branch of a `CASE` that a row does
not take has not failed. Numbers stay small: SQL's overflow is not the subject.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from hypothesis import strategies as st

from ai_dataflow_tests.partition.values import FAILED, become

Row = dict[str, Any]
Names = tuple[str, ...]


@dataclass(frozen=True)
class Expression:
    """A SQL expression, and what it gives for a row."""

    sql: str
    of: Callable[[Row], Any]


def column(name: str) -> Expression:
    """Read a source's column."""
    return Expression(f'"{name}"', lambda row: row[name])


def expressions(numbers: Names, texts: Names, kind: str) -> st.SearchStrategy[Expression]:
    """Give expressions of a kind over columns of whole numbers and of texts."""
    return _numbers(numbers, texts, 2) if kind == "int" else _texts(numbers, texts, 2)


@cache
def _numbers(numbers: Names, texts: Names, depth: int) -> st.SearchStrategy[Expression]:
    literal = st.integers(-9, 9).map(lambda n: Expression(str(n), lambda _: n))
    options = [literal, *(st.just(column(name)) for name in numbers)]
    if depth:  # often: what fails within an expression is the subject
        options += [st.sampled_from(_casts(name)) for name in texts] * 2
    if depth:
        inner = _numbers(numbers, texts, depth - 1)
        options += [
            st.builds(_plus, inner, inner),
            st.builds(_times, inner, literal),
            st.builds(_coalesce, inner, inner),
            st.builds(_case, _conditions(numbers, texts, depth), inner, inner),
        ]
    return st.one_of(options)


@cache
def _texts(numbers: Names, texts: Names, depth: int) -> st.SearchStrategy[Expression]:
    literal = st.sampled_from(["", "x", "it's", "12"]).map(_literal)
    options = [literal, *(st.just(column(name)) for name in texts)]
    if depth:
        inner = _texts(numbers, texts, depth - 1)
        options += [
            st.builds(_upper, inner),
            st.builds(_trim, inner),
            st.builds(_joined, inner, inner),
            st.builds(_coalesce, inner, inner),
            st.builds(_case, _conditions(numbers, texts, depth), inner, inner),
        ]
    return st.one_of(options)


@cache
def _conditions(numbers: Names, texts: Names, depth: int) -> st.SearchStrategy[Expression]:
    number, text = _numbers(numbers, texts, depth - 1), _texts(numbers, texts, depth - 1)
    return st.one_of(
        st.builds(_is_null, st.one_of(number, text)),
        st.builds(_greater, number, st.integers(-9, 9)),
        st.builds(_equals, text, st.sampled_from(["x", "12", ""]).map(_literal)),
    )


def _made(*parts: Expression, sql: str, of: Callable[..., Any]) -> Expression:
    """Make an expression of others: failed if one is, null if one is, else what `of` gives."""

    def value(row: Row) -> Any:
        values = [part.of(row) for part in parts]
        if FAILED in values:
            return FAILED
        return None if None in values else of(*values)

    return Expression(sql, value)


def _literal(text: str) -> Expression:
    quoted = text.replace("'", "''")
    return Expression(f"'{quoted}'", lambda _: text)


def _plus(a: Expression, b: Expression) -> Expression:
    return _made(a, b, sql=f"({a.sql} + {b.sql})", of=lambda x, y: x + y)


def _times(a: Expression, b: Expression) -> Expression:
    return _made(a, b, sql=f"({a.sql} * {b.sql})", of=lambda x, y: x * y)


def _upper(a: Expression) -> Expression:
    return _made(a, sql=f"UPPER({a.sql})", of=str.upper)


def _trim(a: Expression) -> Expression:
    return _made(a, sql=f"TRIM({a.sql})", of=str.strip)


def _joined(a: Expression, b: Expression) -> Expression:
    return _made(a, b, sql=f"({a.sql} || {b.sql})", of=lambda x, y: x + y)


def _greater(a: Expression, limit: int) -> Expression:
    return _made(a, sql=f"({a.sql} > {limit})", of=lambda x: x > limit)


def _equals(a: Expression, b: Expression) -> Expression:
    return _made(a, b, sql=f"({a.sql} = {b.sql})", of=lambda x, y: x == y)


def _is_null(a: Expression) -> Expression:
    def value(row: Row) -> Any:
        found = a.of(row)
        return FAILED if found is FAILED else found is None

    return Expression(f"({a.sql} IS NULL)", value)


def _coalesce(a: Expression, b: Expression) -> Expression:
    def value(row: Row) -> Any:
        first, second = a.of(row), b.of(row)
        if FAILED in (first, second):
            return FAILED
        return second if first is None else first

    return Expression(f"COALESCE({a.sql}, {b.sql})", value)


def _case(condition: Expression, a: Expression, b: Expression) -> Expression:
    def value(row: Row) -> Any:
        chosen = condition.of(row)
        return FAILED if chosen is FAILED else a.of(row) if chosen else b.of(row)

    sql = f"CASE WHEN {condition.sql} THEN {a.sql} ELSE {b.sql} END"
    return Expression(sql, value)


def _casts(name: str) -> list[Expression]:
    """Cast a text to a number, and try to."""

    def strict(row: Row) -> Any:
        return become(row[name], "int32")

    def lenient(row: Row) -> Any:
        found = strict(row)
        return None if found is FAILED else found

    return [
        Expression(f'CAST("{name}" AS INT)', strict),
        Expression(f'TRY_CAST("{name}" AS INT)', lenient),
    ]
