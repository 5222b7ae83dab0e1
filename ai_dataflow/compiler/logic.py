"""Conditions and choices: what a row does not evaluate cannot fail.

AND and OR go from left to right and stop where the result is literals; a CASE stops at the first
condition that is true. Long ones are flat: the number of the first condition that decides is
computed once, and what comes after it is left out.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from ai_dataflow.compiler import dialects, kinds
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.conversions import common, implied
from ai_dataflow.compiler.terms import Term, any_of, literal

BOOLEAN = pl.Boolean()
_FEW = 8
_INDEX = pl.Int32()
_COMPARE = {
    "=": lambda a, b: a == b, "<>": lambda a, b: a != b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "<=>": lambda a, b: a.eq_missing(b), "<!>": lambda a, b: a.ne_missing(b),
}  # fmt: skip


def condition(context: Context, made: Term) -> Term:
    """Give a condition: TRUE, FALSE or NULL.

    Raises:
        TransformError: it is something else.
    """
    if made.dtype == pl.Null:
        return literal(None, BOOLEAN)
    if made.dtype != BOOLEAN:
        shown = kinds.shown(made.dtype)
        raise context.refused(f"a condition is needed, and this is {shown}; compare it")
    return made


def compared(context: Context, sign: str, a: Term, b: Term) -> Term:
    """Compare two values of one type."""
    a, b = common(context, [a, b], texts_win=False)
    if a.dtype.is_nested():
        raise context.refused(f"{kinds.type_name(a.dtype)} cannot be compared")
    x, y = _trimmed(context, a), _trimmed(context, b)
    return context.steps.combined(_COMPARE[sign](x, y), BOOLEAN, [a, b])


def _trimmed(context: Context, made: Term) -> pl.Expr:
    """Leave out blanks at a text's end where T-SQL compares."""
    if context.dialect == dialects.TSQL and made.dtype == pl.String:
        return made.value.str.strip_chars_end(" ")
    return made.value


def negation(context: Context, made: Term) -> Term:
    """Give NOT."""
    return context.steps.combined(~condition(context, made).value, BOOLEAN, [made])


def joined(context: Context, parts: list[Term], *, is_and: bool) -> Term:
    """Give an AND or an OR of any length."""
    parts = [condition(context, part) for part in parts]
    fold = pl.all_horizontal if is_and else pl.any_horizontal
    heavy = any(part.failed is not None for part in parts[1:])
    parts = [context.steps.light(part, 3) for part in parts] if heavy else parts
    made = context.steps.combined(fold([p.value for p in parts]), BOOLEAN, parts)
    if not heavy:
        return made
    if len(parts) == 2:  # noqa: PLR2004
        open_yet = (
            parts[0].value.fill_null(value=True)
            if is_and
            else ~parts[0].value.fill_null(value=False)
        )
        later = open_yet & parts[1].failed if parts[1].failed is not None else None
        return _failing(context, made, any_of([parts[0].failed, later]), parts)
    decided = [~p.value if is_and else p.value for p in parts]
    first = _first(context, decided, parts)
    return _with_failures(context, made, _reached(parts, first.value), [*parts, first])


def _first(context: Context, decided: list[pl.Expr], parts: list[Term]) -> Term:
    """Give the number of the first condition that holds; their count where none does."""
    numbers = [pl.when(holds).then(pl.lit(i, dtype=_INDEX)) for i, holds in enumerate(decided)]
    number = pl.coalesce([*numbers, pl.lit(len(decided), dtype=_INDEX)])
    plain = [replace(part, failed=None, failed_weight=0) for part in parts]
    made = context.steps.combined(number, _INDEX, plain)
    if made.weight == 1:
        return made
    value = context.steps.keep(made.value, made.level)
    return replace(made, value=value, weight=1, level=made.level + 1)


def _reached(parts: list[Term], first: pl.Expr) -> list[pl.Expr]:
    """Tell which conditions failed before one decided."""
    return [part.failed & (first >= i) for i, part in enumerate(parts) if part.failed is not None]


