"""The demo, `dagster dev` on it, and a browser: one for all tests of the pages.

They end with the last of these tests: a page that is open and a daemon that ticks would take a
fifth of a core from all tests that follow.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai_dataflow_tests.ui.browser import PICTURES, Browser, open_browser
from ai_dataflow_tests.ui.dagster_dev import DagsterDev
from ai_dataflow_tests.ui.demo import run_demo


@pytest.fixture(scope="package")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the demo after a run. Pictures show its path: for the docs it is a short one."""
    if not os.environ.get(PICTURES):
        folder = tmp_path_factory.mktemp("ui") / "demo"
        yield run_demo(folder)
        return
    folder = Path(tempfile.gettempdir()) / "demo"
    assert not folder.exists(), f"{folder} is in the way: the pictures' demo is made there"
    try:
        yield run_demo(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def ui(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Give a browser that looks at `dagster dev` on the demo."""
    with (
        DagsterDev(project) as server,
        open_browser(server.url, tmp_path_factory.mktemp("pictures")) as browser,
    ):
        yield browser
