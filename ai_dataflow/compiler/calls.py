"""Calls of functions: found in the table, their arguments made what they take."""

from __future__ import annotations

import polars as pl
from sqlglot import exp

from ai_dataflow.compiler import (
    calendars,
    choice_functions,
    date_functions,
    growing_functions,
    list_functions,
    number_functions,
    pattern_functions,
    row_keys,
    text_functions,
)
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.operators import moved_by
from ai_dataflow.compiler.registry import AGGREGATES, FUNCTIONS, Call, Function, entries, fitted
from ai_dataflow.compiler.terms import Term
from ai_dataflow.compiler.walk import ELSEWHERE, compile_node, visits
from ai_dataflow.config.diagnostics import did_you_mean

# Each of them enters its functions into the table, which has them in this order.
FAMILIES = (
    text_functions, growing_functions, pattern_functions, number_functions, date_functions,
    choice_functions, list_functions, row_keys,
)  # fmt: skip
_UNIT_LAST = frozenset({"DATEADD", "DATE_ADD", "DATEDIFF", "DATE_DIFF"})
_BARE_CLOCK = frozenset({"LOCALTIME", "LOCALTIMESTAMP", "CURRENT_DATETIME"})


def functions() -> list[Function]:
    """Give the whole table of functions, family by family."""
    order = [family.__name__ for family in FAMILIES]
    return sorted(entries(), key=lambda entry: order.index(entry.build.__module__))


def name_of(node: exp.Anonymous) -> str:
    """Give the name of a function that is called."""
    this = node.this
    return (this.name if isinstance(this, exp.Expr) else str(this)).upper()


def is_clock(node: exp.Column) -> bool:
    """Tell the clock's names that stand without parentheses."""
    return (
        len(node.parts) == 1
        and not node.this.args.get("quoted")
        and (node.name.upper() in _BARE_CLOCK)
    )


@visits(exp.Anonymous)
def _function(context: Context, node: exp.Anonymous) -> Term:
    return called(context, name_of(node), node.expressions)


def called(context: Context, name: str, nodes: list[exp.Expr]) -> Term:
    """Compile a call of a function.

    Raises:
        TransformError: there is none of this name, or it takes other arguments.
    """
    entry = FUNCTIONS.get(name)
    if name in AGGREGATES:
        raise context.refused(ELSEWHERE, is_scalar=False)
    if entry is None:
        near = did_you_mean(name.lower(), map(str.lower, FUNCTIONS))
        raise context.refused(f"there is no function `{name.lower()[:60]}`{near}")
    if name in ("DATE_ADD", "DATE_SUB") and len(nodes) > 1 and isinstance(nodes[1], exp.Interval):
        day = compile_node(context, nodes[0])
        return moved_by(context, day, nodes[1], -1 if name == "DATE_SUB" else 1)
    entry, nodes = _reading(context, entry, name, nodes)
    if len(nodes) < entry.least or (entry.most is not None and len(nodes) > entry.most):
        raise context.refused(f"{name} takes {_arity(entry)}, not {len(nodes)}")
    at = entry.unit_at
    unit = "" if at is None else calendars.unit_named(context, nodes[at].name)
    args = _arguments(context, entry, name, [part for i, part in enumerate(nodes) if i != at])
    made = entry.build(Call(context, name, args, unit))
    if entry.is_strict and any(map(_is_null, args)):  # it is not computed, and does not fail
        return context.steps.combined(pl.lit(None, dtype=made.dtype), made.dtype, args)
    return made


def _arguments(
    context: Context, entry: Function, name: str, nodes: list[exp.Expr]
) -> tuple[Term, ...]:
    """Compile arguments, but for a unit."""
    at = entry.unit_at
    takes = [kind for i, kind in enumerate(entry.takes) if i != at] or ["any"]
    args = []
    for i, part in enumerate(nodes):
        kind = takes[min(i, len(takes) - 1)].rstrip("?*")
        made = compile_node(context, part)
        outer, context.node = context.node, part
        args.append(context.steps.light(fitted(context, made, kind, name), 4))
        context.node = outer
    return tuple(args)


def _is_null(made: Term) -> bool:
    return made.is_literal and made.literal is None


def _arity(entry: Function) -> str:
    least, most = entry.least, entry.most
    numbers = (
        f"{least}"
        if most == least
        else f"{least} or more"
        if most is None
        else f"{least} to {most}"
    )
    return f"{numbers} argument{'s' if numbers != '1' else ''}"


def _reading(
    context: Context, entry: Function, name: str, nodes: list[exp.Expr]
) -> tuple[Function, list[exp.Expr]]:
    """Tell apart what dialects call alike, by its arguments."""
    count = len(nodes)
    if name in ("DATEDIFF", "DATE_DIFF") and count == 2:  # noqa: PLR2004
        return entry, [exp.Literal.string("day"), nodes[1], nodes[0]]
    if name == "DATE_ADD" and count == 2:  # noqa: PLR2004
        return FUNCTIONS["ADD_DAYS"], nodes
    if name in _UNIT_LAST and nodes[2:] and _is_unit(nodes[2]):
        return entry, [nodes[2], *nodes[:2]]
    if name == "TRUNC" and count == 2 and isinstance(nodes[1], exp.Literal) and nodes[1].is_string:  # noqa: PLR2004
        return FUNCTIONS["TRUNC_DATE"], nodes
    if name == "DATE_TRUNC" and count == 2 and not _is_unit(nodes[0]) and _is_unit(nodes[1]):  # noqa: PLR2004
        return entry, nodes[::-1]
    return entry, nodes


def _is_unit(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.is_string


@visits(exp.Extract)
def _extract(context: Context, node: exp.Expr) -> Term:
    unit = calendars.unit_named(context, node.this.name)
    made = fitted(context, compile_node(context, node.expression), "clock", "EXTRACT")
    return date_functions.part(context, made, unit)


@visits(exp.Trim)
def _trim(context: Context, node: exp.Expr) -> Term:
    names = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}
    name = names.get(str(node.args.get("position") or "").upper(), "TRIM")
    parts = [node.this, *([node.expression] if node.expression else [])]
    return called(context, name, parts)


@visits(exp.Substring)
def _substring(context: Context, node: exp.Expr) -> Term:
    start = node.args.get("start") or exp.Literal.number(1)
    length = node.args.get("length")
    return called(context, "SUBSTRING", [node.this, start, *([length] if length else [])])


@visits(exp.StrPosition)
def _position(context: Context, node: exp.Expr) -> Term:
    start = node.args.get("position")
    parts = [node.args["substr"], node.this, *([start] if start else [])]
    return called(context, "LOCATE", parts)


@visits(exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp)
def _clock(context: Context, node: exp.Expr) -> Term:
    return called(context, node.key.upper().replace("CURRENT", "CURRENT_"), [])
