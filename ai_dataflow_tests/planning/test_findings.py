"""Findings: told once each, with the partitions that they touch, in a reader's order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.planning.findings import Findings, held, is_partition
from ai_dataflow.tables.control_table import ControlRow
from ai_dataflow.tables.table import Sheet
from ai_dataflow.tables.teams import Team

SHEET = Sheet("control_table.csv")
TEAMS = (
    Team(SHEET, 2, "orion-data", "", "source", "ORION", "*"),
    Team(SHEET, 3, "ai-mapping", "", "mapping", "*", "claims"),
)
PROBLEM = Diagnostic("MAP-014", "no column `Amt`", place="ai_mapping.csv:2:source_column", line=2)


def row(client: str, product: str = "ORION", submodule: str = "claim") -> ControlRow:
    return ControlRow(SHEET, 2, product, "claims", submodule, client, "x.csv", "", active=True)


def told(*added: tuple[Diagnostic, list[ControlRow]]) -> tuple[Diagnostic, ...]:
    findings = Findings(TEAMS)
    for problem, rows in added:
        findings.add(problem, rows)
    return findings.diagnostics()


def test_one_problem_of_many_clients_is_told_once_with_all_their_partitions() -> None:
    (problem,) = told((PROBLEM, [row("b")]), (PROBLEM, [row("a"), row("b")]))
    assert problem.partitions == ("claims|a", "claims|b")
    assert problem.message == PROBLEM.message


def test_problems_of_one_cell_with_other_words_are_counted() -> None:
    others = [replace(PROBLEM, message=f"no column `Amt` in {name}") for name in "xyz"]
    (problem,) = told(*((other, [row(str(i))]) for i, other in enumerate(others)))
    assert problem.message == "no column `Amt` in x (and 2 more like it)"
    assert len(problem.partitions) == 3


@pytest.mark.parametrize(
    ("other", "count"),
    [({"code": "MAP-015"}, 2), ({"place": "ai_mapping.csv:3:source_column"}, 2), ({}, 1)],
)
def test_another_code_or_cell_is_another_problem(other: dict[str, str], count: int) -> None:
    assert len(told((PROBLEM, []), (replace(PROBLEM, **other), []))) == count


def test_a_warning_touches_no_partition() -> None:
    (problem,) = told((replace(PROBLEM, severity="warning"), [row("a")]))
    assert problem.partitions == ()


@pytest.mark.parametrize(
    ("rows", "subject"),
    [
        ([row("a"), row("b")], "ORION · claims · claim"),
        ([row("a"), row("b", submodule="line")], "ORION · claims"),
        ([row("a"), row("b", "VEGA")], "claims · claim"),
        ([], ""),
    ],
)
def test_a_problem_is_about_what_all_its_rows_have_in_common(
    rows: list[ControlRow], subject: str
) -> None:
    assert told((PROBLEM, rows))[0].subject == subject


@pytest.mark.parametrize(
    ("code", "rows", "owner"),
    [
        ("MAP-014", [row("a")], "ai-mapping"),
        ("SRC-001", [row("a")], "orion-data"),
        ("SRC-001", [row("a", "VEGA")], ""),
        ("CTL-003", [row("a")], ""),
    ],
)
def test_the_owner_is_found_by_concern_product_and_module(
    code: str, rows: list[ControlRow], owner: str
) -> None:
    assert told((replace(PROBLEM, code=code), rows))[0].owner == owner


def test_problems_come_in_the_order_of_the_tables_and_their_lines() -> None:
    codes = ["TEM-008", "MAP-014", "COV-001", "SRC-001", "CTL-003", "CFG-006"]
    added = [replace(PROBLEM, code=code, place=code) for code in codes]
    later = replace(PROBLEM, code="MAP-003", place="first", line=1)
    assert [p.code for p in told(*((p, []) for p in [*added, later]))] == [
        "CFG-006", "CTL-003", "SRC-001", "MAP-003", "MAP-014", "COV-001", "TEM-008",
    ]  # fmt: skip


def test_a_name_that_makes_no_partition_holds_none() -> None:
    (problem,) = told((PROBLEM, [row("a b"), row(""), row("a")]))
    assert problem.partitions == ("claims|a",)


@pytest.mark.parametrize(
    ("key", "good"),
    [("claims|acme", True), ("claims|", False), ("|acme", False), ("claims", False),
     ("_claims|acme", False), ("claims|_acme", True), ("claims|a|b", False),
     (f"claims|{'a' * 100}", True), (f"claims|{'a' * 101}", False), ("claims|acme\n", False)],
)  # fmt: skip
def test_a_partition_has_a_module_and_a_client(key: str, good: bool) -> None:
    assert is_partition(key) is good


def test_errors_hold_back_and_warnings_and_sources_do_not() -> None:
    other = replace(PROBLEM, code="MAP-003", place="b", line=1)
    source = replace(PROBLEM, code="SRC-001")
    warning = replace(PROBLEM, code="MAP-017", severity="warning")
    found = told(
        (PROBLEM, [row("b"), row("a")]),
        (other, [row("b")]),
        (source, [row("c")]),
        (warning, [row("d")]),
    )
    back = held(found)
    assert list(back) == ["claims|a", "claims|b"]
    assert [problem.code for problem in back["claims|b"]] == ["MAP-003", "MAP-014"]
