"""Reading datasets back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, overload

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.diagnostics import DataflowError, did_you_mean, listing
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.config.visible import visible
from ai_dataflow.connections.account_errors import account_fault
from ai_dataflow.connections.foreign_errors import FOREIGN
from ai_dataflow.connections.scans import scan_delta
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.commit import CommittedFile, files_in, open_table
from ai_dataflow.workstation.data_files import publication_of, sizes_of
from ai_dataflow.workstation.layout import PARTITION_COLUMN, Folders
from ai_dataflow.workstation.reaching import reaching, unreached


class DatasetNotFoundError(LookupError):
    """There is no published dataset of that name; nothing has been published for it yet."""


class ColumnNotPublishedError(LookupError):
    """The dataset has no column of that name."""


class FilesGoneError(DatasetNotFoundError):
    """A version is known, but files that it names have been removed: it cannot be read any more."""


@dataclass(frozen=True)
class Published:
    """What readers see of a module now: the Delta version, and the publication of each client.

    Files that another program has written anew are of no publication, an empty text.
    """

    version: int
    publications: dict[str, str]

    @property
    def clients(self) -> frozenset[str]:
        """The clients that have files."""
        return frozenset(self.publications)


def publications_of(table: Folder) -> dict[str, str]:
    """Give the publication of each client of a dataset that readers see; empty where it is none.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(table):
        delta = open_table(table)
    return publications_in(delta) if delta else {}


def publications_in(delta: DeltaTable) -> dict[str, str]:
    """Give the publication of each client in a version of a dataset; empty where it is none."""
    return _publications(delta, None)


def partitions_of(modules: Mapping[str, Published]) -> set[str]:
    """Give the partitions of modules, as `module|client`."""
    return {
        PartitionKey.of(name, client)
        for name, module in modules.items()
        for client in module.clients
    }


def module_names(workstation: Folders) -> list[str]:
    """Give the names of folders that can be modules' datasets.

    Raises:
        DataflowError: WST-004 or WST-005.
    """
    with reaching(workstation.root):
        return [name for name in workstation.root.folders() if not name.startswith("_")]


def published(workstation: Folders, *, looking: bool = False) -> dict[str, Published]:
    """Give what readers see now of every module.

    Args:
        workstation: where.
        looking: look whether the files that the tables name are there, too: a client that lacks
            one is of no publication.

    Raises:
        DataflowError: WST-004 or WST-005.
    """
    names, see = module_names(workstation), partial(_seen, workstation, looking=looking)
    seen = at_once(see, names, workstation.root.requests)
    return {module: dataset for module, dataset in zip(names, seen, strict=True) if dataset}


def _seen(workstation: Folders, module: str, *, looking: bool) -> Published | None:
    """Give what readers see of a module; None where nothing is, or nothing that can be read."""
    table = workstation.dataset(module)
    try:
        with reaching(workstation.root):
            delta = open_table(table)
    except DataflowError as error:
        if error.diagnostics[0].meaning.kind == "publish":
            return None  # it is told where it is written to
        raise
    if delta is None:
        return None
    there = _names(table) if looking else None
    return Published(delta.version(), _publications(delta, there))


def _names(table: Folder) -> set[str]:
    with reaching(table):
        return {file.path for file in table.files()}


def _publications(delta: DeltaTable, there: Collection[str] | None) -> dict[str, str]:
    """Give the publication of each client; `there` are the files that there are, if known."""
    clients = grouped(files_in(delta), lambda file: file.client)
    return {client: _publication([file.path for file in files], there)
            for client, files in clients.items()}  # fmt: skip


def _publication(paths: Sequence[str], there: Collection[str] | None) -> str:
    publications = {publication_of(path) for path in paths}
    is_whole = there is None or all(path in there for path in paths)
    return publications.pop() if len(publications) == 1 and is_whole else ""


@overload
def open_version(
    table: Folder, version: int | None = None, *, must_exist: Literal[True]
) -> DeltaTable: ...
@overload
def open_version(table: Folder, version: int | None = None) -> DeltaTable | None: ...
def open_version(
    table: Folder, version: int | None = None, *, must_exist: bool = False
) -> DeltaTable | None:
    """Open a table of the workstation for a reader, at a version if one is given.

    Raises:
        DatasetNotFoundError: there is no such version; or no table, and it must exist.
        DataflowError: the workstation does not let us in.
    """
    try:
        delta = open_table(table, version)
    except OverflowError:  # a number that no version has, below zero say
        raise DatasetNotFoundError(f"there is no version {version} of {table.url}") from None
    except FOREIGN as error:
        if isinstance(error, DeltaError) and account_fault(error, table.account) is None:
            raise DatasetNotFoundError(f"there is no version {version} of {table.url}") from None
        raise unreached(table, error) from None
    if delta is None and must_exist:
        raise DatasetNotFoundError(f"nothing is published at {table.url}")
    return delta


def read_dataset(
    table: Folder,
    client: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    version: int | None = None,
) -> pl.LazyFrame:
    """Read a table of the workstation; see `Dataset.scan`."""
    clients = names_of(client)
    delta = open_version(table, version, must_exist=True)
    frame = scan_delta(table, delta.version())
    if clients is not None:
        published = {str(values[PARTITION_COLUMN]) for values in delta.partitions()}
        if missing := [name for name in clients if name not in published]:
            names = ", ".join(missing[:5])
            raise DatasetNotFoundError(f"{table.url} has no published rows of {names}")
        frame = frame.filter(pl.col(PARTITION_COLUMN).is_in(clients))
    if version is not None:
        files = files_in(delta)
        check_files(table, version, (f for f in files if clients is None or f.client in clients))
    return frame if columns is None else select_columns(table, frame, columns)


def names_of(names: str | Sequence[str] | None) -> list[str] | None:
    """Give the clients or columns that are asked for: one, several, or None for all."""
    return [names] if isinstance(names, str) else None if names is None else [*names]


def select_columns(table: Folder, frame: pl.LazyFrame, columns: Sequence[str]) -> pl.LazyFrame:
    """Give some columns of a table's rows, or one.

    Raises:
        ColumnNotPublishedError: it has no such column.
        ValueError: one is asked for twice.
    """
    names = names_of(columns) or []
    _check_columns(table, names, frame.collect_schema().names())
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(f"{listing(twice)} is asked for twice: name each column once")
    return frame.select(names)


def check_files(table: Folder, version: int, files: Iterable[CommittedFile]) -> None:
    """Make sure that files are there which a version names.

    Raises:
        FilesGoneError: some are not.
        DataflowError: the workstation does not let us in.
    """
    paths = [file.path for file in files]
    with reaching(table):
        there = sizes_of(table, paths)
    if gone := [path for path in paths if path not in there]:
        raise FilesGoneError(
            f"version {version} of {table.url} can no longer be read: {len(gone)} of its "
            f"{len(paths)} files are gone, as VACUUM and lifecycle rules remove them; "
            "read a younger version"
        )


def _check_columns(table: Folder, columns: Sequence[str], there: Sequence[str]) -> None:
    if unknown := [name for name in dict.fromkeys(columns) if name not in there]:
        named = listing(f"`{visible(name)}`" for name in unknown)
        near = did_you_mean(unknown[0], there) or f"; it has {listing(there, 20)}"
        raise ColumnNotPublishedError(f"{table.url} has no column {named}{near}")
