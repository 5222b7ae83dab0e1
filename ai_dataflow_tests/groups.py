"""Tests that share what is dear to start, and so run in one worker: `pytest -n 2`.

pytest 9.2 no longer heeds the `xdist_group` mark, in silence (pytest-xdist, issue 1386): each
worker then starts a cluster and a browser of its own. So the groups are said here, by their paths.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

GROUPS = {
    "ai_dataflow_tests/engine/test_spark_runs.py": "spark",  # a cluster
    "ai_dataflow_tests/sources/corpus/test_programs.py": "programs",  # Spark, LibreOffice
    "ai_dataflow_tests/ui/": "ui",  # `dagster dev` and a browser
    "ai_dataflow_tests/runs/test_real_case.py": "real case",  # its runs
    "ai_dataflow_tests/workstation/test_model_inputs.py": "model inputs",  # MLflow's database
}


class Grouped(LoadScopeScheduling):
    """Gives each group to one worker, the largest first; other tests one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(test: str) -> str:
    """Give the group of a test; a test without one is a group of its own."""
    return next((group for path, group in GROUPS.items() if test.startswith(path)), test)
