"""What has to be the same wherever partitions of one run are made."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

import deltalake
import polars as pl
import pyarrow as pa
import pydantic

import ai_dataflow


def code_of(package: Traversable) -> str:
    """Give a digest of a package's code: of a folder, or of an archive that executors were sent."""
    digest = hashlib.sha256()
    for file in _modules(package):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _modules(folder: Traversable) -> Iterator[Traversable]:
    for part in sorted(folder.iterdir(), key=lambda part: part.name):
        if part.is_dir():
            yield from _modules(part)
        elif part.name.endswith(".py"):
            yield part


# Taken when the code is imported: an upgrade amid a run does not put its name to what is running.
_CODE = code_of(files(ai_dataflow))


def versions() -> dict[str, str]:
    """Give the versions of the package, of its very code, and of what computes with it."""
    return {
        "ai_dataflow": ai_dataflow.__version__,
        "its code": _CODE,
        "Polars": pl.__version__,
        "deltalake": deltalake.__version__,
        "pyarrow": pa.__version__,
        "pydantic": pydantic.VERSION,
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
