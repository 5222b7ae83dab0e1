"""What MLflow is told of a dataset is read back from a real store of its own: SQLite."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ai_dataflow import Workstation
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.workstation.datasets import Dataset
from ai_dataflow.workstation.model_inputs import ModelInput, model_input
from ai_dataflow.workstation.readers import ColumnNotPublishedError, DatasetNotFoundError
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,claims,claim,acme,data/acme.csv,Y
    ORION,claims,claim,borealis,data/borealis.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,ClaimNo,claim_id,int64
    claims,ORION,claim,Amount,amount,"decimal(18,2)"
    claims,ORION,claim,Day,day,date
    claims,ORION,claim,Tags,tags,list(string)
"""


@pytest.fixture(scope="module")
def insurer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a project with two versions of a dataset."""
    folder = project(tmp_path_factory.mktemp("insurer"), control=CONTROL, mapping=MAPPING)
    for client, amounts in (("acme", (77777.25, "", 3)), ("borealis", (5,))):
        rows = "".join(f'{n},{a},2026-01-0{n},"[""x""]"\n' for n, a in enumerate(amounts, 1))
        text_file(folder, f"data/{client}.csv", f"ClaimNo,Amount,Day,Tags\n{rows}")
    assert spine.run(folder).exit_code == 0
    assert spine.run(folder, ["claims|borealis"]).exit_code == 0
    return folder


@pytest.fixture
def claims(insurer: Path) -> Dataset:
    return Workstation(insurer / "workstation")["claims"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give an MLflow that keeps its runs in SQLite."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        import mlflow  # noqa: PLC0415 - what it would tell is off by now

        mlflow.set_tracking_uri(f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db")
        mlflow.set_experiment("claims")
        yield mlflow
        mlflow.set_tracking_uri(None)


@pytest.mark.slow
def test_a_run_names_dataset_version_part_and_digest(claims: Dataset, store: Any) -> None:
    with store.start_run() as run:
        logged = claims.log_input("training", "acme", ["amount", "day", "tags"])
        claims.log_input("evaluation", "borealis", version=0)
    first, second = sorted(
        store.get_run(run.info.run_id).inputs.dataset_inputs,
        key=lambda each: each.dataset.digest != logged.digest,
    )
    dataset, tags = first.dataset, {tag.key: tag.value for tag in first.tags}
    assert (dataset.name, dataset.digest) == ("claims", logged.digest)
    assert json.loads(dataset.source) == {"path": claims._table.url, "delta_table_version": 1}
    assert json.loads(dataset.profile) == {
        "num_rows": 3,
        "num_files": 1,
        "num_bytes": logged.bytes,
        "nulls": {"amount": 1, "day": 0, "tags": 0},
    }
    columns = json.loads(dataset.schema)["mlflow_colspec"]
    assert [(c["name"], c["type"]) for c in columns] == [
        ("amount", "double"), ("day", "datetime"), ("tags", "array"),
    ]  # fmt: skip
    assert tags == {
        "mlflow.data.context": "training",
        "ai_dataflow.module": "claims",
        "ai_dataflow.version": "1",
        "ai_dataflow.run_id": claims.versions()[0].run_id,
        "ai_dataflow.clients": "acme",
        "ai_dataflow.columns": "amount, day, tags",
    }
    assert "77777" not in f"{dataset} {tags}"
    assert {t.key: t.value for t in second.tags}["ai_dataflow.version"] == "0"
    read = claims.scan("acme", ["amount", "day", "tags"], version=logged.version).collect()
    assert read.height == logged.rows


@pytest.mark.slow
def test_the_source_that_mlflow_keeps_leads_to_the_table(claims: Dataset, store: Any) -> None:
    with store.start_run() as run:
        claims.log_input()
    (kept,) = store.get_run(run.info.run_id).inputs.dataset_inputs
    source = store.data.get_source(kept)
    assert (source.path, source.delta_table_version) == (claims._table.url, 1)


def digest(dataset: Dataset, *args: Any, **options: Any) -> str:
    """Give the digest of a part; nothing is logged."""
    return model_input(dataset._table, dataset.module, *args, **options).digest


def test_a_digest_is_of_one_part_of_one_version(claims: Dataset) -> None:
    assert digest(claims) == digest(claims, version=1) == digest(claims)
    assert digest(claims, "acme") == digest(claims, ["acme"]) == digest(claims, "acme", version=0)
    assert digest(claims, None, ["day", "amount"]) == digest(claims, None, ["amount", "day"])
    parts = [
        digest(claims),
        digest(claims, version=0),
        digest(claims, "acme"),
        digest(claims, "borealis"),
        digest(claims, None, ["amount"]),
        digest(claims, "acme", ["day"]),
    ]
    assert len(set(parts)) == len(parts)
    assert all(len(each) == 16 for each in parts)


@pytest.mark.slow
def test_a_snapshot_is_logged_as_the_version_that_it_has(insurer: Path, store: Any) -> None:
    workstation = Workstation(insurer / "workstation")
    *_, first = workstation.snapshots()
    with store.start_run():
        logged = workstation["claims"].log_input(snapshot=first.run_id)
    assert (logged.version, logged.snapshot) == (0, first.run_id)
    assert logged.tags["ai_dataflow.snapshot"] == first.run_id


def test_what_is_not_there_is_told_before_anything_is_logged(claims: Dataset) -> None:
    with pytest.raises(DatasetNotFoundError):
        claims.log_input(client="nosuch")
    with pytest.raises(ColumnNotPublishedError):
        claims.log_input(columns=["nosuch"])
    with pytest.raises(DatasetNotFoundError):
        claims.log_input(version=99)
    with pytest.raises(DatasetNotFoundError):
        claims.log_input(snapshot="nosuch")
    with pytest.raises(ValueError, match="one of"):
        claims.log_input(version=0, snapshot="nosuch")


def test_mlflow_is_needed_only_for_that(claims: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "mlflow.data", None)
    with pytest.raises(DataflowError) as told:
        claims.log_input()
    (problem,) = told.value.diagnostics
    assert (problem.code, problem.fix) == ("CFG-022", "pip install 'ai_dataflow[mlflow]'")


def test_many_clients_are_counted_where_a_tag_is_too_short() -> None:
    clients = tuple(f"client{n:05}" for n in range(100))
    given = ModelInput("m", "/m", 0, "d", schema=pl.Schema(), clients=clients)
    assert given.tags["ai_dataflow.clients"] == "100 of them"
