"""Generate the demo project as it is in Azure: four storage accounts and a database.

It uses the local services of `make services`, whose addresses and keys it takes from the
environment. The data is the demo's: ORION's and VEGA's files are in an account each, LYRA's tables
in PostgreSQL, but for its customers, which are files too. None of it stays in the folder.
Example: make demo-azure
"""

import argparse
import csv
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import generate
import polars as pl
import psycopg
from azure.storage.blob import ContainerClient
from psycopg import sql

CONTAINERS = {  # of each storage account
    "orionlake": "semantic",
    "vegalake": "semantic",
    "lyralake": "semantic",
    "workstation": "ai-datasets",
}
LYRA_FILES = {"customers"}  # modules that LYRA delivers as files
SQL_TYPES = {
    "decimal(18,2)": "numeric(18,2)",
    "float64": "double precision",
    "boolean": "boolean",
    "int64": "bigint",
    "date": "date",
    "timestamp": "timestamp",
}
LOCATIONS = {  # from the demo's spelling; ORION's mount stays, and leads elsewhere
    "data/vega/": "abfss://semantic@vegalake.dfs.core.windows.net/",
    "sql://lyra/{module_name}_": "sql://lyra/public.{module_name}_",
}
LYRA_FILE = (
    "abfss://semantic@lyralake.dfs.core.windows.net/{module_name}/{submodule_name}/"
    "{client_code}.jsonl"
)
SETTINGS = """\
# The demo project of ai_dataflow as it is in Azure. ${NAME} is read from the environment.
control_table = "control_table.csv"
ai_mapping = "ai_mapping.xlsx#AI_Map"
teams = "teams.csv"

[mounts]                               # /mnt/orion/... in the control table starts here
orion = "abfss://semantic@orionlake.dfs.core.windows.net"

# The endpoints are Azurite's: in Azure an account needs none, and better no key but an identity.
"""
STORAGE = """\
[storage.{account}]
account_key = "${{{name}_KEY}}"
endpoint = "${{{name}_ENDPOINT}}"

"""
SETTINGS_END = """\
[sql.lyra]
url = "${LYRA_URL}"                    # any SQLAlchemy URL; PostgreSQL stands for Azure SQL here
odbc = "${LYRA_ODBC}"                  # for bulk reads

[workstation]
url = "abfss://ai-datasets@workstation.dfs.core.windows.net/datasets"

[execution]
workers = 4                            # how many partitions (module x client) at once
"""
MAIL = """\

[mail]                                 # maildev's inbox page is at MAIL_INBOX; it has no TLS
host = "127.0.0.1"
port = "${MAIL_PORT}"
tls = "none"
from = "ai-dataflow@example.org"
environment = "demo"
"""


def empty_container(account: str) -> ContainerClient:
    """Create an account's container anew."""
    name = account.upper()
    key = {"account_name": account, "account_key": os.environ[f"{name}_KEY"]}
    client = ContainerClient(os.environ[f"{name}_ENDPOINT"], CONTAINERS[account], credential=key)
    if client.exists():
        client.delete_container()
    client.create_container()
    return client


def upload(account: str, folder: Path) -> None:
    """Put a folder's files into the account's container, and nothing else."""
    with empty_container(account) as client:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            client.upload_blob(file.relative_to(folder).as_posix(), file.read_bytes())


def tables() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Give LYRA's tables: module, submodule, and their columns with PostgreSQL's types."""
    product = list(generate.CLIENTS).index("LYRA")
    for (module, submodule), columns in generate.SUBMODULES.items():
        types = {"client_code": "text NOT NULL"}
        for column in columns:
            in_sql = SQL_TYPES.get(column.ai_type, "text")
            is_text = column.ai_column in generate.LYRA_TEXT
            types[column.names.split()[product]] = "text" if is_text else in_sql
        types.pop("-", None)  # what LYRA does not deliver
        yield module, submodule, types


def load_table(source: sqlite3.Connection, name: str, types: dict[str, str]) -> None:
    """Copy a table to PostgreSQL, which reads SQLite's texts and numbers as its own types."""
    table = sql.Identifier(name)
    columns = [sql.SQL("{} {}").format(sql.Identifier(c), sql.SQL(t)) for c, t in types.items()]
    url = os.environ["LYRA_URL"].replace("+psycopg", "", 1)
    with psycopg.connect(url) as database, database.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(table))
        cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(table, sql.SQL(", ").join(columns)))
        with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(table)) as copy:
            for row in source.execute(f"SELECT {', '.join(types)} FROM {name}"):  # noqa: S608
                copy.write_row(row)


def write_files(source: sqlite3.Connection, folder: Path, name: str, types: dict[str, str]) -> None:
    """Write a table's rows as JSON lines, a file for each client."""
    frame = pl.read_database(f"SELECT {', '.join(types)} FROM {name}", source)  # noqa: S608
    folder.mkdir(parents=True)
    for (client,), rows in frame.group_by("client_code"):
        rows.drop("client_code").write_ndjson(folder / f"{client}.jsonl")


def deliver(data: Path) -> None:
    """Bring what the products deliver to where it is in Azure, and remove it here."""
    with closing(sqlite3.connect(data / "lyra.sqlite")) as source:
        for module, submodule, types in tables():
            name = f"{module}_{submodule}"
            if module in LYRA_FILES:
                write_files(source, data / "lyra" / module / submodule, name, types)
            else:
                load_table(source, name, types)
    for product in ("orion", "vega", "lyra"):
        upload(f"{product}lake", data / product)
    empty_container("workstation").close()
    shutil.rmtree(data)


def rewrite_control_table(path: Path) -> None:
    """Let the control table's locations be those in Azure."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    where = header.index("module_location")
    for row in rows:
        if row[0] == "LYRA" and row[1] in LYRA_FILES:
            row[where] = LYRA_FILE
        for old, new in LOCATIONS.items():
            row[where] = row[where].replace(old, new)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def settings() -> str:
    """Give the text of `ai_dataflow.toml`."""
    storage = [STORAGE.format(account=name, name=name.upper()) for name in CONTAINERS]
    mail = [MAIL] if os.environ.get("MAIL_PORT") else []
    return "".join([SETTINGS, *storage, SETTINGS_END, *mail])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir", metavar="DIR", type=Path, help="new, empty, or an earlier demo")
    root: Path = parser.parse_args().dir
    endpoints = [os.environ.get(f"{name.upper()}_ENDPOINT", "") for name in CONTAINERS]
    if not all(endpoint.startswith("http://127.0.0.1:") for endpoint in endpoints):
        parser.exit(2, "This empties containers, so it takes local services only: make services\n")
    if not generate.prepare(root):
        parser.exit(2, f"{root} is neither empty nor an earlier demo: nothing was written\n")
    generate.write_sources(root)
    generate.write_project(root)
    deliver(root / "data")
    rewrite_control_table(root / "control_table.csv")
    (root / "ai_dataflow.toml").write_text(settings(), encoding="utf-8", newline="\n")
    print(f"The demo project is in {root}, its data in {', '.join(CONTAINERS)} and PostgreSQL.")


if __name__ == "__main__":
    main()
