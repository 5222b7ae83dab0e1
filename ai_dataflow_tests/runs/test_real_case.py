"""The real case: Northwind files and a Chinook database, checked against independent totals."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from ai_dataflow_tests.runs.real_case import assert_expected_figures
from ai_dataflow_tests.runs.runs import dagster_statuses, instance_of, run_project


@pytest.fixture
def workstation(tmp_path: Path) -> Path:
    return tmp_path / "workstation"


def test_every_figure_is_the_independently_computed_one(real_case: Path) -> None:
    report = run_project(real_case)
    assert_expected_figures(real_case)
    assert report.exit_code == 0
    assert len(report.partitions) == 18


def test_inactive_clients_are_not_published(real_case: Path, workstation: Path) -> None:
    run_project(real_case)
    for module in ("sales", "customers"):
        clients = {p["client_code"] for p in DeltaTable(str(workstation / module)).partitions()}
        assert len(clients) == 9
        assert "Austria" not in clients


def test_columns_are_those_of_the_sheet_in_its_order_with_descriptions(
    real_case: Path, workstation: Path
) -> None:
    run_project(real_case)
    fields = DeltaTable(str(workstation / "customers")).schema().fields
    assert [field.name for field in fields] == [
        "customer_id", "customer_name", "contact_name", "city", "email",
        "product_code", "client_code",
    ]  # fmt: skip
    assert fields[3].metadata["comment"] == "City, upper case"


def _break_three_things(folder: Path) -> set[str]:
    """Remove a file, cut one in half, drop a table; give the partitions that this must end."""
    (folder / "northwind" / "Germany" / "customers.csv").unlink()
    cut = folder / "northwind" / "USA" / "order_details.csv"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    with sqlite3.connect(folder / "chinook.sqlite") as database:
        database.execute("DROP VIEW SemCustomer")
    database.close()
    chinook = ("USA", "Germany", "France", "Brazil", "UK", "Canada", "Spain", "India")
    return {"sales|USA", *(f"customers|{client}" for client in chinook)}


@pytest.mark.proves(
    "read file",
    "missing",
    "the other partitions run; Dagster shows exactly the failed ones, whose old data stays",
)
def test_a_partial_failure_fails_exactly_what_it_touches(
    real_case: Path, workstation: Path
) -> None:
    run_project(real_case)
    before = {m: pl.read_delta(str(workstation / m)) for m in ("sales", "customers")}
    broken = _break_three_things(real_case)
    report = run_project(real_case)

    statuses = dagster_statuses(real_case, "ai_dataset")
    assert {key for key, status in statuses.items() if status == "FAILED"} == broken
    assert {status for key, status in statuses.items() if key not in broken} == {"MATERIALIZED"}
    assert {p.partition for p in report.failed} == broken
    assert report.exit_code == 1
    for module, table in before.items():
        after = pl.read_delta(str(workstation / module))
        assert after.sort(pl.all()).equals(table.sort(pl.all()))


def test_only_the_extracts_that_failed_are_failed(real_case: Path) -> None:
    _break_three_things(real_case)
    run_project(real_case)
    files = dagster_statuses(real_case, "adls_extract")
    tables = dagster_statuses(real_case, "azure_sql_extract")
    assert [key for key, status in files.items() if status == "FAILED"] == ["customers|Germany"]
    assert tables["customers|Mexico"] == "MATERIALIZED"
    assert tables["sales|USA"] == "MATERIALIZED"
    assert sum(status == "FAILED" for status in tables.values()) == 8


@pytest.mark.proves(
    "read file",
    "corrupt",
    "SRC-004: a CSV that was cut off; its partition fails, with the cell and the owner",
)
def test_each_failure_is_classified(real_case: Path) -> None:
    _break_three_things(real_case)
    failed = {p.partition: p.errors for p in run_project(real_case).failed}

    (cut,) = failed["sales|USA"]
    assert (cut.code, cut.kind, cut.product, cut.submodule, cut.owner) == (
        "SRC-004", "corrupt_source", "NWD", "line", "northwind-data",
    )  # fmt: skip
    assert cut.place == "control_table.csv:4:module_location"
    assert cut.message.startswith("the last line of /mnt/nwd/USA/order_details.csv")

    removed, dropped = failed["customers|Germany"]
    assert (removed.code, removed.owner) == ("SRC-001", "northwind-data")
    assert (dropped.code, dropped.owner) == ("SRC-001", "chinook-data")
    assert dropped.message.startswith("there is nothing at sql://chinook/SemCustomer; ")


def test_a_rerun_of_scattered_failures_is_one_run(real_case: Path) -> None:
    broken = _break_three_things(real_case)
    run_project(real_case)
    for name in ("northwind/Germany/customers.csv", "northwind/USA/order_details.csv"):
        source = Path(__file__).parents[3] / "shared" / "real" / name
        (real_case / name).write_bytes(source.read_bytes())
    report = run_project(real_case, sorted(broken))

    with instance_of(real_case) as instance:
        assert len(instance.get_run_ids()) == 2
    assert len(report.partitions) == len(broken)
    statuses = dagster_statuses(real_case, "ai_dataset")
    assert statuses["sales|USA"] == "MATERIALIZED"
    assert statuses["customers|Germany"] == "FAILED"  # the view is still gone


def test_a_rerun_adds_nothing(real_case: Path, workstation: Path) -> None:
    run_project(real_case)
    first = pl.read_delta(str(workstation / "sales")).sort("client_code", maintain_order=True)
    run_project(real_case)
    again = pl.read_delta(str(workstation / "sales")).sort("client_code", maintain_order=True)
    assert again.equals(first)  # the same rows in the same order
