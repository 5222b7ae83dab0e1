"""What a user of Dagster sees: ranges, single partitions, metadata, downstream assets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ai_dataflow import load
from ai_dataflow.cli.starter import write_project
from ai_dataflow.definitions import build_definitions
from ai_dataflow.orchestration.metadata import lineage_table
from ai_dataflow.orchestration.partitions import NAME, module_client_partitions
from ai_dataflow.orchestration.resources import ProjectResource
from ai_dataflow.orchestration.watching import control_table_sensor
from ai_dataflow.partition.job import AiColumn, PartitionJob
from ai_dataflow.partition.result import Origin
from ai_dataflow_tests.runs.runs import dagster_statuses, instance_of, run_project

BOTH = ["claims|acme", "claims|borealis"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    write_project(folder)
    return folder


@pytest.fixture
def instance(project: Path) -> Iterator[dg.DagsterInstance]:
    with instance_of(project) as instance:
        instance.add_dynamic_partitions(NAME, BOTH)
        yield instance


def _materialize(
    project: Path, instance: dg.DagsterInstance, *assets: str, **how: Any
) -> dg.ExecuteInProcessResult:
    job = build_definitions(str(project)).resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(asset) for asset in assets],
        raise_on_error=False,
        **how,
    )


ALL = ("adls_extract", "azure_sql_extract", "ai_dataset")
RANGE = {
    "dagster/asset_partition_range_start": BOTH[0],
    "dagster/asset_partition_range_end": BOTH[1],
}


def test_a_range_is_one_run_with_a_status_for_each_key(
    project: Path, instance: dg.DagsterInstance
) -> None:
    (project / "data/orion/claims/borealis/line.csv").unlink()
    assert not _materialize(project, instance, *ALL, tags=RANGE).success
    assert dagster_statuses(project, "ai_dataset") == {
        "claims|acme": "MATERIALIZED",
        "claims|borealis": "FAILED",
    }


def test_one_partition_can_be_materialized(project: Path, instance: dg.DagsterInstance) -> None:
    assert _materialize(project, instance, *ALL, partition_key=BOTH[1]).success
    assert dagster_statuses(project, "ai_dataset") == {
        "claims|acme": "MISSING",
        "claims|borealis": "MATERIALIZED",
    }


def test_the_dataset_alone_is_merged_from_the_last_extracts(
    project: Path, instance: dg.DagsterInstance
) -> None:
    assert not _materialize(project, instance, "ai_dataset", partition_key=BOTH[1]).success
    extracts = ("adls_extract", "azure_sql_extract")
    assert _materialize(project, instance, *extracts, partition_key=BOTH[1]).success
    assert dagster_statuses(project, "ai_dataset")[BOTH[1]] == "FAILED"
    assert _materialize(project, instance, "ai_dataset", partition_key=BOTH[1]).success
    assert dagster_statuses(project, "ai_dataset")[BOTH[1]] == "MATERIALIZED"


def test_a_run_without_partitions_is_about_all_of_them(
    project: Path, instance: dg.DagsterInstance
) -> None:
    job = build_definitions(str(project)).resolve_job_def("ai_dataflow_job")
    assert job.execute_in_process(instance=instance).success
    assert set(dagster_statuses(project, "ai_dataset").values()) == {"MATERIALIZED"}


def test_a_partition_shows_what_it_is_made_of(project: Path) -> None:
    report = run_project(project)
    with instance_of(project) as instance:
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey("ai_dataset"), asset_partitions=[BOTH[0]]), limit=1
        ).records
    materialization = records[0].asset_materialization
    assert materialization is not None
    shown = {key: value.value for key, value in materialization.metadata.items()}
    assert (shown["rows_read"], shown["rows_rejected"], shown["rows_merged"]) == (10, 2, 2)
    assert (shown["rows_filtered"], shown["rows_unmatched"]) == (1, 1)  # a draft, and its line
    assert shown["dagster/partition_row_count"] == 4
    assert shown["delta_version"] == 0
    assert shown["bytes"] > 0
    assert shown["report"].endswith(f"_runs/{report.run_id}.json")
    assert shown["dagster/uri"].endswith("workstation/claims")
    columns = {c.name: (c.type, c.description) for c in shown["dagster/column_schema"].columns}
    assert columns["amount"] == ("decimal(18,2)", "Amount claimed; unit: EUR")
    status = shown["dagster/column_lineage"].deps_by_column["status"]
    assert [(d.asset_key.to_user_string(), d.column_name) for d in status] == [
        ("adls_extract", "ORION.header.Status")
    ]
    assert "| status | ORION: `header.Status` |" in shown["lineage"]  # for people to read
    assert shown["rejects"].endswith("_rejects/claims")
    assert shown["rows_published"] == 4


def test_a_failed_partition_shows_why_for_each_asset_that_failed(project: Path) -> None:
    run_project(project)
    (project / "data/orion/claims/borealis/line.csv").unlink()
    run_project(project)
    with instance_of(project) as instance:
        told = {
            asset: instance.fetch_observations(dg.AssetKey(asset), limit=10).records
            for asset in ALL
        }
    assert {asset: len(records) for asset, records in told.items()} == {
        "adls_extract": 1,
        "azure_sql_extract": 0,
        "ai_dataset": 1,
    }
    seen = told["ai_dataset"][0].asset_observation
    assert seen is not None
    assert seen.partition == BOTH[1]
    shown = {key: str(value.value) for key, value in seen.metadata.items()}
    assert shown["failure"].startswith("SRC-001 there is nothing at ")
    assert shown["place"] == "control_table.csv:5:module_location"
    assert shown["owner"]
    assert shown["fix"].startswith("deliver the data")


def test_source_columns_are_shown_as_they_are_whatever_their_names() -> None:
    origin = Origin("adls_extract", "ORION", "fee", "a|b`c")
    columns = _job("amount").columns
    table = lineage_table(columns, (("amount", (origin,)),)).md_str or ""
    assert table.splitlines()[2] == "| amount | ORION: `fee.a\\|b'c` |"
    assert (lineage_table(columns, ()).md_str or "").endswith("| amount | – |")


def _job(*columns: str) -> PartitionJob:
    return PartitionJob(
        "fees", "acme", columns=tuple(AiColumn(name, "string") for name in columns), sources=()
    )


def test_held_partitions_are_failed_with_their_diagnostic(project: Path) -> None:
    control = project / "control_table.csv"
    control.write_text(control.read_text().replace("/mnt/orion/claims/{client_code}/line.csv,Y",
                                                   "/mnt/orino/line.csv,Y", 1))  # fmt: skip
    report = run_project(project)
    assert dagster_statuses(project, "ai_dataset") == {
        "claims|acme": "FAILED",
        "claims|borealis": "MATERIALIZED",
    }
    (held,) = report.failed
    assert (held.status, held.error and held.error.code) == ("held", "CTL-007")
    assert held.error is not None
    assert held.error.place == "control_table.csv:3:module_location"
    assert "did you mean `orion`?" in held.error.message


def _ask_for(project: Path, settings: str) -> None:
    """Ask for a coverage of the module; the starter's products map 7 of 8 pairs."""
    with (project / "ai_dataflow.toml").open("a") as toml:
        toml.write(f"\n[modules.claims]\n{settings}\n")


