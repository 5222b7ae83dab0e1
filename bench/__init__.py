"""Benchmarks: what users would do instead, measured beside what ai_dataflow does."""
