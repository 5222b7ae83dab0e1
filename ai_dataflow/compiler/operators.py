"""Operators of numbers, texts and days. A chain of one operator is flat, however long it is."""

from __future__ import annotations

import re

import polars as pl
from sqlglot import exp

from ai_dataflow.compiler import calendars, dialects, kinds, number_functions
from ai_dataflow.compiler.arithmetic import negated, operate, total
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.conversions import beside_text, convert, implied, texts_of
from ai_dataflow.compiler.registry import Call, fitted
from ai_dataflow.compiler.terms import Term, literal
from ai_dataflow.compiler.walk import compile_node, visits

TEXT = pl.String()
_LONG = 64  # terms that are added one by one
_SIGNS: dict[type[exp.Expr], str] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.IntDiv: "//", exp.Mod: "%",
}  # fmt: skip
_BITS: dict[type[exp.Expr], str] = {
    exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^",
}  # fmt: skip


@visits(exp.Neg)
def _negative(context: Context, node: exp.Expr) -> Term:
    made = compile_node(context, node.this)
    made = _as_number(context, made, "-")
    return negated(context, made)


def _as_number(context: Context, made: Term, sign: str) -> Term:
    if made.dtype == pl.Null:
        return literal(None, pl.Int64())
    if made.dtype == pl.String and context.reads_text:
        return implied(context, made, beside_text(pl.Int64()))
    if made.dtype == pl.Boolean:
        return convert(context, made, pl.Int64())
    if not kinds.is_number(made.dtype):
        raise context.refused(f"`{sign}` takes numbers, and this is {kinds.shown(made.dtype)}")
    return made


def flat(node: exp.Expr, kind: type[exp.Expr]) -> list[exp.Expr]:
    """Give the parts of a chain of one operator, however long."""
    parts: list[exp.Expr] = []
    waiting = [node]
    while waiting:
        part = waiting.pop()
        inner = part.this if isinstance(part, exp.Paren) else part
        if isinstance(inner, kind):
            waiting += [inner.expression, inner.this]
        else:
            parts.append(part)
    return parts


@visits(exp.DPipe)
def _strung(context: Context, node: exp.Expr) -> Term:
    parts = texts_of(context, [compile_node(context, part) for part in flat(node, exp.DPipe)])
    return _joined_text(context, parts)


def _joined_text(context: Context, parts: list[Term]) -> Term:
    return context.steps.combined(pl.concat_str([part.value for part in parts]), TEXT, parts)


def _terms(node: exp.Expr) -> list[tuple[type[exp.Expr], exp.Expr]]:
    """Give the terms of sums and differences, from left to right, each with what is before it."""
    terms: list[tuple[type[exp.Expr], exp.Expr]] = []
    while isinstance(node, exp.Add | exp.Sub):
        terms.append((type(node), node.expression))
        node = node.this
    terms.append((exp.Add, node))
    return terms[::-1]


def _sum(context: Context, node: exp.Expr) -> Term:
    terms = [(kind, compile_node(context, part)) for kind, part in _terms(node)]
    plus_only = all(kind is exp.Add for kind, _ in terms)
    numeric = all(kinds.is_number(made.dtype) for _, made in terms)
    if plus_only and len(terms) > _LONG and all(made.dtype == TEXT for _, made in terms):
        return _plus_of_text(context, [made for _, made in terms])
    if numeric and len(terms) > _LONG:
        return total(context, [(1 if kind is exp.Add else -1, made) for kind, made in terms])
    made = terms[0][1]
    for kind, term in terms[1:]:
        made = _added(context, _SIGNS[kind], made, term)
    return made


def _plus_of_text(context: Context, parts: list[Term]) -> Term:
    context.differs("`+` puts texts together here, as in T-SQL; elsewhere it is an error or a sum")
    return _joined_text(context, parts)


def _added(context: Context, sign: str, a: Term, b: Term) -> Term:
    both = {a.dtype, b.dtype}
    if both <= {TEXT, pl.Null()} and sign == "+" and context.dialect in ("", dialects.TSQL):
        return _plus_of_text(context, [convert(context, made, TEXT) for made in (a, b)])
    if any(kinds.is_day(dtype) or isinstance(dtype, pl.Duration | pl.Time) for dtype in both):
        return _moved(context, sign, a, b)
    return operate(context, sign, *_numbers(context, sign, a, b))


def _numbers(context: Context, sign: str, a: Term, b: Term) -> tuple[Term, Term]:
    """Give both sides as numbers; text beside one is read as one where the dialect does."""
    for one, other in ((a, b), (b, a)):
        if one.dtype == TEXT and context.reads_text and kinds.is_number(other.dtype):
            read = implied(context, one, beside_text(other.dtype))
            return (read, other) if one is a else (other, read)
    return _as_number(context, a, sign), _as_number(context, b, sign)


