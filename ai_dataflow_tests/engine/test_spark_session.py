"""Which engine the settings give, and how a Spark session is opened; Spark itself never starts."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import dagster_pyspark
import pytest
from pydantic import SecretStr

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.sections import SparkSettings
from ai_dataflow.config.settings import Settings
from ai_dataflow.engine.spark import open_session
from ai_dataflow_tests.services.ports import SilentPort


class Opened:
    """A session that is none: what it was opened with, and what it was sent."""

    version = "4.0.0"

    def __init__(self) -> None:
        self.conf: dict[str, Any] = {}
        self.sent: list[tuple[str, bool, bool]] = []

    def addArtifacts(self, path: str, *, archive: bool, pyfile: bool) -> None:  # noqa: N802
        self.sent.append((path, archive, pyfile))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Let dagster-pyspark open no session but ours."""
    session = Opened()

    def resource(*, spark_config: dict[str, Any]) -> Any:
        session.conf = spark_config
        return SimpleNamespace(spark_session=session)

    monkeypatch.setattr(dagster_pyspark, "LazyPySparkResource", resource)
    return session


def _open(folder: Path, **spark: Any) -> Any:
    return open_session(Settings(folder=folder, spark=SparkSettings(**spark)))


def test_a_classic_cluster_gets_what_conf_says(opened: Opened, tmp_path: Path) -> None:
    conf = {"spark.executor.memory": "1g", "spark.app.name": "nightly"}
    assert _open(tmp_path, master="spark://there:7077", conf=conf) is opened
    assert opened.conf == {
        **conf, "spark.master": "spark://there:7077", "spark.ui.showConsoleProgress": "false",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("master", "python"), [("local[2]", sys.executable), ("spark://there:7077", "")]
)
def test_executors_of_this_machine_are_this_python(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, master: str, python: str
) -> None:
    monkeypatch.setenv("PYSPARK_PYTHON", "")  # so that it is as it was afterwards
    monkeypatch.delenv("PYSPARK_PYTHON")
    assert _open(tmp_path, master=master) is opened
    assert os.environ.get("PYSPARK_PYTHON", "") == python


def test_a_connect_server_is_told_by_its_url(opened: Opened, tmp_path: Path) -> None:
    with SilentPort() as port:
        url = f"sc://127.0.0.1:{port.port}/;token=t"
        _open(tmp_path, remote=SecretStr(url))
    assert opened.conf["spark.remote"] == url
    assert "spark.master" not in opened.conf


def test_artifacts_are_sent_from_the_folder_of_the_settings(opened: Opened, tmp_path: Path) -> None:
    _open(tmp_path, artifacts=("ours.zip", "env.tar.gz#environment"))
    assert opened.sent == [
        (str(tmp_path / "ours.zip"), False, True),
        (str(tmp_path / "env.tar.gz#environment"), True, False),
    ]


def test_databricks_is_found_by_its_own_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Opened()
    connect = ModuleType("databricks.connect")
    builder = SimpleNamespace(getOrCreate=lambda: session)
    monkeypatch.setattr(
        connect, "DatabricksSession", SimpleNamespace(builder=builder), raising=False
    )
    monkeypatch.setitem(sys.modules, "databricks", ModuleType("databricks"))
    monkeypatch.setitem(sys.modules, "databricks.connect", connect)
    assert _open(tmp_path, remote=SecretStr("databricks")) is session


@pytest.mark.parametrize(
    ("spark", "extra"),
    [({}, "spark"), ({"remote": SecretStr("databricks")}, "databricks")],
)
def test_a_package_that_is_missing_is_told_how_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spark: dict[str, Any], extra: str
) -> None:
    packages = {"spark": "dagster_pyspark", "databricks": "databricks.connect"}
    monkeypatch.setitem(sys.modules, packages[extra], None)
    with pytest.raises(DataflowError) as raised:
        _open(tmp_path, **spark)
    (problem,) = raised.value.diagnostics
    assert problem.code == "RUN-020"
    assert problem.fix == f"pip install 'ai_dataflow[{extra}]'"
