"""`required` holds for published rows: what a join leaves without is a reject, replayed once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ai_dataflow import load
from ai_dataflow.workstation.reports import PartitionReport, RunReport
from ai_dataflow_tests.projects import project, text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.runs import cli

CONTROL = """
    product_code,module_name,submodule_name,client_code,module_location,active
    ORION,sales,order,acme,data/orders.csv,Y
    ORION,sales,rate,acme,data/rates.csv,Y
"""
MAPPING = """
    module_name,product_code,submodule_name,source_column,ai_column,ai_type,is_key,required,transform
    sales,ORION,order,No,order_id,int64,,Y,
    sales,ORION,order,Currency,currency,string,Y,,
    sales,ORION,order,Amount,amount,int64,,,
    sales,ORION,rate,Code,currency,string,Y,,
    sales,ORION,rate,Rate,rate,float64,,,
"""
# Of USD there are two orders, of which one has no good amount; of CHF one, which has none either.
ORDERS = "No,Currency,Amount\n1,EUR,10\n2,USD,20\n3,USD,much\n4,CHF,more\n5,XXX,50\n"
RATES = "Code,Rate\nEUR,1.0\nUSD,1.1\nCHF,0.9\nJPY,160\n"
LENIENT = ("Amount,amount,int64,,,", ",amount,int64,,,\"IF(Amount = 'more', '0', Amount)\"")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Give a project that ran once."""
    project(tmp_path, control=CONTROL, mapping=MAPPING)
    text_file(tmp_path, "data/orders.csv", ORDERS)
    text_file(tmp_path, "data/rates.csv", RATES)
    assert one(spine.run(tmp_path)).status == "ok"
    return tmp_path


def one(report: RunReport) -> PartitionReport:
    (only,) = report.partitions
    return only


def rows(folder: Path) -> list[Any]:
    frame = load("sales", config=folder).select("order_id", "currency", "amount", "rate")
    return sorted(frame.collect().rows(), key=repr)


def edit(folder: Path, old: str, new: str) -> None:
    text = (folder / "ai_mapping.csv").read_text(encoding="utf-8")
    assert old in text
    (folder / "ai_mapping.csv").write_text(text.replace(old, new), encoding="utf-8")


def balance(partition: PartitionReport) -> tuple[int, int, int, int]:
    counts = partition.products["ORION"]
    told = (counts.rows_read, counts.rows_rejected, counts.rows_merged, counts.rows_published)
    assert told[0] == sum(told[1:])
    return told


BEFORE = [(1, "EUR", 10, 1.0), (2, "USD", 20, 1.1), (5, "XXX", 50, None)]


def test_a_row_that_a_join_leaves_without_a_required_value_is_a_reject(shop: Path) -> None:
    report = one(spine.run(shop))
    assert rows(shop) == BEFORE
    # Nine rows: two orders and two rates rejected, two rates merged.
    assert balance(report) == (9, 4, 2, 3)
    causes = {(name, reason): count
              for name, source in report.products["ORION"].sources.items()
              for reason, count in source.rejected.items()}  # fmt: skip
    assert causes == {("order", "REJ-001"): 2, ("rate", "REJ-004"): 2}


def test_the_reject_says_what_was_required_and_where(shop: Path) -> None:
    told = cli(shop, "rejects", "--reason", "REJ-004")
    assert told.returncode == 0
    assert "order_id" in told.stdout
    assert "ai_mapping.csv:2:source_column" in told.stdout


def test_a_replay_without_a_change_brings_nothing_back(shop: Path) -> None:
    report = one(spine.replay(shop))
    assert report.rows_replayed == 0
    assert rows(shop) == BEFORE


def test_a_partner_that_passes_now_brings_it_along(shop: Path) -> None:
    edit(shop, *LENIENT)
    report = one(spine.replay(shop))
    assert (report.status, report.rows_replayed) == ("ok", 2)
    assert rows(shop) == [*BEFORE[:2], (4, "CHF", 0, 0.9), BEFORE[2]]
    # Four open rejects and five kept rows; `much` and JPY stay open.
    assert balance(report) == (9, 2, 3, 4)
    again = one(spine.replay(shop))
    assert again.rows_replayed == 0
    assert len(rows(shop)) == 4


def test_what_is_required_no_more_passes_once(shop: Path) -> None:
    edit(shop, "No,order_id,int64,,Y,", "No,order_id,int64,,,")
    report = one(spine.replay(shop))
    assert (report.status, report.rows_replayed) == ("ok", 2)
    both = [(None, "CHF", None, 0.9), (None, "JPY", None, 160.0)]
    assert rows(shop) == sorted([*BEFORE, *both], key=repr)
    assert one(spine.replay(shop)).rows_replayed == 0


def test_a_replay_gives_what_a_run_gives(shop: Path) -> None:
    edit(shop, *LENIENT)
    spine.replay(shop)
    replayed = rows(shop)
    spine.run(shop)
    assert rows(shop) == replayed


def test_what_is_required_now_and_is_not_there_needs_a_run(shop: Path) -> None:
    edit(shop, *LENIENT)
    edit(shop, "Rate,rate,float64,,,", "Rate,rate,float64,,Y,")
    report = one(spine.replay(shop))
    assert [error.code for error in report.errors] == ["DAT-005"]
    assert rows(shop) == BEFORE
    spine.run(shop)
    assert rows(shop) == [*BEFORE[:2], (4, "CHF", 0, 0.9)]


def test_it_binds_appended_rows_too(tmp_path: Path) -> None:
    mapping = MAPPING.replace(",string,Y,", ",string,,")
    project(tmp_path, control=CONTROL, mapping=mapping)
    text_file(tmp_path, "data/orders.csv", "No,Currency,Amount\n1,EUR,10\n")
    text_file(tmp_path, "data/rates.csv", RATES)
    report = one(spine.run(tmp_path))
    assert rows(tmp_path) == [(1, "EUR", 10, None)]
    assert balance(report) == (5, 4, 0, 1)
