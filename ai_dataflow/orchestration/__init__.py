"""Dagster around the engine: the asset graph, its partitions, its runs."""
