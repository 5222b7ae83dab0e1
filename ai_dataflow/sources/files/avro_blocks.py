"""Avro's container files as they are stored: the header, and blocks that are unpacked one by one.

Why fastavro does not unpack them: it unpacks any block whole, and a few bytes can be gigabytes.
"""

from __future__ import annotations

import bz2
import io
import json
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import IO, Any, cast

import fastavro

from ai_dataflow.tables.grids import UnreadableError

_MAGIC = b"Obj\x01"
_SYNC: dict[str, Any] = {"type": "fixed", "name": "sync", "size": 16}
_MAP = {"type": "map", "values": "bytes"}
_HAS_ZSTD = sys.version_info >= (3, 14)
_MOST = 64 << 20  # bytes of a block
_HEADER: dict[str, Any] = {
    "type": "record", "name": "header",
    "fields": [
        {"name": "magic", "type": {"type": "fixed", "name": "magic", "size": len(_MAGIC)}},
        {"name": "meta", "type": _MAP},
        {"name": "sync", "type": _SYNC},
    ],
}  # fmt: skip
_BLOCK: dict[str, Any] = {
    "type": "record", "name": "block",
    "fields": [
        {"name": "count", "type": "long"},
        {"name": "data", "type": "bytes"},
        {"name": "sync", "type": _SYNC},
    ],
}  # fmt: skip
# What a logical type is stored as, beside what it means.
_INSIDE = ("type", "items", "values", "fields")


def schema_of(stream: IO[bytes]) -> Any:
    """Give the schema that a file was written with.

    Raises:
        UnreadableError: it is no Avro.
    """
    return json.loads(_header(stream)["meta"]["avro.schema"])


def records(stream: IO[bytes]) -> Iterator[Any]:
    """Give the records of a file, values as they are stored: days and instants as numbers.

    fastavro would make Python's dates of them, which end before Avro's do.

    Raises:
        UnreadableError: it is no Avro, or cannot be unpacked.
    """
    header = _header(stream)
    meta = header["meta"]
    unpack = _unpacker(meta.get("avro.codec", b"null").decode())
    schema = _as_stored(json.loads(meta["avro.schema"]))
    _check_sizes(schema)
    plain = {**header, "meta": {"avro.schema": json.dumps(schema).encode(), "avro.codec": b"null"}}
    parts = _parts(stream, plain, unpack)
    return fastavro.reader(cast(IO[bytes], _Chained(parts)))  # of a stream only `read` is used


def _header(stream: IO[bytes]) -> dict[str, Any]:
    start = stream.read(len(_MAGIC))
    if start != _MAGIC:
        raise UnreadableError("it is no Avro")
    return _read(_HEADER, _Chained(iter([start]), stream))


def _read(schema: Any, stream: object) -> dict[str, Any]:
    return cast(dict[str, Any], fastavro.schemaless_reader(cast(IO[bytes], stream), schema, None))


def _parts(
    stream: IO[bytes], header: dict[str, Any], unpack: Callable[[bytes], bytes]
) -> Iterator[bytes]:
    """Give the file anew, with this header and its blocks unpacked."""
    yield _written(_HEADER, header)
    while first := stream.read(1):
        try:
            block = _read(_BLOCK, _Chained(iter([first]), stream))
        except EOFError:  # fastavro would take it for the end
            raise UnreadableError("it is cut off") from None
        yield _written(_BLOCK, {**block, "data": unpack(block["data"])})


def _written(schema: Any, record: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()


def _unpacker(codec: str) -> Callable[[bytes], bytes]:
    match codec:
        case "null":
            return lambda data: data
        case "deflate":
            return lambda data: _bounded(zlib.decompressobj(-zlib.MAX_WBITS), data)
        case "bzip2":
            return lambda data: _bounded(bz2.BZ2Decompressor(), data)
        case "xz":
            return lambda data: _bounded(lzma.LZMADecompressor(), data)
        case "zstandard":
            zstd = import_module("compression.zstd" if _HAS_ZSTD else "backports.zstd")
            return lambda data: _bounded(zstd.ZstdDecompressor(), data)
        case "snappy":
            import cramjam  # noqa: PLC0415 - for few

            return lambda data: _of_snappy(cramjam.snappy, data)
        case _:
            raise UnreadableError(f"its codec {codec} cannot be unpacked")


def _bounded(unpacking: Any, data: bytes) -> bytes:
    unpacked: bytes = unpacking.decompress(data, _MOST)
    if not unpacking.eof:
        raise UnreadableError(f"a block in it is cut off, or unfolds to more than {_MOST >> 20} MB")
    return unpacked


def _of_snappy(snappy: Any, data: bytes) -> bytes:
    """Unpack what has its length before it, and its checksum behind."""
    body, checksum = data[:-4], data[-4:]
    if snappy.decompress_raw_len(body) > _MOST:
        raise UnreadableError(f"a block in it unfolds to more than {_MOST >> 20} MB")
    unpacked = bytes(snappy.decompress_raw(body))
    if zlib.crc32(unpacked).to_bytes(4, "big") != checksum:
        raise UnreadableError("a block in it has another checksum")
    return unpacked


def _as_stored(schema: Any) -> Any:
    """Leave out of a schema what the stored values mean."""
    if isinstance(schema, list):
        return [_as_stored(branch) for branch in schema]
    if isinstance(schema, dict):
        return {key: _as_stored(value) if key in _INSIDE else value
                for key, value in schema.items() if key != "logicalType"}  # fmt: skip
    return schema


def _check_sizes(schema: Any) -> None:
    """Refuse values without a byte: a few bytes could say that there are endless ones."""
    if isinstance(schema, list):
        for branch in schema:
            _check_sizes(branch)
    if not isinstance(schema, dict):
        return
    fields = schema.get("fields")
    is_empty = fields is not None and all(_has_no_byte(field["type"]) for field in fields)
    if is_empty or _has_no_byte(schema.get("items")):
        raise UnreadableError("it has values without a byte")
    for inner in (*(fields or ()), schema.get("items"), schema.get("values"), schema.get("type")):
        _check_sizes(inner)


def _has_no_byte(schema: Any) -> bool:
    if isinstance(schema, dict):
        is_fixed = schema.get("type") == "fixed" and not schema.get("size")
        return is_fixed or _has_no_byte(schema.get("type"))
    return bool(schema == "null")


class _Chained:
    """Parts of bytes, and then a stream, as one stream."""

    def __init__(self, parts: Iterator[bytes], rest: IO[bytes] | None = None) -> None:
        self._parts, self._rest = parts, rest
        self._part = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Read so many bytes; fewer only at the end."""
        taken = bytearray()
        while len(taken) < size:
            if not self._part:
                part = next(self._parts, b"")
                if not part:
                    return bytes(taken) + (
                        self._rest.read(size - len(taken)) if self._rest else b""
                    )
                self._part = memoryview(part)
            here = self._part[: size - len(taken)]
            taken += here
            self._part = self._part[len(here) :]
        return bytes(taken)
