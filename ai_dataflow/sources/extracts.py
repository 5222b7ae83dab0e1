"""Extracts: what a partition's merge reads, pinned so that it cannot be a mixture.

For files an extract names what was listed (path, size, ETag, or the Delta version); nothing is
copied. For SQL it names the Parquet copy of the mapped columns in the workstation's staging area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ai_dataflow.connections.stores import StoredFile

Format = Literal["parquet", "delta", "csv", "jsonl"]


@dataclass(frozen=True)
class Extract:
    """One source of one partition, as it was when it was pinned.

    `name` is the location as the control table spells it, `folder` the URL that the files'
    paths are relative to, `version` the Delta version.
    `source` is the whole location, by which a later run knows it again.
    `staged` tells that the files are our own copy, which nobody else changes; `rows` is what the
    database's cursor gave for it.
    `partition` are the values that the rows of a Delta table are chosen by, where the location is
    one of its partitions. `fingerprint` tells this state of the source from any other; it is empty
    where nothing tells. `note` is what is to be told of how it was made.
    `origin` tells the database and the code that a copy was made by.
    """

    product: str
    submodule: str
    name: str
    folder: str
    file_format: Format
    files: tuple[StoredFile, ...] = ()
    version: int | None = None
    staged: bool = False
    source: str = ""
    rows: int | None = None
    partition: tuple[tuple[str, str | None], ...] = ()
    fingerprint: str = ""
    note: str = ""
    origin: str = ""

    @property
    def size(self) -> int:
        """Bytes that reading may touch, as stored."""
        return sum(file.size for file in self.files)