def _moved(context: Context, sign: str, a: Term, b: Term) -> Term:
    """Add days to a day, or take days apart."""
    if isinstance(b.dtype, pl.Duration) and (kinds.is_day(a.dtype) or a.dtype == b.dtype):
        return calendars.lengthened(context, a, b, -1 if sign == "-" else 1)
    if kinds.is_day(a.dtype) and kinds.is_whole(b.dtype):
        return calendars.added(context, a, b, "day", -1 if sign == "-" else 1)
    if kinds.is_day(b.dtype) and kinds.is_whole(a.dtype) and sign == "+":
        return calendars.added(context, b, a, "day")
    if kinds.is_day(a.dtype) and kinds.is_day(b.dtype) and sign == "-":
        days = context.dialect in (dialects.POSTGRES, dialects.DUCKDB)
        if days and a.dtype == b.dtype == pl.Date:
            return calendars.between(context, b, a, "day")
        x, y = (calendars.local(made).cast(kinds.NAIVE) for made in (a, b))
        return context.steps.combined(x - y, pl.Duration("us"), [a, b])
    raise context.refused(
        f"`{sign}` of {kinds.shown(a.dtype)} and {kinds.shown(b.dtype)} is not known; "
        "use DATEADD or an INTERVAL"
    )


@visits(exp.Add, exp.Sub)
def _plus_or_minus(context: Context, node: exp.Expr) -> Term:
    """Compile a sum; an INTERVAL in it is added to the day before it."""
    terms = _terms(node)
    if not any(isinstance(part, exp.Interval) for _, part in terms):
        return _sum(context, node)
    if isinstance(terms[0][1], exp.Interval):
        terms[:2] = terms[1::-1]
    made = compile_node(context, terms[0][1])
    for kind, part in terms[1:]:
        if isinstance(part, exp.Interval):
            made = moved_by(context, made, part, -1 if kind is exp.Sub else 1)
        else:
            made = _added(context, _SIGNS[kind], made, compile_node(context, part))
    return made


def moved_by(context: Context, made: Term, interval: exp.Interval, sign: int) -> Term:
    """Add an interval to a day, or take it off."""
    made = fitted(context, made, "day", "an INTERVAL")
    for amount, unit in _amounts(context, interval):
        name = calendars.unit_named(context, unit)
        made = calendars.added(context, made, amount, name, sign)
    return made


def _amounts(context: Context, interval: exp.Interval) -> list[tuple[Term, str]]:
    unit = interval.args.get("unit")
    value = interval.this
    if unit is not None and not (isinstance(value, exp.Literal) and value.is_string):
        amount = fitted(context, compile_node(context, value), "whole", "an INTERVAL")
        return [(amount, unit.name)]
    text = value.name if unit is None else f"{value.name} {unit.name}"
    amounts = re.findall(r"([+-]?\d+)\s*([A-Za-z]+)", text)
    if not amounts or re.sub(r"([+-]?\d+)\s*([A-Za-z]+)[\s,]*", "", text).strip():
        raise context.refused(f"`{text[:40]}` is no interval; such as INTERVAL '1 day'")
    return calendars.in_order(context, [(int(number), name) for number, name in amounts])


@visits(exp.Interval)
def _interval(context: Context, _: exp.Expr) -> Term:
    raise context.refused("an INTERVAL stands beside a day: day + INTERVAL '1 month'")


@visits(exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
def _operator(context: Context, node: exp.Expr) -> Term:
    sign = _SIGNS[type(node)]
    a, b = compile_node(context, node.this), compile_node(context, node.expression)
    return operate(context, sign, *_numbers(context, sign, a, b))


@visits(exp.Pow)
def _power(context: Context, node: exp.Expr) -> Term:
    parts = [compile_node(context, node.this), compile_node(context, node.expression)]
    a, b = (_as_number(context, made, "^") for made in parts)
    return number_functions.power(Call(context, "POWER", (a, b)))


@visits(*_BITS)
def _bitwise(context: Context, node: exp.Expr) -> Term:
    sign = _BITS[type(node)]
    if sign == "^":
        if context.dialect in (dialects.POSTGRES, dialects.DUCKDB):
            return _power(context, node)
        context.differs(
            "`^` is XOR here, as in T-SQL and Spark; PostgreSQL and DuckDB raise to a power"
        )
    parts = (compile_node(context, node.this), compile_node(context, node.expression))
    return number_functions.bits(Call(context, sign, parts), sign)


@visits(exp.BitwiseNot)
def _bitwise_not(context: Context, node: exp.Expr) -> Term:
    made = fitted(context, compile_node(context, node.this), "whole", "`~`")
    return number_functions.bit_not(Call(context, "~", (made,)))
