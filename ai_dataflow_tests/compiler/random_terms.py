"""Parts of random expressions: SQL, and what plain Python makes of it.

An expression is its SQL and a function of a row: whole numbers are Python's, checked against the
width of the operator's type; decimals are `decimal`'s with enough digits. A part that is not
evaluated is not called, so that its failure cannot be seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any

Row = dict[str, Any]
EXACT = Context(prec=120)
BITS = {"SMALLINT": 16, "INT": 32, "BIGINT": 64}


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


def strict(sql: str, kind: str, of: Callable[..., Any], *parts: Random, **more: Any) -> Random:
    """Make an expression that is null where a part is, and evaluates all of them."""

    def value(row: Row) -> Any:
        values = [part.of(row) for part in parts]
        return None if None in values else of(*values)

    return Random(sql, kind, value, **more)


def column(name: str, kind: str, **more: Any) -> Random:
    return Random(name, kind, lambda row: row[name], **more)


def number(value: int) -> Random:
    return Random(str(value), "whole", lambda _: value, width=64, is_literal=True)


def quoted(text: str) -> Random:
    return Random(f"'{text}'", "text", lambda _: text, is_literal=True)


def within(value: int, width: int) -> int:
    if not -(2 ** (width - 1)) <= value < 2 ** (width - 1):
        raise Failed
    return value


def wider(a: Random, b: Random) -> int:
    """Give the wider of two widths; a number that is written out takes the other's if it fits."""
    for one, other in ((a, b), (b, a)):
        if one.is_literal and not other.is_literal:
            fits = -(2 ** (other.width - 1)) <= one.of({}) < 2 ** (other.width - 1)
            return other.width if fits else max(a.width, b.width)
    return max(a.width, b.width)


def operator(sign: str, a: Random, b: Random) -> Random:
    width = wider(a, b)

    def value(x: int, y: int) -> int:
        if sign in ("//", "%"):
            if y == 0:
                raise Failed
            quotient = abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
            return within(quotient if sign == "//" else x - quotient * y, width)
        return within({"+": x + y, "-": x - y, "*": x * y}[sign], width)

    return strict(f"({a.sql} {sign} {b.sql})", "whole", value, a, b, width=width)


def negated(a: Random) -> Random:
    return strict(f"(0 - {a.sql})", "whole", lambda x: within(-x, a.width), a, width=a.width)


def absolute(a: Random) -> Random:
    def value(x: Any) -> Any:
        return within(abs(x), a.width) if a.kind == "whole" else EXACT.abs(x)

    return strict(f"ABS({a.sql})", a.kind, value, a, width=a.width, scale=a.scale)


def cast(a: Random, name: str) -> Random:
    width = BITS[name]
    sql = f"CAST({a.sql} AS {name})"
    return strict(sql, "whole", lambda x: within(x, width), a, width=width)


def cast_text(a: Random, name: str) -> Random:
    width = BITS[name]

    def value(row: Row) -> Any:
        text = a.of(row)
        if text is None or not text.strip():
            return None
        body = text.strip()
        whole, _, rest = body.partition(".")
        if not whole.lstrip("-").isascii() or not whole.lstrip("-").isdigit() or rest.strip("0"):
            raise Failed
        return within(int(whole), width)

    return Random(f"CAST({a.sql} AS {name})", "whole", value, width=width)


def length(a: Random) -> Random:
    return strict(f"LENGTH({a.sql})", "whole", len, a, width=64)


def position(a: Random, b: Random) -> Random:
    sql = f"STRPOS({a.sql}, {b.sql})"
    return strict(sql, "whole", lambda x, y: x.find(y) + 1, a, b, width=64)


def substring(a: Random, start: int, length: int) -> Random:
    end = start - 1 + length
    sql = f"SUBSTRING({a.sql}, {start}, {length})"
    return strict(sql, "text", lambda x: x[start - 1 : end], a)


def decimal(sign: str, a: Random, b: Random) -> Random:
    scale = a.scale + b.scale if sign == "*" else max(a.scale, b.scale)

    def value(x: Any, y: Any) -> Decimal:
        x, y = Decimal(x), Decimal(y)
        exact = {"+": EXACT.add, "-": EXACT.subtract, "*": EXACT.multiply}[sign](x, y)
        return fitting(exact, scale)

    return strict(f"({a.sql} {sign} {b.sql})", "decimal", value, a, b, scale=scale, width=38)


def fitting(value: Decimal, scale: int) -> Decimal:
    if abs(int(value.scaleb(scale, EXACT))) >= 10**38:
        raise Failed
    return value


def rounded(a: Random, digits: int) -> Random:
    def value(x: Decimal) -> Decimal:
        if digits >= a.scale:
            return x
        whole = x.scaleb(digits, EXACT).quantize(Decimal(1), ROUND_HALF_UP, EXACT)
        return fitting(whole.scaleb(-digits, EXACT), a.scale)

    sql = f"ROUND({a.sql}, {digits})"
    return strict(sql, "decimal", value, a, scale=a.scale, width=38)


def compared(sign: str, a: Random, b: Random) -> Random:
    done: dict[str, Callable[[Any, Any], bool]] = {
        "=": lambda x, y: x == y, "<>": lambda x, y: x != y, "<": lambda x, y: x < y,
        ">=": lambda x, y: x >= y, ">": lambda x, y: x > y,
        "<=": lambda x, y: x <= y,
    }  # fmt: skip
    return strict(f"({a.sql} {sign} {b.sql})", "boolean", done[sign], a, b)


