"""Profiles: what the columns of publications are like, kept beside the data, in the same rights.

`_profiles/<module>` is a Delta table with a row for each client, product and AI column of each
publication, and one without a column for the product's rows. It joins the table before the commit
that publishes the data. Which of them are of a version, the version's data files tell, whose names
have their publication: so a profile is of the version that it names, or absent, whatever was killed
in between.

Its rows have values of the data: they are for who may read the data, and for no log.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.tables import ai_types
from ai_dataflow.workstation.commit import columns_of, open_table
from ai_dataflow.workstation.layout import PARTITION_COLUMN, PRODUCT_COLUMN, Folders
from ai_dataflow.workstation.reaching import reaching, reading_back
from ai_dataflow.workstation.readers import open_version, publications_in

POINTS = 33  # quantiles, evenly spaced, the least and the greatest value among them
FREQUENT = 20  # most frequent values
LONGEST = 200  # characters of a text that is told
HASHES, HASH_BITS = 64, 48  # the least hashes that are kept of distinct values


@dataclass(frozen=True)
class Fineness:
    """How much is kept of a column: points of its curve, most frequent values, hashes."""

    points: int
    frequent: int
    hashes: int


COARSE = Fineness(POINTS, FREQUENT, HASHES)
SCHEMA = pl.Schema(
    {
        PARTITION_COLUMN: pl.String(),
        PRODUCT_COLUMN: pl.String(),
        "ai_column": pl.String(),
        "publication": pl.String(),
        "run_id": pl.String(),
        "at": pl.Datetime("us", "UTC"),
        "ai_type": pl.String(),
        "mapping_cell": pl.String(),
        "mapping": pl.String(),
        "computation": pl.Int32(),
        "rows": pl.Int64(),
        "nulls": pl.Int64(),
        "distinct": pl.Int64(),
        "distinct_error": pl.Float64(),
        "least": pl.String(),
        "greatest": pl.String(),
        "mean": pl.Float64(),
        "deviation": pl.Float64(),
        "length_least": pl.Int64(),
        "length_greatest": pl.Int64(),
        "length_mean": pl.Float64(),
        "quantiles": pl.List(pl.Float64()),
        "frequent": pl.List(pl.Struct({"value": pl.String(), "rows": pl.Int64()})),
        "hashes": pl.List(pl.UInt64()),
        "looks": pl.Struct(dict.fromkeys(("number", "date", "blank", "other"), pl.Int64())),
    }
)
# Which publications a table has; `profiles` are the rows that a file has of one.
PUBLICATIONS = pl.Schema(
    {
        PARTITION_COLUMN: pl.String(),
        "publication": pl.String(),
        "at": SCHEMA["at"],
        "file": pl.String(),
        "profiles": pl.Int64(),
    }
)
# Delta has no unsigned numbers; the hashes fit signed ones.
STORED = pl.Schema({**SCHEMA, "hashes": pl.List(pl.Int64())})
_KEY = (PARTITION_COLUMN, PRODUCT_COLUMN, "ai_column")
_OF, _TYPED = (PARTITION_COLUMN, "publication"), ("ai_column", "ai_type")


@dataclass(frozen=True)
class ProfileTable:
    """The profiles of a module as their table was when it was opened; its log is read once."""

    folder: Folder
    files: tuple[str, ...]

    def read(
        self,
        *,
        clients: Collection[str] | None = None,
        publications: Collection[str] | None = None,
        ai_columns: Collection[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Read profiles, by default those of all publications.

        Args:
            clients: whose; None for all.
            publications: of which ones; None for all.
            ai_columns: of which AI columns; `""` is a product's rows as such. None for all.
            columns: those of `SCHEMA` to read; None for all.

        Returns:
            The profiles in the order of clients, products, columns, and of when they were made;
            none where there is no table.

        Raises:
            DataflowError: WST-001, WST-004 or WST-005.
        """
        rows = self.scan(clients, publications)
        if ai_columns is not None:
            rows = rows.filter(pl.col("ai_column").is_in([*ai_columns]))
        names = [*SCHEMA] if columns is None else [*columns]
        with reading_back(self.folder):
            return rows.sort(*_KEY, "at", maintain_order=True).select(names).collect()

    @cached_property
    def publications(self) -> pl.DataFrame:
        """Tell which publications there are, and in which files: `PUBLICATIONS`, file by file.

        Raises:
            DataflowError: WST-001, WST-004 or WST-005.
        """
        if not self.files:
            return pl.DataFrame(schema=PUBLICATIONS)
        names = [name for name in PUBLICATIONS if name not in ("file", "profiles")]
        file = pl.col("file").str.split("/").list.last()
        rows = _scanned(self.folder, [*self.files], include_file_paths="file")
        counted = rows.group_by("file", *names).agg(pl.len().cast(pl.Int64).alias("profiles"))
        with reading_back(self.folder):
            seen = counted.with_columns(file).sort("file", *names).collect(engine="streaming")
        return seen.select([*PUBLICATIONS])

    def of(
        self,
        publications: Collection[str],
        ai_columns: Collection[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> pl.DataFrame:
        """Read the profiles of publications, in no order, from the files that have them alone.

        For who asks often: `read` looks into all files each time. As `read`.
        """
        is_wanted = pl.col("publication").is_in([*publications])
        names = {*self.publications.filter(is_wanted)["file"]}
        files = tuple(file for file in self.files if file.rpartition("/")[2] in names)
        rows = ProfileTable(self.folder, files).scan(publications=publications)
        if ai_columns is not None:
            rows = rows.filter(pl.col("ai_column").is_in([*ai_columns]))
        with reading_back(self.folder):
            return rows.select([*SCHEMA] if columns is None else [*columns]).collect()

    def scan(
        self, clients: Collection[str] | None = None, publications: Collection[str] | None = None
    ) -> pl.LazyFrame:
        """Scan the profiles in no order; as `read`."""
        files = [*self.files]
        rows = _scanned(self.folder, files) if files else pl.LazyFrame(schema=SCHEMA)
        for name, wanted in ((PARTITION_COLUMN, clients), ("publication", publications)):
            if wanted is not None:
                rows = rows.filter(pl.col(name).is_in([*wanted]))
        return rows


def open_profiles(folders: Folders, module: str) -> ProfileTable:
    """Open the profiles of a module; none where there is no table.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    table = folders.profiles(module)
    with reaching(table):
        delta = open_table(table)
        added = pl.DataFrame(delta.get_add_actions()) if delta else pl.DataFrame({"path": []})
    return ProfileTable(table, tuple(unquote(path) for path in added["path"]))


def _scanned(table: Folder, paths: list[str], **options: Any) -> pl.LazyFrame:
    """Scan files of profiles; those that an older version of this program wrote lack columns.

    By their names: Polars would have pyarrow read the table's log, whose import takes longer than
    all else.
    """
    rows = scan_parquet(
        table, paths, schema=STORED, missing_columns="insert", extra_columns="ignore", **options
    )
    return rows.cast(SCHEMA)


def current_profiles(
    folders: Folders,
    module: str,
    version: int | None = None,
    *,
    clients: Collection[str] | None = None,
    columns: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Read the profiles of a version of a module's dataset.

    A column that has got another type since has those of the type that the version has.

    Args:
        folders: the workstation.
        module: the module.
        version: the version; None for the newest.
        clients: whose; None for all.
        columns: those of `SCHEMA` to read; None for all.

    Returns:
        One row for each client, product and column, and one for each client and product alone; of
        what was published without a profile there is none.

    Raises:
        DatasetNotFoundError: there is no such version.
        DataflowError: WST-001, WST-004 or WST-005.
    """
    delta = open_version(folders.dataset(module), version)
    if delta is None:
        return pl.DataFrame(schema=SCHEMA).select([*SCHEMA] if columns is None else columns)
    seen = publications_in(delta)
    if clients is not None:
        seen = {name: seen[name] for name in clients if name in seen}
    wanted = None if columns is None else dict.fromkeys((*_KEY, *_OF, *_TYPED, *columns))
    rows = open_profiles(folders, module).read(
        clients=clients,
        publications={*seen.values()} - {""},
        columns=[*wanted] if wanted else None,
    )
    seen_rows = of_version(rows, delta)
    return seen_rows if columns is None else seen_rows.select(columns)


def of_version(rows: pl.DataFrame, delta: DeltaTable) -> pl.DataFrame:
    """Give the profiles that are of a version of a dataset, the newest of each."""
    shown = [*publications_in(delta).items()]
    types = [("", ""), *((column.name, column.delta_type) for column in columns_of(delta))]
    typed = [
        (name, ai_type)
        for ai_type in rows["ai_type"].unique()
        for name, delta_type in types
        if delta_type == (ai_type and ai_types.to_delta(ai_type))
    ]
    return (
        rows.join(_pairs(shown, *_OF), on=_OF, how="semi", maintain_order="left")
        .join(_pairs(typed, *_TYPED), on=_TYPED, how="semi", maintain_order="left")
        .unique(_KEY, keep="last", maintain_order=True)
    )


def _pairs(pairs: Sequence[tuple[str, str]], *names: str) -> pl.DataFrame:
    return pl.DataFrame(pairs, dict.fromkeys(names, pl.String()), orient="row")
