"""Makes the docs' pictures of Dagster's pages anew: `python -m ai_dataflow_tests.ui`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from ai_dataflow_tests.ui.browser import PICTURES

_HERE = Path(__file__).parent
_DOCS = _HERE.parents[1] / "docs" / "img"
_SHOWN = (
    "graph", "dagster-partitions", "dagster-metadata", "dagster-tick", "dagster-run", "backfill",
    "tutorial-mail", "tutorial-failed",
    "dagster-never-published", "data-card",
)  # fmt: skip


def main() -> int:
    """Run the tests; where all pass, copy those of their pictures that the docs show."""
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        os.environ[PICTURES] = folder
        if code := pytest.main(["-q", str(_HERE)]):
            return code
        for name in _SHOWN:
            taken = Path(folder) / f"{name}.png"
            if not taken.exists():  # the tests were skipped
                return 2
            shutil.copyfile(taken, _DOCS / taken.name)
            print(_DOCS / taken.name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
