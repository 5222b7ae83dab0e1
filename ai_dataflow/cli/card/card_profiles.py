"""The profiles of a card's version, merged, and how far they are from those of an earlier one."""

from __future__ import annotations

import polars as pl

from ai_dataflow.cli.card.card_facts import OF_ROWS, MergedProfiles
from ai_dataflow.workstation.distances import distances
from ai_dataflow.workstation.profile_merging import merge_profiles

_COLUMN, _PRODUCT, _CLIENT = "ai_column", "product_code", "client_code"
_KEY = (_CLIENT, _PRODUCT, _COLUMN)


def merged(profiles: pl.DataFrame, before: pl.DataFrame) -> MergedProfiles:
    """Merge the profiles of clients into those of products, and these into those of the module.

    Args:
        profiles: those of a version.
        before: those of an earlier one; what both have is merged once.
    """
    products, earlier = _of_products(profiles, before)
    columns = merge_profiles(products, (_COLUMN,))
    counts = profiles.select(*_KEY, "rows", "nulls")
    has_rows = counts.filter(pl.col(_COLUMN) == OF_ROWS, pl.col("rows") > 0)
    has_values = counts.filter(pl.col("rows") > pl.col("nulls"))
    return MergedProfiles(
        products,
        columns,
        _counted(has_rows, _PRODUCT),
        _counted(has_values, _COLUMN),
        _sources(profiles),
        distances(merge_profiles(earlier, (_COLUMN,)), columns, (_COLUMN,)),
    )


def _of_products(profiles: pl.DataFrame, before: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Merge the profiles of two versions by product and column."""
    by = (_PRODUCT, _COLUMN)
    names = [frame["publication"].unique() for frame in (profiles, before)]
    is_in_both = pl.col("publication").is_in(names[1].implode())
    both = merge_profiles(profiles.filter(is_in_both), by)
    new = profiles.filter(~is_in_both)
    old = before.filter(~pl.col("publication").is_in(names[0].implode()))
    now, then = (merge_profiles(pl.concat([both, rows]), by) for rows in (new, old))
    return now, then


def _counted(profiles: pl.DataFrame, by: str) -> dict[str, int]:
    """Count the clients of a frame by a column."""
    counts = profiles.group_by(by).agg(pl.col(_CLIENT).n_unique())
    return dict(counts.iter_rows())


def _sources(
    profiles: pl.DataFrame,
) -> dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]]:
    """Give the cells and lines of the mapping by product and column; clients may have others."""
    said = profiles.select(_PRODUCT, _COLUMN, "mapping_cell", "mapping")
    said = said.filter(pl.col("mapping") != "").unique()
    by = said.group_by(_PRODUCT, _COLUMN).agg(
        pl.col(name).unique().sort() for name in ("mapping_cell", "mapping")
    )
    return {
        (product, column): (tuple(cells), tuple(lines))
        for product, column, cells, lines in by.iter_rows()
    }
