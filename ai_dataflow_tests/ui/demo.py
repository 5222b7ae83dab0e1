"""The demo project that the browser looks at, after a run in which two partitions failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ai_dataflow_tests.runs.runs import cli
from ai_dataflow_tests.ui.browser import CHROMIUM

IN_BROWSER = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed: run `make services-setup`"
    ),
]
LOCATION = "/locations/ai_dataflow.definitions"
LOST, HELD = "claims|dunmore", "policies|kestrel"  # the two

_GENERATOR = Path(__file__).parents[2] / "examples" / "generate.py"


def run_demo(folder: Path) -> Path:
    """Publish the partition that will fail, then run the demo as `make demo` does."""
    subprocess.run([sys.executable, _GENERATOR, folder], check=True)
    lines = folder / "data" / "orion" / "claims" / "line"
    head = (lines / "acme.csv").read_text(encoding="utf-8").partition("\n")[0]
    (lines / "dunmore.csv").write_text(f"{head}\n", encoding="utf-8")
    assert cli(folder, "run", "-p", LOST).returncode == 0
    (lines / "dunmore.csv").unlink()
    assert cli(folder, "run").returncode == 1, "two partitions fail on purpose"
    return folder
