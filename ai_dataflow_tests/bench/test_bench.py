"""Each case of the bench runs, and its outputs are equal to those of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_dataflow_tests.services.processes import ServiceError
from bench.__main__ import LONG, SHORT, table_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.parametrize("name", SHORT)
def test_a_case_runs_and_says_where_the_time_goes(name: str, tmp_path: Path) -> None:
    try:
        case = SHORT[name](tmp_path / "b")
    except ServiceError as error:
        pytest.skip(str(error))
    assert case.checked
    assert all(row.seconds > 0 for row in case.rows)
    assert table_of(case).row_count == len(case.rows)


def test_short_cases_are_cases() -> None:
    assert set(SHORT) <= set(LONG)
