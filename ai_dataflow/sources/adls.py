"""Files as sources: a file, a folder, a glob or a Delta table; Parquet, Delta, CSV, JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath

import polars as pl
from deltalake.exceptions import DeltaError
from obstore.exceptions import BaseError
from polars.exceptions import (
    ColumnNotFoundError,
    ComputeError,
    NoDataError,
    SchemaError,
    SchemaFieldNotFoundError,
)

from ai_dataflow.config.locations import FileLocation
from ai_dataflow.sources import failures
from ai_dataflow.sources.csv_files import CsvFile
from ai_dataflow.sources.extracts import Extract, Format
from ai_dataflow.sources.storage import (
    Folder,
    StoredFile,
    glob_pattern,
    is_glob,
    open_delta,
    split_glob,
)

_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


def pin(location: FileLocation, product: str, submodule: str, place: str) -> Extract:
    """List what is at a location and pin it.

    Raises:
        DataflowError: SRC-001 where nothing is there, SRC-002 for no or empty files, SRC-003
            where the format is not known, SRC-006 where it may not be read.
    """
    with _classified(str(location), place):
        folder, path = split_glob(location.url)
        root = Folder(folder)
        if not root.exists():
            raise failures.missing(str(location), place)
        if _is_delta(root, path, location):
            return _pin_delta(Folder(root.join(path)), location, product, submodule)
        files = _matching(root, path)
        if not files:
            raise failures.missing(str(location), place)
        if not all(file.size for file in files):
            raise failures.empty(str(location), place)
        file_format = _format(location, files, place)
        return Extract(product, submodule, str(location), root.url, file_format, tuple(files))


def _pin_delta(table: Folder, location: FileLocation, product: str, submodule: str) -> Extract:
    delta = open_delta(table)
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    files = actions.select("path", "size_bytes").sort("path").iter_rows()
    pinned = tuple(StoredFile(path, size, "") for path, size in files)
    return Extract(
        product, submodule, str(location), table.url, "delta", pinned, version=delta.version()
    )


def schema(extract: Extract, place: str) -> pl.Schema:
    """Give the columns and types of an extract without reading its rows.

    Raises:
        DataflowError: SRC-003 where it cannot be read, SRC-010 where files differ.
    """
    with _classified(extract.name, place):
        if extract.file_format == "csv":
            return _csv_schema(extract, place)
        return _scan(extract).collect_schema()


def common_schema(extract: Extract, place: str) -> pl.Schema:
    """Give the schema that all files of an extract have, every one of them looked at.

    Raises:
        DataflowError: as `schema`; SRC-010 names the first file that differs, and how.
    """
    first = schema(extract, place)
    if extract.file_format != "parquet":
        return first
    for file in extract.files[1:]:
        other = schema(replace(extract, files=(file,)), place)
        if other != first:
            odd = sorted(set(first.items()) ^ set(other.items()), key=lambda item: item[0])
            what = f"{file.path} differs in the column {odd[0][0]}" if odd else "another order"
            raise failures.differing(extract.name, place, what)
    return first


def frame(extract: Extract) -> pl.LazyFrame:
    """Scan an extract lazily; CSV is not scanned but read (see `csv_files`)."""
    return _scan(extract)


def csv_files(extract: Extract, place: str) -> Iterator[CsvFile]:
    """Give the extract's CSV files."""
    root = Folder(extract.folder)
    several = len(extract.files) > 1
    return (
        CsvFile(root, file, f"{extract.name} ({file.path})" if several else extract.name, place)
        for file in extract.files
    )


def check_unchanged(extract: Extract, place: str) -> None:
    """Make sure, after reading, that every file is still the one that was listed.

    A Delta table needs no check: its version was read.

    Raises:
        DataflowError: SRC-005.
    """
    root = Folder(extract.folder)
    for file in () if extract.staged or extract.file_format == "delta" else extract.files:
        if root.stat(file.path) != file:
            raise failures.changed(extract.name, place)


@contextmanager
def reading(extract: Extract, place: str) -> Iterator[None]:
    """Classify what goes wrong while an extract is read.

    A file that was replaced meanwhile is named as such, whatever its reading made of it.
    """
    try:
        with _classified(extract.name, place):
            yield
    finally:
        check_unchanged(extract, place)


def _scan(extract: Extract) -> pl.LazyFrame:
    root = Folder(extract.folder)
    paths = [root.join(file.path) for file in extract.files]
    match extract.file_format:
        case "delta":
            return pl.scan_delta(open_delta(root, extract.version))
        case "jsonl":
            # Types are inferred from all lines of a file; the files then agree on a common one.
            files = [
                pl.scan_ndjson(path, infer_schema_length=None, storage_options=root.options)
                for path in paths
            ]
            return pl.concat(files, how="diagonal_relaxed") if len(files) > 1 else files[0]
        case _:
            return pl.scan_parquet(
                paths, glob=False, hive_partitioning=False, storage_options=root.options
            )


def _is_delta(root: Folder, path: str, location: FileLocation) -> bool:
    if location.file_format not in ("", "delta") or is_glob(path) or root.stat(path):
        return False
    return bool(root.files(f"{path}/_delta_log"))


def _matching(root: Folder, path: str) -> list[StoredFile]:
    """Find the files of a path: itself, what its glob matches, or what is in the folder."""
    if is_glob(path):
        pattern = glob_pattern(path)
        matching = [file for file in root.files() if pattern.fullmatch(file.path)]
        asked = _is_hidden(path)
        return [file for file in matching if asked or not _is_hidden(file.path)]
    if file := root.stat(path):
        return [file]
    return [file for file in root.files(path) if not _is_hidden(file.path.removeprefix(path))]


def _is_hidden(path: str) -> bool:
    """Tell what writers leave beside their data, such as `_SUCCESS` and `.crc`."""
    return any(part.startswith(("_", ".")) for part in PurePosixPath(path).parts if part != "/")


def _format(location: FileLocation, files: list[StoredFile], place: str) -> Format:
    if location.file_format == "delta":
        raise failures.unreadable(str(location), place, "there is no _delta_log in it")
    formats = {_format_of(file.path) for file in files}
    if location.file_format:
        return location.file_format  # type: ignore[return-value]  # checked by the control table
    if len(formats) > 1 or None in formats:
        raise failures.unreadable(
            str(location), place, "cannot tell the format: give file_format in the control table"
        )
    return formats.pop()  # type: ignore[return-value]  # not None


def _format_of(path: str) -> Format | None:
    return _SUFFIXES.get(PurePosixPath(path.lower().removesuffix(".gz")).suffix)


def _csv_schema(extract: Extract, place: str) -> pl.Schema:
    headers = [file.header() for file in csv_files(extract, place)]
    for header in headers:
        if header != headers[0]:
            raise failures.differing(extract.name, place, "different headers")
    return pl.Schema(dict.fromkeys(headers[0], pl.String()))


@contextmanager
def _classified(location: str, place: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise failures.missing(location, place) from None
    except PermissionError as error:
        raise failures.denied(location, place, error) from None
    except (SchemaError, SchemaFieldNotFoundError, ColumnNotFoundError) as error:
        raise failures.differing(location, place, error) from None
    except (ComputeError, NoDataError, DeltaError, BaseError, OSError) as error:
        raise failures.unreadable(location, place, error) from None
