"""What Dagster's pages show of the demo after a run in which two partitions failed on purpose."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect

from ai_dataflow_tests.ui.browser import Browser
from ai_dataflow_tests.ui.demo import HELD, IN_BROWSER, LOCATION, LOST

pytestmark = IN_BROWSER

LOST_FILE = "there is nothing at /mnt/orion/claims/line/dunmore.csv"


def _partition(asset: str, key: str) -> str:
    return f"/assets/{asset}?view=partitions&partition={quote(key)}"


def _last_run(project: Path) -> str:
    reports = (project / "workstation" / "_runs").glob("*.json")
    return max(reports, key=lambda report: report.stat().st_mtime).stem


def _labels(page: Page) -> list[str]:
    """Give the labels of a partition's metadata, in their order."""
    table = page.locator("table", has_text="rows_read").first
    expect(table).to_be_visible()
    return table.locator("> tbody > tr > td:first-child").all_inner_texts()


def _row(page: Page, label: str) -> Locator:
    """Give the row of a label in a partition's metadata."""
    cell = page.get_by_role("cell", name=label, exact=True)
    return page.locator("tr", has=cell).first


def _expect_all(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.get_by_text(text).first).to_be_visible()


def test_the_graph_shows_three_assets_and_how_many_partitions_failed(ui: Browser) -> None:
    page = ui.visit(f"{LOCATION}/asset-groups/ai_dataflow")
    shown = {"adls_extract": "2 failed", "azure_sql_extract": "1 failed", "ai_dataset": "2 failed"}
    nodes: list[Locator] = []
    for asset, failed in shown.items():
        node = page.locator("foreignObject", has=page.get_by_text(asset, exact=True)).first
        expect(node).to_contain_text("36 partitions")
        expect(node).to_contain_text(failed)
        nodes.append(node)
    expect(nodes[2]).to_contain_text("2 / 2 Passed")
    ui.picture("graph", *nodes, margin=16)


def test_the_overview_says_that_it_is_about_one_partition(ui: Browser) -> None:
    page = ui.visit("/assets/ai_dataset?view=overview")
    _expect_all(
        page,
        "each module has columns of its own",
        "the partition that was materialized last",
        "annual_premium",
        "ai-mapping",  # an owner
    )
    ui.picture("overview")


def test_a_failed_partition_shows_why_and_what_readers_still_see(ui: Browser) -> None:
    page = ui.visit(_partition("ai_dataset", LOST), height=860)
    _expect_all(page, "Failed (2)", "Materialized (34)", "Missing (0)")
    _expect_all(page, "failed, and did not materialize this asset", LOST_FILE)
    assert _labels(page)[:5] == ["failure", "fix", "place", "owner", "rows_read"]
    expect(_row(page, "place")).to_contain_text("control_table.csv:12:module_location")
    expect(_row(page, "owner")).to_contain_text("orion-data")
    ui.picture("dagster-partitions")


def test_the_events_tell_why_a_partition_was_never_published(ui: Browser) -> None:
    page = ui.visit("/assets/ai_dataset?view=events")
    page.get_by_text("policies|kestrel").first.click()
    _expect_all(page, "held: MAP-014 data/vega/policies/motor/kestrel has no column")
    expect(_row(page, "place")).to_contain_text("ai_mapping.xlsx!AI_Map!D38")
    expect(_row(page, "owner")).to_contain_text("ai-mapping")
    ui.picture("events")


def test_the_page_of_a_partition_that_was_never_published_says_why(ui: Browser) -> None:
    page = ui.visit(_partition("ai_dataset", HELD))
    _expect_all(page, "failed, and did not materialize this asset")
    page.get_by_role("button", name="View all historical events (1)").click()
    dialog = page.get_by_text(f"Historical events for {HELD}")
    expect(dialog).to_be_visible()
    page.locator("td", has_text=HELD).last.click()
    _expect_all(page, "held: MAP-014 data/vega/policies/motor/kestrel has no column")
    owner = page.locator("tr", has=page.get_by_text("owner", exact=True)).last
    expect(owner).to_contain_text("ai-mapping")
    ui.picture("dagster-never-published", dialog, owner)


def test_runs_of_the_command_line_are_in_the_timeline_and_the_job_s_list(
    ui: Browser, project: Path
) -> None:
    page = ui.visit("/overview/activity/timeline")
    _expect_all(page, "ai_dataflow.definitions", "ai_dataflow_job")
    ui.picture("timeline")
    page = ui.visit(f"{LOCATION}/jobs/ai_dataflow_job/runs")
    expect(page.get_by_role("link", name=_last_run(project)[:8])).to_be_visible()
    _expect_all(page, "ai_dataflow/project")
    expect(page.get_by_text("boot_id")).to_have_count(0)  # what programs read is for them
    ui.picture("job")


def test_a_partition_shows_counts_schema_lineage_and_coverage(ui: Browser) -> None:
    page = ui.visit(_partition("ai_dataset", "policies|borealis"), height=1400)
    labels = _labels(page)
    assert labels[:5] == ["rows_read", "rows_rejected", "rows_merged", "rows_published", "rejects"]
    assert {"dagster/uri", "dagster/column_schema", "delta_version", "report"} <= set(labels)
    expect(_row(page, "lineage")).to_contain_text("ORION: motor.PREM_AMT, property.PREM_AMT")
    expect(_row(page, "coverage")).to_contain_text("built_year")
    beside_title = page.get_by_text("Materialized", exact=True).last
    ui.picture("dagster-metadata", beside_title, _row(page, "coverage"))
    page.get_by_text("[Show Table Schema]").click()
    _expect_all(page, "decimal(18,2)", "In euro", "the product that the row comes from")
    ui.picture("schema")


def test_an_extract_without_sources_says_so(ui: Browser) -> None:
    page = ui.visit(_partition("adls_extract", "policies|lumina"))
    expect(_row(page, "locations")).to_contain_text("none of this partition's sources are files")
    ui.picture("extract")


def test_the_coverage_check_tells_the_share_of_each_module(ui: Browser) -> None:
    page = ui.visit("/assets/ai_dataset?view=checks")
    _expect_all(page, "Passed", "claims 100%, customers 93%, policies 93%")
    _expect_all(page, "mapped share of policies", "coverage of policies")
    ui.picture("check")


def test_the_sensor_tells_what_its_tick_found(ui: Browser) -> None:
    page = ui.visit(f"{LOCATION}/sensors/control_table")
    page.get_by_role("button", name="0 runs requested").last.click()
    found = page.get_by_text("36 partitions in the control table")
    expect(found).to_be_visible()
    ui.picture("dagster-tick", page.get_by_text("Tick for control_table"), found,
               page.get_by_text("Duration").last)  # fmt: skip


def test_the_run_tells_each_failure_with_place_and_owner(ui: Browser, project: Path) -> None:
    failure = quote("type:STEP_FAILURE")
    page = ui.visit(f"/runs/{_last_run(project)}?logs={failure}", height=800)
    _expect_all(page, "2 of 36 partitions failed", f"{LOST}: SRC-001 {LOST_FILE}")
    ui.picture("dagster-run")
    page.get_by_text("View full message").first.click()
    _expect_all(page, "ai_mapping.xlsx!AI_Map!D38", "deliver the data, correct the location")
    ui.picture("failure")
