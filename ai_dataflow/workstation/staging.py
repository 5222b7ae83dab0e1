"""The staging area of a partition: its last extracts, and the copies of SQL tables among them."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import TypeAdapter, ValidationError

from ai_dataflow.sources.extracts import Extract
from ai_dataflow.sources.storage import Folder
from ai_dataflow.workstation.failures import reaching

_MANIFEST = "extracts.json"
_EXTRACTS = TypeAdapter(list[Extract])


def last_extracts(staging: Folder) -> dict[tuple[str, str], Extract]:
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
    return {(extract.product, extract.submodule): extract for extract in extracts}


def keep_extracts(staging: Folder, extracts: Iterable[Extract]) -> None:
    """Write the manifest, then drop the copies that it no longer names.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    kept = list(extracts)
    with reaching(staging):
        staging.write(_MANIFEST, _EXTRACTS.dump_json(kept, indent=1))
        named = _named(kept)
        staging.delete([file.path for file in staging.files() if file.path not in named])


def staged_files(staging: Folder) -> set[str]:
    """Give the files of the staging area that the manifest names, itself among them."""
    return _named(last_extracts(staging).values())


def _named(extracts: Iterable[Extract]) -> set[str]:
    copies = (file.path for extract in extracts if extract.staged for file in extract.files)
    return {_MANIFEST, *copies}
