"""Files as sources: a file, a folder, a glob or a Delta table; Parquet, Delta, CSV, JSON lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import unquote

import polars as pl
from polars.exceptions import (
    ColumnNotFoundError,
    ComputeError,
    NoDataError,
    SchemaError,
    SchemaFieldNotFoundError,
)

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.locations import FileLocation
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources import failures
from ai_dataflow.sources.accounts import Account
from ai_dataflow.sources.csv_files import CsvFile
from ai_dataflow.sources.extracts import Extract, Format
from ai_dataflow.sources.faults import FOREIGN, fault_of
from ai_dataflow.sources.storage import (
    Folder,
    StoredFile,
    at_once,
    glob_pattern,
    is_glob,
    open_delta,
    open_folder,
    scan_delta,
    scan_parquet,
    split_glob,
)

_UNREADABLE = (
    *FOREIGN, ColumnNotFoundError, ComputeError, NoDataError, SchemaError, SchemaFieldNotFoundError,
)  # fmt: skip
_OF_THE_ACCOUNT = ("SRC-006", "SRC-011", "SRC-012")
_LIST_FROM = 4
_PATH = "\ue000path"  # no column of a source is called so
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"

_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}


def pin(
    location: FileLocation, product: str, submodule: str, place: str, settings: Settings
) -> Extract:
    """List what is at a location and pin it.

    Raises:
        DataflowError: SRC-001 where nothing is there, SRC-002 for no or empty files, SRC-003
            where the format is not known, SRC-006 or SRC-011 to SRC-013 where the account does
            not let us.
    """
    url, path = split_glob(location.url)
    root = open_folder(url, settings)
    with _classified(str(location), place, root.account):
        root, files = _matching(root, path)
        if any(map(_is_log, files)):
            if location.file_format in ("", "delta"):
                return _pin_delta(root, location, product, submodule)
            files = _data(files)
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


@dataclass(frozen=True)
class Files:
    """An extract, opened. `place` is the control table's cell of its location.

    Folders such as `year=2026` between the location and a file are columns, of text; a column of
    that name in the file itself comes first.
    """

    extract: Extract
    place: str
    root: Folder

    def schema(self) -> pl.Schema:
        """Give the columns and types of the extract without reading its rows.

        Raises:
            DataflowError: SRC-003 where it cannot be read, SRC-010 where files differ.
        """
        with self._classified():
            if self.extract.file_format == "csv":
                return self._csv_schema()
            return self.frame().collect_schema()

    def common_schema(self) -> pl.Schema:
        """Give the schema that all files of the extract have, every one of them looked at.

        Raises:
            DataflowError: as `schema`; SRC-010 names the first file that differs, and how.
        """
        first = self.schema()
        if self.extract.file_format != "parquet":
            return first
        later = self.extract.files[1:]
        alone = [replace(self, extract=replace(self.extract, files=(file,))) for file in later]
        for file, other in zip(later, at_once(Files.schema, alone), strict=True):
            if other != first:
                odd = sorted(set(first.items()) ^ set(other.items()), key=lambda item: item[0])
                what = f"{file.path} differs in the column {odd[0][0]}" if odd else "another order"
                raise failures.differing(self.extract.name, self.place, what)
        return first

    def frame(self) -> pl.LazyFrame:
        """Scan the extract lazily; CSV is not scanned but read (see `csv_files`)."""
        match self.extract.file_format:
            case "delta":
                return scan_delta(self.root, self.extract.version)
            case "jsonl":
                return self._scan_json_lines()
            case _:
                return self._scan_parquet()

    @cached_property
    def csv_files(self) -> list[CsvFile]:
        """The extract's CSV files; the same ones each time, for what they have learnt."""
        name, several = self.extract.name, len(self.extract.files) > 1
        return [
            CsvFile(
                self.root,
                file,
                f"{name} ({file.path})" if several else name,
                self.place,
                partition_values(file.path),
            )
            for file in self.extract.files
        ]

    def check_unchanged(self) -> None:
        """Make sure, after reading, that every file is still the one that was listed.

        A Delta table needs no check: its version was read.

        Raises:
            DataflowError: SRC-005.
        """
        if self.extract.staged or self.extract.file_format == "delta":
            return
        with self._classified():
            present = self._present()
        if any(present.get(file.path) != file for file in self.extract.files):
            raise failures.changed(self.extract.name, self.place)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Classify what goes wrong while the extract is read.

        A file that was replaced meanwhile is named as such, whatever its reading made of it.
        """
        try:
            with self._classified():
                yield
        except DataflowError as error:
            if all(problem.code not in _OF_THE_ACCOUNT for problem in error.diagnostics):
                self.check_unchanged()
            raise
        self.check_unchanged()

    def _classified(self) -> AbstractContextManager[None]:
        return _classified(self.extract.name, self.place, self.root.account)

    def _present(self) -> dict[str, StoredFile | None]:
        """Look at the files again: one by one, or by one listing where those are requests."""
        if self.root.account and len(self.extract.files) > _LIST_FROM:
            return {file.path: file for file in self.root.files()}
        return {file.path: self.root.stat(file.path) for file in self.extract.files}

    def _scan_parquet(self) -> pl.LazyFrame:
        paths = [file.path for file in self.extract.files]
        frame = scan_parquet(self.root, paths, include_file_paths=_PATH)
        values = {self.root.uri(path): partition_values(path) for path in paths}
        keys = self._partition_keys()
        if not keys:
            return frame.drop(_PATH)
        own = set(frame.collect_schema())
        added = [
            pl.col(_PATH).replace_strict({uri: v[key] for uri, v in values.items()},
                                         return_dtype=pl.String()).alias(key)
            for key in keys if key not in own
        ]  # fmt: skip
        return frame.with_columns(added).drop(_PATH)

    def _scan_json_lines(self) -> pl.LazyFrame:
        """Infer types from all lines of a file; the files then agree on a common one."""
        self._partition_keys()
        frames = []
        for file in self.extract.files:
            frame = pl.scan_ndjson(
                self.root.uri(file.path), infer_schema_length=None, **self.root.polars
            )
            values = partition_values(file.path)
            new = set(values) - set(frame.collect_schema()) if values else set()
            frames.append(frame.with_columns(pl.lit(values[k], pl.String()).alias(k)
                                             for k in values if k in new))  # fmt: skip
        return pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]

    def _csv_schema(self) -> pl.Schema:
        self._partition_keys()
        headers = list(at_once(CsvFile.names, self.csv_files))
        for header in headers:
            if header != headers[0]:
                raise failures.differing(self.extract.name, self.place, "different headers")
        return pl.Schema(dict.fromkeys(headers[0], pl.String()))

    def _partition_keys(self) -> list[str]:
        """Give the columns that the files' folders name: all files must be in the same."""
        keys = [list(partition_values(file.path)) for file in self.extract.files]
        if any(other != keys[0] for other in keys):
            reason = "their folders name different columns"
            raise failures.differing(self.extract.name, self.place, reason)
        return keys[0] if keys else []


