"""The real case, moved to Azure: its files to two accounts, its tables to a database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ai_dataflow_tests.conftest import SHARED
from ai_dataflow_tests.runs.azure import abfss, storage
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


def in_azure(folder: Path, azurite: Azurite, sql: str, *, signed: bool = False) -> None:
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
