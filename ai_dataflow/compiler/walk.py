"""The walk over sqlglot's tree: each node becomes a value, its failure and its type.

What no visitor is entered for is refused: no node of another row, file or statement has a way in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from sqlglot import exp

from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.terms import Term

Visitor = TypeVar("Visitor", bound=Callable[[Context, Any], Term])
ELSEWHERE = (
    "aggregates, window functions and subqueries look at other rows; a transform sees one row"
)
_OTHER_ROWS = (
    exp.Window, exp.Subquery, exp.Select, exp.Exists, exp.Star, exp.Distinct, exp.AggFunc,
    exp.Query, exp.Filter, exp.WithinGroup, exp.Order, exp.Lambda,
)  # fmt: skip
_VISITORS: dict[type[exp.Expr], Callable[[Context, Any], Term]] = {}


def visits(*kinds: type[exp.Expr]) -> Callable[[Visitor], Visitor]:
    """Enter what compiles nodes of these kinds."""

    def entered(visitor: Visitor) -> Visitor:
        _VISITORS.update(dict.fromkeys(kinds, visitor))
        return visitor

    return entered


def compile_node(context: Context, node: exp.Expr) -> Term:
    """Compile a node and all that it is made of.

    Raises:
        TransformError: it is no scalar expression, or does not fit the columns' types.
    """
    outer, context.node = context.node, node
    try:
        visit = _VISITORS.get(type(node))
        if visit is None:
            raise _refusal(context, node)
        return replace(visit(context, node), node=node)
    finally:
        context.node = outer


def _refusal(context: Context, node: exp.Expr) -> Exception:
    if isinstance(node, _OTHER_ROWS):
        return context.refused(ELSEWHERE, is_scalar=False)
    return context.refused(f"{type(node).__name__} is nothing that a transform has")
