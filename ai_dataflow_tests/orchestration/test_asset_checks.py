"""The dictionary's checks in Dagster: names, numbers, clients, and what they say of nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import dagster as dg

from ai_dataflow.orchestration.asset_checks import check_specs
from ai_dataflow.tables.ai_columns import DictionaryRow
from ai_dataflow.tables.table import Sheet
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs.runs import instance_of, run_project
from ai_dataflow_tests.runs.test_dictionary import ORDERS, deliver, shop
from ai_dataflow_tests.runs.test_freshness import daily
from ai_dataflow_tests.runs.test_freshness import deliver as deliver_file
from ai_dataflow_tests.runs.test_references import CONTROL, MAPPING, make_office
from ai_dataflow_tests.runs.test_severity import said

DATASET = dg.AssetKey("ai_dataset")
WARN, ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def evaluation(folder: Path, name: str) -> dg.AssetCheckEvaluation:
    """Give the last evaluation of a check, as the instance has it."""
    key = dg.AssetCheckKey(DATASET, name)
    with instance_of(folder) as instance:
        storage = instance.event_log_storage
        record = storage.get_latest_asset_check_execution_by_key([key])[key]
    assert isinstance(record.evaluation, dg.AssetCheckEvaluation)
    return record.evaluation


def numbers(check: dg.AssetCheckEvaluation) -> dict[str, object]:
    return {name: value.value for name, value in check.metadata.items()}


def test_each_module_and_kind_is_a_check_of_its_own(tmp_path: Path) -> None:
    shop(
        tmp_path,
        said(min="0", max_null="40%", severity="warn"),
        said(column="currency", pattern="[A-Z]*[DR]"),
        said(column="sale_id", is_key="Y", blocks="Y"),
    )
    deliver(tmp_path, "borealis", orders=ORDERS + "2,EUR,1\n")
    report = run_project(tmp_path)
    assert [p.partition for p in report.failed] == ["sales|borealis"]
    within = evaluation(tmp_path, "sales_range")
    assert (within.passed, within.severity) == (False, WARN)
    assert within.description == (
        "2 of 10 rows break `min 0` of amount, of acme, cobalt (ai_columns.csv:2:min)"
    )
    assert numbers(within) == {
        "amount: rows that break it": 2, "amount: clients that break it": 2,
        "clients": "acme, cobalt",
    }  # fmt: skip
    pattern = evaluation(tmp_path, "sales_pattern")
    assert (pattern.passed, pattern.severity) == (True, ERROR)
    assert pattern.description == "It holds for all of 10 rows; 4 rows were rejected for it"
    assert numbers(pattern)["currency: rows rejected"] == 4
    key = evaluation(tmp_path, "sales_is_key")
    assert (key.passed, key.severity) == (False, ERROR)
    assert key.description == "`is_key` of sale_id holds back borealis (ai_columns.csv:4:is_key)"


def test_a_check_of_references_tells_what_was_seen_before(tmp_path: Path) -> None:
    office = make_office(tmp_path)
    for module in ("claims", "customers"):
        text_file(office, f"data/borealis/{module}.csv", "No,Customer\n1,1\n")
    run_project(office, ["claims|acme", "customers|acme"])
    first = evaluation(office, "claims_references")
    assert (first.passed, first.severity) == (False, WARN)
    assert first.description == (
        "1 of 3 rows break `references customers.customer_id` of customer_id, of acme "
        "(ai_columns.csv:2:references)"
    )
    text_file(office, "ai_mapping.csv", MAPPING.replace("    ", "").replace(",No,", ",Nr,"))
    for _ in range(2):  # nothing can be published, and so nothing is looked at
        assert len(run_project(office, ["claims|acme"]).failed) == 1
        again = evaluation(office, "claims_references")
        assert again.passed is False
        assert again.description == (
            f"This run published no client of these modules. {first.description}"
        )
        assert numbers(again) == numbers(first)


def test_a_check_without_anything_to_check_says_so(tmp_path: Path) -> None:
    office = make_office(tmp_path)
    text_file(office, "control_table.csv", CONTROL.replace(".csv,Y", ".txt,Y"))
    assert len(run_project(office).failed) == 4
    check = evaluation(office, "claims_references")
    assert check.passed
    assert check.description == (
        "This run published no client of these modules, nor did one before: "
        "there was nothing to check"
    )
    assert not check.metadata


def _rules(modules: Sequence[str]) -> list[DictionaryRow]:
    sheet = Sheet("ai_columns.csv")
    return [DictionaryRow(sheet, i, name, "id", min="0") for i, name in enumerate(modules, 2)]


def test_names_are_those_that_dagster_takes_and_differ() -> None:
    specs = check_specs(_rules(["a.b", "a_b", "a-b"]), DATASET)
    names = [spec.name for spec in specs.values()]
    assert names[0] == "a_b_range"
    assert len({*names}) == 3
    assert all(name.replace("_", "").isalnum() for name in names)


def test_what_is_overdue_is_a_warning(tmp_path: Path) -> None:
    daily(tmp_path, 5, 9)
    run_project(tmp_path)
    late = evaluation(tmp_path, "freshness")
    assert (late.passed, late.severity) == (False, WARN)
    assert late.description == (
        "ORION · claim of claims|acme: nothing new for 9 days, usual is 1 day"
    )
    assert numbers(late)["overdue sources"] == 1
    deliver_file(tmp_path, "acme", 0, 99)
    run_project(tmp_path)
    assert evaluation(tmp_path, "freshness").passed
