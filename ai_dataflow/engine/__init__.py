"""The work on one partition: read, map, merge, write. Knows nothing of Dagster."""
