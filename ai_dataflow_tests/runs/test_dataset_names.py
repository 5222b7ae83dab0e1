"""Datasets are called as OpenLineage's naming conventions say, whichever way they are reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow.config.sections import SqlConnection
from ai_dataflow.config.settings import Settings
from ai_dataflow.runs.lineage.dataset_names import name_of, name_of_url
from ai_dataflow.tables.locations import FileLocation, SqlLocation
from ai_dataflow_tests.projects import project
from ai_dataflow_tests.runs.catalogue import checked

ODBC = "Driver%3D%7BODBC%20Driver%2018%7D%3BServer%3Dtcp%3Aa.example.org%2C1444%3BDatabase%3Dd"


@pytest.mark.parametrize(
    ("url", "namespace", "name"),
    [
        ("/data/acme.csv", "file", "/data/acme.csv"),
        ("/data/acme/", "file", "/data/acme"),
        ("/data/acme/*.csv", "file", "/data/acme"),
        ("/data/20[12]?/x.csv", "file", "/data"),
        (
            "abfss://semantic@orionlake.dfs.core.windows.net/claims/acme",
            "abfss://semantic@orionlake.dfs.core.windows.net",
            "claims/acme",
        ),
        (
            "ABFSS://semantic@orionlake.dfs.core.chinacloudapi.cn/claims/**/*.parquet",
            "abfss://semantic@orionlake.dfs.core.chinacloudapi.cn",
            "claims",
        ),
        ("abfss://c42@orionlake.dfs.core.windows.net", "abfss://c42@orionlake.dfs.core.windows.net",
         "/"),
    ],
)  # fmt: skip
def test_files_and_folders(url: str, namespace: str, name: str) -> None:
    named = name_of_url(url)
    assert (named.namespace, named.name) == (namespace, name)


@pytest.mark.parametrize(
    ("url", "table", "namespace", "name"),
    [
        ("mssql+pyodbc://u:hunter2@a.example.org/d?driver=x", "sales.Orders",
         "mssql://a.example.org:1433", "d.sales.Orders"),
        ("mssql+pyodbc://u:hunter2@a.example.org:1444/d", "Orders",
         "mssql://a.example.org:1444", "d.dbo.Orders"),
        (f"mssql+pyodbc:///?odbc_connect={ODBC}", "dbo.Orders",
         "mssql://a.example.org:1444", "d.dbo.Orders"),
        ("postgresql+psycopg://u:hunter2@a.example.org/d", "orders",
         "postgres://a.example.org:5432", "d.public.orders"),
        ("mysql+pymysql://u:hunter2@a.example.org/d", "orders",
         "mysql://a.example.org:3306", "d.orders"),
        ("sqlite:///data/policy.sqlite", "orders", "sqlite:///project/data/policy.sqlite",
         "orders"),
    ],
)  # fmt: skip
def test_tables(url: str, table: str, namespace: str, name: str) -> None:
    settings = Settings(folder=Path("/project"), sql={"db": SqlConnection(url=url)})
    schema, _, table = table.rpartition(".")
    named = name_of(SqlLocation("db", table, schema), settings)
    assert (named.namespace, named.name) == (namespace, name)


def test_a_location_is_named_by_where_it_leads(tmp_path: Path) -> None:
    settings = Settings(folder=project(tmp_path))
    location = FileLocation(f"{tmp_path}/data/claims.csv", client_column="Client", client="acme")
    assert name_of(location, settings).name == f"{tmp_path}/data/claims.csv"


def test_what_checks_events_refuses_what_openlineage_does_not_have() -> None:
    event = {
        "eventType": "START",
        "eventTime": "2026-11-29T16:00:00+00:00",
        "run": {"runId": "8d1f8f4e-2a53-4a3c-9d5e-7c8a3f8f5a10"},
        "job": {"namespace": "n", "name": "j"},
        "producer": "urn:x",
    }
    checked(event)
    with pytest.raises(ValueError, match="has no"):
        checked(event | {"job": {"namespace": "n", "name": "j", "title": "t"}})
    with pytest.raises(TypeError):
        checked(event | {"job": {"namespace": "n"}})
