"""Running partitions from Dagster's pages: each way makes what it says, and no more.

These tests follow those of the pages, and add runs to what is shown.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from ai_dataflow_tests.services.processes import wait_until
from ai_dataflow_tests.ui.browser import Browser
from ai_dataflow_tests.ui.demo import HELD, IN_BROWSER, LOCATION, LOST

pytestmark = IN_BROWSER
GRAPH = "/asset-groups"
_PATIENCE = 240.0
_LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
  }
}
"""
_BACKFILLS = """
{ partitionBackfillsOrError(limit: 1) {
    ... on PartitionBackfills { results { id status runs(limit: 100) { id status } } } } }
"""
_START = """
mutation ($selector: SensorSelector!) { startSensor(sensorSelector: $selector) { __typename } }
"""
_SENSOR = {
    "repositoryName": "__repository__",
    "repositoryLocationName": LOCATION.rpartition("/")[2],
    "sensorName": "changes",
}
_PARTITIONS = """
{ assetNodeOrError(assetKey: {path: ["ai_dataset"]}) {
    ... on AssetNode { partitionKeysByDimension { partitionKeys } } } }
"""


def _ask(ui: Browser, query: str, **variables: Any) -> dict[str, Any]:
    """Ask the pages' server what the pages ask it."""
    body = {"query": query, "variables": variables}
    answer = ui.page.request.post(f"{ui.url}/graphql", data=body).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


def _all(ui: Browser) -> list[str]:
    node = _ask(ui, _PARTITIONS)["assetNodeOrError"]
    keys: list[str] = node["partitionKeysByDimension"][0]["partitionKeys"]
    return keys


def _last_backfill(ui: Browser) -> dict[str, Any] | None:
    results = _ask(ui, _BACKFILLS)["partitionBackfillsOrError"]["results"]
    return results[0] if results else None


def _made_by_next_backfill(ui: Browser, project: Path, before: str | None) -> list[list[str]]:
    """Wait for a backfill that follows another; give the partitions that each run was about."""

    def is_over() -> bool:
        last = _last_backfill(ui)
        return bool(last and last["id"] != before and last["status"].startswith("COMPLETED"))

    assert wait_until(lambda: _id_of_last(ui) != before, _PATIENCE, pause=0.3)
    ui.leave()
    assert wait_until(is_over, _PATIENCE, pause=0.3), _last_backfill(ui)
    last = _last_backfill(ui)
    assert last
    return sorted(_partitions(project, run["id"]) for run in last["runs"])


def _partitions(project: Path, run_id: str) -> list[str]:
    report = json.loads((project / "workstation" / "_runs" / f"{run_id}.json").read_text())
    return sorted(partition["partition"] for partition in report["partitions"])


def _id_of_last(ui: Browser) -> str | None:
    last = _last_backfill(ui)
    return last["id"] if last else None


def _dialog(ui: Browser) -> Page:
    page = ui.visit(GRAPH)
    page.get_by_role("button", name="Materialize all").click()
    expect(page.get_by_role("button", name="Launch backfill")).to_be_visible()
    return page


def test_failed_and_missing_makes_those_and_no_more(ui: Browser, project: Path) -> None:
    before, page = _id_of_last(ui), _dialog(ui)
    launch = page.get_by_role("button", name="Launch backfill")
    ui.picture("backfill", page.get_by_text("Launch runs to materialize 3 assets"), launch)
    page.get_by_text("Failed and missing", exact=True).click()
    page.get_by_role("button", name="Launch backfill").click()
    assert _made_by_next_backfill(ui, project, before) == [[LOST], [HELD]]


@pytest.mark.parametrize(
    ("first", "last", "runs"), [(3, 4, 1), (2, 9, 1)], ids=["one partition", "a range"]
)
def test_a_range_makes_what_it_names_in_one_run(
    ui: Browser, project: Path, first: int, last: int, runs: int
) -> None:
    before, keys = _id_of_last(ui), _all(ui)[first:last]
    _launch(ui, partitionNames=keys)
    made = _made_by_next_backfill(ui, project, before)
    assert len(made) == runs
    assert made[0] == sorted(keys)


def test_scattered_partitions_are_one_run_for_each_group_of_neighbours(
    ui: Browser, project: Path
) -> None:
    before, keys = _id_of_last(ui), _all(ui)
    chosen = [keys[0], keys[1], keys[7], keys[20]]
    _launch(ui, partitionNames=chosen)
    made = _made_by_next_backfill(ui, project, before)
    assert made == sorted([sorted(chosen[:2]), chosen[2:3], chosen[3:]])


def test_all_makes_all_in_one_run(ui: Browser, project: Path) -> None:
    before, keys = _id_of_last(ui), _all(ui)
    _launch(ui, partitionNames=keys)
    assert _made_by_next_backfill(ui, project, before) == [sorted(keys)]


def _launch(ui: Browser, **chosen: Any) -> None:
    """Launch a backfill as the dialog does."""
    assets = [{"path": [name]} for name in ("adls_extract", "azure_sql_extract", "ai_dataset")]
    done = _ask(ui, _LAUNCH, params={"assetSelection": assets, **chosen})
    assert done["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess", done


def test_the_sensor_makes_what_changed_and_its_tick_says_why(ui: Browser, project: Path) -> None:
    reports = project / "workstation" / "_runs"
    before = set(reports.iterdir())
    file = project / "data" / "orion" / "claims" / "line" / "acme.csv"
    file.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    ui.leave()
    assert _ask(ui, _START, selector=_SENSOR)["startSensor"]["__typename"] == "Sensor"
    assert wait_until(lambda: set(reports.iterdir()) != before, _PATIENCE)
    page = ui.visit(f"{LOCATION}/sensors/changes")
    page.get_by_role("button", name="1 run requested").last.click()
    expect(page.get_by_text("Requested runs")).to_be_visible()
    expect(page.get_by_text("Failure").last).to_be_visible()  # two still fail
    close = page.get_by_role("button", name="Close")
    ui.picture("changes-tick", page.get_by_text("Tick for changes"), close)
    (made,) = set(reports.iterdir()) - before
    report = json.loads(made.read_text(encoding="utf-8"))
    statuses = {p["partition"]: p["status"] for p in report["partitions"]}
    assert statuses.pop("claims|acme") == "ok"
    assert {key for key, status in statuses.items() if status != "unchanged"} == {LOST, HELD}
