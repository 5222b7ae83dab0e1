"""Dagster's pages in a real browser: what a person sees of the demo project there.

The pictures of the docs are made by the same tests: `python -m ai_dataflow_tests.ui`.
"""
