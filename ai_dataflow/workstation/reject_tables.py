"""The reject tables: every row left out of a dataset, and why.

The least and the greatest raw row are rows of a source: neither the table's log has them, which is
read by more people than the rows are and outlives them, nor the footers of its files.

A reject is *open* while readers see the publication that left its row out, and it has not been
replayed. Which publication that is, the names of the data files tell: so it is never in doubt,
whatever was killed between the commits of the two tables. A run that is not published because it
rejected too much leaves its rejects too, to be looked at.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from ai_dataflow.config.at_once import both
from ai_dataflow.config.grouped import grouped
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import CommittedFile, TableColumn, files_in, open_table
from ai_dataflow.workstation.data_files import DataFile, Frame, publication_of, write_rows
from ai_dataflow.workstation.layout import Folders, partition_folder
from ai_dataflow.workstation.reaching import reaching

COLUMNS = (
    TableColumn("run_id", "string", "the run that rejected the row"),
    TableColumn("rejected_at", "timestamp", "when that was"),
    TableColumn("module_name", "string"),
    TableColumn("product_code", "string"),
    TableColumn("submodule_name", "string"),
    TableColumn("source", "string", "the location that the row was read from, and its file"),
    TableColumn("position", "long", "the row's number in that file, from 1; null if it has none"),
    TableColumn("reason", "string", "a code of the REJ family: see `ai-dataflow help`"),
    TableColumn("ai_column", "string", "the first AI column that could not be filled"),
    TableColumn("mapping_cell", "string", "the mapping sheet's cell of that column"),
    TableColumn("raw_row", "string", "the source columns that were read, as JSON"),
    TableColumn("raw_schema", "string", "their types, an Arrow schema in Base64; null for a line"),
    TableColumn("replayed_run_id", "string", "the replay that published the row after all"),
    TableColumn("replayed_at", "timestamp", "when that was"),
)
_POLARS = {
    "string": pl.String(),
    "long": pl.Int64(),
    "timestamp": pl.Datetime("us", "UTC"),
}
SCHEMA = pl.Schema({column.name: _POLARS[column.delta_type] for column in COLUMNS})
# How files are scanned: those of older versions of this program lack columns.
LAYOUT: dict[str, Any] = {"missing_columns": "insert", "schema": SCHEMA}
_Files = dict[str, list[CommittedFile]]  # of a table, by client
IS_OPEN = pl.col("replayed_run_id").is_null()


@dataclass(frozen=True)
class Current:
    """What a client's partition and its rejects consist of now; paths within the two tables.

    `rejects` belong to what readers see, `unpublished` to the last run since, which was not
    published; `superseded` are all others, which a killed run could not take away. Data files that
    another program has written anew are of no publication.
    """

    publication: str = ""
    data: tuple[str, ...] = ()
    rejects: tuple[str, ...] = ()
    unpublished: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()

    def is_not(self, publication: str) -> bool:
        """Tell whether this is certainly no longer what a publication made."""
        return self.publication != publication and bool(self.publication or not self.data)


def newest(workstation: Folders, module: str) -> int:
    """Give when the newest files of a module were committed, in ms; at least the present.

    Who publishes after it is later, whatever the clocks of two machines say.
    """
    tables = _by_client(workstation, module)
    times = (file.modified for table in tables for files in table.values() for file in files)
    return max([int(time.time() * 1000), *times])


def current(workstation: Folders, module: str) -> dict[str, Current]:
    """Look what each client's partition and its rejects consist of.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    data, rejects = _by_client(workstation, module)
    return {c: _current(data.get(c, []), rejects.get(c, [])) for c in sorted({*data, *rejects})}


def _by_client(workstation: Folders, module: str) -> tuple[_Files, _Files]:
    """Give the files of a module's dataset, and those of its rejects."""
    tables = workstation.dataset(module), workstation.rejects(module)
    data, rejects = (partial(_files_of, table) for table in tables)
    return both(data, rejects, workstation.root.requests)


def _files_of(table: Folder) -> _Files:
    with reaching(table):
        delta = open_table(table)
        return grouped(files_in(delta) if delta else (), lambda file: file.client)


def _current(data: list[CommittedFile], rejects: list[CommittedFile]) -> Current:
    publication = publication_of(data[0].path) if data else ""
    files = tuple(sorted(file.path for file in data))
    if files and not publication:
        return Current(data=files)
    since = max((file.modified for file in data), default=0)
    later = [f for f in rejects if publication_of(f.path) != publication and f.modified > since]
    newest = max(later, key=lambda file: file.modified, default=None)
    seen = _of(rejects, publication)
    unpublished = _of(later, publication_of(newest.path)) if newest else ()
    superseded = {file.path for file in rejects} - {*seen, *unpublished}
    return Current(publication, files, seen, unpublished, tuple(sorted(superseded)))


def _of(files: list[CommittedFile], publication: str) -> tuple[str, ...]:
    paths = (file.path for file in files if publication_of(file.path) == publication)
    return tuple(sorted(paths)) if publication else ()


def write_rejects(
    rows: Frame, table: Folder, client: str, publication: str, height: int | None = None
) -> DataFile:
    """Write the rejects of a publication, which no commit names yet; `height` is of who counts.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    path = f"{partition_folder(client)}/{publication}.parquet"
    return write_rows(rows, table, path, height=height, ends=False)


def scan(workstation: Folders, module: str, paths: tuple[str, ...], **options: Any) -> pl.LazyFrame:
    """Scan reject files; those of older versions of this program lack columns."""
    if not paths:
        return pl.LazyFrame(schema=SCHEMA)
    return scan_parquet(workstation.rejects(module), list(paths), **LAYOUT, **options)


def modules(workstation: Folders) -> Iterator[str]:
    """Give the modules that have a reject table."""
    folder = workstation.rejects("")
    with reaching(folder):
        yield from folder.folders()


def left_out(workstation: Folders, module: str, client: str | None = None) -> pl.LazyFrame:
    """Give the rows that are left out of a dataset now; of one client, or of all.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    paths = tuple(
        path
        for name, files in current(workstation, module).items()
        if client in (None, name)
        for path in (*files.rejects, *files.unpublished)
    )
    with reaching(workstation.rejects(module)):
        return scan(workstation, module, paths).filter(IS_OPEN)
