"""Each case of the bench runs, and its outputs are equal to those of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests.services.processes import ServiceError
from bench.__main__ import LONG, SHORT, table_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


# Those that start the most processes; `python -m bench --short` runs them all.
_MANY = {"skewed", "growth", "extraction", "storage", "text"}


@pytest.mark.parametrize("name", [name for name in SHORT if name not in _MANY])
def test_a_case_runs_and_says_where_the_time_goes(name: str, tmp_path: Path) -> None:
    try:
        case = SHORT[name](tmp_path / "b")
    except ServiceError as error:
        pytest.skip(str(error))
    assert case.checked
    assert all(row.seconds > 0 for row in case.rows)
    assert table_of(case).row_count == len(case.rows)


def test_short_cases_are_cases() -> None:
    assert _MANY <= set(SHORT) <= set(LONG)
