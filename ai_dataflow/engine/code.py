"""Which code computes datasets: what it made is made again by another."""

from __future__ import annotations

import hashlib
import sys
from importlib.resources import files

import deltalake
import polars as pl
import pyarrow as pa
import pydantic

from ai_dataflow import __version__

# Reading, mapping, merging, writing.
_PARTS = ("engine", "sources", "config", "workstation/files.py")


def _version() -> str:
    package = files("ai_dataflow")
    digest = hashlib.sha256(pl.__version__.encode())
    for name in _PARTS:
        part = package.joinpath(name)
        own = [part] if part.is_file() else sorted(part.iterdir(), key=lambda file: file.name)
        for file in own:
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


# Taken when the code is imported: an upgrade amid a run does not put its name to what that makes.
CODE_VERSION = _version()


def versions() -> dict[str, str]:
    """Give what has to be the same wherever partitions of one run are made."""
    return {
        "ai_dataflow": __version__,
        "its code": CODE_VERSION,
        "Polars": pl.__version__,
        "deltalake": deltalake.__version__,
        "pyarrow": pa.__version__,
        "pydantic": pydantic.VERSION,
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
    }
