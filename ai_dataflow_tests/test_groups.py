"""What has to run in one worker does."""

from __future__ import annotations

from pathlib import Path

from ai_dataflow_tests.groups import GROUPS, group_of


def test_groups_are_of_tests_that_are_there() -> None:
    root = Path(__file__).parents[1]
    assert all((root / path).exists() for path in GROUPS)


def test_other_tests_are_alone() -> None:
    assert group_of("ai_dataflow_tests/ui/test_pages.py::test_a[@x]") == "ui"
    alone = "ai_dataflow_tests/test_cli.py::test_a[ui]"
    assert group_of(alone) == alone
