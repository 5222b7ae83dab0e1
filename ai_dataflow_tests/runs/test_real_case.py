"""The real case: Northwind files and a Chinook database, checked against independent totals."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.conftest import SHARED, copy_real_case
from ai_dataflow_tests.runs.real_case import MODULES, assert_expected_figures
from ai_dataflow_tests.runs.runs import dagster_statuses, instance_of, run_project


def _case(folder: Path) -> Path:
    """Copy the real case, to be published beside its copy."""
    case = copy_real_case(folder / "real")
    settings = case / "ai_dataflow.toml"
    settings.write_text(settings.read_text().replace("${AI_WORKSTATION_URL}", "../workstation"))
    return case


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the real case after a run, for tests that change nothing."""
    case = _case(tmp_path_factory.mktemp("made"))
    report = run_project(case)
    assert report.exit_code == 0
    assert len(report.partitions) == 18
    return case


@dataclass(frozen=True)
class Broken:
    """The real case after a run, and after one with three things broken."""

    case: Path
    before: dict[str, pl.DataFrame]
    partitions: set[str]
    report: RunReport


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Broken:
    """Break three things; for tests that change nothing, but for the last."""
    case = _case(tmp_path_factory.mktemp("broken"))
    run_project(case)
    before = _published(case)
    partitions = _break_three_things(case)
    return Broken(case, before, partitions, run_project(case))


def _published(case: Path) -> dict[str, pl.DataFrame]:
    return {m: pl.read_delta(str(case.parent / "workstation" / m)) for m in MODULES}


def test_every_figure_is_the_independently_computed_one(made: Path) -> None:
    assert_expected_figures(made)


def test_inactive_clients_are_not_published(made: Path) -> None:
    workstation = made.parent / "workstation"
    for module in ("sales", "customers"):
        clients = {p["client_code"] for p in DeltaTable(str(workstation / module)).partitions()}
        assert len(clients) == 9
        assert "Austria" not in clients


def test_columns_are_those_of_the_sheet_in_its_order_with_descriptions(made: Path) -> None:
    fields = DeltaTable(str(made.parent / "workstation" / "customers")).schema().fields
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
def test_a_partial_failure_fails_exactly_what_it_touches(broken: Broken) -> None:
    touched = broken.partitions
    statuses = dagster_statuses(broken.case, "ai_dataset")
    assert {key for key, status in statuses.items() if status == "FAILED"} == touched
    assert {status for key, status in statuses.items() if key not in touched} == {"MATERIALIZED"}
    assert {p.partition for p in broken.report.failed} == touched
    assert broken.report.exit_code == 1
    for module, after in _published(broken.case).items():
        assert after.sort(pl.all()).equals(broken.before[module].sort(pl.all()))


def test_only_the_extracts_that_failed_are_failed(broken: Broken) -> None:
    files = dagster_statuses(broken.case, "adls_extract")
    tables = dagster_statuses(broken.case, "azure_sql_extract")
    assert [key for key, status in files.items() if status == "FAILED"] == ["customers|Germany"]
    assert tables["customers|Mexico"] == "MATERIALIZED"
    assert tables["sales|USA"] == "MATERIALIZED"
    assert sum(status == "FAILED" for status in tables.values()) == 8


@pytest.mark.proves(
    "read file",
    "corrupt",
    "SRC-004: a CSV that was cut off; its partition fails, with the cell and the owner",
)
def test_each_failure_is_classified(broken: Broken) -> None:
    failed = {p.partition: p.errors for p in broken.report.failed}

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


def test_a_rerun_of_scattered_failures_is_one_run(broken: Broken) -> None:
    for name in ("northwind/Germany/customers.csv", "northwind/USA/order_details.csv"):
        (broken.case / name).write_bytes((SHARED / name).read_bytes())
    report = run_project(broken.case, sorted(broken.partitions))

    with instance_of(broken.case) as instance:
        assert len(instance.get_run_ids()) == 3
    assert len(report.partitions) == len(broken.partitions)
    statuses = dagster_statuses(broken.case, "ai_dataset")
    assert statuses["sales|USA"] == "MATERIALIZED"
    assert statuses["customers|Germany"] == "FAILED"  # the view is still gone


def test_a_rerun_adds_nothing(made: Path) -> None:
    first = _published(made)["sales"].sort("client_code", maintain_order=True)
    run_project(made)
    again = _published(made)["sales"].sort("client_code", maintain_order=True)
    assert again.equals(first)  # the same rows in the same order
