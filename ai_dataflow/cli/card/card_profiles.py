"""The profiles of a card's version, merged, and how far they are from those of an earlier one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import polars as pl

from ai_dataflow.cli.card.card_facts import OF_ROWS, MergedProfiles
from ai_dataflow.workstation.distances import distances
from ai_dataflow.workstation.profile_merging import merge_profiles
from ai_dataflow.workstation.profiles import COARSE

_COLUMN, _PRODUCT, _CLIENT = "ai_column", "product_code", "client_code"
_KEY = (_CLIENT, _PRODUCT, _COLUMN)
_OF_MAKING = ("mapping_cell", "mapping")
# Which versions a profile is of, in the place of its publication.
SIDE, NOW, THEN, BOTH = "publication", "now", "then", "both"

# In between no value is left out that the clients' profiles have: it may be frequent in all.
_LISTED = replace(COARSE, frequent=10_000)


def merged(profiles: pl.DataFrame, sketches: pl.LazyFrame | None = None) -> MergedProfiles:
    """Merge the profiles of clients into those of products, and these into those of the module.

    Args:
        profiles: those of a version and of an earlier one, each once. Their `publication` says of
            which: `NOW`, `THEN` or `BOTH`. What both have is merged once.
        sketches: those of these profiles, where they are to be read yet; as `merge_profiles`.
    """
    by = (_PRODUCT, _COLUMN, SIDE)
    parts = merge_profiles(profiles.drop(*_OF_MAKING), by, _LISTED, sketches)
    with ThreadPoolExecutor(1) as beside:
        earlier = beside.submit(lambda: _of_columns(_of_products(parts, THEN)))
        products = _of_products(parts, NOW)
        columns = _of_columns(products)
    light = (*_KEY, "rows", "nulls", *_OF_MAKING)
    now = profiles.select(*light, SIDE).filter(pl.col(SIDE) != THEN)
    has_rows = now.filter(pl.col(_COLUMN) == OF_ROWS, pl.col("rows") > 0)
    has_values = now.filter(pl.col("rows") > pl.col("nulls"))
    return MergedProfiles(
        products.with_columns(pl.col("frequent").list.head(COARSE.frequent)),
        columns,
        _counted(has_rows, _PRODUCT),
        _counted(has_values, _COLUMN),
        _sources(now),
        distances(earlier.result(), columns, (_COLUMN,)),
    )


def _of_products(parts: pl.DataFrame, side: str) -> pl.DataFrame:
    """Merge what is of one version; what both have is in either."""
    return merge_profiles(
        parts.filter(pl.col(SIDE).is_in([BOTH, side])), (_PRODUCT, _COLUMN), _LISTED
    )


def _of_columns(products: pl.DataFrame) -> pl.DataFrame:
    return merge_profiles(products, (_COLUMN,))


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
