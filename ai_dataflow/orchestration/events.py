"""Dagster's events of assets, many at once.

Dagster stores an event at a time, and its SQLite storage opens two files anew for each: 15 ms and
more, of which a partition has three. `store` writes them in one go, and spells metadata that many
have in common once. What it leaves behind is what Dagster would have left.
"""

from __future__ import annotations

import json
import logging
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

import dagster as dg
import sqlalchemy as sa
from dagster import DagsterEvent, DagsterEventType, EventLogEntry
from dagster._core.events import (
    AssetMaterializationPlannedData,
    AssetObservationData,
    StepMaterializationData,
)
from dagster._serdes import serialize_value

if TYPE_CHECKING:  # its import takes as long as all of ours together
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

_NO_PARTITION, _NO_TIME = "no partition", -1.5
# What each materialization of an asset has of its own, as it is spelled where there is none.
_VARYING = {
    "partition": json.dumps(_NO_PARTITION),
    "tags": "{}",
    "metadata_entries": "[]",
    "timestamp": json.dumps(_NO_TIME),
}
_PLAIN = (dg.IntMetadataValue, dg.FloatMetadataValue, dg.TextMetadataValue)
Context = dg.AssetExecutionContext | dg.OpExecutionContext


def materialized(context: Context, materialization: dg.AssetMaterialization) -> EventLogEntry:
    """Give the event that `context.log_event` would store."""
    message = f"Materialized value {materialization.label}."
    kind = DagsterEventType.ASSET_MATERIALIZATION
    return _of_step(context, kind, StepMaterializationData(materialization), message)


def observed(context: Context, observation: dg.AssetObservation) -> EventLogEntry:
    """Give the event that `context.log_event` would store."""
    kind = DagsterEventType.ASSET_OBSERVATION
    return _of_step(context, kind, AssetObservationData(observation), None)


def _of_step(
    context: Context, kind: DagsterEventType, data: Any, message: str | None
) -> EventLogEntry:
    step = context.get_step_execution_context()
    event = DagsterEvent(
        event_type_value=kind.value,
        job_name=step.job_name,
        step_handle=step.step.handle,
        node_handle=step.step.node_handle,
        step_kind_value=step.step.kind.value,
        logging_tags=step.event_tags,
        event_specific_data=data,
        message=message,
    )
    return _entry(context, event)


def planned(context: Context, step: str, asset: str, partition: str) -> EventLogEntry:
    """Give the event that says that a partition of an asset is to be materialized."""
    data = AssetMaterializationPlannedData(dg.AssetKey(asset), partition=partition)
    job = context.run.job_name
    return _entry(context, DagsterEvent.build_asset_materialization_planned_event(job, step, data))


def _entry(context: Context, event: DagsterEvent) -> EventLogEntry:
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=logging.DEBUG,
        user_message=event.message or "",
        run_id=context.run.run_id,
        timestamp=time.time(),
        step_key=event.step_key,
        job_name=event.job_name,
        dagster_event=event,
    )


def store(instance: dg.DagsterInstance, events: Iterable[EventLogEntry]) -> None:
    """Store the events of a run, in their order for each asset."""
    by_asset: defaultdict[dg.AssetKey | None, list[EventLogEntry]] = defaultdict(list)
    for event in events:
        by_asset[event.get_dagster_event().asset_key].append(event)
    storage: Any = instance.event_log_storage
    if type(storage).__name__ != "SqliteEventLogStorage":
        for entries in by_asset.values():
            storage.store_event_batch(entries)
    elif by_asset:
        _store_in_sqlite(storage, list(by_asset.values()))


def _store_in_sqlite(
    storage: SqliteEventLogStorage, by_asset: Sequence[Sequence[EventLogEntry]]
) -> None:
    """Do what `SqliteEventLogStorage.store_event` does, for events of one run, asset by asset."""
    from dagster._core.storage.event_log import SqlEventLogStorageTable  # noqa: PLC0415

    insert = SqlEventLogStorageTable.insert()
    events = [event for entries in by_asset for event in entries]
    rows = _rows(storage, events)
    with storage.run_connection(events[0].run_id) as connection:
        connection.execute(insert, rows)
    # And again in the file that all runs share, where assets are looked up.
    with storage.index_transaction() as connection:
        connection.execute(insert, rows)
        # Nobody else writes meanwhile, and SQLite counts up by one.
        last = connection.execute(sa.select(sa.func.max(SqlEventLogStorageTable.c.id))).scalar_one()
        ids = range(last - len(rows) + 1, last + 1)
        storage._store_asset_event_tags(connection, events, ids)
        end = 0
        for entries in by_asset:
            end += len(entries)
            storage._store_asset_event(connection, entries[-1], ids[end - 1])


def _rows(storage: SqliteEventLogStorage, events: Iterable[EventLogEntry]) -> list[dict[str, Any]]:
    """Give the rows that `_event_to_row` gives; to spell events is most of its work."""
    spelling = _Spelling(storage)
    return [spelling.row(event) for event in events]


class _Spelling:
    """Spells events of one run as JSON: what those of an asset have in common once."""

    def __init__(self, storage: SqliteEventLogStorage) -> None:
        self._storage: Any = storage
        self._rows: dict[tuple[object, ...], tuple[dict[str, Any], list[str]]] = {}
        self._values: dict[object, str] = {}  # of metadata

    def row(self, event: EventLogEntry) -> dict[str, Any]:
        """Give an event's row."""
        data = event.get_dagster_event().event_specific_data
        if not isinstance(data, StepMaterializationData):
            return dict(self._storage._event_to_row(event))
        made = data.materialization
        row, texts = self._common(event, made)
        entries = (self._entry(label, value) for label, value in made.metadata.items())
        fields = {
            "partition": json.dumps(made.partition),
            "tags": json.dumps(made.tags),
            "metadata_entries": f"[{', '.join(entries)}]",
            "timestamp": json.dumps(event.timestamp),
        }
        return row | {
            "event": "".join(fields.get(text, text) for text in texts),
            "timestamp": self._storage._event_insert_timestamp(event),
            "partition": made.partition or None,
        }

    def _common(
        self, event: EventLogEntry, made: dg.AssetMaterialization
    ) -> tuple[dict[str, Any], list[str]]:
        """Give a row, and the texts of its event; for the event's own, the names of its fields."""
        happened = event.get_dagster_event()
        key = made.asset_key, made.description, event.user_message, happened.step_key
        if key not in self._rows:
            bare = made._replace(metadata={}, partition=_NO_PARTITION, tags={})
            alike = happened._replace(event_specific_data=StepMaterializationData(bare))
            row = self._storage._event_to_row(
                event._replace(dagster_event=alike, timestamp=_NO_TIME)
            )
            text = row["event"]
            for name, value in _VARYING.items():
                # In a JSON text there is no such character, and a quote in a string is escaped.
                text = text.replace(f'"{name}": {value}', f'"{name}": \0{name}\0', 1)
            self._rows[key] = row, text.split("\0")
        return self._rows[key]

    def _entry(self, label: str, value: Any) -> str:
        """Spell metadata as Dagster's `MetadataFieldSerializer` does."""
        key = (type(value), value.value) if isinstance(value, _PLAIN) else id(value)
        if key not in self._values:
            self._values[key] = serialize_value(value)
        return (
            f'{{"__class__": "EventMetadataEntry", "description": null, '
            f'"entry_data": {self._values[key]}, "label": {encode_basestring_ascii(label)}}}'
        )
