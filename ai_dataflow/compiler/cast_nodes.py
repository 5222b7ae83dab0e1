"""CAST, TRY_CAST, CONVERT with its styles, AT TIME ZONE."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
from sqlglot import exp

from ai_dataflow.compiler import kinds
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.conversions import convert, cut, read_by, written_by
from ai_dataflow.compiler.formats import iso_style, style_format
from ai_dataflow.compiler.registry import fitted
from ai_dataflow.compiler.terms import Term
from ai_dataflow.compiler.walk import compile_node, visits
from ai_dataflow.config.diagnostics import did_you_mean

TEXT = pl.String()
_SPELLING = 12  # nodes, about
_ISO_TIMES = (0, 1, 2, 8, 14, 108, 114)


def _type(context: Context, node: exp.Expr) -> tuple[pl.DataType, int | None]:
    """Give the type that a CAST names, and the length of a text."""
    name = str(node.args.get("kind") or node.this)
    parameters = [part.name for part in node.expressions]
    dtype = kinds.named(name, parameters, context.dialect)
    if dtype is None:
        near = did_you_mean(name.upper(), kinds.NAMES)
        raise context.refused(f"`{name[:40]}` is no type of a transform{near}")
    length = (
        int(parameters[0]) if dtype == TEXT and parameters and parameters[0].isdigit() else None
    )
    return dtype, length


@visits(exp.Cast, exp.TryCast)
def _cast(context: Context, node: exp.Expr) -> Term:
    dtype, length = _type(context, node.args["to"])
    made = _as_usual(context, node.this, compile_node(context, node.this), dtype)
    done = convert(context, made, dtype, strict=not isinstance(node, exp.TryCast))
    if node.meta.get("typed") and any(doubt.is_failure for doubt in context.doubts):
        raise context.refused(f"`{node.this.name[:40]}` is no {kinds.shown(dtype)}; "
                              "dates are ISO 8601, such as '2024-01-31'")  # fmt: skip
    return cut(context, done, length)


def _as_usual(context: Context, node: exp.Expr, made: Term, dtype: pl.DataType) -> Term:
    """Spell the text of a column as casts take it, where its file spells it in another way."""
    is_column = isinstance(node.unnest(), exp.Column | exp.Identifier)
    if context.formats is None or made.dtype != TEXT or not is_column:
        return made
    value = context.formats.usual(made.value, dtype)
    return replace(made, value=value, weight=made.weight + _SPELLING)


@visits(exp.Convert)
def _convert(context: Context, node: exp.Expr) -> Term:
    dtype, length = _type(context, node.this)
    made = compile_node(context, node.expression)
    style = node.args.get("style")
    if style is None:
        made = _as_usual(context, node.expression, made, dtype)
    strict = not node.args.get("safe")
    number_ = compile_node(context, style).literal if style is not None else None
    if isinstance(number_, int) and number_:
        read = _styled(context, made, dtype, number_)
        if not strict:  # what the value itself fails of stays
            read = replace(read, failed=made.failed, failed_weight=made.failed_weight)
        made = read
    return cut(context, convert(context, made, dtype, strict=strict), length)


def _styled(context: Context, made: Term, dtype: pl.DataType, style: int) -> Term:
    form, time = style_format(style), iso_style(style)
    if not form and not time and style not in (0, 1, 2, 8, 108, 14, 114):
        raise context.refused(f"the style {style} of CONVERT is not known")
    if made.dtype == TEXT and kinds.is_day(dtype):
        return read_by(context, made, form, kinds.NAIVE) if form else made
    if kinds.is_day(made.dtype) and dtype == TEXT:
        if made.dtype == pl.Date or not time:
            return written_by(context, made, form or "%Y-%m-%d")
        return written_by(context, made, f"%Y-%m-%d{time}")
    return made


@visits(exp.AtTimeZone)
def _at_zone(context: Context, node: exp.Expr) -> Term:
    made = fitted(context, compile_node(context, node.this), "instant", "AT TIME ZONE")
    zone = node.args["zone"].name
    if zone.upper() not in ("UTC", "GMT", "Z"):
        raise context.refused("AT TIME ZONE knows UTC alone: other clocks have hours twice, or not")
    return context.steps.combined(made.value.cast(kinds.INSTANT) if getattr(
        made.dtype, "time_zone", None) else made.value.dt.replace_time_zone("UTC"),
        kinds.INSTANT if getattr(made.dtype, "time_unit", "us") == "us" else pl.Datetime(
            made.dtype.time_unit, "UTC") if isinstance(made.dtype, pl.Datetime) else kinds.INSTANT,
        [made])  # fmt: skip
