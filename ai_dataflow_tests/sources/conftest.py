"""The ways to SQL Server: each driver, in bulk and as tuples."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests.sources.mssql import WAYS, Way, only_tuples


@pytest.fixture(params=WAYS, ids="-".join)
def way(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Way:
    """Give a driver and a manner of reading; a test with it runs for each."""
    driver, manner = request.param
    if manner == "tuples":
        only_tuples(monkeypatch)
    return Way(driver, manner, tmp_path)
