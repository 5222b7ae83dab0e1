"""Modules joined by what the dictionary says that they refer to; orphans counted by client."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from ai_dataflow import Workstation
from ai_dataflow.workstation.linked import NotJoinableError
from ai_dataflow_tests.workstation.tables import publish_as

SALES = {"sale": [1, 2, 3, 4], "customer": [7, 8, 9, None]}
REFERS = {"customer": {"references": "customers.id"}}


@pytest.fixture
def workstation(tmp_path: Path) -> Workstation:
    """Give sales that refer to customers, of whom one has two rows and one is not there."""
    publish_as(tmp_path, "sales", {"USA": SALES, "CAN": {"sale": [5], "customer": [7]}}, REFERS)
    customers = pl.DataFrame(
        {"id": [7, 8, 8], "sale": [0, 0, 1], "name": ["a", "b", "c"]},
        {"id": pl.Int32, "sale": int, "name": str},
    )
    publish_as(tmp_path, "customers", {"USA": customers})
    return Workstation(tmp_path / "workstation")


def test_rows_come_with_what_they_refer_to(workstation: Workstation) -> None:
    joined = workstation.join("sales", "customers")
    assert repr(joined) == "sales: customer -> customers.id"
    rows = joined.scan().collect().sort("client_code", "sale", "name")
    assert rows.columns == ["sale", "customer", "client_code", "sale_customers", "name"]
    assert rows.select("client_code", "sale", "name").rows() == [
        ("CAN", 5, None), ("USA", 1, "a"), ("USA", 2, "b"), ("USA", 2, "c"), ("USA", 3, None),
        ("USA", 4, None),
    ]  # fmt: skip
    assert joined.scan(how="inner").collect().height == 3


def test_orphans_are_counted_by_client(workstation: Workstation) -> None:
    counts = workstation.join("sales", "customers").counts
    assert counts.columns == ["client_code", "rows", "without_value", "orphans", "several"]
    assert counts.rows() == [("CAN", 1, 0, 1, 0), ("USA", 4, 1, 1, 1)]
    assert workstation.join("sales", "customers", client="CAN").counts.height == 1


def test_what_is_not_declared_is_told_with_what_is(tmp_path: Path) -> None:
    both = {"customer": {"references": "customers.id"}, "payer": {"references": "customers.id"}}
    rows = {"customer": [1], "payer": [2]}
    publish_as(tmp_path, "sales", {"USA": rows}, both)
    publish_as(tmp_path, "customers", {"USA": {"id": [1]}})
    workstation = Workstation(tmp_path / "workstation")
    with pytest.raises(NotJoinableError, match="by customer, payer: choose one with `on`"):
        workstation.join("sales", "customers")
    assert workstation.join("sales", "customers", on="payer").counts["orphans"].to_list() == [1]
    with pytest.raises(NotJoinableError, match=r"customers to sales is declared; sales refers to"):
        workstation.join("customers", "sales")
    with pytest.raises(NotJoinableError, match=r"there is customer -> customers.id, payer"):
        workstation.join("sales", "customers", on="sale")
    with pytest.raises(NotJoinableError, match=r"it refers to nothing: say so in `ai_columns`"):
        workstation.join("customers", "customers")


def test_types_that_cannot_be_compared_are_told(tmp_path: Path) -> None:
    publish_as(tmp_path, "sales", {"USA": {"customer": ["1"]}}, REFERS)
    publish_as(tmp_path, "customers", {"USA": {"id": [1]}})
    joined = Workstation(tmp_path / "workstation").join("sales", "customers")
    with pytest.raises(NotJoinableError, match=r"`sales.customer` is String, and `customers.id`"):
        joined.scan()


def test_rows_of_a_moment_are_the_latest_of_their_key(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "id": [1, 1, 1, 2, 2, None, None, 3],
            "since": [date(2026, 1, 1), date(2026, 3, 1), None, date(2026, 2, 1), date(2026, 2, 1),
                      date(2026, 1, 1), date(2025, 1, 1), date(2026, 5, 1)],
            "name": list("abcdefgh"),
        }
    )  # fmt: skip
    publish_as(tmp_path, "customers", {"USA": rows, "CAN": rows}, {"id": {"valid_from": "since"}})
    publish_as(tmp_path, "sales", {"USA": SALES | {"customer": [1, 2, 3, None]}}, REFERS)
    workstation = Workstation(tmp_path / "workstation")
    customers = workstation["customers"]

    def names(as_of: datetime | str) -> str:
        held = customers.scan("USA", ["name"], as_of=as_of).collect()
        return "".join(sorted(held["name"]))

    assert names("2024-12-31") == ""
    assert names("2026-02-28T23:59") == "aefg"
    assert names(datetime(2026, 3, 1, 0, 30, tzinfo=UTC)) == "befg"
    assert names("2027-01-01T00:00+01:00") == "befgh"
    assert customers.scan(as_of="2026-04-01").collect().height == 8
    joined = workstation.join("sales", "customers", as_of="2026-04-01")
    assert joined.counts.rows() == [("USA", 4, 1, 1, 0)]
    with pytest.raises(ValueError, match="nobody says since when a row of sales holds"):
        workstation["sales"].scan(as_of="2026-04-01")


def test_moments_are_compared_in_their_zone(tmp_path: Path) -> None:
    moments = [datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (1, 2)]
    rows = pl.DataFrame({"id": [1, 1], "t": moments})
    publish_as(tmp_path, "sales", {"USA": rows}, {"id": {"valid_from": "t"}})
    sales = Workstation(tmp_path / "workstation")["sales"]
    assert sales.scan(as_of="2026-01-01T02:30+01:00").collect()["t"].to_list() == moments[:1]
    assert sales.scan(as_of="2026-01-01T02:00").collect()["t"].to_list() == moments[1:]


def test_a_snapshot_is_of_both_modules(workstation: Workstation, tmp_path: Path) -> None:
    then = workstation["sales"].versions()[0].at
    publish_as(tmp_path, "customers", {"USA": {"id": [9], "sale": [0], "name": ["z"]}})
    assert workstation.join("sales", "customers").counts["orphans"].to_list() == [1, 2]
    assert workstation["sales"].versions()[0].at == then
    with pytest.raises(LookupError, match="there is no run nobody"):
        workstation.join("sales", "customers", snapshot="nobody")
