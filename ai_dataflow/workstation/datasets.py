"""What a reader of the workstation has: its datasets, their versions, and snapshots of all.

A reader needs the credentials of the workstation and nothing of the sources. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from ai_dataflow.config.settings import load_reader_settings
from ai_dataflow.workstation import reject_tables
from ai_dataflow.workstation.commit import columns_of
from ai_dataflow.workstation.dataset_schema import DatasetSchema, schema_of
from ai_dataflow.workstation.dataset_versions import (
    Version,
    VersionName,
    moment_of,
    number_of,
    version_at,
    version_in,
    versions_of,
)
from ai_dataflow.workstation.described_dataset import DescribedDataset
from ai_dataflow.workstation.diffs import DatasetDiff, compare
from ai_dataflow.workstation.layout import (
    PARTITION_COLUMN,
    Folders,
    open_workstation,
    settings_of,
)
from ai_dataflow.workstation.linked import LinkedModules, reference_to
from ai_dataflow.workstation.outputs import Outputs
from ai_dataflow.workstation.profile_merging import profiles_by
from ai_dataflow.workstation.reaching import reaching
from ai_dataflow.workstation.readers import (
    module_names,
    open_version,
    read_dataset,
    select_columns,
)
from ai_dataflow.workstation.relations import Notes
from ai_dataflow.workstation.reports import read_reports
from ai_dataflow.workstation.valid_time import rows_at, validity_in


@dataclass(frozen=True)
class Snapshot:
    """All modules as they were when a run ended: the version of each."""

    run_id: str
    at: datetime
    versions: dict[str, int]


class Workstation:
    """The AI workstation, to read from.

    Args:
        url: its folder, a local path or an `abfss://` URL; as `[workstation] url` says it.
        credentials: the way into its storage account, as `[storage.<account>]` has it:
            `account_key`, `sas_token`, `tenant_id` with `client_id` and `client_secret`, or
            `endpoint`. None of them: the identity that the environment has
            (`DefaultAzureCredential`).

    Raises:
        DataflowError: the URL is blank.
        ValueError: the URL or the credentials are none that can be used.

    Example:
        >>> workstation = Workstation("abfss://ai-data@workstation.dfs.core.windows.net/datasets")
        >>> workstation["sales"].scan(client="USA").collect()
    """

    def __init__(self, url: str | Path, **credentials: str) -> None:
        self._folders = open_workstation(settings_of(str(url), credentials))

    @classmethod
    def of_project(cls, config: str | Path | None = None) -> Workstation:
        """Give the workstation of a project. Of its settings only those of the workstation count.

        Args:
            config: the project's `ai_dataflow.toml` or its folder; by default the one that
                `AI_DATAFLOW_CONFIG` names, else the current folder's.

        Raises:
            DataflowError: the settings cannot be read.
        """
        workstation = cls.__new__(cls)
        workstation._folders = open_workstation(load_reader_settings(config))
        return workstation

    @property
    def url(self) -> str:
        """Where it is."""
        return self._folders.root.url

    @property
    def modules(self) -> list[str]:
        """The modules that have a dataset, by name.

        Raises:
            DataflowError: the workstation does not let us in.
        """
        names = module_names(self._folders)
        with reaching(self._folders.root):
            return [name for name in names if open_version(self._folders.dataset(name))]

    def __getitem__(self, module: str) -> Dataset:
        """Give a module's dataset; whether it is there is seen when it is read."""
        return Dataset(module, self._folders)

    def __iter__(self) -> Iterator[str]:
        """Give the names of the modules."""
        return iter(self.modules)

    def snapshots(self, limit: int = 20) -> list[Snapshot]:
        """Give the last runs, the newest first, each with the versions of all modules then.

        `scan(snapshot=run_id)` reads one; so several modules fit together.

        Raises:
            DataflowError: the workstation does not let us in.
        """
        reports = read_reports(self._folders.reports())
        publishing = (report for report in reports if report.versions)
        return [
            Snapshot(report.run_id, report.finished, report.versions)
            for report in islice(publishing, limit)
        ]

    def join(  # noqa: PLR0913
        self,
        module: str,
        other: str,
        *,
        on: str | None = None,
        client: str | Sequence[str] | None = None,
        snapshot: str | None = None,
        at: date | str | None = None,
        as_of: date | str | None = None,
    ) -> LinkedModules:
        """Join a module with another one that it refers to, as the dictionary declares it.

        Args:
            module: the module whose rows are given.
            other: the module whose rows they refer to.
            on: the column that refers, where several do.
            client: one client's code, several, or None for all.
            snapshot: the id of a run: both modules as they were when it ended. Without it, and
                without a moment, each is the newest.
            at: a moment: both as readers saw them then.
            as_of: a moment in the rows' own time: of the other module, those rows that held then.

        Returns:
            The rows (`scan()`), and by client how many of them refer to nothing (`counts`).

        Raises:
            NotJoinableError: no such reference is declared, or several are.
            DatasetNotFoundError: as `Dataset.scan`.
            ValueError: as `Dataset.scan`.
            DataflowError: the workstation does not let us in.
        """
        left, right = self[module], self[other]
        notes = [side._notes(side._number(None, snapshot, at)) for side in (left, right)]
        reference = reference_to(module, notes[0], other, notes[1], on)
        rows = left.scan(client, snapshot=snapshot, at=at)
        others = right.scan(snapshot=snapshot, at=at, as_of=as_of)
        return LinkedModules(module, reference, rows, others, self._folders.root)

    def __repr__(self) -> str:
        """Tell where it is; its credentials are nowhere told."""
        return f"Workstation({self.url!r})"


