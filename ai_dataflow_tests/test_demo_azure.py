"""The demo on Azurite and PostgreSQL publishes what the demo on files and SQLite does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from ai_dataflow_tests.runs.runs import cli
from ai_dataflow_tests.services.__main__ import environment
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.postgres import Postgres

EXAMPLES = Path(__file__).parents[1] / "examples"


def _report(generator: str, folder: Path) -> dict[str, dict[str, object]]:
    """Generate a demo and run it; give what its report says of each partition."""
    subprocess.run([sys.executable, EXAMPLES / generator, folder], check=True)
    ran = cli(folder, "run", "--json")
    assert ran.returncode == 1
    facts = ("status", "rows_read", "rows_rejected", "rows_published")
    return {p["partition"]: {f: p[f] for f in facts} for p in json.loads(ran.stdout)["partitions"]}


@pytest.mark.slow
def test_azure_gives_what_files_give(
    azurite: Azurite, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(azurite, postgres).items():
        monkeypatch.setenv(name, value)
    in_azure = _report("generate_azure.py", tmp_path / "azure")
    assert in_azure == _report("generate.py", tmp_path / "files")
    assert Counter(partition["status"] for partition in in_azure.values())["ok"] == 34
    closing = [sys.executable, EXAMPLES / "closing.py", tmp_path / "files"]
    said = subprocess.run(closing, check=True, capture_output=True, text=True).stdout
    assert "Published  34 of 36 partitions, 25,617 rows: claims, customers, policies" in said
    assert "claims|dunmore    SRC-001 source not found         owner: orion-data" in said
