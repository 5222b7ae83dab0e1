"""Parquet files of several sources read together: in one scan, or each whole, many at once."""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl

from ai_dataflow.config.at_once import at_once
from ai_dataflow.connections.stores import StoredFile
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.files.folder_columns import partition_values
from ai_dataflow.sources.files.open_files import Files
from ai_dataflow.sources.files.parquet_physical import PATH

SMALL_BYTES = 4 << 20  # what is read whole: to ask for parts would be more requests
FILE_NUMBER = "\ue000file"  # no column of a source is called so


def plain_parquet(several: Sequence[Files]) -> tuple[pl.LazyFrame, list[int]] | None:
    """Scan the Parquet files of several sources as one, each row with the number of its file.

    Returns:
        The rows, and how many files each of the sources has; None where one scan cannot read them:
        of other formats, of several accounts, with columns in their folders' names, or a file that
        two of the sources have.
    """
    root = several[0].root
    files = [(source, file.path) for source in several for file in source.pinned.files]
    if (
        any(source.pinned.file_format != "parquet" for source in several)
        or any(source.root.account != root.account for source in several)
        or any(partition_values(path) for _, path in files)
    ):
        return None
    uris = [source.root.uri(path) for source, path in files]
    if len(set(uris)) < len(uris):
        return None
    rows = pl.scan_parquet(
        uris, glob=False, hive_partitioning=False, include_file_paths=PATH, **root.polars
    )
    number = pl.col(PATH).cast(pl.Enum(uris)).to_physical().alias(FILE_NUMBER)
    return rows.with_columns(number).drop(PATH), [len(s.pinned.files) for s in several]


def whole_parquet(
    several: Sequence[Files], columns: Sequence[str]
) -> list[list[pl.DataFrame]] | None:
    """Read small Parquet files of storage accounts, each in one request, many at once.

    Args:
        several: sources.
        columns: what to read of them; by default the first column.

    Returns:
        The rows of each file of each source, as it was listed; None where that cannot be done: of
        other formats, local or large ones, with columns in their folders' names, or changed by now.
    """
    files = [(source, file) for source in several for file in source.pinned.files]
    if not all(source.pinned.files for source in several) or any(
        source.root.account is None
        or source.pinned.file_format != "parquet"
        or file.size > SMALL_BYTES
        or partition_values(file.path)
        for source, file in files
    ):
        return None

    def rows(one: tuple[Files, StoredFile]) -> pl.DataFrame | None:
        source, file = one
        staged = source.pinned.staged  # nobody changes a copy
        content = source.root.read(file.path) if staged else source.root.read_listed(file)
        if content is None:
            return None
        wanted = map(named, columns) if columns else [pl.nth(0)]
        return pl.scan_parquet(io.BytesIO(content)).select(wanted).collect()

    frames = list(at_once(rows, files))
    if any(frame is None for frame in frames):
        return None
    of_files = iter(frame for frame in frames if frame is not None)
    return [[next(of_files) for _ in source.pinned.files] for source in several]
