"""The asset graph: a picture of it that a change has to redraw on purpose."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import dagster as dg
import pytest

from ai_dataflow.definitions import build_definitions

GRAPH = {
    "adls_extract": {"deps": [], "kinds": ["azure", "file"]},
    "ai_dataset": {
        "deps": ["adls_extract", "azure_sql_extract"],
        "kinds": ["deltalake", "polars"],
    },
    "azure_sql_extract": {"deps": [], "kinds": ["azure", "sql"]},
}


def test_the_asset_graph() -> None:
    specs = build_definitions().resolve_all_asset_specs()
    found = {
        spec.key.to_user_string(): {
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "kinds": sorted(spec.kinds),
        }
        for spec in specs
    }
    assert found == GRAPH
    for spec in specs:
        assert isinstance(spec.partitions_def, dg.DynamicPartitionsDefinition)
        assert spec.partitions_def.name == "ai_dataflow_module_client"


def test_one_step_makes_all_three_in_one_run() -> None:
    (step,) = build_definitions().resolve_asset_graph().assets_defs
    assert step.op.name == "ai_dataflow"
    assert step.can_subset
    assert step.backfill_policy == dg.BackfillPolicy.single_run()


def test_definitions_load_without_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    definitions = build_definitions()
    dg.Definitions.validate_loadable(definitions)
    assert definitions.resolve_schedule_def("nightly").cron_schedule == "0 2 * * *"


def test_assets_are_owned_by_the_teams_whose_concern_they_are(tmp_path: Path) -> None:
    (tmp_path / "ai_dataflow.toml").write_text("")
    (tmp_path / "control_table.csv").write_text(
        "product_code,module_name,submodule_name,client_code,module_location,active\n"
    )
    (tmp_path / "ai_mapping.csv").write_text(
        "module_name,product_code,submodule_name,source_column,ai_column,ai_type\n"
    )
    (tmp_path / "teams.csv").write_text(
        dedent("""\
        team,email,concern,product_code,module_name
        orion-data,orion-data@example.org,source,ORION,*
        ai-mapping,ai-mapping@example.org,mapping,*,*
        """)
    )
    specs = build_definitions(str(tmp_path)).resolve_all_asset_specs()
    owners = {spec.key.to_user_string(): list(spec.owners) for spec in specs}
    assert owners == {
        "adls_extract": ["team:orion-data"],
        "azure_sql_extract": ["team:orion-data"],
        "ai_dataset": ["team:ai-mapping"],
    }


def test_a_broken_project_fails_the_run_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    job = build_definitions().resolve_job_def("ai_dataflow_job")
    result = job.execute_in_process(raise_on_error=False)
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert failure.step_failure_data.user_failure_data is not None
    description = failure.step_failure_data.user_failure_data.description or ""
    assert description.startswith("error[CFG-001]: settings file not found")
