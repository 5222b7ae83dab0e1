"""How the Delta log writes the statistics of a file: a JSON text, in which ends of ranges are true.

See "Per-file Statistics" in the Delta protocol. A range is never narrower than the values: texts
are cut, the greatest upwards; moments are rounded to milliseconds, the greatest upwards. What
cannot be written is left out: NaN, infinity, years that have not four digits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl

MOMENT = pl.Datetime("us", "UTC")
# Characters as they are: deltalake reads the escapes of some as other ones.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_CHARACTERS = 32  # of a text, as Spark writes them
_LAST, _BEFORE_SURROGATES, _AFTER_SURROGATES = 0x10FFFF, 0xD7FF, 0xE000


def has_range(dtype: pl.DataType) -> bool:
    """Tell whether the log has ranges of a type: of bytes it has none."""
    is_number = dtype.is_signed_integer() or dtype.is_float() or dtype.is_decimal()
    return is_number or dtype in (pl.String(), pl.Boolean(), pl.Date(), MOMENT)


def writable(column: pl.Expr, dtype: pl.DataType, *, is_least: bool) -> pl.Expr:
    """Give the ends of ranges as `statistics_text` takes them; null where they are left out."""
    if dtype == pl.String:
        return column.str.head(_CHARACTERS + 1)
    if dtype.is_float():
        return pl.when(column.is_finite()).then(column)
    if dtype == pl.Date:
        return _four_digits(column, "%Y-%m-%d")
    if dtype == MOMENT:
        exact = column.dt.epoch("us")
        whole = exact.floordiv(1000) if is_least else -(-exact).floordiv(1000)
        return _four_digits(whole.cast(pl.Datetime("ms")), "%Y-%m-%dT%H:%M:%S.%3fZ")
    return column


def _four_digits(column: pl.Expr, pattern: str) -> pl.Expr:
    return pl.when(column.dt.year().is_between(1, 9999)).then(column.dt.to_string(pattern))


def statistics_text(
    rows: int,
    least: Mapping[str, Any],
    greatest: Mapping[str, Any],
    nulls: Mapping[str, int | None],
) -> str:
    """Give the JSON text of a file.

    Args:
        rows: how many it has.
        least: the least value of each column; None where it has none, or none that can be written.
        greatest: the greatest value of each column.
        nulls: how many nulls each column has; None where nobody knows.
    """
    ends = {name: (_lower(least[name]), _upper(greatest[name])) for name in least}
    # All ranges or none: to deltalake's Arrow datasets a missing one means that nothing is in it.
    if any(None in both and nulls.get(name) != rows for name, both in ends.items()):
        ends = {}
    kinds = {
        "minValues": {name: both[0] for name, both in ends.items()},
        "maxValues": {name: both[1] for name, both in ends.items()},
        "nullCount": nulls,
    }
    stated = {kind: {n: v for n, v in of.items() if v is not None} for kind, of in kinds.items()}
    return _json({"numRecords": rows, **{kind: of for kind, of in stated.items() if of}})


def _json(value: Any) -> str:
    try:
        return _ENCODER.encode(value)
    except TypeError:  # Python has no JSON for decimals
        if isinstance(value, Decimal):
            return f"{value:f}"
        return "{" + ",".join(f"{_json(name)}:{_json(of)}" for name, of in value.items()) + "}"


def _lower(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_CHARACTERS]
    return -0.0 if value == 0 and isinstance(value, float) else value


def _upper(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _CHARACTERS:
        return _above(value[:_CHARACTERS])
    return 0.0 if value == 0 and isinstance(value, float) else value


def _above(text: str) -> str | None:
    """Give a text that comes after all that begin with this one; None where there is none."""
    text = text.rstrip(chr(_LAST))
    if not text:
        return None
    last = ord(text[-1])
    return text[:-1] + chr(_AFTER_SURROGATES if last == _BEFORE_SURROGATES else last + 1)
