"""Object stores behind paths and URLs: one way to list, stat, read and write, local or Azure."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import AzureStore, LocalStore

from ai_dataflow.config import blob_urls
from ai_dataflow.config.sent import Sent
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.accounts import Account, account_of
from ai_dataflow.connections.local_files import NOT_THERE, REFUSED, walk
from ai_dataflow.connections.streams import ReadStream, WriteStream

S = TypeVar("S")
T = TypeVar("T")

_LOCAL_BUFFER_BYTES = 1 << 20
_REMOTE_BUFFER_BYTES = 8 << 20  # each is a request
_ANSWERS = 3
_REQUESTS = 16
# The body of an answer, or the connection before there was an answer.
_BROKEN_OFF = re.compile(r"request or response body error|kind: Interrupted")
# A local file that is being written; it is renamed when it is whole.
_UNFINISHED = re.compile(r"#\d+$")
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class StoredFile(Sent):
    """A file as it was listed: path within its folder, size in bytes, ETag, when it changed."""

    path: str
    size: int
    etag: str
    changed: datetime | None = field(default=None, compare=False)

    def below(self, folder: str) -> StoredFile:
        """Give the file with its path within a folder that it is in."""
        path = self.path.removeprefix(f"{folder}/") if folder else self.path
        return replace(self, path=path)


@dataclass(frozen=True, slots=True)
class Misfit(StoredFile):
    """What is listed and cannot be read as a file: `reason` tells why, `fix` what is to be done."""

    reason: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Folder:
    """A folder in an object store; paths given to it are relative to it, with `/`.

    `url` is a local path, or an `abfss://` URL together with the `account` that it is in; `prefix`
    is the folder's path within its store, which is the container for Azure.
    """

    url: str
    account: Account | None = None
    container: str = ""
    prefix: str = ""

    @property
    def requests(self) -> int:
        """How many requests are best made at once: local files answer one by one."""
        return _REQUESTS if self.account else 1

    @property
    def store(self) -> LocalStore | AzureStore:
        """The object store that the folder is in.

        Raises:
            Fault: Entra ID does not let us in.
        """
        return self.account.store(self.container) if self.account else LocalStore(self.url)

    @property
    def polars(self) -> dict[str, Any]:
        """What Polars' scans and sinks need beside the `uri`.

        Raises:
            Fault: Entra ID does not let us in.
        """
        return self.account.polars() if self.account else {}

    def uri(self, path: str) -> str:
        """Give the name that Polars and deltalake have for a path in the folder."""
        if self.account is None:
            return self.join(path)
        return blob_urls.BlobUrl(self.container, self.account.name, path=self._key(path)).canonical

    def join(self, path: str) -> str:
        """Give the URL of a path in the folder."""
        return f"{self.url.rstrip('/')}/{path}"

    def folder(self, path: str) -> Folder:
        """Give a folder in this one."""
        inside = self._key(path) if self.account else ""
        return Folder(self.join(path), self.account, self.container, inside)

    def moved(self, url: str, prefix: str) -> Folder:
        """Give another folder of the same store."""
        return replace(self, url=url, prefix=prefix)

    def exists(self) -> bool:
        """Tell whether the folder is there; in Azure a folder is there while files are in it."""
        if self.account is None:
            return Path(self.url).is_dir()
        batches = obstore.list(self.store, prefix=self.prefix or None, chunk_size=1)
        return next(iter(batches), None) is not None

    def make(self) -> Folder:
        """Create the folder where stores have real folders."""
        if self.account is None:
            Path(self.url).mkdir(parents=True, exist_ok=True)
        return self

    def files(self, prefix: str = "") -> list[StoredFile]:
        """List all files below a prefix, by path. A missing folder is an empty list."""
        return [file for file in self.entries(prefix) if not isinstance(file, Misfit)]

    def entries(self, prefix: str = "") -> list[StoredFile]:
        """List all files below a prefix as `files`, and what is no file beside them (`Misfit`)."""
        if self.account is None:
            files = [_entry(path, state) for path, state in walk(self.url, prefix)]
        else:
            files = list(map(self._stored, self._listed(prefix)))
        return sorted(files, key=lambda file: file.path)

    def stream(self, prefix: str = "") -> Iterator[StoredFile]:
        """List all files below a prefix one by one: who stops early asks for no more pages."""
        if not self._is_absent:
            for page in obstore.list(self.store, prefix=self._key(prefix) or None):
                yield from map(self._stored, page)

    def aged_files(self) -> Iterator[tuple[StoredFile, datetime]]:
        """Give all files in the folder with the time of their last change, unfinished ones too."""
        yield from ((self._stored(meta), meta["last_modified"]) for meta in self._listed())
        if self.account is None:
            yield from self._unfinished()

    def _unfinished(self) -> Iterator[tuple[StoredFile, datetime]]:
        """Give what obstore was writing when its process was killed: it lists no such name."""
        for file in Path(self.url).rglob("*#*"):
            if not _UNFINISHED.search(file.name):
                continue
            with suppress(FileNotFoundError):  # it has just been finished
                stat = file.stat()
                path = file.relative_to(self.url).as_posix()
                changed = datetime.fromtimestamp(stat.st_mtime, UTC)
                yield StoredFile(path, stat.st_size, ""), changed

    def folders(self) -> list[str]:
        """List the names of the folders directly in this one."""
        if self._is_absent:
            return []
        store = self.store
        listing = whole(lambda: obstore.list_with_delimiter(store, prefix=self.prefix or None))
        return sorted(PurePosixPath(str(name)).name for name in listing["common_prefixes"])

    def stat(self, path: str) -> StoredFile | None:
        """Give a file's present state; None where there is none.

        A local pipe or device is no file: to open one may take for ever.
        """
        if self.account is None:
            file = _local_file(self.join(path), path)
            if file is None or not REFUSED.search(path):
                return file
        try:
            return self._stored(obstore.head(self.store, self._key(path)))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (PermissionDeniedError, UnauthenticatedError):
            self.read_range(path, 0, 1)  # an answer to HEAD has no body, in which the reason is
            raise

    def read(self, path: str) -> bytes:
        """Read a whole small file.

        Raises:
            FileNotFoundError: there is none.
        """
        return bytes(obstore.get(self.store, self._key(path)).bytes())

    def read_if_any(self, path: str) -> bytes | None:
        """Read a whole small file; None where there is none, as for `stat`."""
        if self.account is None and self.stat(path) is None:
            return None
        try:
            return self.read(path)
        except FileNotFoundError:
            return None

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """Read a part of a file."""
        return bytes(obstore.get_range(self.store, self._key(path), start=start, length=length))

    def read_listed(self, file: StoredFile) -> bytes | None:
        """Read a whole small file of an account, as it was listed; None where it is another by now.

        One request. What is read has the ETag that was listed.
        """
        options: obstore.GetOptions = {"if_match": f'"{file.etag}"'}
        try:
            return bytes(obstore.get(self.store, self._key(file.path), options=options).bytes())
        except PreconditionError:
            return None

    def open(self, file: StoredFile) -> io.BufferedReader:
        """Open a listed file for reading as a stream of bytes; each full buffer is one request."""
        size = _REMOTE_BUFFER_BYTES if self.account else _LOCAL_BUFFER_BYTES
        return io.BufferedReader(ReadStream(partial(self.read_range, file.path), file.size), size)

    @contextmanager
    def create(self, path: str) -> Iterator[io.RawIOBase]:
        """Write a large file as a stream; it appears, whole, when the block ends well."""
        with obstore.open_writer(self.make().store, self._key(path)) as writer:
            yield WriteStream(writer)

    def write(self, path: str, content: bytes) -> None:
        """Write a whole small file; readers see the old or the new one."""
        obstore.put(self.make().store, self._key(path), content)

    def write_new(self, path: str, content: bytes) -> bool:
        """Write a small file unless it is there; tell whether it was written. Only one can."""
        try:
            obstore.put(self.make().store, self._key(path), content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    def delete(self, paths: list[str]) -> None:
        """Delete files; one that is already gone is no error."""
        for path in paths if not self._is_absent else ():
            with suppress(FileNotFoundError):
                if self.account is None and _UNFINISHED.search(path):
                    Path(self.join(path)).unlink()  # obstore refuses the name
                else:
                    whole(partial(obstore.delete, self.store, self._key(path)))

    def _listed(self, prefix: str = "") -> Sequence[Any]:
        """Give what the store says of all files below a prefix."""
        if self._is_absent:
            return []
        store, key = self.store, self._key(prefix) or None
        return whole(lambda: obstore.list(store, prefix=key).collect())

    @property
    def _is_absent(self) -> bool:
        """Whether there is no such local folder; obstore will not open it, not even to look."""
        return self.account is None and not Path(self.url).is_dir()

    def _key(self, path: str) -> str:
        return f"{self.prefix}/{path}".strip("/") if self.prefix else path

    def _stored(self, meta: Any) -> StoredFile:
        # Azure quotes ETags in headers and not in listings.
        etag = str(meta["e_tag"] or "").strip('"')
        file = StoredFile(str(meta["path"]), int(meta["size"]), etag, meta["last_modified"])
        return file.below(self.prefix)


def _local_file(file: str, path: str) -> StoredFile | None:
    """Give a local file's state as obstore lists it, which takes ten times as long to look."""
    try:
        state = os.stat(file)  # noqa: PTH116 - a path would take three times as long
    except ValueError:  # no name of a file, for the NUL in it
        return None
    except OSError as error:
        if error.errno in NOT_THERE:
            return None
        raise
    return _seen(path, state) if stat.S_ISREG(state.st_mode) else None


