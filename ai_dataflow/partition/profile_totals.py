"""What one column of many rows is like, seen piece by piece: exact where that is cheap.

Few values, or few distinct ones, are known whole. Of others all are counted and hashed, and a
sample tells how they are spread.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_columns import (
    Described,
    describe,
    describe_few_keys,
    describe_few_texts,
)
from ai_dataflow.partition.profile_groups import Groups
from ai_dataflow.partition.profile_many import FEW, ManyKeys, ManyTexts
from ai_dataflow.partition.profile_order import FULL_DIGITS, InOrder, in_order
from ai_dataflow.partition.profile_samples import ValueSample, compact
from ai_dataflow.partition.value_hashes import of_texts
from ai_dataflow.workstation.profiles import HASHES, LONGEST, Fineness

_CODE, _ROWS, _VALUE, _FIRST = "code", "rows", "value", "first"
_FIRST_VALUES = 1 << 14  # whether few are distinct, these mostly tell
_COUNTED = 16  # times that a frequent value is in a sample, at least: an error of a quarter
_OFTEN = 4  # rows for each distinct value, from which on it is worth to look for these first


class Totals:
    """All rows of a column."""

    def __init__(self, dtype: pl.DataType) -> None:
        self._dtype = dtype
        self._nulls = 0
        self._sample = ValueSample(dtype)
        self._few: pl.DataFrame | None = None
        self._many: ManyKeys | ManyTexts | None = None
        self._repeats = False
        self._at_once = _FIRST_VALUES

    def add(self, column: pl.Series) -> None:
        """See rows."""
        nulls = column.null_count()
        self._nulls += nulls
        values = column.drop_nulls() if nulls else column
        if not values.len():
            return
        self._sample.add(values)
        if not _is_counted(self._dtype):
            return
        while self._many is None and values.len():
            self._add_few(values.head(self._at_once))
            values, self._at_once = values.slice(self._at_once), self._at_once * 4
        if self._many is not None and values.len():
            self._add_many(self._many, values)

    def profile(self, fineness: Fineness | None) -> dict[str, Any]:
        """Give the profile of the column, but for what is not of it alone."""
        of_sample = self._sample.values, Groups(np.array([self._sample.values.len()]))
        if self._sample.has_all:
            return {**_figures(describe(*of_sample, fineness)), "nulls": self._nulls}
        if self._few is not None and self._many is None:
            return {**_figures(self._described(self._few, fineness)), "nulls": self._nulls}
        figures = _figures(describe(*of_sample, fineness)) if fineness else {}
        figures = _scaled(figures, self._sample.seen, self._sample.values.len())
        return {**figures, **self._counted(figures), "nulls": self._nulls}

    def _add_few(self, values: pl.Series) -> None:
        """Count each distinct value; where they are too many, keep their hashes alone."""
        parts = [] if self._few is None else [self._few]
        self._few = pl.concat([*parts, self._coded(values)])
        if parts:
            each = self._few.group_by(_CODE)
            self._few = each.agg(pl.col(_ROWS).sum(), pl.col("^value$").first())
        if self._few.height > FEW:
            few, self._few = self._few.sort(_CODE), None  # for what is rounded on the way
            self._repeats = few[_ROWS].sum() >= _OFTEN * few.height
            self._many = ManyTexts() if _is_texts(self._dtype) else ManyKeys()
            if isinstance(self._many, ManyTexts):
                self._add_many(self._many, few[_VALUE])
            else:
                self._many.add(self._column(), few[_CODE].to_numpy(), few[_ROWS].to_numpy())

    def _coded(self, values: pl.Series) -> pl.DataFrame:
        """Give the distinct values: the key of each, or a hash and the value; and its rows."""
        counted = pl.len().cast(pl.Int64).alias(_ROWS)
        if not _is_texts(self._dtype):
            keys = pl.DataFrame({_CODE: in_order(values).keys})
            return keys.group_by(_CODE).agg(counted)
        codes = values.hash().alias(_CODE).to_frame().with_row_index(_FIRST)
        each = codes.group_by(_CODE).agg(counted, pl.col(_FIRST).first())
        some = compact(values[each[_FIRST]]).alias(_VALUE)
        return each.drop(_FIRST).with_columns(some)

    def _add_many(self, many: ManyKeys | ManyTexts, values: pl.Series) -> None:
        if isinstance(many, ManyKeys):
            column = in_order(values)
            many.add(column, column.keys)
        else:
            some = values.unique() if self._repeats else values
            many.add(some, of_texts(some.cast(pl.String)))

    def _column(self) -> InOrder:
        """Give what leads back from keys."""
        return in_order(pl.Series([], dtype=self._dtype))

    def _described(self, few: pl.DataFrame, fineness: Fineness | None) -> Described:
        rows = few[_ROWS].to_numpy()
        if self._dtype == pl.String:
            return describe_few_texts(few[_VALUE], rows, fineness)
        column = in_order(few[_VALUE]) if _is_texts(self._dtype) else self._column()
        keys = column.keys if _is_texts(self._dtype) else few[_CODE].to_numpy()
        return describe_few_keys(column, keys, rows, fineness)

    def _counted(self, figures: dict[str, Any]) -> dict[str, Any]:
        """Give what is known of all values, where they are many."""
        many = self._many
        if many is None:
            return {}
        distinct, error = many.least.distinct(self._sample.seen)
        of_all: dict[str, Any] = {"distinct": distinct, "distinct_error": error}
        of_all["hashes"] = many.least.hashes[:HASHES].tolist()
        ends = many.ends or [None, None]
        if isinstance(many, ManyTexts):
            texts = pl.Series(ends, dtype=self._dtype).cast(pl.String).str.slice(0, LONGEST)
            return of_all | dict(zip(("least", "greatest"), texts, strict=True))
        texts = self._column().texts(pl.Series(ends, dtype=pl.Int64))
        of_all |= dict(zip(("least", "greatest"), texts, strict=True))
        of_all |= {name: value.item() for name, value in many.moments.figures().items()}
        if curve := figures.get("quantiles"):
            low, high = self._column().numbers(np.array(many.finite_ends)).tolist()
            of_all["quantiles"] = [low, *curve[1:-1], high]
        if many.odd and figures:
            odd = sorted(((-rows, name) for name, rows in many.odd.items() if rows))
            of_all["frequent"] = [{"value": name, "rows": -rows} for rows, name in odd]
        return of_all


def _is_counted(dtype: pl.DataType) -> bool:
    return not isinstance(dtype, pl.List | pl.Struct | pl.Binary)


def _is_texts(dtype: pl.DataType) -> bool:
    """Tell whether values are hashed as texts: the keys of long decimals are of one piece alone."""
    is_long = isinstance(dtype, pl.Decimal) and dtype.precision > FULL_DIGITS
    return dtype == pl.String or is_long


def _figures(done: Described) -> dict[str, Any]:
    """Give what is said of the one group that there is."""
    figures = {name: values[0] for name, values in done.values.items()}
    for name in ("frequent", "hashes"):
        if lists := getattr(done, name):
            each = lists.values.to_list()
            figures[name] = each if each or lists.is_whole else None
    if figures.get("distinct") is not None:
        figures["distinct_error"] = 0.0
    return {n: v.to_list() if isinstance(v, pl.Series) else v for n, v in figures.items()}


def _scaled(figures: dict[str, Any], values: int, of_sample: int) -> dict[str, Any]:
    """Give the counts of a sample as those of all values.

    What is there too seldom to be counted so is not told to be frequent.
    """
    scaled, share = dict(figures), values / of_sample
    if figures.get("frequent"):
        some = (each for each in figures["frequent"] if each["rows"] >= _COUNTED)
        scaled["frequent"] = [{**each, "rows": round(each["rows"] * share)} for each in some]
    if figures.get("looks"):
        looks = {name: round(rows * share) for name, rows in figures["looks"].items()}
        others = values - (sum(looks.values()) - looks["other"])
        scaled["looks"] = looks | {"other": max(others, 0)}
    return scaled
