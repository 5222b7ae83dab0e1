"""Data files: written under fresh names, invisible until a commit names them.

A name begins with the id of its *publication*: one making of one partition. By it the files of a
dataset and those of its rejects know that they belong together.
"""

from __future__ import annotations

import io
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from polars.io.partition import FileProviderArgs

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.sent import Sent
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.workstation.layout import partition_folder
from ai_dataflow.workstation.reaching import reaching

if TYPE_CHECKING:
    import pyarrow.parquet as pq

Frame = pl.LazyFrame | pl.DataFrame
_ID = "[0-9a-f]{32}"
_NAME = re.compile(rf"(?:.*/)?({_ID})(?:-\d{{5}})?(?:\.{_ID})?\.parquet")
# Of a file that another program wrote, and that is of no publication.
_RECAST = "recast"
LIST_FROM = 100  # questions about files that one listing answers sooner
_NULLS_ALONE = {"min": False, "max": False, "distinct_count": False, "null_count": True}
# What `write_partition` and `recast_name` call the files of a partition.
DATA_FILE = rf"(?:{_ID}(?:-\d{{5}})?|{_RECAST})(?:\.{_ID})?\.parquet"


@dataclass(frozen=True, slots=True)
class DataFile(Sent):
    """A Parquet file of one partition, not yet committed. `path` is relative to its table.

    `at` is when the file was committed that it takes the place of, in ms since 1970, if it holds
    but the same rows: what came after these came after it too. `statistics` are the log's text (see
    `file_statistics`); it has row values, so it is not shown.
    """

    path: str
    size: int
    rows: int
    at: int | None = None
    statistics: str = field(default="", repr=False)


def new_publication() -> str:
    """Give the id of a publication that has never been."""
    return uuid.uuid4().hex


def publication_of(path: str) -> str:
    """Give the publication that a file is of; nothing where its name is not ours."""
    match = _NAME.fullmatch(path)
    return match[1] if match else ""


def recast_name(path: str) -> str:
    """Give a fresh name for a file's rows in other types; they stay of the same publication."""
    match = _NAME.fullmatch(path)
    folder, _, name = path.rpartition("/")
    stem = name.removesuffix(".parquet").partition(".")[0] if match else _RECAST
    return f"{folder}/{stem}.{uuid.uuid4().hex}.parquet"


def write_partition(
    frame: Frame,
    table: Folder,
    client: str,
    publication: str | None = None,
    rows_per_file: int | None = None,
    height: int | None = None,
) -> tuple[DataFile, ...]:
    """Write a frame into new files of a client's partition; one, unless their rows are limited.

    Their names begin with the publication that they are of, else with one of their own.
    Row counts are read back from the files' own footers, not taken from what was meant; `height` is
    for who reads the rows of the one file back anyway, and makes sure that there are so many.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    stem = f"{partition_folder(client)}/{publication or new_publication()}"
    paths = [f"{stem}.parquet"]
    target: str | pl.PartitionBy = table.uri(paths[0])
    if rows_per_file is not None:
        paths.clear()

        def name(part: FileProviderArgs) -> str:
            paths.append(f"{stem}-{part.index_in_partition:05}.parquet")
            return paths[-1]

        root = table.uri("").rstrip("/")
        target = pl.PartitionBy(root, max_rows_per_file=rows_per_file, file_path_provider=name)
    if table.account and rows_per_file is None and isinstance(frame, pl.DataFrame):
        return (_sent(frame, table, paths[0], height),)
    with _whole_or_gone(table, paths), reaching(table):
        frame.lazy().sink_parquet(target, mkdir=table.account is None, **table.polars)
        return tuple(_written(table, path, height) for path in sorted(paths))


def write_rows(
    frame: Frame,
    folder: Folder,
    path: str,
    compression: Literal["zstd", "lz4"] = "zstd",
    *,
    height: int | None = None,
    ends: bool = True,
) -> DataFile:
    """Write a frame into one new file; its rows are counted in its footer.

    Args:
        frame: the rows. A lazy one is streamed; of one in memory the file is made there, too, if it
            is for an account.
        folder: where.
        path: the file, within the folder.
        compression: of its pages.
        height: as for `write_partition`.
        ends: whether the footer has the least and the greatest value of each column.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    options: dict[str, Any] = {"compression": compression, "statistics": ends or _NULLS_ALONE}
    if folder.account and isinstance(frame, pl.DataFrame):
        return _sent(frame, folder, path, height, **options)
    with _whole_or_gone(folder, [path]), reaching(folder):
        options |= {"mkdir": folder.account is None, **folder.polars}
        frame.lazy().sink_parquet(folder.uri(path), **options)
        return _written(folder, path, height)


def _sent(
    rows: pl.DataFrame, folder: Folder, path: str, height: int | None, **options: Any
) -> DataFile:
    """Make a file in memory and send it to an account in one request.

    A stream takes another one to learn how long the file is, and two for its footer.
    """
    made = io.BytesIO()
    with reaching(folder):
        rows.lazy().sink_parquet(made, **options)
        content = made.getvalue()
        if height is None:
            height = int(pl.scan_parquet(content).select(pl.len()).collect().item())
        folder.write(path, content)
    return DataFile(path, len(content), height)


@contextmanager
def _whole_or_gone(table: Folder, paths: list[str]) -> Iterator[None]:
    """Remove what a failed write left: on a full disk it would be in everybody's way.

    In a storage account a file that is not whole has never been there.
    """
    try:
        yield
    except BaseException:
        for path in paths if table.account is None else ():
            with suppress(OSError):
                Path(table.join(path)).unlink()
        raise


def write_batches(batches: Iterable[pl.DataFrame], folder: Folder, path: str) -> DataFile:
    """Stream batches of equal schema into one Parquet file; it appears when it is whole."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - its import is for copies of SQL tables

    rows = 0
    with reaching(folder), folder.create(path) as sink, ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for batch in batches:
            arrow = batch.to_arrow()
            if writer is None:
                opened = pq.ParquetWriter(sink, arrow.schema, compression="zstd")
                writer = stack.enter_context(opened)
            writer.write_table(arrow)
            rows += batch.height
    return DataFile(path, _stat(folder, path).size, rows)


def _written(table: Folder, path: str, height: int | None = None) -> DataFile:
    if height is None:
        height = int(scan_parquet(table, [path]).select(pl.len()).collect().item())
    return DataFile(path, _stat(table, path).size, height)


def sizes_of(table: Folder, paths: Sequence[str]) -> dict[str, int]:
    """Look how large files are that are there: one by one, or by one listing of many requests."""
    if table.account and len(paths) >= LIST_FROM:
        return {file.path: file.size for file in table.files()}
    return {file.path: file.size for file in at_once(table.stat, paths, table.requests) if file}


def _stat(folder: Folder, path: str) -> StoredFile:
    file = folder.stat(path)
    if file is None:
        raise FileNotFoundError(folder.join(path))
    return file