def opened(extract: Extract, place: str, settings: Settings) -> Files:
    """Open an extract; nothing is read yet."""
    return Files(extract, place, open_folder(extract.folder, settings))


def partition_values(path: str) -> dict[str, str | None]:
    """Give the columns that a file's folders name, as Hive and Spark write them.

    Example:
        >>> partition_values("year=2026/month=01/part-0.parquet")
        {'year': '2026', 'month': '01'}
    """
    found = (folder.partition("=") for folder in PurePosixPath(path).parts[:-1] if "=" in folder)
    return {key: None if value == _HIVE_NULL else unquote(value) for key, _, value in found if key}


def _matching(root: Folder, path: str) -> tuple[Folder, list[StoredFile]]:
    """Find the files of a path: itself, what its glob matches, or what is in the folder.

    They come with the folder that their paths are relative to; a Delta table's log is among them.
    In a storage account it is one request for a file, one more for a folder or a glob.
    """
    if is_glob(path):
        listed = root.files()
        # Its files; where it names none, those in the folders that it names, as Spark does.
        found = _named(listed, path) or _named(listed, f"{path.rstrip('/')}/**")
        return root, found if _is_hidden(path) else _data(found)
    if path and (file := root.stat(path)) and not _is_marker(root, file):
        return root, [file]
    inside = root.folder(path) if path else root
    found = inside.files()
    return inside, found if any(map(_is_log, found)) else _data(found)


def _named(files: list[StoredFile], glob: str) -> list[StoredFile]:
    pattern = glob_pattern(glob)
    return [file for file in files if pattern.fullmatch(file.path)]


def _is_log(file: StoredFile) -> bool:
    return file.path.startswith("_delta_log/")


def _is_marker(root: Folder, file: StoredFile) -> bool:
    """Tell the empty blob that some tools put in a folder's place."""
    return file.size == 0 and root.account is not None and root.folder(file.path).exists()


def _data(listed: list[StoredFile]) -> list[StoredFile]:
    """Leave out what writers leave beside their data, the markers of folders too."""
    folders = {str(parent) for file in listed for parent in PurePosixPath(file.path).parents}
    return [
        file
        for file in listed
        if not _is_hidden(file.path) and (file.size or file.path not in folders)
    ]


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


@contextmanager
def _classified(location: str, place: str, account: Account | None) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        if fault := fault_of(error, account):
            raise failures.of_account(location, place, fault) from None
        raise _of_file(location, place, error) from None


def _of_file(location: str, place: str, error: Exception) -> DataflowError:
    match error:
        case FileNotFoundError():
            return failures.missing(location, place)
        case PermissionError():
            return failures.denied(location, place, error)
        case SchemaError() | SchemaFieldNotFoundError() | ColumnNotFoundError():
            return failures.differing(location, place, error)
        case _:
            return failures.unreadable(location, place, error)
