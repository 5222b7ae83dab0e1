"""Lineage: what a run read and wrote, told as OpenLineage to who is configured to hear of it."""
