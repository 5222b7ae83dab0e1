"""What Dagster's pages show of the demo after a run in which two partitions failed on purpose."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, expect

from ai_dataflow_tests.ui.browser import CHROMIUM, PICTURES, Browser, open_browser
from ai_dataflow_tests.ui.dagster_dev import DagsterDev

# One `dagster dev` is for all: they are the tests of one worker.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.xdist_group("ui"),
    pytest.mark.skipif(
        not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed: run `make services-setup`"
    ),
]

GENERATOR = Path(__file__).parents[2] / "examples" / "generate.py"
CLI = "from ai_dataflow.cli import main; main()"
LOCATION = "/locations/ai_dataflow.definitions"
LOST = "claims|dunmore"
LOST_FILE = "there is nothing at /mnt/orion/claims/line/dunmore.csv"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the demo after a run. Pictures show its path: for the docs it is a short one."""
    if not os.environ.get(PICTURES):
        folder = tmp_path_factory.mktemp("ui") / "demo"
        yield _run_demo(folder)
        return
    folder = Path(tempfile.gettempdir()) / "demo"
    assert not folder.exists(), f"{folder} is in the way: the pictures' demo is made there"
    try:
        yield _run_demo(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_demo(folder: Path) -> Path:
    subprocess.run([sys.executable, GENERATOR, folder], check=True)
    mine = {k: v for k, v in os.environ.items() if k not in ("DAGSTER_HOME", "AI_DATAFLOW_CONFIG")}
    ran = subprocess.run([sys.executable, "-c", CLI, "run"], cwd=folder, env=mine, check=False)
    assert ran.returncode == 1, "two partitions fail on purpose"
    return folder


@pytest.fixture(scope="module")
def ui(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Give a browser that looks at `dagster dev` on the demo."""
    with (
        DagsterDev(project) as server,
        open_browser(server.url, tmp_path_factory.mktemp("pictures")) as browser,
    ):
        yield browser


def _partition(asset: str, key: str) -> str:
    return f"/assets/{asset}?view=partitions&partition={quote(key)}"


def _run_id(project: Path) -> str:
    (report,) = (project / "workstation" / "_runs").glob("*.json")
    return report.stem


def _labels(ui: Browser) -> list[str]:
    """Give the labels of the metadata on the page, in their order."""
    table = ui.page.locator("table", has_text="rows_read").last
    expect(table).to_be_visible()
    return [cell.strip() for cell in table.locator("> tbody > tr > td:first-child").all_inner_texts()]


def test_the_graph_shows_three_assets_and_how_many_partitions_failed(ui: Browser) -> None:
    page = ui.visit(f"{LOCATION}/asset-groups/ai_dataflow")
    shown = {"adls_extract": "2 failed", "azure_sql_extract": "1 failed", "ai_dataset": "2 failed"}
    nodes: list[Locator] = []
    for asset, failed in shown.items():
        node = page.locator("foreignObject", has=page.get_by_text(asset, exact=True)).first
        expect(node).to_contain_text("36 partitions")
        expect(node).to_contain_text(failed)
        nodes.append(node)
    expect(nodes[2]).to_contain_text("1 / 1 Passed")
    ui.picture_of("graph", *nodes)


def test_a_failed_partition_tells_why_and_who_can_help(ui: Browser) -> None:
    page = ui.visit(_partition("ai_dataset", LOST))
    for count in ("Failed (2)", "Materialized (34)", "Missing (0)"):
        expect(page.get_by_text(count)).to_be_visible()
    expect(page.get_by_text("failed, and did not materialize this asset")).to_be_visible()
    ui.picture("dagster-partitions")


def test_a_partition_shows_counts_schema_lineage_and_coverage(ui: Browser) -> None:
    page = ui.visit(_partition("ai_dataset", "policies|acme"))
    ui.grow(1500)
    print(_labels(ui))
    ui.picture("dagster-metadata")


def test_the_sensor_tells_what_its_tick_found(ui: Browser) -> None:
    page = ui.visit(f"{LOCATION}/sensors/control_table")
    tick = page.locator("table").last.get_by_text(re.compile("^0 runs requested")).last
    tick.click()
    expect(page.get_by_text("36 partitions in the control table")).to_be_visible()
    ui.picture("dagster-tick")


def test_the_run_tells_each_failure_with_place_and_owner(ui: Browser, project: Path) -> None:
    page = ui.visit(f"/runs/{_run_id(project)}?logs={quote('type:STEP_FAILURE')}")
    expect(page.get_by_text("2 of 36 partitions failed").first).to_be_visible()
    ui.picture("dagster-run")
