"""What references to other modules come to after a run, in plain Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_dataflow_tests.runs.oracle.history import History
from ai_dataflow_tests.runs.oracle.merging import Outcome
from ai_dataflow_tests.runs.oracle.tables import Key, Module

# How many clients have values, how many rows have one, how many of these are there in the other
# module for the same client not, and who has such rows.
Counted = tuple[int, int, int, list[str]]


def references(
    history: History, made: Mapping[Key, Outcome | None], modules: Mapping[str, Module]
) -> dict[tuple[str, str], Counted]:
    """Count the references of each column that has some, of the clients that a run published."""
    counted = {}
    published = [key for key, outcome in made.items() if outcome and outcome.status == "ok"]
    for name, module in modules.items():
        is_seen = any(seen.outcome for (of, _), seen in history.seen.items() if of == name)
        for rule in module.rules.values() if is_seen else ():
            other, _, column = rule.said["references"].rpartition(".")
            clients = {client for of, client in published if of in (name, other)}
            if other and clients:
                values = {c: _values(history, (name, c), rule.ai_column) for c in clients}
                there = {c: _values(history, (other, c), column) for c in clients}
                counted[name, rule.ai_column] = _counted(values, there)
    return counted


def _values(history: History, key: Key, column: str) -> list[Any]:
    """Give the values that readers see of a partition in a column."""
    outcome = history.seen[key].outcome if key in history.seen else None
    values = [row.get(column) for _, row in outcome.rows] if outcome else []
    return [value for value in values if value is not None]


def _counted(values: dict[str, list[Any]], there: dict[str, list[Any]]) -> Counted:
    orphans = {c: sum(value not in there[c] for value in of) for c, of in values.items()}
    return (
        sum(bool(of) for of in values.values()),
        sum(map(len, values.values())),
        sum(orphans.values()),
        sorted(client for client, number in orphans.items() if number),
    )
