"""Delta tables as sources, as Databricks and Spark write them.

Polars reads plain ones. What it refuses, or does not read as it is, is read here: the log says
which Parquet files a version has, which rows of these are deleted, what their columns are called
there and which partition they are of; Polars scans the files. So INT96 is read in microseconds: in
nanoseconds 9999-12-31 would become another day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable
from polars.exceptions import ComputeError
from polars.io.scan_options import ScanCastOptions

from ai_dataflow.connections.scans import open_delta, scan_delta, scan_parquet
from ai_dataflow.connections.stores import Folder
from ai_dataflow.sources.files.delta_columns import PhysicalColumn, physical_columns
from ai_dataflow.sources.files.parquet_files import opened
from ai_dataflow.sources.files.parquet_physical import PATH

_FEATURES = frozenset({
    "columnMapping", "deletionVectors", "timestampNtz", "typeWidening", "typeWidening-preview",
    "v2Checkpoint", "vacuumProtocolCheck",
})  # fmt: skip
_MODE = "delta.columnMapping.mode"
_ROW = "\ue000row"  # no column of a source is called so
_CASTS = ScanCastOptions(
    integer_cast=["upcast", "allow-float"],
    float_cast=["upcast", "downcast"],
    datetime_cast=["nanosecond-downcast", "millisecond-upcast", "convert-timezone"],
    missing_struct_fields="insert",
    extra_struct_fields="ignore",
    categorical_to_string="allow",
)


def scan_table(root: Folder, version: int | None) -> pl.LazyFrame:
    """Scan a version of a table.

    Raises:
        DeltaError, ComputeError: the table needs of its readers what none here has.
    """
    table = open_delta(root, version)
    features = set(table.protocol().reader_features or ())
    mode = table.metadata().configuration.get(_MODE) or "none"
    has_moments = any(isinstance(dtype, pl.Datetime) for dtype in _schema(table).values())
    is_plain = mode == "none" and not features and not has_moments
    if is_plain or features - _FEATURES:
        return scan_delta(root, version)
    here = _Table(root, table, mode)
    return here.scan() if here.paths and all(here.paths) else scan_delta(root, version)


def _schema(table: DeltaTable) -> pl.Schema:
    return pl.Schema(table.schema())


@dataclass(frozen=True)
class _Table:
    root: Folder
    table: DeltaTable
    mode: str

    @cached_property
    def added(self) -> pl.DataFrame:
        """What the log says of the version's files."""
        return pl.DataFrame(self.table.get_add_actions(flatten=True))

    @cached_property
    def paths(self) -> list[str]:
        """The files, relative to the table; blank for one that lies elsewhere."""
        named_so = [unquote(path) for path in self.added["path"]]
        return [path if "://" not in path and path[:1] != "/" else "" for path in named_so]

    @cached_property
    def columns(self) -> list[PhysicalColumn]:
        """The columns, with what they are called in the files."""
        fields = json.loads(self.table.schema().to_json())["fields"]
        return list(physical_columns(fields, _schema(self.table), mapped=self.mode != "none"))

    @property
    def folders(self) -> list[str]:
        """The columns whose values are the log's, not the files'."""
        return self.table.metadata().partition_columns

    def scan(self) -> pl.LazyFrame:
        """Scan the files, those together that have no deleted rows."""
        if self.mode == "id":
            self._check_ids()
        deleted = self._deleted()
        runs = groupby(self.paths, key=lambda path: path if path in deleted else "")
        frames = [self._files(list(paths), deleted.get(alone)) for alone, paths in runs]
        rows = pl.concat(frames).with_columns(self._partition_values())
        return rows.select(column.value().alias(column.name) for column in self.columns)

    def _files(self, paths: list[str], deleted: pl.Series | None) -> pl.LazyFrame:
        stored = [column for column in self.columns if column.name not in self.folders]
        rows = scan_parquet(
            self.root,
            paths,
            schema=pl.Schema((column.stored, column.dtype) for column in stored),
            cast_options=_CASTS,
            missing_columns="insert",
            extra_columns="ignore",
            include_file_paths=PATH,
        )
        if deleted is None:
            return rows
        stays = ~pl.col(_ROW).is_in(deleted.implode())
        return rows.with_row_index(_ROW).filter(stays).drop(_ROW)

    def _deleted(self) -> dict[str, pl.Series]:
        """Give the numbers of the rows that are deleted, by file."""
        if "deletionVectors" not in (self.table.protocol().reader_features or ()):
            return {}
        vectors = pl.DataFrame(self.table.deletion_vectors())
        return {
            self._path_of(uri): (~kept).arg_true()
            for uri, kept in zip(vectors["filepath"], vectors["selection_vector"], strict=True)
        }

    def _path_of(self, uri: str) -> str:
        ends = (path for path in self.paths if unquote(uri).endswith(f"/{path}"))
        return max(ends, key=len)

    def _partition_values(self) -> Iterator[pl.Expr]:
        uris = [self.root.uri(path) for path in self.paths]
        by_name = {column.name: column for column in self.columns}
        for name in self.folders:
            column = by_name[name]
            values = self.added[f"partition.{name}"].cast(column.dtype)
            in_files = pl.col(PATH).replace_strict(uris, values, return_dtype=column.dtype)
            yield in_files.alias(column.stored)

    def _check_ids(self) -> None:
        """Make sure that names find the columns that the ids mean.

        Raises:
            ComputeError: a file has other names.
        """
        for path in self.paths:
            file = self.root.stat(path)
            if file is None:
                continue  # who reads it tells of it
            with opened(self.root, file) as parquet:
                fields = {f.name: _field_id(f) for f in parquet.schema_arrow}
            ids = {c.stored: c.number for c in self.columns if c.stored in fields}
            others = set(fields.values()) & {c.number for c in self.columns} - set(ids.values())
            if others or any(fields[name] != number for name, number in ids.items()):
                raise ComputeError("column mapping by id: a file calls columns otherwise")


def _field_id(field: Any) -> int | None:
    number = (field.metadata or {}).get(b"PARQUET:field_id")
    return None if number is None else int(number)