def _coverage(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert "coverage" in checks
    return checks["coverage"]


@pytest.mark.parametrize(("asked", "passed"), [("", True), ("0.875", True), ("0.9", False)])
def test_the_coverage_check_warns_below_its_threshold_and_data_is_published_all_the_same(
    project: Path, instance: dg.DagsterInstance, asked: str, passed: bool
) -> None:
    if asked:
        _ask_for(project, f"min_coverage = {asked}")
    result = _materialize(project, instance, *ALL, tags=RANGE)
    check = _coverage(result)
    assert result.success
    assert check.asset_key == dg.AssetKey("ai_dataset")
    assert (check.passed, check.severity) == (passed, dg.AssetCheckSeverity.WARN)
    assert ("88% of the module's columns are mapped" in (check.description or "")) is not passed
    matrix = check.metadata["coverage of claims"].value
    assert "| status | ✓ | – |" in str(matrix)
    fill = str(check.metadata["fill of claims"].value)
    assert "| AI column | filled |  | ORION | VEGA |" in fill
    assert "| claim_id | 100% | ██████████ | 100% | 100% |" in fill
    assert re.search(r"\| status \| \d\d\.\d% \| █+.? \| 100% \| 0% \|", fill)
    assert set(dagster_statuses(project, "ai_dataset").values()) == {"MATERIALIZED"}


def test_coverage_blocks_holds_the_modules_partitions(
    project: Path, instance: dg.DagsterInstance
) -> None:
    _ask_for(project, "min_coverage = 0.9\ncoverage_blocks = true")
    result = _materialize(project, instance, *ALL, tags=RANGE)
    check = _coverage(result)
    assert (result.success, check.passed) == (False, False)
    assert dagster_statuses(project, "ai_dataset") == dict.fromkeys(BOTH, "FAILED")


def test_the_coverage_matrix_is_metadata_of_what_is_published(project: Path) -> None:
    run_project(project)
    with instance_of(project) as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey("ai_dataset"))
    assert event is not None
    assert event.asset_materialization is not None
    matrix = event.asset_materialization.metadata["coverage"]
    assert isinstance(matrix, dg.MarkdownMetadataValue)
    assert "| AI column | ORION | VEGA |" in (matrix.md_str or "")
    command = event.asset_materialization.metadata["data_card"].value
    assert command == "ai-dataflow describe claims --html card.html"