def _with_failures(
    context: Context, made: Term, failures: list[pl.Expr], parts: list[Term]
) -> Term:
    weight = sum(part.failed_weight + 2 for part in parts if part.failed is not None)
    level = max([made.level, *(part.level for part in parts)])
    failed = any_of(failures)
    return context.steps.settled(
        replace(made, failed=failed, failed_weight=weight if failed is not None else 0, level=level)
    )


def chosen(context: Context, conditions: list[Term], branches: list[Term], rest: Term) -> Term:
    """Give the value of the first branch whose condition is true."""
    conditions = [condition(context, made) for made in conditions]
    *branches, rest = common(context, [*branches, rest])
    conditions = [context.steps.light(made, 3) for made in conditions]
    branches = [context.steps.light(made, 2) for made in branches]
    if len(conditions) <= _FEW:
        return _few(context, conditions, branches, rest)
    return _many(context, conditions, branches, rest)


def _few(context: Context, conditions: list[Term], branches: list[Term], rest: Term) -> Term:
    value, failed = rest.value, rest.failed
    no = pl.lit(value=False)
    for made, branch in zip(reversed(conditions), reversed(branches), strict=True):
        value = pl.when(made.value).then(branch.value).otherwise(value)
        if branch.failed is not None or failed is not None:
            taken = no if branch.failed is None else branch.failed
            failed = pl.when(made.value).then(taken).otherwise(no if failed is None else failed)
        if made.failed is not None:
            failed = made.failed if failed is None else made.failed | failed
    parts = [*conditions, *branches, rest]
    made = context.steps.combined(value, rest.dtype, [_unfailing(part) for part in parts])
    return _failing(context, made, failed, parts)


def _unfailing(made: Term) -> Term:
    return replace(made, failed=None, failed_weight=0)


def _failing(context: Context, made: Term, failed: pl.Expr | None, parts: list[Term]) -> Term:
    if failed is None:
        return made
    weight = sum(part.failed_weight + part.weight + 1 for part in parts)
    level = max([made.level, *(part.level for part in parts)])
    return context.steps.settled(replace(made, failed=failed, failed_weight=weight, level=level))


def _many(context: Context, conditions: list[Term], branches: list[Term], rest: Term) -> Term:
    first = _first(context, [made.value for made in conditions], conditions)
    options = [*branches, rest]
    value = _picked(first.value, [made.value for made in options], 0)
    parts = [*conditions, *options, first]
    made = context.steps.combined(value, rest.dtype, [_unfailing(part) for part in parts])
    failures = _reached(conditions, first.value)
    failures += [
        option.failed & (first.value == i)
        for i, option in enumerate(options)
        if option.failed is not None
    ]
    return _failing(context, made, any_of(failures), parts)


def _picked(number: pl.Expr, values: list[pl.Expr], start: int) -> pl.Expr:
    """Pick the value of a number: a tree of halves, which is never deep."""
    if len(values) == 1:
        return values[0]
    half = len(values) // 2
    left = _picked(number, values[:half], start)
    right = _picked(number, values[half:], start + half)
    return pl.when(number < start + half).then(left).otherwise(right)


def looked_up(
    context: Context, subject: Term, keys: list[Term], values: list[Term], rest: Term
) -> Term | None:
    """Give a CASE that is a code list as one look-up; None where it is more than that."""
    if len(keys) <= _FEW or not all(made.is_literal for made in [*keys, *values]):
        return None
    *keys, subject = common(context, [*keys, subject], texts_win=False)
    *values, rest = common(context, [*values, rest])
    if subject.dtype not in (pl.String, pl.Int64) or not all(
        m.is_literal for m in [*keys, *values]
    ):
        return None
    if context.dialect == dialects.TSQL and subject.dtype == pl.String:
        return None
    first: dict[object, object] = {}
    for key, made in zip(keys, values, strict=True):
        if key.literal is not None:
            first.setdefault(key.literal, made.literal)
    value = subject.value.replace_strict(
        list(first), pl.Series(list(first.values()), dtype=rest.dtype), default=rest.value,
        return_dtype=rest.dtype,
    )  # fmt: skip
    subject = context.steps.light(subject)
    made = context.steps.combined(value, rest.dtype, [_unfailing(subject), _unfailing(rest)])
    reached = None
    if rest.failed is not None:
        missed = ~subject.value.is_in(
            pl.Series(list(first), dtype=subject.dtype).implode()
        ).fill_null(value=False)
        reached = rest.failed & missed
    return _failing(context, made, any_of([subject.failed, reached]), [subject, rest])


