"""An extra that is not installed is told before a run, with the line to type."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyodbc
import pytest

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import load_settings
from ai_dataflow.connections import identity
from ai_dataflow.orchestration.instance import ui_command
from ai_dataflow.runs.prospect import look_live, read_draft
from ai_dataflow.tables.project import load_project
from ai_dataflow_tests import projects

AZURE = '[workstation]\nurl = "abfss://ai-data@workstation.dfs.core.windows.net/x"\n'
SPARK = '[execution]\nengine = "spark"\n[workstation]\nurl = "workstation"\n'
DATABRICKS = f'{SPARK}[spark]\nremote = "databricks"\n'
MSSQL = '[sql.db]\nurl = "mssql+pyodbc://u:hunter2@127.0.0.1:1/d"\n'
POSTGRESQL = '[sql.db]\nurl = "postgresql+psycopg://u:hunter2@127.0.0.1:1/d"\n'
MYSQL = '[sql.db]\nurl = "mysql+pymysql://u:hunter2@127.0.0.1:1/d"\n'
IN_SQL = projects.CONTROL.replace("data/claims.csv", "sql://db/dbo.Claims")


@pytest.fixture(autouse=True)
def _forget_who_we_are() -> Iterator[None]:
    identity.forget()
    yield
    identity.forget()


@pytest.mark.parametrize(
    ("package", "toml", "place", "line"),
    [
        ("azure", AZURE, "storage.workstation", "pip install 'ai_dataflow[azure]'"),
        ("pyodbc", MSSQL, "sql.db", "pip install 'ai_dataflow[mssql]'"),
        ("arrow_odbc", MSSQL, "sql.db", "pip install 'ai_dataflow[mssql]'"),
        ("mssql_python_odbc", MSSQL, "sql.db", "pip install 'ai_dataflow[mssql]'"),
        ("psycopg", POSTGRESQL, "sql.db", "pip install 'ai_dataflow[postgresql]'"),
        ("pyspark", SPARK, "execution.engine", "pip install 'ai_dataflow[spark]'"),
        ("dagster_pyspark", SPARK, "execution.engine", "pip install 'ai_dataflow[spark]'"),
        ("databricks", DATABRICKS, "execution.engine", "pip install 'ai_dataflow[databricks]'"),
        ("pymysql", MYSQL, "sql.db", "pip install pymysql"),
    ],
)
@pytest.mark.usefixtures("in_process")
def test_what_is_not_installed_holds_back_what_needs_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    package: str,
    toml: str,
    place: str,
    line: str,
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    if package == "mssql_python_odbc":  # else it is not needed
        monkeypatch.setattr(pyodbc, "drivers", list)
    control = IN_SQL if place == "sql.db" else projects.CONTROL
    plan = look_live(read_draft(projects.project(tmp_path, toml=toml, control=control))).plan
    (problem,) = plan.held["claims|acme"]
    assert (problem.code, problem.place) == ("CFG-022", f"ai_dataflow.toml:{place}")
    assert (problem.fix, problem.owner) == (line, "ai-platform")
    assert "hunter2" not in str(problem.to_json())


def test_a_partition_that_does_not_need_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_process: None
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    control = projects.CONTROL + "    ORION,claims,claim,borealis,sql://db/dbo.Claims,Y\n"
    folder = projects.project(tmp_path, toml=POSTGRESQL, control=control)
    plan = look_live(read_draft(folder)).plan
    assert ([*plan.jobs], [*plan.held]) == (["claims|acme"], ["claims|borealis"])


def test_a_table_in_a_database_without_its_driver_is_told_alike(tmp_path: Path) -> None:
    folder = projects.project(tmp_path, toml=MYSQL)
    text = (folder / "ai_dataflow.toml").read_text()
    (folder / "ai_dataflow.toml").write_text(text.replace('"teams.csv"', '"sql://db/teams"'))
    with pytest.raises(DataflowError) as raised:
        load_project(folder)
    assert [problem.code for problem in raised.value.diagnostics] == ["CFG-022"]


def test_the_page_that_is_not_installed_is_told_beside_its_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(projects.project(tmp_path))
    assert "pip" not in ui_command(settings)
    monkeypatch.setitem(sys.modules, "dagster_webserver", None)
    assert ui_command(settings).startswith("pip install 'ai_dataflow[ui]'; then ")
