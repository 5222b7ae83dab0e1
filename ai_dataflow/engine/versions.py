"""What has to be the same wherever partitions of one run are made."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import deltalake
import polars as pl
import pyarrow as pa
import pydantic

import ai_dataflow


def _code() -> str:
    digest = hashlib.sha256()
    for file in sorted(Path(ai_dataflow.__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


# Taken when the code is imported: an upgrade amid a run does not put its name to what is running.
_CODE = _code()


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
