"""Kept rows: what the sources of a joined product gave, put aside for a replay of its rejects.

A row that passes later may belong to rows that are published already: the header of some lines.
Which rows those were cannot be told from what the join made of them, so a replay joins anew, and
needs the rows as they were before. They are kept for products that are joined and have rejects,
as long as readers see the publication that they went into.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.workstation.data_files import DataFile, Frame, write_rows
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reaching import reaching

_SUFFIX = ".parquet"


@dataclass(frozen=True)
class Kept:
    """The rows of one source that went into a publication."""

    module: str
    client: str
    publication: str
    product: str
    submodule: str

    @property
    def path(self) -> str:
        """The file, within the module's kept rows."""
        parts = (self.client, self.publication, self.product, self.submodule)
        return "/".join(parts) + _SUFFIX


def keep(rows: Frame, kept: Kept, workstation: Folders) -> DataFile:
    """Put the rows of a source aside.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    # Seldom read, and gone with the publication: half the processor time for three times the size.
    return write_rows(rows, workstation.kept(kept.module), kept.path, "lz4")


def all_kept(workstation: Folders, module: str, client: str = "") -> Iterator[Kept]:
    """Give what is kept of a module, or of one client of it.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder = workstation.kept(module)
    with reaching(folder):
        files = folder.files(f"{client}/" if client else "")
    for file in files:
        if kept := _parsed(module, file.path):
            yield kept


def _parsed(module: str, path: str) -> Kept | None:
    parts = path.removesuffix(_SUFFIX).split("/")
    return Kept(module, *parts) if len(parts) == 4 else None  # noqa: PLR2004 - as `Kept.path`


def scan_kept(kept: Kept, workstation: Folders) -> pl.LazyFrame:
    """Scan the kept rows of a source."""
    return scan_parquet(workstation.kept(kept.module), [kept.path])
