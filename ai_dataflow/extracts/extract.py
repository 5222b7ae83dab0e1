"""Extracts: what a partition's merge reads, pinned so that it cannot be a mixture.

For files an extract names what was listed (path, size, ETag, or the Delta version); nothing is
copied. For SQL it names the Parquet copy of the mapped columns in the workstation's staging area.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.keys import SourceKey
from ai_dataflow.sources.files.pinned import Pinned


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract(Pinned):
    """One source of one partition, pinned.

    `source` is the identity of its location, by which a later run knows it again. `fingerprint`
    tells this state of the source from any other; it is empty where nothing tells. `note` is what
    is to be told of how it was made. `origin` tells the database and the computation that a copy
    was made by. `is_common` tells of a copy that it is of all clients, and not in the
    partition's own staging.
    """

    product: str
    submodule: str
    source: str = ""
    fingerprint: str = ""
    note: str = ""
    origin: str = ""
    is_common: bool = False

    @property
    def key(self) -> SourceKey:
        """Which source of its partition it is of."""
        return SourceKey(self.product, self.submodule)


# What extracting came to that was done once for all partitions: the extract of each source, or why
# there is none.
Common = Mapping[SourceKey, Extract | tuple[Diagnostic, ...]]
