"""The dynamic partitions: one per module × client of the control table's active rows."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

NAME = "ai_dataflow_module_client"
module_client_partitions = dg.DynamicPartitionsDefinition(name=NAME)


def add_partitions(instance: dg.DagsterInstance, partitions: Iterable[str]) -> list[str]:
    """Make Dagster know these partitions; give those that are new."""
    known = set(instance.get_dynamic_partitions(NAME))
    new = [key for key in partitions if key not in known]
    if new:
        instance.add_dynamic_partitions(NAME, new)
    return new
