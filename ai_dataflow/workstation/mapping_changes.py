"""What was made differently between two versions: mapping cells, and the program's own rules.

The profiles of a version say how each column was made. All of this is about clients that were
published anew in between.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN, Folders
from ai_dataflow.workstation.profiles import current_profiles

_COLUMN, _CELL, _MAPPING, _CODE = "ai_column", "mapping_cell", "mapping", "computation"
_KEY = (PARTITION_COLUMN, PRODUCT_COLUMN, _COLUMN)
_BEFORE = "_before"


def made_of(
    folders: Folders, module: str, versions: tuple[int, int], clients: Sequence[str]
) -> pl.DataFrame:
    """Give how each column of some clients was made in two versions; null where it was not.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    columns = [*_KEY, _CELL, _MAPPING, _CODE]
    before, after = (
        current_profiles(folders, module, version, clients=clients, columns=columns)
        for version in versions
    )
    return after.join(before, on=_KEY, how="full", suffix=_BEFORE, coalesce=True)


def mapping_changes(made: pl.DataFrame) -> pl.DataFrame:
    """Give the columns that are mapped otherwise, by product: how before, how after, for how many.

    Of products that both versions have. The cell is the one of after, else of before.
    """
    in_both = pl.col(_CODE).is_not_null() & _was(_CODE).is_not_null()
    both = made.filter((pl.col(_COLUMN) == "") & in_both)
    columns = made.filter(pl.col(_COLUMN) != "").join(both, on=_KEY[:2], how="semi")
    other = columns.filter(pl.col(_MAPPING).fill_null("") != _was(_MAPPING).fill_null(""))
    shown = other.select(
        PRODUCT_COLUMN,
        _COLUMN,
        pl.coalesce(_CELL, f"{_CELL}{_BEFORE}").alias(_CELL),
        _was(_MAPPING).fill_null("").alias("before"),
        pl.col(_MAPPING).fill_null("").alias("after"),
    )
    counted = shown.group_by(shown.columns, maintain_order=True).agg(pl.len().alias("clients"))
    return counted.cast({"clients": pl.Int64}).sort(shown.columns)


def code_changes(made: pl.DataFrame) -> pl.DataFrame:
    """Give the numbers of the rules by which this program made rows, where these changed."""
    whole = made.filter(pl.col(_COLUMN) == "", pl.col(_CODE) != _was(_CODE))
    counted = whole.group_by(_was(_CODE).alias("before"), pl.col(_CODE).alias("after")).agg(
        pl.col(PARTITION_COLUMN).n_unique().cast(pl.Int64).alias("clients")
    )
    return counted.sort("before", "after")


def unknown_clients(made: pl.DataFrame, clients: Sequence[str]) -> list[str]:
    """Give the clients of which one of the versions has no profile."""
    there = made.filter(pl.col(_CODE).is_not_null() & _was(_CODE).is_not_null())
    return sorted({*clients} - {*there[PARTITION_COLUMN]})


def _was(name: str) -> pl.Expr:
    return pl.col(f"{name}{_BEFORE}")