@pytest.mark.parametrize("kind", [pl.LazyFrame, pl.DataFrame, pd.DataFrame, pa.Table])
def test_downstream_assets_get_the_type_that_they_ask_for(project: Path, kind: type) -> None:
    seen: list[Any] = []

    def train(ai_dataset: Any) -> None:
        seen.append(ai_dataset)

    train.__annotations__["ai_dataset"] = kind
    _run_downstream(project, train, BOTH[0])
    assert isinstance(seen[0], kind)
    frame = seen[0].collect() if kind is pl.LazyFrame else seen[0]
    assert len(frame) == 4


def test_downstream_assets_get_one_frame_per_module(project: Path) -> None:
    seen: list[dict[str, pl.DataFrame]] = []

    def train(ai_dataset: dict[str, pl.DataFrame]) -> None:
        seen.append(ai_dataset)

    train.__annotations__["ai_dataset"] = dict[str, pl.DataFrame]
    _run_downstream(project, train, BOTH[0])
    assert list(seen[0]) == ["claims"]


def _run_downstream(project: Path, function: Any, partition: str) -> None:
    run_project(project)
    asset = dg.asset(partitions_def=module_client_partitions, name="train")(function)
    definitions = dg.Definitions.merge(
        build_definitions(str(project)), dg.Definitions(assets=[asset])
    )
    with instance_of(project) as instance:
        definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[asset.key], partition_key=partition
        )


def test_the_sensor_adds_the_control_tables_partitions_once(project: Path) -> None:
    with instance_of(project) as instance:
        context = dg.build_sensor_context(
            instance=instance, resources={"project": ProjectResource(config=str(project))}
        )
        first = control_table_sensor(context)
        assert isinstance(first, dg.SkipReason)
        assert "2 new partitions" in (first.skip_message or "")
        assert instance.get_dynamic_partitions(NAME) == BOTH
        again = control_table_sensor(context)
        assert isinstance(again, dg.SkipReason)
        assert "2 partitions in the control table, none new" in (again.skip_message or "")


def test_a_partition_that_left_the_control_table_stays_published_and_is_mentioned(
    project: Path,
) -> None:
    run_project(project)
    control = project / "control_table.csv"
    rows = control.read_text().splitlines(keepends=True)
    control.write_text("".join(row for row in rows if "borealis" not in row))
    report = run_project(project)
    assert report.removed == [BOTH[1]]
    assert [problem["code"] for problem in report.diagnostics] == ["RUN-003"]
    assert report.exit_code == 0
    assert load("claims", client="borealis", config=project).collect().height == 1


@pytest.mark.parametrize(
    "url", ["notaurl", "foo://host/db", "nodriver+pyodbc://host/db", "postgresql+nodriver://h/d"]
)
def test_a_connection_that_cannot_be_used_costs_only_its_own_partitions(
    project: Path, url: str
) -> None:
    settings = project / "ai_dataflow.toml"
    settings.write_text(settings.read_text() + f'\n[sql.db]\nurl = "{url}"\n')
    control = project / "control_table.csv"
    control.write_text(
        control.read_text() + "VEGA,claims,claim,coral,sql://db/t?client_column=c,Y\n"
    )
    report = run_project(project)
    (failed,) = report.failed
    assert (failed.partition, failed.error and failed.error.code) == ("claims|coral", "SRC-020")
    assert url not in report.model_dump_json()


def test_a_broken_table_in_the_workstation_stops_no_other_module(project: Path) -> None:
    log = project / "workstation/other/_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("{bad")
    assert run_project(project).exit_code == 0
