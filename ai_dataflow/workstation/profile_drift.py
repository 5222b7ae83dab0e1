"""How far the columns of two versions are apart, by their profiles: no row is read."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ai_dataflow.workstation.distances import KEYS, KINDS, distances
from ai_dataflow.workstation.layout import PARTITION_COLUMN, Folders
from ai_dataflow.workstation.profiles import current_profiles

_KIND, _DISTANCE = "kind", "distance"
_SCHEMA = dict.fromkeys((*KEYS, _KIND), pl.String) | {_DISTANCE: pl.Float64}


def profile_drift(
    folders: Folders, module: str, versions: tuple[int, int], clients: Sequence[str]
) -> pl.DataFrame:
    """Give each distance that is not 0, of clients that both versions have a profile of.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    before, after = (
        current_profiles(folders, module, version, clients=clients) for version in versions
    )
    if before.is_empty() or after.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    apart = distances(before, after).cast(dict.fromkeys(KINDS, pl.Float64))
    long = apart.unpivot([*KINDS], index=[*KEYS], variable_name=_KIND, value_name=_DISTANCE)
    order = [_DISTANCE, *KEYS, _KIND]
    shown = long.filter(pl.col(_DISTANCE) > 0)
    return shown.sort(order, descending=[True, *[False] * (len(order) - 1)])


def greatest_drift(drift: pl.DataFrame) -> pl.DataFrame:
    """Give of each column and kind the greatest distance, and how many clients have moved."""
    of_clients = pl.col(PARTITION_COLUMN).n_unique().cast(pl.Int64).alias("clients")
    by_column = drift.group_by("ai_column", _KIND).agg(pl.col(_DISTANCE).max(), of_clients)
    return by_column.sort(_DISTANCE, "ai_column", _KIND, descending=[True, False, False])
