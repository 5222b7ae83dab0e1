"""The staging area of a partition: its last extracts, and the copies of SQL tables among them.

What they are a manifest tells. Its name has the number of the lease that it was written under, and
the highest counts: a run that stood still while another took its lease brings no older copy back.
A table that all clients share has a staging area of its own: partitions only name its copies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import TypeAdapter, ValidationError

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.grouped import grouped
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.connections.stores import Folder
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.workstation.reaching import reaching

# Without a number it was written by a version that had no leases in it.
_MANIFEST = re.compile(r"extracts(?:-(\d+))?\.json")
_EXTRACTS = TypeAdapter(list[Extract])


@dataclass(frozen=True)
class Manifest:
    """The last extracts of a partition, and the file that names them; empty where there is none."""

    path: str = ""
    extracts: Mapping[SourceKey, Extract] = field(default_factory=dict)

    @property
    def files(self) -> set[str]:
        """The files of the staging area that it names, itself among them."""
        return {self.path, *self._copies(common=False)} - {""}

    @property
    def common_files(self) -> set[str]:
        """The copies that it names and that are of all clients, in their folders."""
        return {*self._copies(common=True)}

    def _copies(self, *, common: bool) -> Iterator[str]:
        copies = (e for e in self.extracts.values() if e.staged and e.is_common == common)
        yield from (file.path for copy in copies for file in copy.files)


@dataclass(frozen=True)
class Staging:
    """A staging area for who has a lease; `manifest` is the one that counts, if that is known.

    It is empty where there was none, None where nobody has looked.
    """

    folder: Folder
    lease: int = 0
    manifest: str | None = None


def last_manifest(staging: Folder, path: str | None = None) -> Manifest:
    """Give the manifest that counts; one that cannot be read names nothing.

    Args:
        staging: the staging area.
        path: the manifest, as `manifests_in` found it; see `Staging`.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(staging):
        newest = _newest(file.path for file in staging.files()) if path is None else path
        if not newest:
            return Manifest()
        content = staging.read(newest)
    try:
        extracts = _EXTRACTS.validate_json(content)
    except ValidationError:
        return Manifest(newest)
    return Manifest(newest, {extract.key: extract for extract in extracts})


def manifests_in(staging: Folder) -> dict[str, str]:
    """Give the manifest that counts of each client that has one; `staging` is a module's folder.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(staging):
        paths = [file.path.partition("/") for file in staging.files()]
    names = grouped(paths, lambda path: path[0])
    return {client: _newest(name for *_, name in of) for client, of in names.items()}


def _newest(names: Iterable[str]) -> str:
    """Give the manifest that counts of the files of a staging area; empty where there is none."""
    manifests = filter(None, map(_MANIFEST.fullmatch, names))
    newest = max(manifests, key=lambda match: int(match[1] or 0), default=None)
    return newest[0] if newest else ""


def last_extracts(staging: Folder) -> Mapping[SourceKey, Extract]:
    """Give the last extract of each product and submodule; none where there is no manifest.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    return last_manifest(staging).extracts


def keep_extracts(staging: Folder, extracts: Iterable[Extract], lease: int) -> Manifest:
    """Write a manifest under a lease. What it no longer names stays until `drop_copies`.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    kept = Manifest(f"extracts-{lease:08}.json", {extract.key: extract for extract in extracts})
    with reaching(staging):
        staging.write(kept.path, _EXTRACTS.dump_json([*kept.extracts.values()], indent=1))
    return kept


def drop_copies(staging: Folder, paths: Iterable[str]) -> None:
    """Remove what is superseded, manifests too; what cannot be removed now is left to `cleanup`.

    Not for whoever makes a partition: on a cluster another attempt may be reading them still.
    """
    with suppress(DataflowError), reaching(staging):
        staging.delete(list(paths))


def staged_files(staging: Folder) -> set[str]:
    """Give the files of the staging area that the manifest names, itself among them."""
    return last_manifest(staging).files
