"""ROW_KEY: one text of fixed length for the values that tell what a row is about.

The same values give the same key in every product, on every machine and engine, whatever their
types: 7, 7.00 and '7' are one. It is a SHA-256 that any other program can compute as well; which
texts it is made of is in docs/transforms.md.
"""

from __future__ import annotations

import hashlib

import polars as pl

from ai_dataflow.compiler import kinds
from ai_dataflow.compiler.context import Context
from ai_dataflow.compiler.conversions import as_text, convert
from ai_dataflow.compiler.registry import Call, function
from ai_dataflow.compiler.terms import Term

LENGTH = 32  # digits of the key: 128 bits, of which no two are the same by chance
_TEXT = pl.String()
_MOMENT = "%Y-%m-%dT%H:%M:%S%.6fZ"
_TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.Date, pl.Null)


@function(
    "ROW_KEY",
    "any",
    "any*",
    gives="text",
    family="keys",
    note=f"{LENGTH} hexadecimal digits, the same wherever values are; takes no floats",
)
def _row_key(call: Call) -> Term:
    parts = [_spelled(call.context, part) for part in call.args]
    spelled = [each for part in parts for each in (
        part.value.str.len_bytes().cast(_TEXT), pl.lit(":"), part.value, pl.lit(",")
    )]  # fmt: skip
    value = pl.concat_str(spelled).map_batches(_hashed, _TEXT, is_elementwise=True)
    return call.context.steps.combined(value, _TEXT, parts, uses=2)


def _spelled(context: Context, made: Term) -> Term:
    """Give a value as the one text that it has.

    Raises:
        TransformError: it has none.
    """
    dtype = made.dtype
    if isinstance(dtype, pl.Datetime):
        moment = convert(context, made, kinds.INSTANT)
        text = context.steps.combined(moment.value.dt.strftime(_MOMENT), _TEXT, [moment])
    elif isinstance(dtype, pl.Decimal):
        text = _without_zeros(context, as_text(context, made), dtype)
    elif dtype.is_integer() or isinstance(dtype, _TEXTS):
        text = as_text(context, made)
    else:
        raise context.refused(
            f"ROW_KEY takes texts, whole numbers, decimals, days, timestamps, true and false, and "
            f"this is {kinds.shown(dtype)}; CAST it to what has one spelling"
        )
    return context.steps.light(text)


def _without_zeros(context: Context, text: Term, dtype: pl.Decimal) -> Term:
    if not dtype.scale:
        return text
    plain = text.value.str.strip_chars_end("0").str.strip_chars_end(".")
    return context.steps.combined(plain, _TEXT, [text])


def _hashed(texts: pl.Series) -> pl.Series:
    keys = [
        None if text is None else hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
        for text in texts
    ]
    return pl.Series(texts.name, keys, _TEXT)
