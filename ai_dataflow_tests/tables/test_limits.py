"""How many rejects a module allows: a count of rows or a share of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.module_settings import ModuleSettings
from ai_dataflow.config.settings import load_settings
from ai_dataflow_tests.projects import text_file

CASES: list[tuple[Any, int, int, bool]] = [
    (None, 7, 7, True),
    (0, 0, 10, True),
    (0, 1, 10, False),
    (3, 3, 3_000, True),
    ("3", 4, 3_000, False),
    ("0%", 1, 3_000, False),
    ("1%", 10, 1_000, True),
    ("1%", 11, 1_000, False),
    ("0.1 %", 1, 1_000, True),
    ("0.1%", 1, 999, False),
    ("100%", 5, 5, True),
    ("1%", 0, 0, True),
]


@pytest.mark.parametrize(("limit", "rejected", "read", "allowed"), CASES)
def test_a_limit(limit: Any, rejected: int, read: int, allowed: bool) -> None:
    given = {} if limit is None else {"max_rejected": limit}
    assert ModuleSettings(**given).allows(rejected, read) == allowed


WRONG = [
    ('"few"', "is neither a count of rows, such as 100, nor a share"),
    ("0.01", "is neither"),
    ("true", "is neither"),
    ('"-1%"', "is neither"),
    ('"101%"', "is more than all rows"),
]


@pytest.mark.parametrize(("limit", "says"), WRONG)
def test_what_is_no_limit_is_refused(tmp_path: Path, limit: str, says: str) -> None:
    toml = f"[modules.claims]\nmax_rejected = {limit}\n"
    with pytest.raises(DataflowError) as error:
        load_settings(text_file(tmp_path, "ai_dataflow.toml", toml))
    (problem,) = error.value.diagnostics
    assert problem.code == "CFG-003"
    assert f"`modules.claims.max_rejected` {says}" in problem.message
