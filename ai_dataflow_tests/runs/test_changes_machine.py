"""Any edits of sources, sheet, dictionary, control table: what changed is made, as in a full run.

`AI_DATAFLOW_EXAMPLES` sets the number of histories.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

from ai_dataflow_tests.runs.changes_model import Company


@pytest.mark.timeout(0)
@pytest.mark.slow
def test_a_run_over_what_changed_makes_what_a_full_run_would() -> None:
    Company.TestCase.settings = settings(
        max_examples=int(os.environ.get("AI_DATAFLOW_EXAMPLES", "6")),
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Company.TestCase("runTest").runTest()
