"""Neighbourhoods: what is at many locations of storage accounts, asked with few requests.

Locations that lie below one folder are looked up in one listing of it, a request per 5,000 files,
instead of one request or two for each location. Such a listing is given up where it would take
longer than asking for each: a container may hold much that is no business of ours.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from os.path import commonpath
from pathlib import PurePosixPath
from threading import Lock
from typing import Any, TypeVar

from ai_dataflow.config import blob_urls
from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.account_errors import account_fault
from ai_dataflow.connections.foreign_errors import FOREIGN
from ai_dataflow.connections.stores import Folder, StoredFile, open_folder

T = TypeVar("T")

_PAGE = 5000
# Single locations are asked for so many at once, the pages of a listing one after the other.
AT_ONCE = 32
_OF_THE_FOLDER = ("denied", "missing", "refused")


@dataclass(frozen=True)
class Neighbourhood:
    """All files below a folder, by path; or why the account did not list them."""

    folder: str
    files: tuple[StoredFile, ...] = ()
    error: Exception | None = None
    paths: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", tuple(file.path for file in self.files))

    def has(self, key: str) -> bool:
        """Tell whether a file or folder of the store would be in the listing."""
        return not self.folder or key.startswith(f"{self.folder}/")

    def below(self, prefix: str) -> Iterator[StoredFile]:
        """Give the files whose paths in the store begin so.

        Raises:
            Exception: what the account answered instead of a listing.
        """
        if self.error:
            raise self.error
        for i in range(bisect_left(self.paths, prefix), len(self.paths)):
            if not self.paths[i].startswith(prefix):
                return
            yield self.files[i]


@dataclass(frozen=True)
class Listed(Folder):
    """A folder that was listed, with the folders around it: looking into it asks nobody."""

    listing: Neighbourhood = field(default=Neighbourhood(""), compare=False, repr=False)

    def folder(self, path: str) -> Folder:
        """Give a folder in this one."""
        return _listed(super().folder(path), self.listing)

    def moved(self, url: str, prefix: str) -> Folder:
        """Give another folder of the same store."""
        return _listed(Folder(url, self.account, self.container, prefix), self.listing)

    def exists(self) -> bool:
        """Tell whether files are in the folder."""
        return next(self.listing.below(f"{self.prefix}/" if self.prefix else ""), None) is not None

    def entries(self, prefix: str = "") -> list[StoredFile]:
        """Give all files below a prefix, by path; an account lists nothing else."""
        start = f"{self._key(prefix)}/" if self._key(prefix) else ""
        return [file.below(self.prefix) for file in self.listing.below(start)]

    def stat(self, path: str) -> StoredFile | None:
        """Give a file as it was listed; None where it was not."""
        key = self._key(path)
        file = next(self.listing.below(key), None)
        return file.below(self.prefix) if file and file.path == key else None


def _listed(folder: Folder, listing: Neighbourhood) -> Folder:
    if not listing.has(f"{folder.prefix}/"):
        return folder
    return Listed(folder.url, folder.account, folder.container, folder.prefix, listing)


class Neighbourhoods:
    """The folders of many locations; those of one account and neighbourhood are listed at once."""

    def __init__(self, urls: Iterable[str], settings: Settings) -> None:
        """List what the locations have in common.

        Args:
            urls: the certain folders and files of locations, local paths among them.
            settings: for the accounts.
        """
        self._settings = settings
        stores: dict[Folder, set[str]] = {}
        for url in urls:
            if blob_urls.is_blob_url(url):
                root, key = _store_of(url, settings)
                stores.setdefault(root, set()).add(key)
        listings = at_once(lambda item: list(_shared(*item)), list(stores.items()))
        self._listings: Mapping[Folder, list[Neighbourhood]] = dict(
            zip(stores, listings, strict=True)
        )
        self._answers: dict[object, Any] = {}
        self._locks: dict[object, Lock] = {}
        self._lock = Lock()

    def once(self, key: object, ask: Callable[[], T]) -> T:
        """Ask what several locations need, such as the log of a table, for the first of them."""
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            if key not in self._answers:
                self._answers[key] = ask()
            answer: T = self._answers[key]
            return answer

    def folder(self, url: str) -> Folder:
        """Give the folder of a path or URL: as it was listed, or one that will be asked."""
        folder = open_folder(url, self._settings)
        if folder.account is None:
            return folder
        root, _ = _store_of(url, self._settings)
        for listing in self._listings.get(root, ()):
            if listing.has(f"{folder.prefix}/"):
                return _listed(folder, listing)
        return folder


def _store_of(url: str, settings: Settings) -> tuple[Folder, str]:
    """Give the root folder of a URL's container, and the path in it."""
    place = blob_urls.parse(url)
    return open_folder(str(place.root), settings), place.path


def _shared(root: Folder, keys: Collection[str]) -> Iterator[Neighbourhood]:
    """List the folders that several of the keys have in common, from the outermost on."""
    if len(keys) < 2:  # noqa: PLR2004 - it shares nothing
        return
    common = commonpath([f"/{PurePosixPath(key).parent}" for key in keys]).strip("/.")
    try:
        files = _at_most(root, common, _PAGE * max(1, len(keys) // AT_ONCE))
    except FOREIGN as error:
        fault = account_fault(error, root.account)
        if fault is None or fault.kind in _OF_THE_FOLDER:
            return  # each location may still be open to us
        yield Neighbourhood(common, error=error)  # it would answer each of them just so
        return
    if files is not None:
        yield Neighbourhood(common, files)
        return
    depth = len(PurePosixPath(common).parts)
    groups: dict[str, set[str]] = {}
    for key in keys:
        groups.setdefault(PurePosixPath(key).parts[depth], set()).add(key)
    for group in groups.values():
        if len(group) < len(keys):
            yield from _shared(root, group)


def _at_most(root: Folder, prefix: str, most: int) -> tuple[StoredFile, ...] | None:
    """List a folder of the store; None where more is in it than that."""
    files: list[StoredFile] = []
    for file in root.stream(prefix):
        if len(files) == most:
            return None
        files.append(file)
    return tuple(sorted(files, key=lambda file: file.path))
