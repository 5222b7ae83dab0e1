"""What a column of texts is like in each group of rows.

Most columns of texts have few of them: then each is looked at once, and not in every row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_groups import Array, Distinct, Groups
from ai_dataflow.partition.value_hashes import Hashes, sorted_once
from ai_dataflow.workstation.profiles import LONGEST

_NUMBER = r"^\s*[-+(]?\s*[\d.,'\u00a0 ]*\d[\d.,'\u00a0 ]*(?:[eE][-+]?\d+)?\s*[)%-]?\s*$"
_DAY = r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2}))"
_DATE = rf"^\s*{_DAY}(?:[T ].*)?$"
_FEW = 8  # rows for each text, at least
_FIRST = 4096  # rows in which those of few texts mostly are


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts of groups: few, each with how many rows of a group have it; or those of all rows.

    `places` are those of each group within `texts`; `hashed` are the hashes of all rows' texts.
    """

    texts: pl.Series
    places: Array
    rows: Array
    groups: Groups
    hashed: Hashes | None = None

    @classmethod
    def of(cls, values: pl.Series, groups: Groups, distinct: Distinct, hashed: Hashes) -> Texts:
        """Give those of a column without nulls; few of them in their order.

        Args:
            values: the column.
            groups: its groups.
            distinct: the distinct hashes of each group.
            hashed: the hash of each value.
        """
        each = sorted_once(distinct.values)
        if each.size * _FEW > values.len():
            every = np.arange(values.len())
            return cls(values, every, np.ones_like(every), groups, hashed)
        texts = values.gather(_first_rows(each, hashed))
        order = texts.arg_sort().to_numpy()
        rank = np.empty(order.size, dtype=np.int64)
        rank[order] = np.arange(order.size)
        places = rank[np.searchsorted(each, distinct.values)]
        return cls(texts.gather(order), places, distinct.rows, distinct.groups)

    @property
    def is_distinct(self) -> bool:
        """Whether each is there once."""
        return self.hashed is None

    def ends(self) -> dict[str, pl.Series]:
        """Give the least and the greatest text of each group."""
        if self.is_distinct and self.texts.len():
            ends = [self._end(how) for how in (np.minimum, np.maximum)]
        else:
            ends = self._ends_of_rows()
        both = zip(("least", "greatest"), ends, strict=True)
        return {name: end.str.slice(0, LONGEST) for name, end in both}

    def _end(self, how: np.ufunc) -> pl.Series:
        places = pl.Series(self.groups.reduced(how, self.places))
        return self.texts.gather(places.scatter(np.flatnonzero(self.groups.sizes == 0), None))

    def _ends_of_rows(self) -> list[pl.Series]:
        value, group = pl.col("value"), pl.col("group")
        frame = pl.LazyFrame({"group": self.groups.numbers, "value": self.texts})
        sorted_by = frame.with_columns(group.set_sorted()).group_by("group")
        ends = sorted_by.agg(value.min().alias("least"), value.max().alias("greatest"))
        every = pl.LazyFrame({"group": np.arange(self.groups.sizes.size)})
        joined = every.join(ends, on="group", how="left", maintain_order="left").collect()
        return [joined["least"], joined["greatest"]]

    def most_frequent(self, is_short: Array, most: int) -> tuple[Distinct, pl.Series]:
        """Give the most frequent ones of the marked texts, and these."""
        if self.hashed is None:
            some = Distinct(self.groups, self.places, self.rows).only(is_short[self.places])
            best = some.most_frequent(most)
            return best, self.texts.gather(best.values)
        groups, hashed = self.groups.of(is_short), self.hashed[is_short]
        best = Distinct.of(groups.each_sorted(hashed), groups).most_frequent(most)
        each = sorted_once(best.values)
        rows = _first_rows(each, hashed)[np.searchsorted(each, best.values)]
        return best, self.texts.filter(pl.Series(is_short)).gather(rows)

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
        return self.groups.reduced(np.add, self.rows * marks[self.places])


def _first_rows(sought: Hashes, hashed: Hashes) -> Array:
    """Give a row of each hash, which are sorted. Those of few values are near the first rows."""
    rows = np.full(sought.size, -1, dtype=np.int64)
    begin, size = 0, _FIRST
    while begin < hashed.size and (rows < 0).any():
        some, first = np.unique(hashed[begin : begin + size], return_index=True)
        place = np.minimum(np.searchsorted(some, sought), some.size - 1)
        is_here = (some[place] == sought) & (rows < 0)
        rows[is_here] = begin + first[place[is_here]]
        begin, size = begin + size, size * 4
    return rows
