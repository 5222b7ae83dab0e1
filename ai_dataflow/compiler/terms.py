"""What a node of an expression becomes: its value and where it failed, as Polars expressions.

An expression that is used several times, or nests deep, is given a column of its own for as long
as the rows are mapped: so all work is linear in the text, and no library recurses deep.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import polars as pl
from sqlglot import exp

TEMPORARY = "\ue000t"  # begins the name of such a column; a source's columns have other names
_HEAVY = 48
_UNKNOWN: Final = object()


@dataclass(frozen=True)
class Term:
    """A node's value, in which rows it failed (None: in none), its type.

    `literal` is its value where it is written in the text. The weights are about how many nodes the
    expressions have; `level` counts the steps that come before them. `node` is what was compiled.
    """

    value: pl.Expr
    dtype: pl.DataType
    failed: pl.Expr | None = None
    literal: Any = _UNKNOWN
    weight: int = 1
    failed_weight: int = 0
    level: int = 0
    node: exp.Expr | None = None

    @property
    def is_literal(self) -> bool:
        """Tell whether the text has its value."""
        return self.literal is not _UNKNOWN


@dataclass
class Temporaries:
    """The columns that an expression needs before it, step by step."""

    prefix: str
    columns: list[list[pl.Expr]] = field(default_factory=list)
    number: int = 0

    def keep(self, expr: pl.Expr, level: int) -> pl.Expr:
        """Give an expression a column of its own, in the step that follows what it reads."""
        name = f"{TEMPORARY}{self.prefix}_{self.number}"
        self.number += 1
        while len(self.columns) <= level:
            self.columns.append([])
        self.columns[level].append(expr.alias(name))
        return pl.col(name)

    def light(self, made: Term, uses: int = 2) -> Term:
        """Give a value that may be used so many times."""
        if made.is_literal or made.weight == 1 or made.weight * uses <= _HEAVY:
            return made
        value = self.keep(made.value, made.level)
        return replace(made, value=value, weight=1, level=made.level + 1)

    def settled(self, made: Term) -> Term:
        """Give what is made columns of its own where it is heavy."""
        value, failed, level = made.value, made.failed, made.level
        if made.weight <= _HEAVY and made.failed_weight <= _HEAVY:
            return made
        if made.weight > _HEAVY:
            value = self.keep(value, made.level)
            level = made.level + 1
        if failed is not None and made.failed_weight > _HEAVY:
            failed = self.keep(failed, made.level)
            level = made.level + 1
        return replace(
            made, value=value, failed=failed, level=level,
            weight=min(made.weight, _HEAVY) if made.weight <= _HEAVY else 1,
            failed_weight=made.failed_weight if made.failed_weight <= _HEAVY else 1,
        )  # fmt: skip

    def combined(
        self,
        value: pl.Expr,
        dtype: pl.DataType,
        parts: Sequence[Term],
        *,
        fails: pl.Expr | None = None,
        uses: int = 1,
    ) -> Term:
        """Put parts together: failed where one of them is, or where `fails` says so.

        `uses` is how many times the value names its parts; `fails` names value and parts.
        """
        load = sum(part.weight for part in parts)
        weight = 1 + uses * load
        failed_weight = sum(part.failed_weight for part in parts)
        if fails is not None:
            failed_weight += weight + load + 2
        failed = any_of([*(part.failed for part in parts), fails])
        level = max((part.level for part in parts), default=0)
        return self.settled(
            Term(value, dtype, failed, weight=weight, failed_weight=failed_weight, level=level)
        )


def any_of(conditions: Iterable[pl.Expr | None]) -> pl.Expr | None:
    """Join conditions by OR; None where there is none."""
    present = [condition for condition in conditions if condition is not None]
    if len(present) <= 1:
        return present[0] if present else None
    return pl.any_horizontal(present) if len(present) > 2 else present[0] | present[1]  # noqa: PLR2004


def lost(value: pl.Expr, *parts: Term) -> pl.Expr:
    """Tell where a value is null though none of its parts is."""
    if any(part.is_literal and part.literal is None for part in parts):
        return pl.lit(value=False)
    given = [part.value.is_not_null() for part in parts if not part.is_literal]
    missing = value.is_null()
    if not given:
        return missing
    return missing & (given[0] if len(given) == 1 else pl.all_horizontal(given))


def literal(value: Any, dtype: pl.DataType) -> Term:
    """Give what is written in the text."""
    return Term(pl.lit(value, dtype=dtype), dtype, literal=value)
