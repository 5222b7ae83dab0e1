"""Functions that choose: what they do not choose is not evaluated."""

from __future__ import annotations

from functools import partial

import polars as pl

from ai_dataflow.compiler import dialects, logic
from ai_dataflow.compiler.conversions import implied
from ai_dataflow.compiler.registry import Call, function
from ai_dataflow.compiler.terms import Term, literal

_choice = partial(function, family="choices", gives="the type that all have in common")
NULL = literal(None, pl.Null())


@_choice(
    "COALESCE", "any*", null="passed over", note="what follows the first value is not evaluated"
)
def _coalesce(call: Call) -> Term:
    return logic.first_given(call.context, list(call.args))


@_choice("IFNULL", "any", "any", also=("NVL",), null="passed over", note="as COALESCE of two")
def _ifnull(call: Call) -> Term:
    return logic.first_given(call.context, list(call.args))


@_choice("ISNULL", "any", "any?", null="passed over",
         note="as COALESCE of two; of one it tells whether it is null",
         differs={"tsql": "of the first one's type"})  # fmt: skip
def _isnull(call: Call) -> Term:
    if len(call) == 1:
        return call.made(call.value(0).is_null(), pl.Boolean())
    first, second = call.args
    if call.context.dialect == dialects.TSQL and first.dtype != pl.Null:
        second = implied(call.context, second, first.dtype)
    return logic.first_given(call.context, [first, second])


@_choice("NVL2", "any", "any", "any", null="chooses the third")
def _nvl2(call: Call) -> Term:
    there = call.context.steps.combined(call.value(0).is_not_null(), pl.Boolean(), [call[0]])
    return logic.chosen(call.context, [there], [call[1]], call[2])


@_choice("NULLIF", "any", "any", note="null where both are equal")
def _nullif(call: Call) -> Term:
    return logic.null_if(call.context, call[0], call[1])


@_choice("IF", "boolean", "any", "any?", also=("IIF",), null="chooses the third")
def _if(call: Call) -> Term:
    rest = call[2] if len(call) > 2 else NULL  # noqa: PLR2004
    return logic.chosen(call.context, [call[0]], [call[1]], rest)


@_choice("CHOOSE", "whole", "any*", null="null", note="the value of a number from 1, else null")
def _choose(call: Call) -> Term:
    number, *values = call.args
    number = call.context.steps.light(number, len(values))
    conditions = [logic.compared(call.context, "=", number, literal(i, pl.Int64()))
                  for i in range(1, len(values) + 1)]  # fmt: skip
    return logic.chosen(call.context, conditions, values, NULL)


@_choice("DECODE", "any", "any*", null="equals null",
         note="value, then pairs of what it may be and what it gives, then the rest")  # fmt: skip
def _decode(call: Call) -> Term:
    subject, *rest = call.args
    default = rest.pop() if len(rest) % 2 else NULL
    subject = call.context.steps.light(subject, len(rest))
    conditions = [logic.compared(call.context, "<=>", subject, key) for key in rest[::2]]
    if not conditions:
        raise call.context.refused("DECODE takes a value and pairs")
    return logic.chosen(call.context, conditions, rest[1::2], default)


@_choice("GREATEST", "any*", null="left out")
def _greatest(call: Call) -> Term:
    return logic.extreme(call.context, list(call.args), least=False)


@_choice("LEAST", "any*", null="left out")
def _least(call: Call) -> Term:
    return logic.extreme(call.context, list(call.args), least=True)
