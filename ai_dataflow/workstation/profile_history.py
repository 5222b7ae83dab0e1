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
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.layout import PARTITION_COLUMN, Folders
from ai_dataflow.workstation.profile_tables import change_profiles, write_profiles
from ai_dataflow.workstation.profiles import ProfileTable
from ai_dataflow.workstation.reaching import reaching

PUBLICATIONS = 400  # of a client
_FILES = 16  # small ones; beyond, they are put together
_ROWS = 100_000  # that are put together: some 200 MB in memory
_SMALL = _ROWS // 2  # so what was put together is not small, but for the last file


def tidy_profiles(
    workstation: Folders,
    module: str,
    profiles: ProfileTable,
    named: Collection[str],
    writer: Writer,
    before: datetime,
) -> None:
    """Remove profiles that no version names, and what is too old; put many small files together.

    The table may be larger than memory is: what stays as it is, is not read.

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
    since = _oldest_commit(workstation.dataset(module))
    kept = _kept(profiles.publications, named, since, before)
    files = _files(profiles, kept)
    has_lost, is_small = pl.col("kept") < pl.col("profiles"), pl.col("profiles") < _SMALL
    if files.filter(has_lost).height or files.filter(is_small).height > _FILES:
        changed = files.filter(has_lost | is_small)
        added = _put_together(profiles.folder, changed, kept)
        change_profiles(profiles.folder, added, [*changed["path"]], writer)


def _files(profiles: ProfileTable, kept: pl.DataFrame) -> pl.DataFrame:
    """Give the path of each file, how many profiles it has and how many stay, the oldest first."""
    paths = pl.DataFrame({"path": profiles.files}, {"path": pl.String})
    file = pl.col("path").str.split("/").list.last().alias("file")
    each = profiles.publications.group_by("file").agg(pl.col("at").min(), pl.col("profiles").sum())
    stay = kept.group_by("file").agg(pl.col("profiles").sum().alias("kept"))
    counted = paths.with_columns(file).join(each, on="file", how="left")
    both = counted.join(stay, on="file", how="left").with_columns(
        pl.col("profiles", "kept").fill_null(0)
    )
    return both.sort("at", "path")


def _put_together(table: Folder, files: pl.DataFrame, kept: pl.DataFrame) -> list[DataFile]:
    """Write what stays of files into others, some of them at a time."""
    portion = (pl.col("kept").cum_sum() // _ROWS).alias("portion")
    some = files.filter(pl.col("kept") > 0).with_columns(portion)
    stay = kept.select(PARTITION_COLUMN, "publication", "at").unique()
    return [
        write_profiles(table, rows.join(stay, on=stay.columns, how="semi", maintain_order="left"))
        for part in some.partition_by("portion", maintain_order=True)
        for rows in [ProfileTable(table, tuple(part["path"])).read()]
    ]


def _oldest_commit(table: Folder) -> datetime:
    """Give when the oldest commit was that the log has; what was before it, it may have named."""
    with reaching(table):
        delta = open_table(table)
        commits = delta.history() if delta else []
    is_whole = any(commit["version"] == 0 for commit in commits)
    times = [] if is_whole else [commit["timestamp"] for commit in commits]
    return datetime.fromtimestamp(min(times, default=0) / 1000, UTC)


def _kept(
    every: pl.DataFrame, named: Collection[str], since: datetime, before: datetime
) -> pl.DataFrame:
    """Give those of the table's publications that stay."""
    is_unnamed = ~pl.col("publication").is_in([*named])
    some = every.filter(~(is_unnamed & pl.col("at").is_between(since, before, "left")))
    made = some.group_by(PARTITION_COLUMN, "publication").agg(pl.col("at").min())
    newest = pl.col("at").rank("ordinal", descending=True).over(PARTITION_COLUMN)
    last = made.filter(newest <= PUBLICATIONS).select(PARTITION_COLUMN, "publication")
    return some.join(last, on=last.columns, how="semi", maintain_order="left")
