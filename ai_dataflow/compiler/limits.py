"""What the dictionary says of an AI column's values, as expressions that tell where it is not so.

A null is no value, and breaks nothing here. A float that is no number (NaN) is within no limits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import polars as pl
from polars.exceptions import ComputeError

from ai_dataflow.compiler.casts import cast_to
from ai_dataflow.tables import ai_types
from ai_dataflow.tables.code_lists import CodeList

_CAUSE = "error: "


def has_order(ai_type: str) -> bool:
    """Tell whether values of a type are more or less: numbers, days and moments are.

    Texts are not: `10` would come before `9`.
    """
    dtype = ai_types.to_polars(ai_type)
    return dtype.is_numeric() or dtype.is_temporal()


def is_comparable(ai_type: str) -> bool:
    """Tell whether two values of a type are the same or not, for certain: not of lists and such."""
    return not ai_types.to_polars(ai_type).is_nested() and ai_type != ai_types.JSON


@lru_cache(maxsize=1024)
def limit(text: str, ai_type: str) -> object:
    """Give the value that a cell's text is in a type; None where it cannot become it."""
    return _cast(pl.Series([text], dtype=pl.String), ai_type).item()


@lru_cache(maxsize=64)
def allowed(codes: CodeList, ai_type: str) -> pl.Series:
    """Give what a code list's values become in a type, each once."""
    return _cast(pl.Series(codes.outcomes, dtype=pl.String), ai_type).drop_nulls().unique()


def _cast(texts: pl.Series, ai_type: str) -> pl.Series:
    done = cast_to(pl.col("text"), pl.String(), ai_type)
    if done is None:
        return pl.Series([None] * len(texts), dtype=ai_types.to_polars(ai_type))
    return pl.DataFrame({"text": texts}).select(done.value.alias("value")).to_series()


class Limits(NamedTuple):
    """A column, and what it is cast to."""

    name: str
    ai_type: str

    def below(self, smallest: str) -> pl.Expr:
        """Tell where values are smaller than a cell says."""
        return self._is_no_number(pl.col(self.name) < self._literal(smallest))

    def above(self, largest: str) -> pl.Expr:
        """Tell where values are larger than a cell says."""
        return self._is_no_number(pl.col(self.name) > self._literal(largest))

    def unlike(self, pattern: str) -> pl.Expr:
        """Tell where a text, the whole of it, is not as a pattern says."""
        return ~pl.col(self.name).str.contains(whole(pattern))

    def outside(self, codes: CodeList) -> pl.Expr:
        """Tell where a value is none of those that a code list gives."""
        return ~pl.col(self.name).is_in(allowed(codes, self.ai_type).implode())

    def _literal(self, text: str) -> pl.Expr:
        dtype = ai_types.to_polars(self.ai_type)
        return pl.lit(limit(text, self.ai_type), dtype=dtype)

    def _is_no_number(self, otherwise: pl.Expr) -> pl.Expr:
        is_float = ai_types.to_polars(self.ai_type).is_float()
        return otherwise | pl.col(self.name).is_nan() if is_float else otherwise


def whole(pattern: str) -> str:
    r"""Make a pattern one of the whole text: `$` alone would be true before a last line's end.

    Example:
        >>> whole("[A-Z]{2}")
        '\\A(?:[A-Z]{2})\\z'
    """
    return rf"\A(?:{pattern})\z"


@lru_cache(maxsize=1024)
def pattern_problem(pattern: str) -> str:
    """Say why a pattern is none, as the engine that uses it does; nothing where it is one.

    By itself too: what closes a bracket that it did not open would end ours.
    """
    for text in (pattern, whole(pattern)):
        try:
            pl.Series([""]).str.contains(text)
        except ComputeError as error:
            said = [line for line in str(error).splitlines() if line][:5]
            causes = [line.partition(_CAUSE)[2] for line in said if line.startswith(_CAUSE)]
            return (causes or said)[0].rstrip(".")
    return ""
