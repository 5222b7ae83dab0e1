"""Random typed expressions over columns with limits in them, and what plain Python makes of them.

An expression is its SQL and a function of a row: whole numbers are Python's, checked against the
width of the operator's type; decimals are `decimal`'s with enough digits. A part that is not
evaluated is not called, so that its failure cannot be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from typing import Any

import polars as pl
from hypothesis import strategies as st

Row = dict[str, Any]
EXACT = Context(prec=120)
_BITS = {"SMALLINT": 16, "INT": 32, "BIGINT": 64}


class Failed(Exception):  # noqa: N818 - a row's, no error of the program
    """The row is rejected."""


@dataclass(frozen=True)
class Random:
    """An expression's SQL, its kind (a width in bits, `text`, `boolean`, or a scale), its value."""

    sql: str
    kind: str
    of: Callable[[Row], Any]
    width: int = 0
    scale: int = 0
    is_literal: bool = False


def _edges(bits: int) -> list[int]:
    high = 2 ** (bits - 1)
    return [0, 1, -1, 2, -2, 7, high - 1, -high, high // 2, -(high // 2) - 1]


def _scaled(scale: int, numbers: list[int]) -> list[Decimal]:
    return [Decimal(number).scaleb(-scale, EXACT) for number in numbers]


COLUMNS: dict[str, tuple[pl.DataType, list[Any]]] = {
    "n": (pl.Int64(), _edges(64)),
    "m": (pl.Int64(), [*_edges(8), 3_037_000_500, -3_037_000_499]),
    "k": (pl.Int64(), _edges(32)),
    "c": (pl.Decimal(18, 2), _scaled(2, [0, 1, -1, 150, 10**18 - 1, 1 - 10**18])),
    "d": (pl.Decimal(38, 4), _scaled(4, [0, 5, -15000, 10**38 - 1, 1 - 10**38])),
    "t": (pl.String(), ["", " a ", "ä€😀", "12", "-7", "x", "99999999999", "1.0"]),
    "u": (pl.String(), ["", "a", "€", "ab,c", ","]),
}  # fmt: skip


def rows() -> st.SearchStrategy[list[Row]]:
    """Give a few rows; about a fifth of the values is null."""
    values = {name: st.sampled_from([*known, *[None] * (1 + len(known) // 5)])
              for name, (_, known) in COLUMNS.items()}  # fmt: skip
    return st.lists(st.fixed_dictionaries(values), min_size=4, max_size=4)


def _strict(sql: str, kind: str, of: Callable[..., Any], *parts: Random, **more: Any) -> Random:
    """Make an expression that is null where a part is, and evaluates all of them."""

    def value(row: Row) -> Any:
        values = [part.of(row) for part in parts]
        return None if None in values else of(*values)

    return Random(sql, kind, value, **more)


def expressions(depth: int = 3) -> st.SearchStrategy[Random]:
    """Give expressions of any kind."""
    return st.one_of(wholes(depth), decimals(depth), texts(depth), booleans(depth))


@cache
def wholes(depth: int) -> st.SearchStrategy[Random]:
    """Give whole numbers."""
    options = [
        st.sampled_from([_column(name, "whole", width=64) for name in "nmk"]),
        st.sampled_from([0, 1, 2, 7, 100, 2**31 - 1, 2**31, 2**63 - 1]).map(_number),
    ]
    if depth:
        inner, text = wholes(depth - 1), texts(depth - 1)
        options += [
            st.builds(_operator, st.sampled_from(["+", "-", "*", "%", "//"]), inner, inner),
            st.builds(_operator, st.sampled_from(["+", "-", "*"]), inner, inner),
            st.builds(_negated, inner),
            st.builds(_absolute, inner),
            st.builds(_cast, inner, st.sampled_from(sorted(_BITS))),
            st.builds(_cast_text, text, st.sampled_from(sorted(_BITS))),
            st.builds(_length, text),
            st.builds(_position, text, text),
            *_choices(inner, booleans(depth - 1)),
        ]
    return st.one_of(options)


@cache
def decimals(depth: int) -> st.SearchStrategy[Random]:
    """Give decimals."""
    options = [st.sampled_from([_column("c", "decimal", scale=2, width=18),
                                _column("d", "decimal", scale=4, width=38)])]  # fmt: skip
    if depth:
        inner, any_number = decimals(depth - 1), st.one_of(decimals(depth - 1), wholes(depth - 1))
        options += [
            st.builds(_decimal, st.sampled_from(["+", "-", "*"]), inner, any_number),
            st.builds(_rounded, inner, st.integers(-2, 3)),
            st.builds(_absolute, inner),
        ]
    return st.one_of(options)


@cache
def texts(depth: int) -> st.SearchStrategy[Random]:
    """Give texts."""
    options = [st.sampled_from([_column("t", "text"), _column("u", "text")]),
               st.sampled_from(["", "x", "ä€", "12"]).map(_quoted)]  # fmt: skip
    if depth:
        inner = texts(depth - 1)
        small = st.integers(0, 5).map(_number)
        options += [
            st.builds(lambda a, b: _strict(f"({a.sql} || {b.sql})", "text",
                                           lambda x, y: x + y, a, b), inner, inner),
            st.builds(lambda a: _strict(f"REVERSE({a.sql})", "text", lambda x: x[::-1], a), inner),
            st.builds(lambda a, n: _strict(f"LEFT({a.sql}, {n.sql})", "text",
                                           lambda x, i: x[:i], a, n), inner, small),
            st.builds(_substring, inner, st.integers(1, 4), st.integers(0, 3)),
            st.builds(lambda a: _strict(f"REPLACE({a.sql}, 'a', '€€')", "text",
                                        lambda x: x.replace("a", "€€"), a), inner),
            *_choices(inner, booleans(depth - 1)),
        ]  # fmt: skip
    return st.one_of(options)


@cache
def booleans(depth: int) -> st.SearchStrategy[Random]:
    """Give conditions, with the three values that they have."""
    number, text = wholes(max(depth - 1, 0)), texts(max(depth - 1, 0))
    options = [
        st.builds(_compared, st.sampled_from(["=", "<>", "<", ">=", ">"]), number, number),
        st.builds(_compared, st.sampled_from(["=", "<>"]), text, text),
        st.builds(_is_null, st.one_of(number, text)),
    ]
    if depth:
        inner = booleans(depth - 1)
        options += [st.builds(_both, st.booleans(), inner, inner), st.builds(_not, inner)]
    return st.one_of(options)


def _choices(
    inner: st.SearchStrategy[Random], condition: st.SearchStrategy[Random]
) -> list[st.SearchStrategy[Random]]:
    return [
        st.builds(_case, condition, inner, inner),
        st.builds(_coalesce, inner, inner),
        st.builds(_null_if, inner, inner),
    ]


def _column(name: str, kind: str, **more: Any) -> Random:
    return Random(name, kind, lambda row: row[name], **more)


def _number(value: int) -> Random:
    return Random(str(value), "whole", lambda _: value, width=64, is_literal=True)


def _quoted(text: str) -> Random:
    return Random(f"'{text}'", "text", lambda _: text, is_literal=True)


def _within(value: int, width: int) -> int:
    if not -(2 ** (width - 1)) <= value < 2 ** (width - 1):
        raise Failed
    return value


def _width(a: Random, b: Random) -> int:
    """Give the wider of two widths; a number that is written out takes the other's if it fits."""
    for one, other in ((a, b), (b, a)):
        if one.is_literal and not other.is_literal:
            fits = -(2 ** (other.width - 1)) <= one.of({}) < 2 ** (other.width - 1)
            return other.width if fits else max(a.width, b.width)
    return max(a.width, b.width)


def _operator(sign: str, a: Random, b: Random) -> Random:
    width = _width(a, b)

    def value(x: int, y: int) -> int:
        if sign in ("//", "%"):
            if y == 0:
                raise Failed
            quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
            return _within(quotient if sign == "//" else x - quotient * y, width)
        return _within({"+": x + y, "-": x - y, "*": x * y}[sign], width)

    return _strict(f"({a.sql} {sign} {b.sql})", "whole", value, a, b, width=width)


def _negated(a: Random) -> Random:
    return _strict(f"(0 - {a.sql})", "whole", lambda x: _within(-x, a.width), a, width=a.width)


def _absolute(a: Random) -> Random:
    def value(x: Any) -> Any:
        return _within(abs(x), a.width) if a.kind == "whole" else EXACT.abs(x)

    return _strict(f"ABS({a.sql})", a.kind, value, a, width=a.width, scale=a.scale)


def _cast(a: Random, name: str) -> Random:
    width = _BITS[name]
    sql = f"CAST({a.sql} AS {name})"
    return _strict(sql, "whole", lambda x: _within(x, width), a, width=width)


def _cast_text(a: Random, name: str) -> Random:
    width = _BITS[name]

    def value(row: Row) -> Any:
        text = a.of(row)
        if text is None or not text.strip():
            return None
        body = text.strip()
        whole, _, rest = body.partition(".")
        if not whole.lstrip("-").isascii() or not whole.lstrip("-").isdigit() or rest.strip("0"):
            raise Failed
        return _within(int(whole), width)

    return Random(f"CAST({a.sql} AS {name})", "whole", value, width=width)


def _length(a: Random) -> Random:
    return _strict(f"LENGTH({a.sql})", "whole", len, a, width=64)


def _position(a: Random, b: Random) -> Random:
    sql = f"STRPOS({a.sql}, {b.sql})"
    return _strict(sql, "whole", lambda x, y: x.find(y) + 1, a, b, width=64)


def _substring(a: Random, start: int, length: int) -> Random:
    end = start - 1 + length
    sql = f"SUBSTRING({a.sql}, {start}, {length})"
    return _strict(sql, "text", lambda x: x[start - 1 : end], a)


def _decimal(sign: str, a: Random, b: Random) -> Random:
    scale = a.scale + b.scale if sign == "*" else max(a.scale, b.scale)

    def value(x: Any, y: Any) -> Decimal:
        x, y = Decimal(x), Decimal(y)
        exact = {"+": EXACT.add, "-": EXACT.subtract, "*": EXACT.multiply}[sign](x, y)
        return _fitting(exact, scale)

    return _strict(f"({a.sql} {sign} {b.sql})", "decimal", value, a, b, scale=scale, width=38)


def _fitting(value: Decimal, scale: int) -> Decimal:
    if abs(int(value.scaleb(scale, EXACT))) >= 10**38:
        raise Failed
    return value


def _rounded(a: Random, digits: int) -> Random:
    def value(x: Decimal) -> Decimal:
        if digits >= a.scale:
            return x
        whole = x.scaleb(digits, EXACT).quantize(Decimal(1), ROUND_HALF_UP, EXACT)
        return _fitting(whole.scaleb(-digits, EXACT), a.scale)

    sql = f"ROUND({a.sql}, {digits})"
    return _strict(sql, "decimal", value, a, scale=a.scale, width=38)


def _compared(sign: str, a: Random, b: Random) -> Random:
    done: dict[str, Callable[[Any, Any], bool]] = {
        "=": lambda x, y: x == y, "<>": lambda x, y: x != y, "<": lambda x, y: x < y,
        ">=": lambda x, y: x >= y, ">": lambda x, y: x > y,
    }  # fmt: skip
    return _strict(f"({a.sql} {sign} {b.sql})", "boolean", done[sign], a, b)


def _is_null(a: Random) -> Random:
    return Random(f"({a.sql} IS NULL)", "boolean", lambda row: a.of(row) is None)


def _not(a: Random) -> Random:
    return _strict(f"(NOT {a.sql})", "boolean", lambda x: not x, a)


def _both(is_and: bool, a: Random, b: Random) -> Random:
    def value(row: Row) -> Any:
        first = a.of(row)
        if first is (not is_and):
            return first
        second = b.of(row)
        if second is (not is_and):
            return second
        return None if None in (first, second) else is_and

    return Random(f"({a.sql} {'AND' if is_and else 'OR'} {b.sql})", "boolean", value)


def _joined(a: Random, b: Random) -> dict[str, Any]:
    return {"width": _width(a, b) if a.kind == "whole" else 0}


def _case(condition: Random, a: Random, b: Random) -> Random:
    sql = f"CASE WHEN {condition.sql} THEN {a.sql} ELSE {b.sql} END"
    return Random(sql, a.kind, lambda row: a.of(row) if condition.of(row) else b.of(row),
                  **_joined(a, b))  # fmt: skip


def _coalesce(a: Random, b: Random) -> Random:
    def value(row: Row) -> Any:
        first = a.of(row)
        return b.of(row) if first is None else first

    return Random(f"COALESCE({a.sql}, {b.sql})", a.kind, value, **_joined(a, b))


def _null_if(a: Random, b: Random) -> Random:
    def value(row: Row) -> Any:
        first = a.of(row)
        return None if first is None or first == b.of(row) else first

    return Random(f"NULLIF({a.sql}, {b.sql})", a.kind, value, width=a.width)