@dataclass(frozen=True, repr=False)
class Dataset(Outputs, DescribedDataset):
    """A module's dataset: one row is one row of one client, published."""

    module: str
    _folders: Folders

    def scan(
        self,
        client: str | Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        *,
        version: int | None = None,
        snapshot: str | None = None,
        at: date | str | None = None,
        as_of: date | str | None = None,
    ) -> pl.LazyFrame:
        """Read it lazily: nothing is read before `collect()`.

        Args:
            client: one client's code, several, or None for all.
            columns: the columns to give, in this order; None for all.
            version: the number of a version; None for the newest.
            snapshot: the id of a run: the version as it was when that run ended.
            at: a moment: the version that readers saw then. A text is ISO 8601; without an offset
                it is UTC, and of a day it is the beginning.
            as_of: a moment, likewise: of rows that follow each other, those that held then. That is
                of each client, product and key the latest whose `valid_from` is not later, of
                several since the same moment the last; one without its key is like no other. What
                the key is, and which column has the moments, the dictionary says (`valid_from`).

        Raises:
            DatasetNotFoundError: nothing is published under that name, for that client, or in that
                version: a client that is missing is not an empty one; there is no such snapshot.
            FilesGoneError: files of that version have been removed.
            ColumnNotPublishedError: it has no such column.
            ValueError: more than one of version, snapshot and moment is given; the dictionary does
                not say since when rows hold.
            DataflowError: the workstation does not let us in.
        """
        number = self._number(version, snapshot, at)
        if as_of is None:
            return read_dataset(self._table, client, columns, number)
        rows = read_dataset(self._table, client, None, number)
        held = rows_at(rows, validity_in(self.module, self._notes(number)), moment_of(as_of))
        return held if columns is None else select_columns(self._table, held, columns)

    def clients(self, version: int | None = None) -> list[str]:
        """Give the clients that have rows, by their codes.

        Raises:
            DatasetNotFoundError: nothing is published under that name, or in that version.
            DataflowError: the workstation does not let us in.
        """
        delta = open_version(self._table, version, must_exist=True)
        return sorted({str(values[PARTITION_COLUMN]) for values in delta.partitions()})

    @property
    def schema(self) -> DatasetSchema:
        """The columns in their order, `client_code` last. Printed, it is a table for people.

        Raises:
            DatasetNotFoundError: nothing is published under that name.
            DataflowError: the workstation does not let us in.
        """
        return schema_of(columns_of(open_version(self._table, must_exist=True)))

    def versions(self, limit: int | None = None) -> list[Version]:
        """Give its versions, the newest first; those alone that the table still knows.

        Raises:
            DatasetNotFoundError: nothing is published under that name.
            DataflowError: the workstation does not let us in.
        """
        return versions_of(self._table, limit)

    def diff(
        self,
        v1: VersionName,
        v2: VersionName | None = None,
        *,
        client: str | Sequence[str] | None = None,
        key: Sequence[str] | None = None,
    ) -> DatasetDiff:
        """Compare two versions: rows by client and key, and columns. No row is read yet.

        Args:
            v1: the older version: its number, or -1 for the one before the newest; the id of a run;
                a moment.
            v2: the newer one in the same way; None for the newest.
            client: one client's code, several, or None for all.
            key: the columns that tell the rows of a client apart. None for the column that the
                dictionary has as the key, together with the product; where it has none, rows are
                compared as they are.

        Raises:
            DatasetNotFoundError: there is no such version; a client is in neither of the two.
            ColumnNotPublishedError: a column of the key is not in both.
            DataflowError: the workstation does not let us in.
        """
        versions = (number_of(self._folders, self.module, name) for name in (v1, v2))
        before, after = versions
        return compare(self._folders, self.module, (before, after), key, client)

    def profile(
        self,
        version: VersionName | None = None,
        client: str | Sequence[str] | None = None,
        by: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Tell what its columns are like: counts, ends, quantiles, most frequent values.

        Args:
            version: as in `diff`; None for the newest.
            client: one client's code, several, or None for all.
            by: merge what is alike in these columns, without reading data: `["ai_column"]` gives a
                row for each column of all clients and products. Without `ai_column` it counts rows.

        Returns:
            A row for each client, product and AI column, and one with an empty `ai_column` for the
            rows alone, as docs/profiles.md says. What was published without a profile has none.

        Raises:
            DatasetNotFoundError: there is no such version, or nothing of that client in it.
            ValueError: profiles are not told apart by such a column.
            DataflowError: the workstation does not let us in.
        """
        number = number_of(self._folders, self.module, version)
        return profiles_by(self._folders, self.module, number, client, by)

    def rejects(self, client: str | None = None) -> pl.LazyFrame:
        """Give the rows that are left out of it now, each with its reason and its raw row.

        Raises:
            DatasetNotFoundError: nothing of that name was published, or left out.
            DataflowError: the workstation does not let us in.
        """
        if open_version(self._folders.rejects(self.module)) is None:
            open_version(self._table, must_exist=True)  # without a row that is left out
        return reject_tables.left_out(self._folders, self.module, client)

    def pinned(self, options: Mapping[str, Any]) -> int:
        """Give the number of the version that `scan` would read with these options now.

        Raises:
            DatasetNotFoundError: there is none.
            DataflowError: the workstation does not let us in.
        """
        number = self._number(*(options.get(name) for name in ("version", "snapshot", "at")))
        return int(open_version(self._table, number, must_exist=True).version())

    @property
    def uri(self) -> str:
        """Where its Delta table is, as other programs name it."""
        return self._table.url

    def _notes(self, version: int | None) -> Notes:
        """Give what the dictionary says of each column, by its name."""
        columns = columns_of(open_version(self._table, version, must_exist=True))
        return {column.name: dict(column.notes) for column in columns}

    def _number(
        self, version: int | None, snapshot: str | None, at: date | str | None
    ) -> int | None:
        """Give the number of the version that is asked for; None for the newest."""
        if sum(given is not None for given in (version, snapshot, at)) > 1:
            raise ValueError("give one of version, snapshot and at")
        if snapshot is not None:
            return version_in(self._folders, self.module, snapshot)
        return version if at is None else version_at(self._folders, self.module, at)

    def __repr__(self) -> str:
        """Tell what it is."""
        return f"Workstation({self._folders.root.url!r})[{self.module!r}]"


def load(
    module: str,
    client: str | Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    version: int | None = None,
    *,
    snapshot: str | None = None,
    config: str | Path | None = None,
) -> pl.LazyFrame:
    """Load a module's AI dataset lazily: `Workstation.of_project(config)[module].scan(...)`.

    Args:
        module: the module's name, as in the control table.
        client: one client's code, several, or None for all.
        columns: the columns to give, in this order; None for all.
        version: the Delta version to read; None for the newest.
        snapshot: the id of a run; every module is then read as it was when that run ended, so that
            several modules fit together. Instead of a version.
        config: the project's `ai_dataflow.toml` or its folder; by default the one that
            `AI_DATAFLOW_CONFIG` names, else the current folder's.

    Raises:
        DatasetNotFoundError: nothing is published under that name, for that client, or in that
            version: a client that is missing is not an empty one; there is no such snapshot.
        ColumnNotPublishedError: the dataset has no such column.
        ValueError: both a version and a snapshot are given.
        DataflowError: the settings cannot be read, or the workstation does not let us in.

    Example:
        >>> load("sales", client="USA", columns=["sale_id", "quantity"]).collect()
    """
    dataset = Workstation.of_project(config)[module]
    return dataset.scan(client, columns, version=version, snapshot=snapshot)
