"""Finding: what is at a file location now, as it is listed; and pinning that.

A location is a file, a folder, a glob, a Delta table, or one partition of a Delta table. Nothing
is opened to find it, but for the log of a Delta table of which it is a partition.
"""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import unquote

import polars as pl

from ai_dataflow.config.digests import digest
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.globs import glob_pattern, is_glob, split_glob, with_names
from ai_dataflow.connections.scans import open_delta
from ai_dataflow.connections.stores import Folder, Misfit, StoredFile, open_folder
from ai_dataflow.sources.files import file_failures, packing
from ai_dataflow.sources.files.bare_files import LOG, has_log, of_table, told_apart
from ai_dataflow.sources.files.file_errors import classified
from ai_dataflow.sources.files.folder_columns import partition_values
from ai_dataflow.sources.files.neighbourhoods import Neighbourhoods
from ai_dataflow.sources.files.pinned import Format, Pinned
from ai_dataflow.sources.files.text_dialects import Dialect
from ai_dataflow.tables.locations import FileLocation

# A commit, or what stands for it when it has been cleaned up: see Delta's transaction log protocol.
_VERSION = re.compile(rf"{LOG}/(\d{{20}})\.(?:json|checkpoint(?:\.[^/]+)?\.parquet)")
_SUFFIXES: dict[str, Format] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".txt": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".dat": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".avro": "avro",
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), "excel"),
}
_SHEET = re.compile(r"(.*\.(?:xlsx|xlsm|xls|xlsb|ods))#([^/]+)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Listing:
    """What is listed at a location: files, relative to a folder, or a version of a Delta table.

    Plain data: `folder` is a URL. For a Delta table `files` are those of the version's commit,
    which change with every version; where the location is a partition of one, its data files,
    and `partition` its values. `dialects` tell how files of text are written, once somebody has
    looked: the bytes, the settings and the mapping decide it, so the fingerprint does not tell.
    `sheet` is the one of workbooks that the location names.
    """

    location: FileLocation
    folder: str
    file_format: Format
    files: tuple[StoredFile, ...]
    version: int | None = None
    partition: tuple[tuple[str, str | None], ...] = ()
    dialects: tuple[Dialect, ...] = ()
    sheet: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """A digest of what was listed: the same listing, the same bytes."""
        # A partition is the same in all versions that have the same files in it.
        version = None if self.partition else self.version
        files = [(file.path, file.size, file.etag) for file in self.files]
        listed = [self.file_format, version, self.partition, files]
        return digest(listed)

    @property
    def newest(self) -> StoredFile | None:
        """The file that changed last, where the store says when."""
        dated = [(file.changed, file) for file in self.files if file.changed]
        return max(dated, key=lambda each: each[0])[1] if dated else None

    @property
    def changed(self) -> datetime | None:
        """When the newest file changed."""
        return self.newest.changed if self.newest else None

    def pin(self, place: str, settings: Settings) -> Pinned:
        """Pin what was listed.

        Raises:
            DataflowError: of a Delta table, SRC-003, SRC-006 or SRC-011 to SRC-013.
        """
        if not self.is_opened:
            return self.pinned(self.files)
        table = open_folder(self.folder, settings)
        with classified(str(self.location), place, table.account):
            return self.pinned(_data_files(table, self.version or 0))

    @property
    def is_opened(self) -> bool:
        """Tell whether pinning opens something: the log of a Delta table."""
        return self.version is not None and not self.partition

    def pinned(self, files: tuple[StoredFile, ...]) -> Pinned:
        """Give what was listed, with these files."""
        return Pinned(
            name=str(self.location),
            folder=self.folder,
            file_format=self.file_format,
            files=files,
            version=self.version,
            partition=self.partition,
            dialects=self.dialects,
            sheet=self.sheet,
            written=self.location.written,
        )


def find(
    location: FileLocation, place: str, settings: Settings, listings: Neighbourhoods
) -> Listing:
    """Look what is at a location.

    Raises:
        DataflowError: SRC-001 where nothing is there, SRC-002 for no or empty files, SRC-003
            where the format is not known, SRC-006 or SRC-011 to SRC-013 where the account does
            not let us.
    """
    url, path = split_glob(location.url)
    root = listings.folder(url)
    with classified(str(location), place, root.account):
        if listing := _partition(root, path, location, listings):
            if not listing.files:
                raise file_failures.missing(str(location), place)
            return listing
        root, files, sheet = _with_sheet(root, path, listings)
        if any(map(_is_log, files)):
            if location.file_format in ("", "delta"):
                return _table(root, files, location, place)
            files = told_apart(files, _data(files))
        if not files:
            raise file_failures.missing(str(location), place)
        if misfit := next((file for file in files if isinstance(file, Misfit)), None):
            raise file_failures.misfit(str(location), place, misfit)
        if not all(file.size for file in files):
            raise file_failures.empty(str(location), place)
        file_format = _format(location, files, place)
        return Listing(location, root.url, file_format, tuple(files), sheet=sheet)


def find_one(location: FileLocation, place: str, settings: Settings) -> Listing:
    """Look what is at one location; see `find`."""
    return find(location, place, settings, Neighbourhoods((), settings))


def _table(folder: Folder, files: list[StoredFile], location: FileLocation, place: str) -> Listing:
    version = _log_version(files)
    if version is None:
        raise file_failures.unreadable(str(location), place, f"there is no version in its {LOG}")
    number, commit = version
    return Listing(location, folder.url, "delta", (commit,), number)


def is_partition(location: FileLocation) -> bool:
    """Tell whether a location may be a partition of a Delta table, by the name of its folder."""
    if "=" not in location.url:
        return False
    _, path = split_glob(location.url)
    folders = PurePosixPath(path).parts if path else ()
    is_delta = location.file_format in ("", "delta")
    return is_delta and not is_glob(path) and bool(folders and _values_of(folders[-1]))


def _partition(
    root: Folder, path: str, location: FileLocation, listings: Neighbourhoods
) -> Listing | None:
    """Find a partition of a Delta table, where the location is the folder of one.

    Its files alone, without the table's log, may be of any version.
    """
    if not is_partition(location):
        return None
    table, values = _above(root, path)

    def files_by_version() -> tuple[int, tuple[StoredFile, ...]] | None:
        version = _log_version(table.files(LOG))
        return version and (version[0], _data_files(table, version[0]))

    snapshot = listings.once(table.url, files_by_version)
    if snapshot is None:
        return None
    number, every = snapshot
    files = tuple(file for file in every if _is_in(file.path, dict(values)))
    return Listing(location, table.url, "delta", files, number, values)


def _above(root: Folder, path: str) -> tuple[Folder, tuple[tuple[str, str | None], ...]]:
    """Give the folder that a partition's folder is in, at whatever depth, and its values."""
    parts = PurePosixPath(f"{root.url}/{path}").parts
    depth = len(parts)
    while depth and _values_of(parts[depth - 1]):
        depth -= 1
    inside = "/".join(parts[depth:])
    url = root.join(path).rstrip("/").removesuffix(inside).rstrip("/")
    prefix = f"{root.prefix}/{path}".strip("/").removesuffix(inside).strip("/")
    values = tuple(_values_of(inside).items())
    return root.moved(url, prefix), values


def _values_of(folder: str) -> dict[str, str | None]:
    """Give the values that a partition's folder names."""
    return partition_values(f"{folder}/file")


def _log_version(files: list[StoredFile]) -> tuple[int, StoredFile] | None:
    """Give a Delta table's version by what is in its log, and the file that says so."""
    logged = [(int(m[1]), f) for f in files if (m := _VERSION.fullmatch(f.path))]
    return max(logged, key=lambda each: (each[0], each[1].path)) if logged else None


def _data_files(table: Folder, version: int) -> tuple[StoredFile, ...]:
    """Give the data files of a version."""
    delta = open_delta(table, version)
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    # A deletion vector takes rows out of a file that keeps its name and size.
    features = delta.protocol().reader_features or []
    etag = str(version) if "deletionVectors" in features else ""
    listed = actions.select("path", "size_bytes").rows()
    files = [StoredFile(unquote(path), size, etag) for path, size in listed]
    return tuple(sorted(files, key=lambda file: file.path))


def _is_in(path: str, values: dict[str, str | None]) -> bool:
    columns = partition_values(path)
    return all(key in columns and columns[key] == value for key, value in values.items())


def _with_sheet(
    root: Folder, path: str, listings: Neighbourhoods
) -> tuple[Folder, list[StoredFile], str]:
    """Find the files of a path; where nothing is called so, those of workbooks and a sheet's name.

    `data.xlsx#Claims` is the file of that name if there is one, else the sheet of `data.xlsx`.
    """
    inside, files = _matching(root, path, listings)
    match = None if files else _SHEET.fullmatch(path)
    if match is None:
        return inside, files, ""
    return *_matching(root, match[1], listings), match[2]


def _matching(root: Folder, path: str, listings: Neighbourhoods) -> tuple[Folder, list[StoredFile]]:
    """Find the files of a path: itself, what its glob matches, or what is in the folder.

    They come with the folder that their paths are relative to; a Delta table's log is among them.
    In a storage account it is one request for a file, one more for a folder or a glob, and none
    where the account has listed the neighbourhood.
    """
    if is_glob(path) and not _is_name(root, path):
        listed = root.entries()
        glob = with_names(path.rstrip("/"), [file.path for file in listed])
        # Its files; where it names none, those in the folders that it names, as Spark does.
        files = _named(listed, glob) or _named(listed, f"{glob}/**")
        files = told_apart(listed, files if _is_hidden(path) else _data(files))
        return root, _with_log_above(root, "", files, listings)
    if path and (file := root.stat(path)) and not _is_marker(root, file):
        return root, _with_log_above(root, path.rpartition("/")[0], [file], listings)
    inside = root.folder(path) if path else root
    files = inside.entries()
    return inside, files if any(map(_is_log, files)) else told_apart(files, _data(files))


def _with_log_above(
    root: Folder, path: str, files: list[StoredFile], listings: Neighbourhoods
) -> list[StoredFile]:
    """Tell apart files that are of a table because its log lies above their folder.

    In an account only files that may be such are worth a request: they are called `part-…`.
    """
    named = (posixpath.basename(file.path) for file in files if not isinstance(file, Misfit))
    if not any(n.endswith(".parquet") and (not root.account or n[:5] == "part-") for n in named):
        return files
    # Many files lie in one folder.
    is_logged = listings.once((root.join(path), LOG), lambda: has_log(_above(root, path)[0]))
    return list(map(of_table, files)) if is_logged else files


def _is_name(root: Folder, path: str) -> bool:
    """Tell whether a local folder has an entry of just this name."""
    return root.account is None and os.path.lexists(root.join(path))


def _named(files: list[StoredFile], glob: str) -> list[StoredFile]:
    pattern = glob_pattern(glob)
    return [file for file in files if pattern.fullmatch(file.path)]


def _is_log(file: StoredFile) -> bool:
    return file.path.startswith(f"{LOG}/")


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
        raise file_failures.unreadable(str(location), place, "there is no _delta_log in it")
    formats = {_format_of(file.path) for file in files}
    if location.file_format == "json":
        return "jsonl"  # which of them it is tells the file
    if location.file_format:
        return location.file_format  # type: ignore[return-value]  # checked by the control table
    if len(formats) > 1 or None in formats:
        raise file_failures.unreadable(
            str(location), place, "cannot tell the format: give file_format in the control table"
        )
    return formats.pop()  # type: ignore[return-value]  # not None


def _format_of(path: str) -> Format | None:
    stem, _, ending = posixpath.basename(packing.without_suffix(path.lower())).rpartition(".")
    return _SUFFIXES.get(f".{ending}") if stem else None
