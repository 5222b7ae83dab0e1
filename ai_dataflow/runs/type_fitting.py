"""Fitting types: which types a module's columns get in a commit, and what has to be recast for it.

Readers see one schema. So where the sheet changes a type and some clients are not part of a commit,
what is published of these is recast in the same commit, if that loses no value. If it would, the
column keeps the type that readers know until those clients run: the others are recast to that, as
far as their values allow. The rules are in docs/merging.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl
from deltalake import DeltaTable
from polars.exceptions import PolarsError

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.panics import PanicError
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.partition.classified import failed_on_data
from ai_dataflow.partition.result import PartitionResult
from ai_dataflow.workstation.commit import (
    CommittedFile,
    TableColumn,
    columns_of,
    files_in,
    types_of,
)
from ai_dataflow.workstation.data_files import (
    DataFile,
    publication_of,
    recast_name,
    write_rows,
)
from ai_dataflow.workstation.file_statistics import described
from ai_dataflow.workstation.publish import NOTHING_RECAST, Recast
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.type_changes import changed_types, old_files

Types = Mapping[str, pl.DataType]


@dataclass(frozen=True)
class Fitted:
    """The columns of a commit, and what has to be recast for them.

    `waiting` are the columns that cannot have the sheet's type yet, with the type that readers go
    on seeing, empty where they do not see the column; `blocking` are the clients that hold them
    back, with the publication that readers see; `unfit` are those that were made and cannot be
    published in these types; `made` are the files of the others, where they were recast.
    """

    columns: tuple[TableColumn, ...]
    recast: Recast = NOTHING_RECAST
    made: Mapping[str, tuple[DataFile, ...]] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    blocking: Mapping[str, str] = field(default_factory=dict)
    unfit: frozenset[str] = frozenset()


def fit(
    table: Folder,
    delta: DeltaTable | None,
    columns: Sequence[TableColumn],
    results: Iterable[PartitionResult],
) -> Fitted:
    """Find the types that a commit can have, and recast what does not have them.

    Args:
        table: the dataset's folder.
        delta: the dataset as readers see it; None where nothing is published.
        columns: as the sheet has them.
        results: what was made; those without files are not part of the commit.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    made = {result.job.client: result.data for result in results if result.data}
    if delta is None or not made or not changed_types(delta, types_of(columns)):
        return Fitted(tuple(columns))
    try:
        return _Fitting(table, delta, tuple(columns), made).fit()
    except (PolarsError, PanicError) as error:
        raise DataflowError(failed_on_data(error)) from None


@dataclass
class _Fitting:
    """The search for types, and what was learnt of files on the way."""

    table: Folder
    delta: DeltaTable
    columns: tuple[TableColumn, ...]
    made: dict[str, tuple[DataFile, ...]]
    holding: dict[str, set[str]] = field(default_factory=dict)

    def fit(self) -> Fitted:
        wanted = types_of(self.columns)
        published = {column.name: column for column in columns_of(self.delta)}
        unfit: set[str] = set()
        while newly := self._unfit(wanted, published, unfit) - unfit:
            unfit |= newly
        waiting = {n: published[n].delta_type if n in published else "" for n in self.holding}
        blocking = set().union(*self.holding.values()) - unfit
        columns = tuple(self._as_published(published))
        active = {c: files for c, files in self.made.items() if c not in unfit}
        present = _by_client(self.delta)
        return Fitted(
            columns,
            self._recast(types_of(columns), active) if active else NOTHING_RECAST,
            {c: self._made_again(c, types_of(columns)) for c in active} if waiting else {},
            waiting,
            {c: publication_of(present[c][0].path) for c in sorted(blocking)},
            frozenset(unfit),
        )

    def _unfit(
        self, wanted: Types, published: Mapping[str, TableColumn], unfit: Collection[str]
    ) -> set[str]:
        """Give the clients that were made and do not fit the types that have to stay.

        Which these are is found out of the clients that are not part of the commit, `unfit` ones
        among them.
        """
        active = self.made.keys() - unfit
        free = {name: dtype for name, dtype in wanted.items() if name not in self.holding}
        for file in old_files(self.delta, self.table, free, but=active):
            names = {name: wanted[name] for name in file.columns}
            for name in self._losing(file.path, names) if file.is_readable else names:
                self.holding.setdefault(name, set()).add(file.client)
        staying = [published[name] for name in self.holding if name in published]
        types = types_of(staying)
        return {c for c in active if any(self._losing(f.path, types) for f in self.made[c])}

    def _losing(self, path: str, types: Types) -> Iterable[str]:
        """Give the columns that cannot be recast; of a file that cannot be read, all."""
        from ai_dataflow.partition.recasting import losing  # noqa: PLC0415 - see `_again`

        try:
            with reaching(self.table):
                return losing(self._scan(path), types)
        except (PolarsError, PanicError):
            return types
        except DataflowError as error:
            if error.diagnostics[0].meaning.kind != "publish":
                raise  # the account: it is not about this file
            return types

    def _as_published(self, published: Mapping[str, TableColumn]) -> Iterable[TableColumn]:
        for column in self.columns:
            if column.name not in self.holding:
                yield column
            elif before := published.get(column.name):
                yield replace(column, delta_type=before.delta_type)

    def _recast(self, types: Types, active: Collection[str]) -> Recast:
        """Recast the clients that are not part of the commit, where a file has another type."""
        odd = {file.client for file in old_files(self.delta, self.table, types, but=active)}
        files = {
            client: tuple(self._again(file.path, types, file.modified) for file in committed)
            for client, committed in _by_client(self.delta).items()
            if client in odd
        }
        return Recast(files, self.delta.version()) if files else NOTHING_RECAST

    def _made_again(self, client: str, types: Types) -> tuple[DataFile, ...]:
        """Recast files that nobody has seen; those that fit stay as they are."""
        files = self.made[client]
        with reaching(self.table):
            schemas = [self._scan(file.path).collect_schema() for file in files]
        if all(schema.get(n, t) == t for schema in schemas for n, t in types.items()):
            return files
        return tuple(self._again(file.path, types) for file in files)

    def _again(self, path: str, types: Types, at: int | None = None) -> DataFile:
        # Types seldom change, and what reads and maps rows takes long to import.
        from ai_dataflow.partition.recasting import recast  # noqa: PLC0415

        rows = recast(self._scan(path), types)
        file = write_rows(rows, self.table, recast_name(path))
        return replace(described(self.table, file), at=at)

    def _scan(self, path: str) -> pl.LazyFrame:
        return scan_parquet(self.table, [path])


def _by_client(delta: DeltaTable) -> dict[str, list[CommittedFile]]:
    files = sorted(files_in(delta), key=lambda file: file.path)
    return grouped(files, lambda file: file.client)
