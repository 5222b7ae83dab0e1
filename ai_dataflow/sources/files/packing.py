"""Packing: files that are gzipped, in zstd, or in a zip with one member."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Any, Literal, cast

Packing = Literal["", "gzip", "zstd", "zip"]
SUFFIXES: dict[str, Packing] = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".zip": "zip"}
_ENDINGS = tuple(SUFFIXES)
_MAGIC: tuple[tuple[bytes, Packing], ...] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),  # an empty one
)
# What damaged packings are told by; zstd's are OSError.
DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile)


def named(path: str) -> Packing:
    """Tell by its name how a file is packed."""
    name = path.lower()
    # Most files are not packed, and a path takes its time.
    return SUFFIXES.get(PurePosixPath(name).suffix, "") if name.endswith(_ENDINGS) else ""


def without_suffix(path: str) -> str:
    """Give a path without the suffix that tells the packing."""
    return path[: -len(PurePosixPath(path).suffix)] if named(path) else path


def packing_of(path: str, head: bytes) -> Packing:
    """Tell how a file is packed: by its name, or by its first bytes where that says nothing."""
    begun = next((packing for magic, packing in _MAGIC if head.startswith(magic)), "")
    return cast(Packing, begun or named(path))


def unpacked(raw: io.BufferedReader, packing: Packing) -> Any:
    """Give what is packed as a stream of bytes.

    Raises:
        zipfile.BadZipFile: a zip is none, has other than one file in it, or a password.
    """
    match packing:
        case "gzip":
            return gzip.open(raw)
        case "zstd":
            import pyarrow as pa  # noqa: PLC0415 - its import is for who reads zstd

            return pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd")
        case "zip":
            return _only_member(raw)
        case _:
            return raw


def _only_member(raw: io.BufferedReader) -> Any:
    archive = zipfile.ZipFile(raw)
    files = [info for info in archive.infolist() if not info.is_dir()]
    if len(files) != 1:
        raise zipfile.BadZipFile(f"the zip has {len(files):,} files in it, not one")
    if files[0].flag_bits & 1:
        raise zipfile.BadZipFile("the zip has a password")
    try:
        return archive.open(files[0])
    except NotImplementedError:
        raise zipfile.BadZipFile("the zip is packed in a way that is not known") from None
