"""Pinned files: exactly what is read, so that it cannot be a mixture of two states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.connections.stores import StoredFile
from ai_dataflow.sources.files.text_dialects import Dialect

Format = Literal["parquet", "delta", "csv", "jsonl", "excel", "avro"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """Files as they were when they were pinned.

    `name` is the location as the control table spells it, `folder` the URL that the files'
    paths are relative to, `version` the Delta version.
    `staged` tells that the files are our own copy, which nobody else changes; `rows` is what the
    database's cursor gave for it.
    `dialects` tell how each file is written, where they are text and not all are plain.
    `partition` are the values that the rows of a Delta table are chosen by, where the location is
    one of its partitions. `sheet` is the one of workbooks that the location names, `written` what
    the settings say of the files.
    """

    name: str
    folder: str
    file_format: Format
    files: tuple[StoredFile, ...] = ()
    version: int | None = None
    staged: bool = False
    rows: int | None = None
    partition: tuple[tuple[str, str | None], ...] = ()
    dialects: tuple[Dialect, ...] = ()
    sheet: str = ""
    written: FormatSettings | None = None

    @property
    def size(self) -> int:
        """Bytes that reading may touch, as stored."""
        return sum(file.size for file in self.files)
