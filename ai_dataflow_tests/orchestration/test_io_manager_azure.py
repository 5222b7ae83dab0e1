"""The IO manager gives partitions of a workstation in a storage account, in the type asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ai_dataflow.definitions import build_definitions
from ai_dataflow.orchestration.partitions import module_client_partitions
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.runs import instance_of, run_project
from ai_dataflow_tests.services.azurite import Azurite


@pytest.fixture(scope="module")
def published(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    container = azurite.create_container("workstation")
    folder = project(
        tmp_path_factory.mktemp("project"),
        toml=f"""
            [storage.workstation]
            sas_token = "{azurite.sas("workstation", container, "racwdl")}"
            endpoint = "{azurite.endpoint("workstation")}"
            [workstation]
            url = "abfss://{container}@workstation.dfs.core.windows.net/datasets"
        """,
    )
    run_project(folder)
    return folder


@pytest.mark.parametrize("kind", [pl.LazyFrame, pl.DataFrame, pd.DataFrame, pa.Table])
def test_a_downstream_asset_gets_its_partition(published: Path, kind: Any) -> None:
    seen: list[Any] = []

    def train(ai_dataset: Any) -> None:
        seen.append(ai_dataset)

    train.__annotations__["ai_dataset"] = kind
    asset = dg.asset(partitions_def=module_client_partitions, name="train")(train)
    definitions = dg.Definitions.merge(
        build_definitions(str(published)), dg.Definitions(assets=[asset])
    )
    with instance_of(published) as instance:
        definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            instance=instance, asset_selection=[asset.key], partition_key="claims|acme"
        )
    assert isinstance(seen[0], kind)
    frame = seen[0].collect() if kind is pl.LazyFrame else seen[0]
    assert len(frame) == 2