def first_given(context: Context, parts: list[Term]) -> Term:
    """Give COALESCE: what comes after a value is not evaluated."""
    parts = [context.steps.light(part, 3) for part in common(context, parts)]
    value = pl.coalesce([part.value for part in parts])
    made = context.steps.combined(value, parts[0].dtype, [_unfailing(part) for part in parts])
    if all(part.failed is None for part in parts):
        return made
    if len(parts) <= 2:  # noqa: PLR2004
        second = parts[-1].failed
        later = None if second is None or not parts[1:] else parts[0].value.is_null() & second
        return _failing(context, made, any_of([parts[0].failed, later]), parts)
    first = _first(context, [part.value.is_not_null() for part in parts], parts)
    return _failing(context, made, any_of(_reached(parts, first.value)), [*parts, first])


def null_if(context: Context, a: Term, b: Term) -> Term:
    """Give NULLIF: null where both are equal; beside a null the second is not evaluated."""
    kept = context.steps.light(a, 3)
    same = compared(context, "=", _unfailing(kept), _unfailing(b))
    same = context.steps.light(same)
    value = pl.when(same.value.fill_null(value=False)).then(None).otherwise(kept.value)
    made = context.steps.combined(value, a.dtype, [_unfailing(kept), same])
    second = any_of([b.failed, same.failed])
    later = None if second is None else kept.value.is_not_null() & second
    return _failing(context, made, any_of([kept.failed, later]), [kept, b, same])


def is_in(context: Context, made: Term, options: list[Term]) -> Term:
    """Give IN: NULL where nothing is equal and something is null."""
    if not options:
        raise context.refused("IN needs at least one value")
    plain = all(option.is_literal for option in options)
    made, *options = common(context, [made, *options], texts_win=False)
    if not plain or not all(option.is_literal for option in options) or made.dtype.is_nested():
        made = context.steps.light(made, len(options))
        return joined(
            context, [compared(context, "=", made, option) for option in options], is_and=False
        )
    literals = [option.literal for option in options if option.literal is not None]
    if context.dialect == dialects.TSQL and made.dtype == pl.String:
        literals = [str(text).rstrip(" ") for text in literals]
    is_in = _trimmed(context, made).is_in(pl.Series(literals, dtype=made.dtype).implode())
    if len(literals) < len(options):
        is_in = pl.when(is_in).then(True)
    return context.steps.combined(is_in, BOOLEAN, [made])


def extreme(context: Context, parts: list[Term], *, least: bool) -> Term:
    """Give GREATEST or LEAST of what is not null."""
    parts = common(context, parts, texts_win=False)
    values = [part.value for part in parts]
    value = pl.min_horizontal(values) if least else pl.max_horizontal(values)
    if parts[0].dtype.is_float() and not least:  # comparisons have NaN above all, Polars here not
        nan = pl.any_horizontal([each.is_nan().fill_null(value=False) for each in values])
        value = pl.when(nan).then(float("nan")).otherwise(value).cast(parts[0].dtype)
    return context.steps.combined(value, parts[0].dtype, parts, uses=2)


def only_booleans(context: Context, made: Term) -> Term:
    """Give a value as a condition where a dialect takes a number for one."""
    return implied(context, made, BOOLEAN) if kinds.is_whole(made.dtype) else made
