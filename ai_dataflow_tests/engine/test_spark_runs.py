"""The real case on a Spark cluster of two workers, classic and through Spark Connect."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import ai_dataflow
from ai_dataflow import load
from ai_dataflow_tests.conftest import copy_real_case
from ai_dataflow_tests.engine.spark import finished, on_spark, package, problems, start_run
from ai_dataflow_tests.projects import MAPPING, TOML, project
from ai_dataflow_tests.runs.real_case import MODULES, assert_expected_figures
from ai_dataflow_tests.runs.real_case_azure import in_azure
from ai_dataflow_tests.runs.runs import run_project
from ai_dataflow_tests.runs.twice import ATTEMPTS
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.ports import ClosedPort
from ai_dataflow_tests.services.postgres import Postgres
from ai_dataflow_tests.services.spark import SparkCluster

pytestmark = pytest.mark.slow
Frames = dict[str, pl.DataFrame]
_ALONE = {"spark.cores.max": "1"}  # one partition needs one executor


def _content(folder: Path) -> Frames:
    """Give all that is published; the rows of a client in the order in which they are stored."""
    return {
        module: load(module, config=folder).collect().sort("client_code", maintain_order=True)
        for module in MODULES
    }


@pytest.fixture(scope="module")
def connect(spark_cluster: SparkCluster) -> Iterator[str]:
    """Give a Connect server's URL. It takes all cores: the tests with it come last."""
    with spark_cluster.connect() as url:
        yield url


@pytest.fixture(scope="module")
def made_locally(
    tmp_path_factory: pytest.TempPathFactory, azurite: Azurite, postgres: Postgres, chinook: str
) -> tuple[Path, Frames]:
    """Make the real case on Azurite and PostgreSQL; give its folder and what was published."""
    folder = copy_real_case(tmp_path_factory.mktemp("spark") / "real")
    in_azure(folder, azurite, f'url = "{postgres.url(chinook)}"')
    assert run_project(folder).exit_code == 0
    return folder, _content(folder)


def _assert_as_locally(folder: Path, report: dict[str, Any], local: Frames) -> None:
    assert {p["status"] for p in report["partitions"]} == {"ok"}, report
    assert_expected_figures(folder)
    found = _content(folder)
    assert all(found[module].equals(local[module]) for module in MODULES)


@pytest.fixture
def secrets(azurite: Azurite, postgres: Postgres, chinook: str) -> list[str]:
    """Give what nothing that Spark writes may have in it."""
    return [azurite.keys["orionlake"], azurite.keys["workstation"], postgres.url(chinook)]


def _assert_none_written(secrets: list[str], cluster: SparkCluster) -> None:
    written = cluster.written()
    assert b"MapInArrow" in written  # what Spark's pages show is among it
    assert not any(secret.encode() in written for secret in secrets)


@pytest.mark.proves(
    "write", "killed", "a Spark worker that is killed is waited out; its jobs run again elsewhere"
)
def test_the_real_case_is_made_as_locally_though_a_worker_is_killed(
    tmp_path: Path,
    made_locally: tuple[Path, Frames],
    secrets: list[str],
    azurite: Azurite,
    spark_cluster: SparkCluster,
) -> None:
    original, local = made_locally
    folder = shutil.copytree(original, tmp_path / "real")
    on_spark(folder, spark_cluster)
    before = len(azurite.requests("/workstation"))
    run = start_run(folder, spark_cluster)
    while run.poll() is None and _written(azurite, before) < 3:
        time.sleep(0.2)
    spark_cluster.kill_worker()
    report = finished(run)
    spark_cluster.add_worker()
    _assert_as_locally(folder, report, local)
    _assert_none_written(secrets, spark_cluster)


def _written(azurite: Azurite, before: int) -> int:
    """Count the data files that were written since so many requests."""
    requests = azurite.requests("/workstation")[before:]
    return len({r.path for r in requests if r.method == "PUT" and "client_code=" in r.path})


@pytest.mark.proves(
    "write",
    "concurrent",
    "a Spark task that runs twice publishes once; the rest is left to cleanup",
)
def test_a_task_that_runs_twice_publishes_once(tmp_path: Path, spark_cluster: SparkCluster) -> None:
    """Spark begins a slow task a second time; the first attempt has written its files by then."""
    speculation = {
        "spark.speculation": "true",
        "spark.speculation.interval": "200ms",
        "spark.speculation.task.duration.threshold": "3s",
    }
    on_spark(project(tmp_path), spark_cluster, conf=speculation)
    module = "ai_dataflow_tests.runs.twice"
    report = finished(start_run(tmp_path, spark_cluster, ["-m", module, str(tmp_path)]))
    assert problems(report) == {"claims|acme": ("ok", None)}
    assert len(list(tmp_path.glob(ATTEMPTS))) == 2
    files = list((tmp_path / "workstation" / "claims").glob("client_code=acme/*.parquet"))
    assert len(files) == 2  # one of them is left to `cleanup`
    assert load("claims", config=tmp_path).collect().height == 2


