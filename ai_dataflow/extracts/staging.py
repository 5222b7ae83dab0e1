"""The staging area of a partition: its last extracts, and the copies of SQL tables among them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from pydantic import TypeAdapter, ValidationError

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.connections.stores import Folder
from ai_dataflow.extracts.extract import Extract
from ai_dataflow.workstation.reaching import reaching

_MANIFEST = "extracts.json"
_EXTRACTS = TypeAdapter(list[Extract])


def last_extracts(staging: Folder) -> dict[SourceKey, Extract]:
    """Give the last extract of each product and submodule; none where there is no manifest.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(staging):
        content = staging.read(_MANIFEST) if staging.stat(_MANIFEST) else b"[]"
    try:
        extracts = _EXTRACTS.validate_json(content)
    except ValidationError:
        return {}
    return {extract.key: extract for extract in extracts}


def keep_extracts(staging: Folder, extracts: Iterable[Extract]) -> None:
    """Write the manifest. Copies that it no longer names stay until `drop_copies`.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    with reaching(staging):
        staging.write(_MANIFEST, _EXTRACTS.dump_json(list(extracts), indent=1))


def superseded(last: Iterable[Extract], kept: Iterable[Extract]) -> tuple[str, ...]:
    """Give the copies of the last extracts that are no longer among those that are kept."""
    return tuple(sorted(_named(last) - _named(kept)))


def drop_copies(staging: Folder, paths: Iterable[str]) -> None:
    """Remove copies that are superseded; one that cannot be removed now is left to `cleanup`.

    Not for whoever makes a partition: on a cluster another attempt may be reading them still.
    """
    with suppress(DataflowError), reaching(staging):
        staging.delete(list(paths))


def staged_files(staging: Folder) -> set[str]:
    """Give the files of the staging area that the manifest names, itself among them."""
    return _named(last_extracts(staging).values())


def _named(extracts: Iterable[Extract]) -> set[str]:
    copies = (file.path for extract in extracts if extract.staged for file in extract.files)
    return {_MANIFEST, *copies}
