"""Scans: how Polars and deltalake read what is in a folder, local or Azure."""

from __future__ import annotations

import glob
import io
from typing import Any
from urllib.parse import quote, unquote

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.connections.globs import is_glob
from ai_dataflow.connections.stores import Folder, whole


class _Delta(DeltaTable):
    """A table whose files Polars finds where the folder's name must be quoted in a URL.

    See the issue 20944 of Polars: it takes the quoted names for paths.
    """

    def file_uris(self, *args: Any, **options: Any) -> list[str]:
        root = self.table_uri.rstrip("/").removeprefix("file://")
        return [
            unquote(root) + uri.removeprefix("file://").removeprefix(root)
            for uri in super().file_uris(*args, **options)
        ]


def open_delta(folder: Folder, version: int | None = None) -> DeltaTable:
    """Open a folder's Delta table, at a version if one is given.

    Raises:
        TableNotFoundError: there is none.
        Fault: Entra ID does not let us in.
    """
    uri, options = delta_uri(folder), delta_options(folder)
    try:
        with panics_as_errors():
            return whole(lambda: _Delta(uri, version=version, storage_options=options))
    except PanicError as error:
        raise DeltaError(str(error)) from None


def delta_uri(folder: Folder) -> str:
    """Give the name that deltalake has for a folder: in Azure a URL, where `#` must be quoted."""
    uri = folder.uri("").rstrip("/")
    return quote(uri, safe=":/@") if folder.account else uri


def delta_options(folder: Folder) -> dict[str, str] | None:
    """Give what deltalake needs beside the folder's `uri`."""
    return folder.account.delta() if folder.account else None


def scan_delta(folder: Folder, version: int | None = None) -> pl.LazyFrame:
    """Scan a folder's Delta table; a long scan in Azure renews its token."""
    if folder.account is None:
        return pl.scan_delta(open_delta(folder, version))
    if folder.account.uses_tokens and quote(folder.prefix) == folder.prefix:
        # By its URL: Polars takes no credential provider beside an opened table.
        return pl.scan_delta(folder.uri("").rstrip("/"), version=version, **folder.polars)
    given = folder.polars["storage_options"]
    return pl.scan_delta(open_delta(folder, version), storage_options=given)


def scan_parquet(folder: Folder, paths: list[str], **options: Any) -> pl.LazyFrame:
    """Scan Parquet files of a folder, exactly those, with the columns that are in them."""
    uris = [folder.uri(path) for path in paths]
    return pl.scan_parquet(uris, glob=False, hive_partitioning=False, **folder.polars, **options)


def read_parquet(folder: Folder, path: str, **options: Any) -> pl.LazyFrame:
    """Read a small Parquet file at once, in one request, to be scanned; a scan makes three."""
    return pl.scan_parquet(io.BytesIO(folder.read(path)), **options)


def scan_json_lines(folder: Folder, path: str) -> pl.LazyFrame:
    """Scan a file of JSON lines; the types of its columns come from all of its lines."""
    return pl.scan_ndjson(_literal(folder, path), infer_schema_length=None, **folder.polars)


def scan_lines(folder: Folder, path: str) -> pl.LazyFrame:
    """Scan the lines of a text file, as the column `line`."""
    return pl.scan_lines(_literal(folder, path), **folder.polars)


def _literal(folder: Folder, path: str) -> str | bytes:
    """Give what Polars reads as this very file.

    Polars takes its name for a glob, and can be told otherwise only of local files: another whose
    name has wildcards is read whole.
    """
    if folder.account is None:
        return glob.escape(folder.uri(path))
    return folder.read(path) if is_glob(path) else folder.uri(path)
