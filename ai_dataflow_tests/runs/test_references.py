"""References of one module to another: counted after a run, by what readers see, rejecting none."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow import load
from ai_dataflow.workstation.reports import ReferenceReport, RunReport
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

CLIENTS = ("acme", "borealis")
CONTROL = "product_code,module_name,submodule_name,client_code,module_location,active\n" + "".join(
    f"ORION,{module},all,{client},data/{client}/{module}.csv,Y\n"
    for module in ("claims", "customers")
    for client in CLIENTS
)
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type
    claims,ORION,all,No,claim_id,int64
    claims,ORION,all,Customer,customer_id,int32
    customers,ORION,all,No,customer_id,int64
"""
DICTIONARY = """
    module_name,ai_column,references
    claims,customer_id,customers.customer_id
"""


@pytest.fixture
def office(tmp_path: Path) -> Path:
    return make_office(tmp_path)


def make_office(tmp_path: Path) -> Path:
    """Write a project: of acme two claims of three have a customer, of borealis all have."""
    toml = 'ai_columns = "ai_columns.csv"\n[workstation]\nurl = "workstation"\n'
    project(tmp_path, control=CONTROL, mapping=MAPPING, toml=toml)
    text_file(tmp_path, "ai_columns.csv", DICTIONARY)
    text_file(tmp_path, "data/acme/claims.csv", "No,Customer\n1,7\n2,8\n3,8\n4,\n")
    text_file(tmp_path, "data/acme/customers.csv", "No\n8\n9\n")
    text_file(tmp_path, "data/borealis/claims.csv", "No,Customer\n1,7\n")
    text_file(tmp_path, "data/borealis/customers.csv", "No\n7\n7\n")
    return tmp_path


def one(report: RunReport) -> ReferenceReport:
    (check,) = report.references
    return check


def test_what_refers_to_nothing_is_counted(office: Path) -> None:
    report = spine.run(office)
    assert {p.status for p in report.partitions} == {"ok"}
    assert report.exit_code == 0
    assert one(report) == ReferenceReport(
        module="claims", column="customer_id", references="customers.customer_id",
        place="ai_columns.csv:2:references", clients=2, rows_checked=4, orphans=1,
        clients_with_orphans=["acme"],
    )  # fmt: skip
    assert load("claims", "acme", config=office).collect().height == 4


def test_a_run_of_one_module_looks_at_what_readers_see_of_the_other(office: Path) -> None:
    first = one(spine.run(office, ["claims|acme"]))
    assert (first.clients, first.rows_checked, first.orphans) == (1, 3, 3)
    second = one(spine.run(office, ["customers|acme"]))
    assert (second.clients, second.rows_checked, second.orphans) == (1, 3, 1)
    assert spine.run_changed(office).references != []  # of borealis
    assert spine.run_changed(office).references == []


def test_the_summary_tells_it(office: Path) -> None:
    told = cli(office, "run")
    assert told.returncode == 0
    assert (
        "claims.customer_id: 1 of 4 rows refer to no customers.customer_id, of acme "
        "(ai_columns.csv:2:references)"
    ) in told.stdout
