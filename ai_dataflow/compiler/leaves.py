"""What an expression begins with: columns, their fields and elements, and what is written out."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import polars as pl
from sqlglot import exp

from ai_dataflow.compiler import kinds
from ai_dataflow.compiler.arithmetic import number
from ai_dataflow.compiler.calendar_days import has_outer_days, within_local_calendar
from ai_dataflow.compiler.calls import called, is_clock
from ai_dataflow.compiler.choice_functions import NULL
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.kinds import as_instance
from ai_dataflow.compiler.registry import fitted
from ai_dataflow.compiler.terms import Term, literal
from ai_dataflow.compiler.walk import ELSEWHERE, compile_node, visits
from ai_dataflow.config.visible import visible
from ai_dataflow.sources.columns import field_named, named

BOOLEAN, TEXT = pl.Boolean(), pl.String()


@visits(exp.Column, exp.Identifier)
def _column(context: Context, node: exp.Expr) -> Term:
    names = [part.name for part in node.parts] if isinstance(node, exp.Column) else [node.name]
    if isinstance(node.this, exp.Star):
        raise context.refused(ELSEWHERE, is_scalar=False)
    if isinstance(node, exp.Column) and is_clock(node):
        return called(context, node.name.upper(), [])
    first = names[0]
    column = context.names.get(first, first)
    if column not in context.schema:
        raise context.refused(f"there is no column `{visible(first)}`")
    made = _read(column, context.schema[column])
    if context.formats and made.dtype == TEXT:
        made = replace(made, value=context.formats.read(made.value))
    for name in names[1:]:
        made = _field(context, made, name)
    return made


def _read(name: str, dtype: pl.DataType) -> Term:
    """Read a column: small numbers become wide ones, a day outside the calendar fails."""
    value = named(name)
    if isinstance(dtype, pl.Categorical | pl.Enum):
        return Term(value.cast(TEXT), TEXT)
    if dtype.is_integer() and kinds.limits(dtype)[1] < kinds.limits(pl.Int64())[1]:
        return Term(value.cast(pl.Int64), pl.Int64())
    if dtype == pl.UInt128:
        return Term(value.cast(pl.Int128, strict=False), pl.Int128())
    if has_outer_days(dtype):
        inside = within_local_calendar(value, dtype)
        fails = value.is_not_null() & inside.is_null()
        return Term(inside, dtype, fails, weight=6, failed_weight=8)
    return Term(value, dtype)


def _field(context: Context, made: Term, name: str) -> Term:
    if not isinstance(made.dtype, pl.Struct) or name not in (fields := made.dtype.to_schema()):
        # Its fields are not named: the keys of a JSON object may be values (P10).
        raise context.refused(f"`{name}` is no field of it")
    value = field_named(made.value, made.dtype, name)
    return context.steps.combined(value, as_instance(fields[name]), [made])


@visits(exp.Dot)
def _dot(context: Context, node: exp.Expr) -> Term:
    return _field(context, compile_node(context, node.this), node.expression.name)


@visits(exp.Bracket)
def _bracket(context: Context, node: exp.Expr) -> Term:
    made = compile_node(context, node.this)
    options = node.expressions
    if len(options) != 1 or not isinstance(made.dtype, pl.List | pl.Array):
        raise context.refused("an index is of a list, and one number")
    index = fitted(context, compile_node(context, options[0]), "whole", "an index")
    number_ = index.value.cast(pl.Int64)
    place = pl.when(number_ > 0).then(number_ - 1).when(number_ < 0).then(number_)
    held = made.value if isinstance(made.dtype, pl.List) else made.value.arr.to_list()
    return context.steps.combined(
        held.list.get(place, null_on_oob=True),
        as_instance(made.dtype.inner),
        [made, index],
        uses=2,
    )


@visits(exp.Literal)
def _literal(context: Context, node: exp.Expr) -> Term:
    text = str(node.this)
    if node.is_string:
        return literal(text, TEXT)
    plain = text.replace("_", "")
    if re.fullmatch(r"[0-9]+", plain) and len(plain) <= kinds.MAX_DIGITS:
        return number(int(plain))
    if re.fullmatch(r"[0-9]*\.[0-9]*", plain) and len(plain) - 1 <= kinds.MAX_DIGITS:
        return number(Decimal(plain))
    if re.fullmatch(r"[0-9.]+[eE][+-]?[0-9]+", plain):
        return number(float(plain))
    raise context.refused("the number has more than 38 digits, or is none")


@visits(exp.Null)
def _null(_: Context, __: exp.Expr) -> Term:
    return NULL


@visits(exp.Boolean)
def _boolean(_: Context, node: exp.Expr) -> Term:
    return literal(bool(node.this), BOOLEAN)


@visits(exp.National)
def _national(_: Context, node: exp.Expr) -> Term:
    return literal(str(node.this), TEXT)


@visits(exp.HexString)
def _hex(context: Context, node: exp.Expr) -> Term:
    try:
        return literal(bytes.fromhex(str(node.this)), pl.Binary())
    except ValueError:
        raise context.refused("it is no hexadecimal number of whole bytes") from None


@visits(exp.BitString)
def _bit_string(_: Context, node: exp.Expr) -> Term:
    text = str(node.this)
    return literal(int(text, 2).to_bytes((len(text) + 7) // 8, "big"), pl.Binary())


@visits(exp.Paren)
def _paren(context: Context, node: exp.Expr) -> Term:
    return compile_node(context, node.this)
