"""Object stores behind paths and URLs: one way to list, stat, read and write, local or cloud.

Local folders come as `obstore.store.LocalStore`. Azure's place is here: an `abfss://` URL becomes
an `AzureStore` and the options that Polars and deltalake take; nothing above this module changes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

import obstore
from deltalake import DeltaTable
from obstore.store import LocalStore

_BUFFER_BYTES = 1 << 20
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class StoredFile:
    """A file as it was listed: path within its store, size in bytes, ETag."""

    path: str
    size: int
    etag: str


@dataclass(frozen=True)
class Folder:
    """A folder in an object store; paths given to it are relative to it, with `/`."""

    url: str

    @property
    def store(self) -> LocalStore:
        """The object store rooted at this folder."""
        return LocalStore(self.url)

    @property
    def options(self) -> dict[str, str] | None:
        """What Polars and deltalake need beside the URL."""
        return None

    def join(self, path: str) -> str:
        """Give the URL of a path in the folder."""
        return f"{self.url.rstrip('/')}/{path}"

    def exists(self) -> bool:
        """Tell whether the folder is there."""
        return Path(self.url).is_dir()

    def make(self) -> Folder:
        """Create the folder where stores have real folders."""
        Path(self.url).mkdir(parents=True, exist_ok=True)
        return self

    def files(self, prefix: str = "") -> list[StoredFile]:
        """List all files below a prefix, by path. A missing prefix is an empty list."""
        found = obstore.list(self.store, prefix=prefix or None).collect()
        return sorted((_stored(meta) for meta in found), key=lambda file: file.path)

    def folders(self) -> list[str]:
        """List the names of the folders directly in this one."""
        if not self.exists():
            return []
        found = obstore.list_with_delimiter(self.store)["common_prefixes"]
        return sorted(str(prefix).rstrip("/") for prefix in found)

    def stat(self, path: str) -> StoredFile | None:
        """Give a file's present state; None where there is none."""
        try:
            return _stored(obstore.head(self.store, path))
        except FileNotFoundError:
            return None

    def read(self, path: str) -> bytes:
        """Read a whole small file.

        Raises:
            FileNotFoundError: there is none.
        """
        return bytes(obstore.get(self.store, path).bytes())

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """Read a part of a file."""
        return bytes(obstore.get_range(self.store, path, start=start, length=length))

    def open(self, path: str) -> io.BufferedReader:
        """Open a file for reading as a stream of bytes."""
        return io.BufferedReader(_Reading(obstore.open_reader(self.store, path)), _BUFFER_BYTES)

    @contextmanager
    def create(self, path: str) -> Iterator[io.RawIOBase]:
        """Write a large file as a stream; it appears, whole, when the block ends well."""
        with obstore.open_writer(self.make().store, path) as writer:
            yield _Writing(writer)

    def write(self, path: str, content: bytes) -> None:
        """Write a whole small file; readers see the old or the new one."""
        obstore.put(self.make().store, path, content)

    def delete(self, paths: list[str]) -> None:
        """Delete files; one that is already gone is no error."""
        for path in paths:
            try:
                obstore.delete(self.store, path)
            except FileNotFoundError:
                continue


class _Reading(io.RawIOBase):
    """Python's stream interface over obstore's reader, which lacks parts of it."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._source.read(len(buffer))
        buffer[: len(chunk)] = bytes(chunk)
        return len(chunk)


class _Writing(io.RawIOBase):
    """Python's stream interface over obstore's writer; closing is the writer's own affair."""

    def __init__(self, target: Any) -> None:
        self._target = target

    def writable(self) -> bool:
        return True

    def write(self, chunk: Any) -> int:
        self._target.write(bytes(chunk))
        return len(chunk)


class _LocalDelta(DeltaTable):
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
    """
    return _LocalDelta(folder.url, version=version, storage_options=folder.options)


def split_glob(url: str) -> tuple[str, str]:
    """Split a location into the folder that is certain and the rest, which may be a glob."""
    parts = PurePosixPath(url).parts
    fixed = next((i for i, part in enumerate(parts) if _GLOB.search(part)), len(parts) - 1)
    return str(PurePosixPath(*parts[:fixed])), "/".join(parts[fixed:])


def is_glob(path: str) -> bool:
    """Tell whether a path has wildcards."""
    return bool(_GLOB.search(path))


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Compile a glob: `*` and `?` stay within a folder, `**` crosses folders."""
    pieces = re.split(r"(\*\*/?|\*|\?|\[[^\]]+\])", glob)
    pieces = [re.sub(r"^\[!", "[^", piece) for piece in pieces]
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(known.get(p, p if p.startswith("[") and p.endswith("]") else re.escape(p))
                for p in pieces)
    )  # fmt: skip


def _stored(meta: Any) -> StoredFile:
    return StoredFile(str(meta["path"]), int(meta["size"]), str(meta["e_tag"] or ""))
