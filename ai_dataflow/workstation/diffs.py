"""What differs between two versions of a dataset: clients, rows, columns.

Clients whose files are the same in both versions are not read. The others are counted first, some
at a time; rows are given lazily.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import polars as pl
from deltalake import DeltaTable

from ai_dataflow.config.diagnostics import listing
from ai_dataflow.config.grouped import grouped
from ai_dataflow.connections.scans import scan_delta
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.column_changes import ColumnChange, column_changes, compared_types
from ai_dataflow.workstation.commit import CommittedFile, columns_of, files_in
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN, Folders
from ai_dataflow.workstation.mapping_changes import (
    code_changes,
    made_of,
    mapping_changes,
    unknown_clients,
)
from ai_dataflow.workstation.profile_drift import profile_drift
from ai_dataflow.workstation.reaching import reaching, reading_back
from ai_dataflow.workstation.readers import (
    ColumnNotPublishedError,
    DatasetNotFoundError,
    check_files,
    names_of,
    open_version,
)
from ai_dataflow.workstation.relations import key_of
from ai_dataflow.workstation.row_changes import (
    ADDED,
    CHANGED,
    REMOVED,
    REPEATED,
    ROWS_AFTER,
    ROWS_BEFORE,
    RowChanges,
)

_ROWS_AT_ONCE = 500_000
_COUNTS = (ROWS_BEFORE, ROWS_AFTER, ADDED, REMOVED, CHANGED, REPEATED)
_COUNT_SCHEMA = {PARTITION_COLUMN: pl.String} | dict.fromkeys(_COUNTS, pl.Int64)
_COLUMN_SCHEMA = {PARTITION_COLUMN: pl.String, "column": pl.String, "rows": pl.Int64}
Files = Mapping[str, Sequence[CommittedFile]]


@dataclass(frozen=True, repr=False)
class DatasetDiff:
    """What differs between two versions of a dataset; of all its clients, or of some.

    `before` and `after` are their numbers. `key` are the columns that tell rows of a client apart;
    without any, rows are compared as they are, and none is *changed*. `columns` are those that
    came, went or have another type; rows are compared by the columns that both versions have.
    """

    module: str
    before: int
    after: int
    key: tuple[str, ...]
    columns: tuple[ColumnChange, ...]
    _folders: Folders
    _files: tuple[Files, Files] = field(compare=False)

    @cached_property
    def counts(self) -> pl.DataFrame:
        """The rows of each client before and after; those added, removed and changed.

        `repeated_keys` are keys that several rows of one version have. Of these, equal rows are
        taken for the same; a row is changed if it alone is left of its key on both sides.

        Raises:
            FilesGoneError: files of a version have been removed.
            DataflowError: the workstation does not let us in.
        """
        same = [(c, n, n, 0, 0, 0, 0) for c, n in self._unchanged.items()]
        frames = (pl.DataFrame(same, _COUNT_SCHEMA, orient="row"), *(c for c, _ in self._counted))
        return pl.concat(frames).sort(PARTITION_COLUMN)

    @cached_property
    def changed_columns(self) -> pl.DataFrame:
        """In how many rows of each client a column's value changed; those with such rows alone.

        Raises:
            FilesGoneError: files of a version have been removed.
            DataflowError: the workstation does not let us in.
        """
        return pl.concat([pl.DataFrame(schema=_COLUMN_SCHEMA), *(c for _, c in self._counted)])

    def added(self) -> pl.LazyFrame:
        """Give the rows that came, lazily, in the columns that both versions have."""
        return self._changes(self._compared).added()

    def removed(self) -> pl.LazyFrame:
        """Give the rows that went, lazily, in the columns that both versions have."""
        return self._changes(self._compared).removed()

    def changed(self) -> pl.LazyFrame:
        """Give the rows that changed, lazily.

        Each has its key, in `changed.columns` the names of the columns that did, and of every other
        column the value before and after: `amount.before`, `amount.after`.
        """
        return self._changes(self._compared).changed()

    def first_rows(self, many: int) -> dict[str, list[dict[str, Any]]]:
        """Give so many rows that were added, removed and changed, with values as JSON has them.

        Raises:
            DataflowError: WST-001, WST-004 or WST-005.
        """
        kinds = {ADDED: self.added(), REMOVED: self.removed(), CHANGED: self.changed()}
        with reading_back(self._table):
            shown = {name: frame.head(many).collect().write_json() for name, frame in kinds.items()}
        return {name: json.loads(text) for name, text in shown.items()}

    def total(self, count: str) -> int:
        """Add up a count over the clients, such as `added`."""
        return int(self.counts[count].sum())

    @cached_property
    def mapping(self) -> pl.DataFrame:
        """The columns of each product that were mapped otherwise: cell, before, after, clients.

        It tells of the clients that were published anew, where both versions have their profile;
        `unprofiled` names the others.

        Raises:
            DataflowError: the workstation does not let us in.
        """
        return mapping_changes(self._made)

    @cached_property
    def code(self) -> pl.DataFrame:
        """The numbers of this program's rules, before and after, where they changed; clients.

        Raises:
            DataflowError: the workstation does not let us in.
        """
        return code_changes(self._made)

    @cached_property
    def drift(self) -> pl.DataFrame:
        """How far columns moved, of clients that were published anew: by their profiles alone.

        A row for each client, product, AI column and kind of distance that is not 0, the greatest
        first; docs/unusual.md says what the kinds are. The one of the rows has no AI column.

        Raises:
            DataflowError: the workstation does not let us in.
        """
        versions = self.before, self.after
        return profile_drift(self._folders, self.module, versions, self._changed_in_both)

    @property
    def unprofiled(self) -> list[str]:
        """The clients that were published anew, and have no profile in one of the versions."""
        return unknown_clients(self._made, self._changed_in_both)

    @property
    def is_empty(self) -> bool:
        """Whether all rows and columns are the same."""
        return not self.columns and not any(map(self.total, (ADDED, REMOVED, CHANGED)))

    @cached_property
    def _compared(self) -> list[str]:
        """The clients whose files differ, or do not say how many rows they have."""
        before, after = self._files
        return [
            client
            for client in sorted(before.keys() | after.keys())
            if _names(before, client) != _names(after, client)
            or not all(file.rows for file in after[client])
        ]

    @property
    def _table(self) -> Folder:
        return self._folders.dataset(self.module)

    @property
    def _changed_in_both(self) -> list[str]:
        before, after = self._files
        return [c for c in self._compared if c in before and c in after]

    @cached_property
    def _made(self) -> pl.DataFrame:
        versions = self.before, self.after
        return made_of(self._folders, self.module, versions, self._compared)

    @property
    def _unchanged(self) -> dict[str, int]:
        """The rows of the clients whose files are the same."""
        others = self._files[1].keys() - set(self._compared)
        return {client: self._rows(1, client) for client in others}

    def _rows(self, side: int, client: str) -> int:
        return sum(file.rows for file in self._files[side].get(client, ()))

    @cached_property
    def _counted(self) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
        with reading_back(self._table):
            return [self._changes(clients).counts() for clients in self._batches()]

    def _batches(self) -> Iterator[list[str]]:
        """Give the compared clients, some at a time: their rows are in memory together."""
        batch: list[str] = []
        rows = 0
        for client in self._compared:
            more = self._rows(0, client) + self._rows(1, client)
            if batch and rows + more > _ROWS_AT_ONCE:
                yield batch
                batch, rows = [], 0
            batch.append(client)
            rows += more
        if batch:
            yield batch

    def _changes(self, clients: Collection[str]) -> RowChanges:
        sides = [
            self._side(version, files, clients)
            for version, files in zip((self.before, self.after), self._files, strict=True)
        ]
        types = compared_types(*(side.collect_schema() for side in sides))
        before, after = (side.select(_cast(side.collect_schema(), types)) for side in sides)
        return RowChanges(before, after, tuple(types), PARTITION_COLUMN, self.key)

    def _side(self, version: int, files: Files, clients: Collection[str]) -> pl.LazyFrame:
        named = (file for client in clients for file in files.get(client, ()))
        check_files(self._table, version, named)
        with reaching(self._table):
            rows = scan_delta(self._table, version)
        return rows.filter(pl.col(PARTITION_COLUMN).is_in(list(clients)))

    def __repr__(self) -> str:
        """Tell what differs, in a line."""
        added, removed, changed = map(self.total, (ADDED, REMOVED, CHANGED))
        return (
            f"{self.module}, version {self.before} to {self.after}, rows: {added:,} added, "
            f"{removed:,} removed, {changed:,} changed; {len(self._compared):,} of "
            f"{self.counts.height:,} clients published anew"
        )


def _cast(schema: pl.Schema, types: Mapping[str, pl.DataType]) -> list[pl.Expr]:
    return [
        pl.col(name) if schema[name] == dtype else pl.col(name).cast(dtype)
        for name, dtype in types.items()
    ]


def _names(files: Files, client: str) -> set[str]:
    return {file.path for file in files.get(client, ())}


def compare(
    folders: Folders,
    module: str,
    versions: tuple[int, int],
    key: Sequence[str] | None = None,
    client: str | Sequence[str] | None = None,
) -> DatasetDiff:
    """Compare two versions of a dataset; no row is read yet.

    Args:
        folders: the workstation.
        module: the module.
        versions: the numbers of the older and of the newer one.
        key: the columns that tell the rows of a client apart; None for those that the schema has,
            with the product.
        client: one client, several, or None for all.

    Raises:
        DatasetNotFoundError: there is no such version; a client is in neither.
        ColumnNotPublishedError: a column of the key is not in both.
        DataflowError: the workstation does not let us in.
    """
    table = folders.dataset(module)
    before, after = (open_version(table, number, must_exist=True) for number in versions)
    clients = names_of(client)
    files = _files_of(before, clients), _files_of(after, clients)
    if missing := [name for name in clients or () if name not in files[0].keys() | files[1].keys()]:
        raise DatasetNotFoundError(f"{table.url} has rows of {listing(missing)} in neither version")
    schemas = [scan_delta(table, number).collect_schema() for number in versions]
    common = list(compared_types(*schemas))
    return DatasetDiff(
        module, *versions, _key(table, key, (after, before), common),
        column_changes(*schemas), folders, files,
    )  # fmt: skip


def _files_of(delta: DeltaTable, clients: Sequence[str] | None) -> Files:
    files = (file for file in files_in(delta) if clients is None or file.client in clients)
    return grouped(files, lambda file: file.client)


def _key(
    table: Folder,
    given: Sequence[str] | None,
    sides: Sequence[DeltaTable],
    common: Sequence[str],
) -> tuple[str, ...]:
    """Give the columns that tell the rows of a client apart; none where nobody says so."""
    if given is not None:
        if lacking := [name for name in given if name not in common]:
            raise ColumnNotPublishedError(f"{table.url} has no {listing(lacking)} in both versions")
        return tuple(name for name in given if name != PARTITION_COLUMN)
    keys = (key_of({c.name: dict(c.notes) for c in columns_of(side)}) for side in sides)
    key = next(filter(None, keys), ())
    product = [PRODUCT_COLUMN] if PRODUCT_COLUMN in common else []
    return (*product, *key) if key and all(name in common for name in key) else ()
