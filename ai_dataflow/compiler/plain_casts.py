"""Plain casts: cheap ones, that give what the full rules give, or null where these decide."""

from __future__ import annotations

import polars as pl


def plain(expr: pl.Expr, source: pl.DataType, target: pl.DataType) -> pl.Expr | None:
    """Give the plain cast of a pair of types; None where none is proved."""
    if source != pl.String:
        return None
    if target == pl.Date:
        return pl.when(expr.str.len_bytes() == 10).then(expr).str.to_date("%Y-%m-%d", strict=False)
    if target.is_integer():
        return expr.cast(target, strict=False)
    if target.is_float():
        number = expr.cast(target, strict=False)
        return pl.when(number.is_finite()).then(number)
    return None
