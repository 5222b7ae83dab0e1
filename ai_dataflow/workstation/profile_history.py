"""The history of profiles: what of their table stays, and its files put together.

Of each client those of the last publications stay. A run that was killed before its commit leaves
profiles of a publication that no version names: those go, as far as the dataset's log goes back.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import polars as pl

from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import open_table
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.layout import PARTITION_COLUMN, Folders
from ai_dataflow.workstation.profile_tables import change_profiles, write_profiles
from ai_dataflow.workstation.profiles import ProfileTable
from ai_dataflow.workstation.reaching import reaching

PUBLICATIONS = 400  # of a client
_FILES = 16  # beyond, they are put together


def tidy_profiles(
    workstation: Folders,
    module: str,
    profiles: ProfileTable,
    named: Collection[str],
    writer: Writer,
    before: datetime,
) -> None:
    """Remove profiles that no version names, and what is too old; put many files together.

    Args:
        workstation: where.
        module: whose they are.
        profiles: their table, of which there is some.
        named: the publications that versions name, or that wait.
        writer: who has the module's lease.
        before: what is younger stays, whatever it is.

    Raises:
        DataflowError: WST-001, WST-003 to WST-006.
    """
    rows, files = profiles.read(), profiles.files
    kept = _kept(rows, named, _oldest_commit(workstation.dataset(module)), before)
    if kept.height < rows.height or len(files) > _FILES:
        together = [write_profiles(profiles.folder, kept)] if kept.height else []
        change_profiles(profiles.folder, together, files, writer)


def _oldest_commit(table: Folder) -> datetime:
    """Give when the oldest commit was that the log has; what was before it, it may have named."""
    with reaching(table):
        delta = open_table(table)
        commits = delta.history() if delta else []
    is_whole = any(commit["version"] == 0 for commit in commits)
    times = [] if is_whole else [commit["timestamp"] for commit in commits]
    return datetime.fromtimestamp(min(times, default=0) / 1000, UTC)


def _kept(
    rows: pl.DataFrame, named: Collection[str], since: datetime, before: datetime
) -> pl.DataFrame:
    is_unnamed = ~pl.col("publication").is_in([*named])
    some = rows.filter(~(is_unnamed & pl.col("at").is_between(since, before, "left")))
    made = some.group_by(PARTITION_COLUMN, "publication").agg(pl.col("at").min())
    newest = pl.col("at").rank("ordinal", descending=True).over(PARTITION_COLUMN)
    last = made.filter(newest <= PUBLICATIONS).select(PARTITION_COLUMN, "publication")
    return some.join(last, on=last.columns, how="semi", maintain_order="left")
