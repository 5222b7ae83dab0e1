"""The real case in Azure: files in two storage accounts, tables in a database, and a workstation.

The figures are those of `expected.json`, whichever way the rows come.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow import load
from ai_dataflow_tests.conftest import SHARED
from ai_dataflow_tests.orchestration.azure import abfss, storage
from ai_dataflow_tests.orchestration.real_case import MODULES, assert_expected_figures
from ai_dataflow_tests.orchestration.runs import dagster_statuses, run_project
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.postgres import Postgres

TABLES = {
    "Customer": "CustomerId integer PRIMARY KEY, FirstName varchar(40), LastName varchar(20), "
    "Company varchar(80), City varchar(40), Country varchar(40), Email varchar(60)",
    "Invoice": "InvoiceId integer PRIMARY KEY, CustomerId integer, InvoiceDate timestamp, "
    "BillingCountry varchar(40), Total numeric(10,2)",
    "InvoiceLine": "InvoiceLineId integer PRIMARY KEY, InvoiceId integer, TrackId integer, "
    "UnitPrice numeric(10,2), Quantity integer",
}
CLIENT = """CASE {0} WHEN 'United Kingdom' THEN 'UK' ELSE {0} END AS "ClientCode" """
VIEWS = f"""
    CREATE VIEW "SemCustomer" AS SELECT CustomerId AS "CustomerId",
        coalesce(Company, FirstName || ' ' || LastName) AS "AccountName",
        FirstName || ' ' || LastName AS "Contact", City AS "City", Email AS "Email",
        {CLIENT.format("Country")} FROM Customer;
    CREATE VIEW "SemInvoice" AS SELECT InvoiceId AS "InvoiceId", CustomerId AS "CustomerId",
        InvoiceDate AS "InvoiceDate", Total AS "Total",
        {CLIENT.format("BillingCountry")} FROM Invoice;
    CREATE VIEW "SemInvoiceLine" AS SELECT InvoiceLineId AS "InvoiceLineId",
        InvoiceId AS "InvoiceId", TrackId AS "TrackId", UnitPrice AS "UnitPrice",
        Quantity AS "Quantity", {CLIENT.format("BillingCountry")}
        FROM InvoiceLine JOIN Invoice USING (InvoiceId);
"""  # noqa: S608 - of this file


@pytest.fixture(scope="module")
def chinook(postgres: Postgres) -> str:
    """Give a database of PostgreSQL with Chinook's tables and the views of its models."""
    if not SHARED.is_dir():
        pytest.skip(f"the real case is not at {SHARED}")
    name = postgres.create_database()
    with closing(sqlite3.connect(SHARED / "chinook.sqlite")) as source:
        for table, columns in TABLES.items():
            names = ", ".join(column.split()[0] for column in columns.split(", "))
            postgres.execute(f"CREATE TABLE {table} ({columns})", database=name)
            with (
                postgres.connect(name) as target,
                target.cursor().copy(f"COPY {table} ({names}) FROM STDIN".encode()) as copy,
            ):
                for row in source.execute(f"SELECT {names} FROM {table}"):  # noqa: S608
                    copy.write_row(row)
    postgres.execute(VIEWS, database=name)
    return name


def _in_azure(folder: Path, azurite: Azurite, sql: str, *, signed: bool = False) -> None:
    """Move the case: a mount in one account, paths in a second, the workstation in a third."""
    accounts = ("orionlake", "vegalake", "workstation")
    container = {name: azurite.create_container(name) for name in accounts}
    northwind = folder / "northwind"
    azurite.upload_folder("orionlake", container["orionlake"], northwind, "mounted/")
    azurite.upload_folder("vegalake", container["vegalake"], northwind, "northwind/")
    control = folder / "control_table.csv"
    direct = abfss("vegalake", container["vegalake"], "northwind/")
    control.write_text(control.read_text().replace(",northwind/", f",{direct}/"))
    sas = {"orionlake": "rl", "workstation": "racwdl"} if signed else {}
    tokens = {a: azurite.sas(a, container[a], permissions) for a, permissions in sas.items()}
    (folder / "ai_dataflow.toml").write_text(f"""
        control_table = "control_table.csv"
        ai_mapping = "ai_mapping.csv"
        teams = "teams.csv"
        [mounts]
        nwd = "{abfss("orionlake", container["orionlake"], "mounted")}"
        [workstation]
        url = "{abfss("workstation", container["workstation"], "ai/datasets")}"
        [sql.chinook]
        {sql}
        {storage(azurite, accounts, sas=tokens)}
    """)
    for path in (northwind, folder / "chinook.sqlite"):
        path.rename(folder.parent / path.name)  # nothing is to be read from here


@pytest.mark.slow
@pytest.mark.parametrize("bulk", [False, True], ids=["as tuples", "over ODBC"])
def test_every_figure_is_the_expected_one(
    real_case: Path, azurite: Azurite, postgres: Postgres, chinook: str, bulk: bool
) -> None:
    odbc = f'\nodbc = "{postgres.odbc(chinook)}"' if bulk else ""
    _in_azure(real_case, azurite, f'url = "{postgres.url(chinook)}"{odbc}')
    report = run_project(real_case)
    assert report.exit_code == 0, report.failed
    assert len(report.partitions) == 18
    assert_expected_figures(real_case)
    assert set(dagster_statuses(real_case, "ai_dataset").values()) == {"MATERIALIZED"}


@pytest.mark.slow
def test_signatures_do_what_keys_do_and_reruns_add_nothing(
    real_case: Path, azurite: Azurite, postgres: Postgres, chinook: str
) -> None:
    _in_azure(real_case, azurite, f'url = "{postgres.url(chinook)}"', signed=True)
    assert run_project(real_case).exit_code == 0
    assert_expected_figures(real_case)
    first = {m: _ordered(real_case, m) for m in MODULES}
    for _ in range(2):  # a table's third commit is the first that lists a part of its log
        assert run_project(real_case).exit_code == 0
        assert all(_ordered(real_case, m).equals(first[m]) for m in MODULES)


def _ordered(folder: Path, module: str) -> pl.DataFrame:
    """Give a module's rows, those of a client in the order in which they are stored."""
    return load(module, config=folder).collect().sort("client_code", maintain_order=True)
