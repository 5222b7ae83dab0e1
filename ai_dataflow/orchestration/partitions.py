"""The dynamic partitions: one per module × client of the control table's active rows."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

NAME = "ai_dataflow_module_client"
module_client_partitions = dg.DynamicPartitionsDefinition(name=NAME)


def add_partitions(instance: dg.DagsterInstance, partitions: Iterable[str]) -> list[str]:
    """Make Dagster know these partitions; give those that are new."""
    existing = set(instance.get_dynamic_partitions(NAME))
    new = [key for key in partitions if key not in existing]
    if new:
        instance.add_dynamic_partitions(NAME, new)
    return new


def drop_partitions(instance: dg.DagsterInstance, active: Iterable[str]) -> list[str]:
    """Take the partitions that are not active out of Dagster's set; give them.

    No backfill asks for them any more. Their events stay, and so does what is published: the last
    event of each says what became of it.
    """
    gone = sorted(set(instance.get_dynamic_partitions(NAME)) - set(active))
    for key in gone:
        instance.delete_dynamic_partition(NAME, key)
        mark = dg.AssetObservation(
            "ai_dataset",
            partition=key,
            description="Deactivated: no active row of the control table makes it. What is "
            "published stays, and readers still see it.",
        )
        instance.report_runless_asset_event(mark)
    return gone