def _seen(path: str, state: os.stat_result) -> StoredFile:
    """Give a local file; its ETag tells that it was written anew, in place and as long as before.

    Whoever sets the time of a file's content back, so that it looks unchanged, changes the time of
    its state.
    """
    moment = state.st_mtime_ns // 1000
    etag = f"{state.st_ino:x}-{max(moment, 0):x}-{state.st_size:x}-{state.st_ctime_ns:x}"
    return StoredFile(path, state.st_size, etag, _EPOCH + timedelta(microseconds=moment))


def _entry(path: str, state: os.stat_result | str) -> StoredFile:
    return Misfit(path, 1, "", reason=state) if isinstance(state, str) else _seen(path, state)


def open_folder(url: str, settings: Settings) -> Folder:
    """Give the folder of an absolute path or an `abfss://` URL; nothing is asked of it yet.

    Raises:
        ValueError: the URL names no container.
    """
    if not blob_urls.is_blob_url(url):
        return Folder(url)
    place = blob_urls.parse(url)
    return Folder(str(place), account_of(place, settings), place.container, place.path)


def whole(ask: Callable[[], T]) -> T:
    """Ask again when an answer breaks off, for what may be asked twice.

    The libraries do that for files, not for lists, and for no POST, which deletes in Azure.
    """
    for _ in range(_ANSWERS - 1):
        try:
            return ask()
        except Exception as error:  # deltalake's, too, which is not imported for that
            if not _BROKEN_OFF.search(str(error)):
                raise
    return ask()
