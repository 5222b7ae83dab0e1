"""Severity and `blocks`: what is only told, what holds a partition back, and what checks say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ai_dataflow.workstation.reports import CheckReport, RunReport
from ai_dataflow_tests.projects import text_file
from ai_dataflow_tests.runs import spine
from ai_dataflow_tests.runs.test_dictionary import (
    ORDERS,
    SALES,
    causes,
    deliver,
    explain,
    lenient,
    made,
    numbers,
    of,
    rows,
    shop,
)

ALL = [1, 2, 3, 4, None]
CODES = "some,a,EUR\nsome,b,USD\n"


def said(**cells: str) -> str:
    """Write a row of the dictionary of a column, which is the first."""
    names = ("is_key", "required", "min", "max", "pattern", "code_list", "max_null", "references",
             "unit", "severity", "blocks")  # fmt: skip
    column = cells.pop("column", "amount")
    return ",".join([column, *(cells.pop(name, "") for name in names)])


def check(report: RunReport, kind: str) -> CheckReport:
    (one,) = (check for check in report.checks if check.kind == kind)
    return one


@pytest.mark.parametrize(
    ("cells", "kind", "broken"),
    [
        ({"min": "0", "max": "15"}, "range", {"ORION": 2}),
        ({"required": "Y"}, "required", {"ORION": 2}),
        ({"column": "currency", "pattern": "[A-Z]*[DR]"}, "pattern", {"ORION": 2}),
        ({"column": "currency", "code_list": "some"}, "code_list", {"ORION": 2}),
        ({"max_null": "39%"}, "max_null", {"ORION": 2}),
        ({"max_null": "40%"}, "max_null", {}),
    ],
)
def test_what_only_warns_is_published_and_counted(
    tmp_path: Path, cells: dict[str, str], kind: str, broken: dict[str, int]
) -> None:
    shop(tmp_path, said(**cells, severity="warn"), codes=CODES)
    report = spine.run(tmp_path)
    assert {p.status for p in report.partitions} == {"ok"}
    assert sorted(numbers(tmp_path), key=repr) == ALL
    name = f"{kind} {cells.get('column', 'amount')}"
    counted = {p: c.broken[name] for p, c in of(report).products.items() if c.broken}
    assert counted == broken
    told = check(report, kind)
    assert (told.severity, told.passed, told.rows_rejected) == ("warn", not broken, 0)
    assert told.clients_failed == (["acme", "borealis", "cobalt"] if broken else [])
    assert (told.number, told.rows) == (3 * sum(broken.values()), 21)


def test_keys_that_repeat_are_told(tmp_path: Path) -> None:
    shop(tmp_path, said(column="sale_id", is_key="Y", severity="warn"))
    deliver(tmp_path, "borealis", orders=ORDERS + "2,XXX,7\n", sales=SALES + "1,\n1,\n")
    report = spine.run(tmp_path)
    assert {p.status for p in report.partitions} == {"ok"}
    products = of(report, "borealis").products
    assert {p: c.broken for p, c in products.items()} == {
        "ORION": {"is_key sale_id": 2}, "VEGA": {"is_key sale_id": 3}
    }  # fmt: skip
    told = check(report, "is_key")
    assert (told.passed, told.number, told.clients_failed) == (False, 5, ["borealis"])


@pytest.mark.parametrize(("blocks", "severity"), [("N", "error"), ("", "warn")])
@pytest.mark.parametrize("cells", [{"max_null": "39%"}, {"column": "sale_id", "is_key": "Y"}])
def test_what_holds_a_partition_back_may_be_told(
    tmp_path: Path, cells: dict[str, str], blocks: str, severity: str
) -> None:
    shop(tmp_path, said(**cells, blocks=blocks, severity=severity))
    deliver(tmp_path, "acme", orders=ORDERS + "2,XXX,\n")
    report = spine.run(tmp_path)
    assert of(report).status == "ok"
    (told,) = report.checks
    assert (told.severity, told.passed) == (severity, False)
    assert "acme" in told.clients_failed


@pytest.mark.parametrize(
    ("cells", "rows"),
    [
        ({"min": "0"}, "1 of 5"),
        ({"required": "Y"}, "2 of 5"),
        ({"column": "currency", "code_list": "some"}, "2 of 5"),
    ],
)
def test_a_row_that_breaks_what_blocks_holds_its_partition_back(
    tmp_path: Path, cells: dict[str, str], rows: str
) -> None:
    shop(tmp_path, said(**cells, blocks="Y"), codes=CODES)
    deliver(tmp_path, "borealis", "No,Currency,Amount\n1,EUR,10\n", "Code,Rate\nEUR,1\n", SALES)
    report = spine.run(tmp_path)
    assert {p.partition: p.status for p in report.partitions} == {
        "sales|acme": "failed", "sales|borealis": "ok", "sales|cobalt": "failed"
    }  # fmt: skip
    column = cells.get("column", "amount")
    (error,) = of(report).errors
    assert (error.code, error.concern) == ("DAT-036", "source")
    assert error.message == f"ORION: {rows} rows break what must hold for {column}"
    (told,) = report.checks
    assert (told.passed, told.clients_failed) == (False, ["acme", "cobalt"])
    assert error.place == told.place


def test_a_row_that_is_rejected_holds_nothing_back(tmp_path: Path) -> None:
    shop(tmp_path, said(max="15"), said(column="sale_id", max="1", blocks="Y"))
    deliver(tmp_path, "acme", orders="No,Currency,Amount\n1,EUR,1\n2,EUR,20\n", sales="No\n1\n")
    text_file(tmp_path, "data/acme/sale-VEGA.csv", "No,Amount\n1,1\n")
    report = spine.run(tmp_path)
    assert of(report).status == "ok"
    assert of(report, "cobalt").status == "failed"
    assert check_of(report, "amount").rows_rejected == 1
    assert check_of(report, "sale_id").clients_failed == ["borealis", "cobalt"]


def check_of(report: RunReport, column: str) -> CheckReport:
    (one,) = (check for check in report.checks if check.column == column)
    return one


def test_a_sheet_without_the_columns_tells_of_its_rejects_too(tmp_path: Path) -> None:
    shop(tmp_path, said(min="0", max="15"))
    report = spine.run(tmp_path)
    assert causes(of(report)) == {"order REJ-016": 2, "rate REJ-016": 1}
    assert check(report, "range") == CheckReport(
        module="sales", kind="range", column="amount", severity="error", passed=True,
        rows=15, rows_rejected=9, limit="min 0, max 15", place="ai_columns.csv:3:min",
    )  # fmt: skip


def test_checks_are_of_all_that_readers_see(tmp_path: Path) -> None:
    shop(tmp_path, said(min="0", severity="warn"))
    first = check(spine.run(tmp_path), "range")
    deliver(tmp_path, "acme", orders=ORDERS.replace("-3", "3"))
    changed = spine.run_changed(tmp_path)
    told = check(changed, "range")
    assert [p.partition for p in changed.partitions if p.status == "ok"] == ["sales|acme"]
    assert (first.number, told.number, told.rows) == (3, 2, 21)
    assert told.clients_failed == ["borealis", "cobalt"]
    assert check(spine.run_changed(tmp_path), "range") == told  # nothing to do
    assert check(spine.run(tmp_path, ["sales|acme"]), "range") == told  # others were not looked at


def test_a_late_row_that_breaks_a_warning_passes_and_is_counted(tmp_path: Path) -> None:
    shop(tmp_path, said(min="0", severity="warn"))
    deliver(tmp_path, "acme", orders=ORDERS + "6,XXX,y\n")
    assert causes(of(spine.run(tmp_path))) == {"order REJ-001": 1}
    text = (tmp_path / "ai_mapping.csv").read_text()
    head, *lines = text.splitlines()
    lines = [f"{x},-7" if x.startswith("sales,ORION,order,Amount") else f"{x}," for x in lines]
    lines = [x.replace("order,Amount", "order,") if x.endswith("-7") else x for x in lines]
    text_file(tmp_path, "ai_mapping.csv", "\n".join([f"{head},transform", *lines]) + "\n")
    report = of(spine.replay(tmp_path))
    assert report.rows_replayed == 1
    assert report.products["ORION"].broken == {"range amount": 2}


def test_a_replay_fails_where_what_blocks_would_not_hold(tmp_path: Path) -> None:
    shop(tmp_path, said(required="Y", blocks="Y"))
    good = "No,Currency,Amount\n1,EUR,10\n9,EUR,x\n"
    deliver(tmp_path, "acme", good, "Code,Rate\nEUR,1\n", SALES)
    assert of(spine.run(tmp_path)).status == "ok"
    before = rows(tmp_path)
    lenient(tmp_path)
    assert [e.code for e in of(spine.replay(tmp_path)).errors] == ["DAT-036"]
    assert rows(tmp_path) == before


@pytest.mark.parametrize(
    ("before", "after", "is_made"),
    [
        ({"min": "0"}, {"min": "0", "severity": "error"}, False),
        ({"min": "0"}, {"min": "0", "blocks": "N"}, False),
        ({"min": "0"}, {"min": "0", "severity": "warn"}, True),
        ({"min": "0"}, {"min": "0", "blocks": "Y"}, True),
        ({"max_null": "50%"}, {"max_null": "50%", "blocks": "Y"}, False),
        ({"max_null": "50%"}, {"max_null": "50%", "blocks": "N"}, True),
        ({"max_null": "50%", "blocks": "N"}, {"max_null": "50%", "severity": "warn"}, False),
        ({"is_key": "Y"}, {"is_key": "Y", "blocks": "Y"}, False),
        ({"is_key": "Y"}, {"is_key": "Y", "severity": "warn"}, True),
        ({"unit": "EUR"}, {"unit": "EUR", "severity": "warn"}, False),
    ],
)
def test_a_change_makes_those_anew_whose_outcome_may_be_another(
    tmp_path: Path, before: dict[str, str], after: dict[str, str], is_made: bool
) -> None:
    orders = "No,Currency,Amount\n1,EUR,10\n"
    shop(tmp_path, said(**before))
    for client in ("acme", "borealis", "cobalt"):
        deliver(tmp_path, client, orders, "Code,Rate\nEUR,1\n", SALES)
    spine.run(tmp_path)
    explain(tmp_path, said(**after))
    assert len(list(made(tmp_path))) == (3 if is_made else 0)


def test_repeats_are_rejected_unless_the_row_blocks(tmp_path: Path) -> None:
    key: dict[str, Any] = {"column": "sale_id", "is_key": "Y"}
    shop(tmp_path, said(**key), settings='duplicate_keys = "reject"')
    deliver(tmp_path, "acme", orders=ORDERS + "2,XXX,7\n")
    assert check(spine.run(tmp_path), "is_key").rows_rejected == 2
    explain(tmp_path, said(**key, blocks="N"))
    assert list(made(tmp_path)) == []  # they are rejected still
    explain(tmp_path, said(**key, blocks="Y"))
    report = spine.run_changed(tmp_path)
    assert [e.code for e in of(report).errors] == ["DAT-034"]
    assert check(report, "is_key").clients_failed == ["acme"]
