"""Functions that put text together: replacing, padding, repeating. What grows has a limit."""

from __future__ import annotations

from functools import partial

import polars as pl

from ai_dataflow.compiler import dialects
from ai_dataflow.compiler.conversions import texts_of
from ai_dataflow.compiler.registry import Call, count_of, function
from ai_dataflow.compiler.terms import Term, literal

TEXT, WHOLE = pl.String(), pl.Int64()
MAX_MADE = 8_000  # characters that padding and repeating may give, as T-SQL's VARCHAR
MAX_GROWN = 1_000_000  # bytes that a replacement may give
_text = partial(function, family="text", gives="text")


@_text("REPLACE", "text", "text", "text", limits=f"fails beyond {MAX_GROWN:,} bytes",
       note="an empty part replaces nothing")  # fmt: skip
def _replace(call: Call) -> Term:
    text, part, new = (call.value(i) for i in range(3))
    if call[1].is_literal and not call[1].literal:
        return call.made(pl.when(part.is_not_null() & new.is_not_null()).then(text), TEXT)
    grown = text.str.len_bytes().cast(WHOLE) + (
        text.str.count_matches(part, literal=True).cast(WHOLE) * new.str.len_bytes().cast(WHOLE)
    )
    long = _is_long(call, grown)
    short = text if long is None else short_of(text, long)
    if call[1].is_literal:
        done = short.str.replace_all(part, new, literal=True)
        done = done if long is None else pl.when(text.is_not_null()).then(done)
        return call.made(done, TEXT, fails=long, uses=5)
    # Polars replaces only what is the same in all rows.
    split = short.str.split(part).list.join(new)
    value = pl.when(part == "").then(pl.when(new.is_not_null()).then(text)).otherwise(split)
    return call.made(pl.when(text.is_not_null()).then(value), TEXT, fails=long, uses=7)


def short_of(text: pl.Expr, long: pl.Expr) -> pl.Expr:
    """Give '' for what would grow too long, and for null: Polars computes what null hides too."""
    return pl.when(~long & text.is_not_null()).then(text).otherwise(pl.lit(""))


def _is_long(call: Call, grown: pl.Expr) -> pl.Expr | None:
    """Tell where a replacement would give too much; None where it never gives more."""
    if call[1].is_literal and call[2].is_literal:
        old, new = (len(str(call[i].literal or "").encode()) for i in (1, 2))
        if new <= old:
            return None
    return (grown > MAX_GROWN).fill_null(value=False)


@_text("LPAD", "text", "whole", "text?", limits=f"fails beyond {MAX_MADE:,} characters",
       note="cut where it is longer; '' below 1")  # fmt: skip
def _lpad(call: Call) -> Term:
    return _padded(call, before=True)


@_text("RPAD", "text", "whole", "text?", limits=f"fails beyond {MAX_MADE:,} characters",
       note="cut where it is longer; '' below 1")  # fmt: skip
def _rpad(call: Call) -> Term:
    return _padded(call, before=False)


def _padded(call: Call, *, before: bool) -> Term:
    text, wanted = call.value(0), _made_length(call, 1)
    fill = call[2] if len(call) > 2 else literal(" ", TEXT)  # noqa: PLR2004
    length = wanted.clip(0, MAX_MADE)
    missing = (length - text.str.len_chars().cast(WHOLE)).clip(0)
    size = fill.value.str.len_chars().cast(WHOLE)
    times = pl.when(size > 0).then((missing + size - 1) // size).otherwise(0)
    pad = _repeated(fill.value, times).str.head(missing)
    kept = text.str.head(length)
    value = pl.concat_str([pad, kept] if before else [kept, pad])
    long = (wanted > MAX_MADE).fill_null(value=False) & text.is_not_null()
    return call.made(value, TEXT, fails=long, uses=5)


def _made_length(call: Call, index: int) -> pl.Expr:
    """Give a length that is asked for.

    Raises:
        TransformError: it is written out, and beyond the limit.
    """
    asked = call[index].literal if call[index].is_literal else None
    if isinstance(asked, int) and asked > MAX_MADE:
        raise call.context.refused(
            f"{call.name} makes up to {MAX_MADE:,} characters, not {asked:,}"
        )
    return count_of(call[index])


def _repeated(text: pl.Expr, times: pl.Expr) -> pl.Expr:
    made = text.repeat_by(times.cast(pl.UInt32, strict=False)).list.join("")
    return pl.when(text.is_not_null() & times.is_not_null()).then(made)


@_text("REPEAT", "text", "whole", also=("REPLICATE",),
       limits=f"fails beyond {MAX_MADE:,} characters", note="'' below 1")  # fmt: skip
def _repeat(call: Call) -> Term:
    text, wanted = call.value(0), _made_length(call, 1).clip(0, MAX_MADE + 1)
    size = text.str.len_chars().cast(WHOLE) * wanted
    long = (size > MAX_MADE).fill_null(value=False)
    times = pl.when(~long).then(wanted)
    return call.made(_repeated(text, times), TEXT, fails=long, uses=4)


@_text("SPACE", "whole", limits=f"fails beyond {MAX_MADE:,} characters", note="so many blanks")
def _space(call: Call) -> Term:
    wanted = _made_length(call, 0)
    value = _repeated(pl.lit(" "), wanted.clip(0, MAX_MADE))
    value = pl.when(wanted.is_not_null()).then(value)
    return call.made(value, TEXT, fails=(wanted > MAX_MADE).fill_null(value=False), uses=3)


@_text("CONCAT", "any*", null="left out", note="values as text",
       differs={"spark": "null where one is null"})  # fmt: skip
def _concat(call: Call) -> Term:
    call.context.differs("CONCAT leaves nulls out here; in Spark one makes all of it null")
    parts = texts_of(call.context, list(call.args))
    ignoring = call.context.dialect != dialects.SPARK
    value = pl.concat_str([part.value for part in parts], ignore_nulls=ignoring)
    return call.context.steps.combined(value, TEXT, parts)


@_text("CONCAT_WS", "text", "any*", null="left out", note="with the first between the others")
def _concat_ws(call: Call) -> Term:
    between, *rest = texts_of(call.context, list(call.args))
    if not rest:
        return literal("", TEXT)
    joined = (
        pl.concat_list([part.value for part in rest]).list.drop_nulls().list.join(between.value)
    )
    value = pl.when(between.value.is_not_null()).then(joined)
    return call.context.steps.combined(value, TEXT, [between, *rest], uses=2)
