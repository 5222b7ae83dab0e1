"""How rows differ between two states of a table: added, removed and changed. Pure.

Rows are compared as they are: nulls are equal to nulls, NaN to NaN, lists by their elements.
Equal rows of both states cancel out, each as often as it is in both. Of what is left, rows whose
key is left once on each side are *changed*; all others are *added* or *removed*. Without a key
nothing is changed. So a key that several rows have does no harm: it pairs what can be paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

BEFORE, AFTER = ".before", ".after"
CHANGED_COLUMNS = "changed.columns"
ROWS_BEFORE, ROWS_AFTER = "rows_before", "rows_after"
ADDED, REMOVED, CHANGED, REPEATED = "added", "removed", "changed", "repeated_keys"
# No AI column has a name with a dot.
_SIDE, _LEFT, _COPY = "side.", "left.", "copy."


@dataclass(frozen=True)
class RowChanges:
    """Two states of a table, of the same columns and types; `by` is in every key.

    `key` are further columns that tell rows apart; without any, rows are only equal or not.
    """

    before: pl.LazyFrame
    after: pl.LazyFrame
    columns: tuple[str, ...]
    by: str
    key: tuple[str, ...] = ()

    def added(self) -> pl.LazyFrame:
        """Give the rows that came, each as often as it did."""
        return self._left_over(pl.col(_LEFT) > 0)

    def removed(self) -> pl.LazyFrame:
        """Give the rows that went, each as often as it did."""
        return self._left_over(pl.col(_LEFT) < 0)

    def changed(self) -> pl.LazyFrame:
        """Give the rows that changed: their keys, which columns did, both values of each column."""
        names = [pl.when(self._differs(c)).then(pl.lit(c)) for c in self._values]
        which = pl.concat_list(names).list.drop_nulls() if names else pl.lit([], pl.List(pl.String))
        pairs = self._pairs()
        values = [f"{c}{side}" for c in self._values for side in (BEFORE, AFTER)]
        return pairs.select(*self._whole_key, which.alias(CHANGED_COLUMNS), *values)

    def counts(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Count by `by` what changed, and in which columns rows did; in one pass."""
        queries = [self._totals(), self._left(), self._repeated(), self._changed_by_column()]
        totals, left, repeated, columns = pl.collect_all(queries, engine="streaming")
        counted = totals.join(left, on=self.by, how="left").join(repeated, on=self.by, how="left")
        names = [ROWS_BEFORE, ROWS_AFTER, ADDED, REMOVED, CHANGED, REPEATED]
        counts = counted.select(self.by, pl.col(names).fill_null(0).cast(pl.Int64)).sort(self.by)
        shown = columns.unpivot(index=self.by, variable_name="column", value_name="rows")
        return counts, shown.filter(pl.col("rows") > 0).cast({"rows": pl.Int64}).sort(
            self.by, "rows", "column", descending=[False, True, False]
        )

    @property
    def _whole_key(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.by, *self.key)))

    @property
    def _values(self) -> list[str]:
        return [name for name in self.columns if name not in self._whole_key]

    def _differs(self, column: str) -> pl.Expr:
        return pl.col(f"{column}{BEFORE}").ne_missing(pl.col(f"{column}{AFTER}"))

    def _both(self, columns: Sequence[str]) -> pl.LazyFrame:
        """Give the rows of both states; `_SIDE` is -1 before and 1 after."""
        sides = ((self.before, -1), (self.after, 1))
        return pl.concat(
            frame.select(*columns, pl.lit(side, pl.Int64).alias(_SIDE)) for frame, side in sides
        )

    def _uncancelled(self) -> pl.LazyFrame:
        """Give the rows that are more often in one state; `_LEFT` is how often, before below 0.

        `_SIDE` tells of each whether it is one of a pair: a row that changed.
        """
        rows = self._both(self.columns).group_by(self.columns).agg(pl.col(_SIDE).sum().alias(_LEFT))
        rows = rows.filter(pl.col(_LEFT) != 0)
        if not self.key:
            return rows.with_columns(pl.lit(value=False).alias(_SIDE))
        # One of each side: they are two, the least is -1 and the greatest 1.
        alone = (pl.col(_LEFT).abs().sum() == 2) & (pl.col(_LEFT).sum() == 0)  # noqa: PLR2004
        paired = rows.group_by(self._whole_key).agg(alone.alias(_SIDE))
        return rows.join(paired, on=self._whole_key, nulls_equal=True)

    def _left_over(self, of_side: pl.Expr) -> pl.LazyFrame:
        rows = self._uncancelled().filter(of_side & ~pl.col(_SIDE))
        copies = pl.int_ranges(0, pl.col(_LEFT).abs()).alias(_COPY)
        return rows.with_columns(copies).explode(_COPY).select(self.columns)

    def _pairs(self) -> pl.LazyFrame:
        """Give the rows that changed, with the values of both states beside each other."""
        rows = self._uncancelled().filter(pl.col(_SIDE))
        before, after = (
            rows.filter(of_side).select(*self._whole_key, pl.col(self._values).name.suffix(suffix))
            for of_side, suffix in ((pl.col(_LEFT) < 0, BEFORE), (pl.col(_LEFT) > 0, AFTER))
        )
        return before.join(after, on=self._whole_key, nulls_equal=True)

    def _totals(self) -> pl.LazyFrame:
        sides = {ROWS_BEFORE: pl.col(_SIDE) < 0, ROWS_AFTER: pl.col(_SIDE) > 0}
        sums = (is_side.sum().alias(name) for name, is_side in sides.items())
        return self._both([self.by]).group_by(self.by).agg(*sums)

    def _left(self) -> pl.LazyFrame:
        left, is_paired = pl.col(_LEFT), pl.col(_SIDE)
        sums: Mapping[str, pl.Expr] = {
            ADDED: left.filter((left > 0) & ~is_paired).sum(),
            REMOVED: -left.filter((left < 0) & ~is_paired).sum(),
            CHANGED: is_paired.sum() // 2,
        }
        named = (total.alias(name) for name, total in sums.items())
        return self._uncancelled().group_by(self.by).agg(*named)

    def _repeated(self) -> pl.LazyFrame:
        """Count the keys that several rows of one state have."""
        if not self.key:
            return self._both([self.by]).select(self.by, pl.lit(0).alias(REPEATED)).unique()
        most = pl.max_horizontal((pl.col(_SIDE) < 0).sum(), (pl.col(_SIDE) > 0).sum())
        keys = self._both(self._whole_key).group_by(self._whole_key).agg(most.alias(_LEFT))
        return keys.group_by(self.by).agg((pl.col(_LEFT) > 1).sum().alias(REPEATED))

    def _changed_by_column(self) -> pl.LazyFrame:
        sums = [self._differs(name).sum().alias(name) for name in self._values]
        return self._pairs().group_by(self.by).agg(*sums)
