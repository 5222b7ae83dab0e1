"""Conditions: comparisons, AND, OR, IN, LIKE, CASE."""

from __future__ import annotations

import re

import polars as pl
from polars.exceptions import PolarsError
from sqlglot import exp

from ai_dataflow.compiler import dialects, logic, pattern_functions
from ai_dataflow.compiler.calls import called
from ai_dataflow.compiler.choice_functions import NULL
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.operators import flat
from ai_dataflow.compiler.registry import FUNCTIONS, Call, fitted
from ai_dataflow.compiler.terms import Term, literal
from ai_dataflow.compiler.walk import ELSEWHERE, compile_node, visits

BOOLEAN = pl.Boolean()
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
    exp.NullSafeEQ: "<=>", exp.NullSafeNEQ: "<!>",
}  # fmt: skip


@visits(exp.And)
def _and(context: Context, node: exp.Expr) -> Term:
    parts = [compile_node(context, part) for part in flat(node, exp.And)]
    return logic.joined(context, parts, is_and=True)


@visits(exp.Or)
def _or(context: Context, node: exp.Expr) -> Term:
    parts = [compile_node(context, part) for part in flat(node, exp.Or)]
    return logic.joined(context, parts, is_and=False)


@visits(*_COMPARISONS)
def _comparison(context: Context, node: exp.Expr) -> Term:
    right = node.expression
    if isinstance(right, exp.Anonymous) and str(right.this).upper() in ("ANY", "SOME"):
        held = compile_node(context, right.expressions[0])
        call = Call(context, "ANY", (held, compile_node(context, node.this)))
        return FUNCTIONS["ARRAY_CONTAINS"].build(call)
    a, b = compile_node(context, node.this), compile_node(context, right)
    return logic.compared(context, _COMPARISONS[type(node)], a, b)


@visits(exp.Between)
def _between(context: Context, node: exp.Expr) -> Term:
    made = context.steps.light(compile_node(context, node.this))
    low, high = (compile_node(context, node.args[name]) for name in ("low", "high"))
    if not node.args.get("symmetric"):
        return _within(context, made, low, high)
    low, high = context.steps.light(low), context.steps.light(high)
    either = [_within(context, made, low, high), _within(context, made, high, low)]
    return logic.joined(context, either, is_and=False)


def _within(context: Context, made: Term, low: Term, high: Term) -> Term:
    parts = [logic.compared(context, ">=", made, low), logic.compared(context, "<=", made, high)]
    return logic.joined(context, parts, is_and=True)


@visits(exp.Not)
def _not(context: Context, node: exp.Expr) -> Term:
    return logic.negation(context, compile_node(context, node.this))


def _maybe_not(context: Context, node: exp.Expr, made: Term) -> Term:
    return logic.negation(context, made) if node.args.get("negate") else made


@visits(exp.In)
def _in(context: Context, node: exp.Expr) -> Term:
    if node.args.get("query") or node.args.get("unnest") or node.args.get("field"):
        raise context.refused(ELSEWHERE, is_scalar=False)
    made = compile_node(context, node.this)
    options = [compile_node(context, option) for option in node.expressions]
    return _maybe_not(context, node, logic.is_in(context, made, options))


@visits(exp.Is)
def _is(context: Context, node: exp.Expr) -> Term:
    made, right = compile_node(context, node.this), node.expression
    if isinstance(right, exp.Null):
        value = made.value.is_null()
    elif isinstance(right, exp.Boolean):
        made = logic.condition(context, made)
        value = made.value.eq_missing(pl.lit(bool(right.this)))
    else:
        raise context.refused("IS takes NULL, TRUE or FALSE, or DISTINCT FROM")
    return _maybe_not(context, node, context.steps.combined(value, BOOLEAN, [made]))


@visits(exp.Like, exp.ILike)
def _like(context: Context, node: exp.Expr, escape: str = "") -> Term:
    parts = [compile_node(context, part) for part in (node.this, node.expression)]
    made, pattern = (fitted(context, part, "text", "LIKE") for part in parts)
    if not pattern.is_literal:
        raise context.refused("the pattern of LIKE must be written out, not computed")
    if pattern.literal is None:
        return literal(None, BOOLEAN)
    if not escape and context.dialect in (dialects.SPARK, dialects.POSTGRES):
        escape = "\\"
    regex = _pattern(context, str(pattern.literal), escape)
    flags = "(?is)" if isinstance(node, exp.ILike) else "(?s)"
    value = made.value.str.contains(f"{flags}^{regex}$")
    return _maybe_not(context, node, context.steps.combined(value, BOOLEAN, [made]))


def _pattern(context: Context, text: str, escape: str) -> str:
    """Give a LIKE pattern as a regular expression; T-SQL has sets in brackets."""
    made, signs = "", iter(text)
    for sign in signs:
        if escape and sign == escape:
            escaped = next(signs, "")
            if not escaped:
                raise context.refused("a pattern of LIKE ends with its escape character")
            made += _quoted(escaped)
        elif sign == "[" and context.dialect == dialects.TSQL:
            made += _set(context, "".join(iter(lambda: next(signs, "]"), "]")))
        else:
            made += {"%": ".*", "_": "."}.get(sign) or _quoted(sign)
    return made


def _set(context: Context, inner: str) -> str:
    """Give a set of T-SQL, such as `a-c`, `^0-9` or `[`, which means itself there."""
    made = re.sub(r"[\\\[&~]", r"\\\g<0>", inner)
    try:
        pl.Series([""]).str.contains(f"[{made}]")
    except PolarsError:
        raise context.refused(f"`[{inner[:40]}]` in a pattern of LIKE is no set") from None
    return f"[{made}]"


def _quoted(sign: str) -> str:
    return re.escape(sign) if sign.isascii() else sign


@visits(exp.Escape)
def _escape(context: Context, node: exp.Expr) -> Term:
    sign = node.expression.name
    if len(sign) != 1 or not isinstance(node.this, exp.Like | exp.ILike):
        raise context.refused("ESCAPE takes one character, after LIKE")
    return _like(context, node.this, sign)


@visits(exp.RegexpLike, exp.RegexpILike)
def _regexp(context: Context, node: exp.Expr) -> Term:
    parts = [compile_node(context, part) for part in (node.this, node.expression)]
    args = tuple(fitted(context, part, "text", "a pattern") for part in parts)
    flags = "i" if isinstance(node, exp.RegexpILike) else ""
    if args[1].is_literal and args[1].literal is None:
        return literal(None, BOOLEAN)
    pattern = pattern_functions.pattern_of(Call(context, "a match", args), 1, flags)
    return context.steps.combined(args[0].value.str.contains(pattern), BOOLEAN, list(args))


@visits(exp.StartsWith)
def _starts(context: Context, node: exp.Expr) -> Term:
    return called(context, "STARTS_WITH", [node.this, node.expression])


@visits(exp.Case)
def _case(context: Context, node: exp.Expr) -> Term:
    ifs = node.args["ifs"]
    default = node.args.get("default")
    branches = [compile_node(context, each.args["true"]) for each in ifs]
    rest = compile_node(context, default) if default is not None else NULL
    if node.this is None:
        conditions = [compile_node(context, each.this) for each in ifs]
        return logic.chosen(context, conditions, branches, rest)
    subject = compile_node(context, node.this)
    keys = [compile_node(context, each.this) for each in ifs]
    if (made := logic.looked_up(context, subject, keys, branches, rest)) is not None:
        return made
    subject = context.steps.light(subject, len(keys))
    conditions = [logic.compared(context, "=", subject, key) for key in keys]
    return logic.chosen(context, conditions, branches, rest)
