"""A shop of three clients whose column changes its type, and what is to be seen of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ai_dataflow import load
from ai_dataflow.tables.project import load_project
from ai_dataflow.workstation.layout import Folders, open_workstation
from ai_dataflow.workstation.reports import PartitionReport, RunReport
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine

CLIENTS = ("acme", "borealis", "cobalt")
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n" + "".join(
    f"ORION,claims,claim,{client},data/{client}.csv,Y\n" for client in CLIENTS
)
SHEET = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,claim,No,no,int64
    claims,ORION,claim,Value,value,{}
"""
CELL = "ai_mapping.csv:3:ai_type"
Rows = dict[str, list[object]]


def shop(folder: Path, kind: str, toml: str = "", **values: str) -> Path:
    """Write a project of three clients, the values of each between blanks, and run it."""
    more = {"toml": toml} if toml else {}
    project(folder, control=CONTROL, mapping=SHEET.format(kind), **more)
    for client in CLIENTS:
        deliver(folder, client, values.get(client, "1 2"))
    spine.run_changed(folder)
    return folder


def deliver(folder: Path, client: str, values: str) -> None:
    lines = "".join(f"{n},{value}\n" for n, value in enumerate(values.split(), 1))
    text_file(folder, f"data/{client}.csv", f"No,Value\n{lines}")


def lose(folder: Path, client: str) -> None:
    (folder / f"data/{client}.csv").unlink()


def retype(folder: Path, kind: str) -> None:
    text_file(folder, "ai_mapping.csv", SHEET.format(kind))


def published(folder: Path) -> Rows:
    rows = load("claims", config=folder).sort("no").collect()
    return {client: rows.filter(client_code=client)["value"].to_list() for client in CLIENTS}


def kind_of(folder: Path) -> pl.DataType:
    return load("claims", config=folder).collect_schema()["value"]


def statuses(report: RunReport) -> dict[str, str]:
    return {p.partition.partition("|")[2]: p.status for p in report.partitions}


def codes(report: RunReport) -> dict[str, list[str]]:
    return {p.partition.partition("|")[2]: [e.code for e in p.errors] for p in report.failed}


def only(report: RunReport, client: str) -> PartitionReport:
    return next(p for p in report.partitions if p.partition == f"claims|{client}")


def workstation(folder: Path) -> Folders:
    return open_workstation(load_project(folder).settings)
