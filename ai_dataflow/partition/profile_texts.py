"""What a column of texts is like in each group of rows.

Most columns of texts have few of them: then each is looked at once, and not in every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_distinct import (
    Distinct,
    Few,
    most_frequent,
    of_sorted,
)
from ai_dataflow.partition.profile_groups import Array, Groups
from ai_dataflow.partition.value_hashes import Hashes, of_texts, sorted_once
from ai_dataflow.workstation.profiles import LONGEST

# `least` and `greatest`, as texts, of each group.
Ends = dict[str, pl.Series]
_NUMBER = r"^\s*[-+(]?\s*[\d.,'\u00a0 ]*\d[\d.,'\u00a0 ]*(?:[eE][-+]?\d+)?\s*[)%-]?\s*$"
_DAY = r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}))"
_DATE = rf"^\s*{_DAY}(?:[T ].*)?$"


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts of groups: few, in their order, and which each row has; or those of all rows.

    `places` are those of rows within `texts`. Of the texts of all rows `hashed` are the hashes. Few
    texts may have a row each, and `rows` tell how many it stands for.
    """

    texts: pl.Series
    places: Array
    groups: Groups
    hashed: Hashes | None = None
    rows: Array | None = None

    @classmethod
    def of(cls, values: pl.Series, groups: Groups) -> Texts:
        """Give those of a column without nulls."""
        hashed = values.hash().to_numpy()
        few = Few.of(hashed, hashed, lambda rows: values.gather(rows).arg_sort().to_numpy())
        if few:
            return cls(values.gather(few.rows), few.places, groups)
        return cls(values, np.arange(values.len()), groups, hashed)

    @cached_property
    def distinct(self) -> Distinct:
        """The places in `texts` of each group, and in how many rows they are."""
        if self.rows is not None:
            return Distinct(self.groups, self.places, self.rows)
        if self.hashed is not None:
            return Distinct(self.groups, self.places, np.ones_like(self.places))
        return Distinct.of(self.places, self.groups)

    @cached_property
    def _once(self) -> Distinct:
        """The hashes of each group, of the texts of all rows."""
        hashed = np.empty(0, np.uint64) if self.hashed is None else self.hashed
        return of_sorted(self.groups.each_sorted(hashed), self.groups)

    def sizes(self) -> Array:
        """Count the different ones of each group."""
        if self.hashed is not None:
            return self._once.groups.sizes
        return self.distinct.groups.sizes

    def ends(self) -> Ends:
        """Give the least and the greatest text of each group."""
        if self.hashed is not None or not self.texts.len():
            return ends_of(self.texts, self.groups)
        return _named([self._end(how) for how in (np.minimum, np.maximum)])

    def _end(self, how: np.ufunc) -> pl.Series:
        places = pl.Series(self.groups.reduced(how, self.places))
        return self.texts.gather(places.scatter(np.flatnonzero(self.groups.sizes == 0), None))

    def most_frequent(self, is_short: Array, most: int) -> tuple[Distinct, pl.Series]:
        """Give the most frequent ones of the marked texts, and these."""
        if self.hashed is None:
            best = self.distinct.only(is_short[self.distinct.codes]).most_frequent(most)
            return best, self.texts.gather(best.codes)
        once = self._once
        if not is_short.all():
            groups = self.groups.of(is_short)
            once = of_sorted(groups.each_sorted(self.hashed[is_short]), groups)
        some = once.repeated(most)
        each = sorted_once(some.codes)
        texts = self.texts.gather(_rows_of(each, self.hashed))
        order = texts.arg_sort().to_numpy()
        number = np.empty(order.size, dtype=np.int64)
        number[order] = np.arange(order.size)
        numbers = number[np.searchsorted(each, some.codes)]
        best = most_frequent(Distinct(some.groups, numbers, some.rows), most)
        return best, texts.gather(order[best.codes])

    def stable(self) -> Distinct:
        """Give the hashes that are the same for ever: of each text of a group one."""
        hashed = of_texts(self.texts)[self.distinct.codes]
        if self.hashed is None:
            return replace(self.distinct, codes=hashed)
        return of_sorted(self.groups.each_sorted(hashed), self.groups)

    def looks(self) -> pl.Series:
        """Count the texts that look like a number, a date, a blank, like nothing of these."""
        text = pl.col("text")
        blank = text.str.strip_chars() == ""
        is_date = text.str.contains(_DATE)
        is_number = text.str.contains(_NUMBER) & ~is_date
        marks = self.texts.to_frame("text").select(number=is_number, date=is_date, blank=blank)
        counts = {name: self._counted(marks[name].to_numpy()) for name in marks.columns}
        counts["other"] = self._counted(np.ones(self.texts.len(), np.bool_)) - sum(counts.values())
        return pl.DataFrame(counts).cast(pl.Int64).to_struct("looks")

    def lengths(self) -> Array:
        """Give the characters of each text."""
        return self.texts.str.len_chars().to_numpy().astype(np.int64)

    def _counted(self, marks: Array) -> Array:
        return self.distinct.groups.reduced(np.add, self.distinct.rows * marks[self.distinct.codes])


def ends_of(texts: pl.Series, groups: Groups) -> Ends:
    """Give the least and the greatest text of each group."""
    value, group = pl.col("value"), pl.col("group")
    frame = pl.LazyFrame({"group": groups.numbers, "value": texts})
    sorted_by = frame.with_columns(group.set_sorted()).group_by("group")
    ends = sorted_by.agg(value.min().alias("least"), value.max().alias("greatest"))
    every = pl.LazyFrame({"group": np.arange(groups.sizes.size)})
    joined = every.join(ends, on="group", how="left", maintain_order="left").collect()
    return _named([joined["least"], joined["greatest"]])


def _named(ends: Sequence[pl.Series]) -> Ends:
    """Name the least and the greatest texts, as far as they are told."""
    both = zip(("least", "greatest"), ends, strict=True)
    return {name: end.str.slice(0, LONGEST) for name, end in both}


def _rows_of(some: Hashes, hashed: Hashes) -> Array:
    """Give a row of each hash; they are sorted, and each is there."""
    rows = np.empty(some.size, dtype=np.int64)
    if some.size:
        place = np.minimum(np.searchsorted(some, hashed), some.size - 1)
        seen = np.flatnonzero(some[place] == hashed)
        rows[place[seen]] = seen
    return rows
