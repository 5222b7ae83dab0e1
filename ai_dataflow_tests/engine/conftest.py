"""Fixtures of runs on Spark."""

from ai_dataflow_tests.runs.real_case_azure import chinook  # noqa: F401 - found here