def is_null(a: Random) -> Random:
    return Random(f"({a.sql} IS NULL)", "boolean", lambda row: a.of(row) is None)


def negation(a: Random) -> Random:
    return strict(f"(NOT {a.sql})", "boolean", lambda x: not x, a)


def both(is_and: bool, a: Random, b: Random) -> Random:
    def value(row: Row) -> Any:
        first = a.of(row)
        if first is (not is_and):
            return first
        second = b.of(row)
        if second is (not is_and):
            return second
        return None if None in (first, second) else is_and

    return Random(f"({a.sql} {'AND' if is_and else 'OR'} {b.sql})", "boolean", value)


def joined(a: Random, b: Random) -> dict[str, Any]:
    return {"width": wider(a, b) if a.kind == "whole" else 0}


def case(condition: Random, a: Random, b: Random) -> Random:
    sql = f"CASE WHEN {condition.sql} THEN {a.sql} ELSE {b.sql} END"
    return Random(sql, a.kind, lambda row: a.of(row) if condition.of(row) else b.of(row),
                  **joined(a, b))  # fmt: skip


def coalesce(a: Random, b: Random) -> Random:
    def value(row: Row) -> Any:
        first = a.of(row)
        return b.of(row) if first is None else first

    return Random(f"COALESCE({a.sql}, {b.sql})", a.kind, value, **joined(a, b))


def null_if(a: Random, b: Random) -> Random:
    def value(row: Row) -> Any:
        first = a.of(row)
        return None if first is None or first == b.of(row) else first

    return Random(f"NULLIF({a.sql}, {b.sql})", a.kind, value, width=a.width)


def put_together(a: Random, b: Random) -> Random:
    return strict(f"({a.sql} || {b.sql})", "text", lambda x, y: x + y, a, b)


def reverse(a: Random) -> Random:
    return strict(f"REVERSE({a.sql})", "text", lambda x: x[::-1], a)


def left(a: Random, length: Random) -> Random:
    return strict(f"LEFT({a.sql}, {length.sql})", "text", lambda x, i: x[:i], a, length)


def replaced(a: Random) -> Random:
    sql = f"REPLACE({a.sql}, 'a', '€€')"
    return strict(sql, "text", lambda x: x.replace("a", "€€"), a)


def trimmed(a: Random) -> Random:
    return strict(f"TRIM({a.sql}, 'a ')", "text", lambda x: x.strip("a "), a)


def padded(a: Random, length: int) -> Random:
    sql = f"LPAD({a.sql}, {length}, '€')"
    return strict(sql, "text", lambda x: x[:length].rjust(length, "€"), a)


def part(a: Random, number: int) -> Random:
    def value(text: str) -> str:
        parts = text.split(",")
        index = number - 1 if number > 0 else number
        return parts[index] if -len(parts) <= index < len(parts) else ""

    return strict(f"SPLIT_PART({a.sql}, ',', {number})", "text", value, a)


def stepped(a: Random, up: bool) -> Random:
    rounding = ROUND_CEILING if up else ROUND_FLOOR

    def value(x: Decimal) -> Decimal:
        return fitting(x.quantize(Decimal(1), rounding, EXACT), a.scale)

    sql = f"{'CEIL' if up else 'FLOOR'}({a.sql})"
    return strict(sql, "decimal", value, a, scale=a.scale, width=38)


def cut(a: Random, digits: int) -> Random:
    def value(x: Decimal) -> Decimal:
        whole = x.scaleb(digits, EXACT).quantize(Decimal(1), ROUND_DOWN, EXACT)
        return x if digits >= a.scale else whole.scaleb(-digits, EXACT)

    return strict(f"TRUNC({a.sql}, {digits})", "decimal", value, a, scale=a.scale, width=38)


def is_in(a: Random, options: list[Random]) -> Random:
    def value(row: Row) -> Any:
        x, result = a.of(row), False
        for option in options:
            y = option.of(row)
            if x is not None and x == y:
                return True
            result = None if None in (x, y) else result
        return result

    return Random(f"({a.sql} IN ({', '.join(o.sql for o in options)}))", "boolean", value)


def between(a: Random, low: Random, high: Random) -> Random:
    at_least, at_most = compared(">=", a, low), compared("<=", a, high)
    sql = f"({a.sql} BETWEEN {low.sql} AND {high.sql})"
    return Random(sql, "boolean", both(True, at_least, at_most).of)


def like(a: Random, pattern: str) -> Random:
    regex = re.compile(pattern.replace("%", ".*").replace("_", "."), re.DOTALL)
    sql = f"({a.sql} LIKE '{pattern}')"
    return strict(sql, "boolean", lambda x: regex.fullmatch(x) is not None, a)


def is_true(a: Random) -> Random:
    return Random(f"({a.sql} IS TRUE)", "boolean", lambda row: a.of(row) is True)


def extreme(least: bool, a: Random, b: Random) -> Random:
    def value(row: Row) -> Any:
        given = [x for x in (a.of(row), b.of(row)) if x is not None]
        return (min if least else max)(given, default=None)

    sql = f"{'LEAST' if least else 'GREATEST'}({a.sql}, {b.sql})"
    return Random(sql, "whole", value, width=wider(a, b))
