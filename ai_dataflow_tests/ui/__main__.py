"""Makes the pictures of docs/img anew: `python -m ai_dataflow_tests.ui`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ai_dataflow_tests.ui.browser import PICTURES

_HERE = Path(__file__).parent
_DOCS = _HERE.parents[1] / "docs" / "img"


def main() -> int:
    """Run the tests, with the folder of the docs for their pictures."""
    os.environ[PICTURES] = str(_DOCS)
    return pytest.main(["-q", "-p", "no:cacheprovider", str(_HERE)])


if __name__ == "__main__":
    sys.exit(main())
