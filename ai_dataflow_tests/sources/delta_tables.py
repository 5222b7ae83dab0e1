"""Delta tables as Databricks writes them, action by action: what no writer here makes."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Action = dict[str, Any]


def field(name: str, kind: Any, **said: Any) -> dict[str, Any]:
    """Give a field of a schema, as the log has it."""
    return {"name": name, "type": kind, "nullable": True, "metadata": said}


def renamed(name: str, kind: Any, number: int, stored: str) -> dict[str, Any]:
    """Give a field that files call otherwise."""
    said = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": stored}
    return field(name, kind, **said)


def with_ids(table: pa.Table, *numbers: int) -> pa.Table:
    """Give the columns of a file their numbers."""
    fields = [
        each.with_metadata({"PARQUET:field_id": str(number)})
        for each, number in zip(table.schema, numbers, strict=True)
    ]
    return table.cast(pa.schema(fields))


def actions(
    fields: Iterable[Mapping[str, Any]],
    features: Sequence[str] = (),
    said: Mapping[str, str] | None = None,
    by: Sequence[str] = (),
) -> list[Action]:
    """Give the first actions of a log: what readers must have, and the columns."""
    needed = {"readerFeatures": [*features], "writerFeatures": [*features]}
    return [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **needed}},
        {"metaData": {
            "id": "t", "format": {"provider": "parquet", "options": {}}, "createdTime": 1,
            "schemaString": json.dumps({"type": "struct", "fields": [*fields]}),
            "partitionColumns": [*by], "configuration": dict(said or {}),
        }},
    ]  # fmt: skip


def added(folder: Path, name: str, rows: pa.Table, **more: Any) -> Action:
    """Write a file of a table; give the action that adds it."""
    folder.mkdir(exist_ok=True, parents=True)
    pq.write_table(rows, folder / name)
    size = (folder / name).stat().st_size
    return {"add": {"path": name, "partitionValues": {}, "size": size, "modificationTime": 1,
                    "dataChange": True, **more}}  # fmt: skip


def logged(folder: Path, lines: Iterable[Action], name: str = f"{0:020}.json") -> Path:
    """Write a file of a table's log; give the table."""
    (folder / "_delta_log").mkdir(exist_ok=True, parents=True)
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (folder / "_delta_log" / name).write_text(text)
    return folder


def deletion_vector(folder: Path, rows: Sequence[int], height: int) -> Action:
    """Write the numbers of deleted rows to a file; give what an `add` says of it.

    `height` counts the rows of the data file, which readers have to know. The format is that of
    Delta's protocol, "Deletion Vector Format": a 64-bit Roaring bitmap of one 32-bit one, of one
    container of 16-bit numbers.
    """
    inner = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16)
    inner += struct.pack(f"<{len(rows)}H", *sorted(rows))
    data = struct.pack("<iqi", 1681511377, 1, 0) + inner
    file = folder / "deleted.bin"
    checksum = struct.pack(">I", zlib.crc32(data))
    file.write_bytes(b"\x01" + struct.pack(">i", len(data)) + data + checksum)
    where = {"storageType": "p", "pathOrInlineDv": file.as_uri(), "offset": 1}
    vector = {**where, "sizeInBytes": len(data), "cardinality": len(rows)}
    return {"deletionVector": vector, "stats": json.dumps({"numRecords": height})}