def _defects(folder: Path) -> Path:
    """Write a project of which most partitions fail, each in its own way; two share a table."""
    rows = [("fine", "claims"), ("gone", "gone"), ("text", "text"), ("empty", "empty")]
    control = "product_code,module_name,submodule_name,client_code,module_location,active\n"
    control += "".join(f"ORION,claims,claim,{client},data/{file}.csv,Y\n" for client, file in rows)
    control += "LYRA,claims,claim,east,data/east.csv,Y\nLYRA,claims,claim,west,data/west.csv,Y\n"
    control += "LYRA,claims,office,*,sql://lyra/offices,Y\n"
    mapping = f"{MAPPING}    claims,LYRA,claim,No,claim_id,int64\n"
    mapping += "    claims,LYRA,office,No,claim_id,int64\n"
    toml = f'[sql.lyra]\nurl = "sqlite:///lyra.sqlite"\n{TOML}'
    project(folder, control=control, mapping=mapping, toml=toml)
    with closing(sqlite3.connect(folder / "lyra.sqlite")) as session:
        session.executescript("CREATE TABLE offices (No INTEGER); INSERT INTO offices VALUES (9)")
    for number, client in enumerate(["east", "west"], 11):
        (folder / "data" / f"{client}.csv").write_text(f"No\n{number}\n")
    (folder / "data" / "text.csv").write_text("ClaimNo,Price\n1,2\n")
    (folder / "data" / "empty.csv").write_text("ClaimNo,Amount\n")
    return folder


def test_a_failure_is_classified_as_locally_by_the_package_that_executors_are_sent(
    tmp_path: Path, spark_cluster: SparkCluster
) -> None:
    folder = _defects(tmp_path / "project")
    local = problems(run_project(folder).model_dump(mode="json", exclude_none=True))
    assert [status for status, _ in local.values()].count("ok") == 3
    on_spark(folder, spark_cluster, artifacts=[package(tmp_path / "same.zip")])
    assert problems(finished(start_run(folder, spark_cluster))) == local
    published = load("claims", config=folder).collect()["claim_id"]
    assert sorted(published) == [1, 2, 9, 9, 11, 12]
    assert len(list((folder / "workstation/_common/claims/LYRA/office").glob("*.parquet"))) == 1


def _assert_other_code_is_refused(folder: Path, cluster: SparkCluster, where: str = "") -> None:
    """Send executors a package of another version: they take it, and no other, and it is told."""
    project(folder)
    artifacts = [package(folder / "other.zip", "0.0.1")]
    on_spark(folder, cluster, where, artifacts=artifacts, conf=_ALONE)
    (partition,) = finished(start_run(folder, cluster))["partitions"]
    error = partition["error"]
    assert (partition["status"], error["code"], error["concern"]) == (
        "failed",
        "RUN-021",
        "platform",
    )
    assert f"ai_dataflow 0.0.1, here {ai_dataflow.__version__}" in error["message"]
    assert not list((folder / "workstation").glob("claims/*/*.parquet"))


def test_executors_take_the_package_that_they_are_sent_and_no_other_version(
    tmp_path: Path, spark_cluster: SparkCluster
) -> None:
    _assert_other_code_is_refused(tmp_path, spark_cluster)


def test_executors_that_lack_packages_are_told(tmp_path: Path, spark_cluster: SparkCluster) -> None:
    python = shutil.which("python3", path="/usr/bin")
    if not python:
        pytest.skip("there is no other Python on this machine")
    # Each of Spark's attempts would find the same.
    conf = {"spark.sql.execution.pyspark.python": python, "spark.task.maxFailures": "1"}
    on_spark(project(tmp_path), spark_cluster, conf=_ALONE | conf)
    (partition,) = finished(start_run(tmp_path, spark_cluster))["partitions"]
    assert (partition["status"], partition["error"]["code"]) == ("failed", "RUN-021"), partition


def test_a_cluster_that_is_not_there_fails_what_was_to_be_made(tmp_path: Path) -> None:
    with ClosedPort() as port:
        project(
            tmp_path,
            toml=f"""
            [execution]
            engine = "spark"
            [spark]
            remote = "sc://127.0.0.1:{port.port}/;token=secret-token"
            """,
        )
        report = finished(start_run(tmp_path))
    (partition,) = report["partitions"]
    assert (partition["status"], partition["error"]["code"]) == ("failed", "RUN-020")
    assert partition["error"]["transient"]
    assert "secret-token" not in str(report)


def test_the_real_case_is_made_through_connect_as_locally(
    tmp_path: Path,
    made_locally: tuple[Path, Frames],
    secrets: list[str],
    spark_cluster: SparkCluster,
    connect: str,
) -> None:
    original, local = made_locally
    folder = shutil.copytree(original, tmp_path / "real")
    on_spark(folder, spark_cluster, connect, artifacts=[package(tmp_path / "same.zip")])
    report = finished(start_run(folder, spark_cluster))
    _assert_as_locally(folder, report, local)
    _assert_none_written(secrets, spark_cluster)


def test_executors_of_a_connect_server_take_no_other_version_either(
    tmp_path: Path, spark_cluster: SparkCluster, connect: str
) -> None:
    _assert_other_code_is_refused(tmp_path, spark_cluster, connect)
