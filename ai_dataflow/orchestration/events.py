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

_NO_METADATA = '"metadata_entries": []'
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
    """Give the rows that `_event_to_row` gives; to spell the metadata is most of its work."""
    spelled: dict[int, str] = {}
    return [_row(storage, event, spelled) for event in events]


def _row(
    storage: SqliteEventLogStorage, event: EventLogEntry, spelled: dict[int, str]
) -> dict[str, Any]:
    """Give an event's row; `spelled` are values of metadata by their identity, as JSON."""
    happened = event.get_dagster_event()
    data = happened.event_specific_data
    if not isinstance(data, StepMaterializationData):
        return storage._event_to_row(event)
    made = data.materialization
    bare = data._replace(materialization=made._replace(metadata={}))
    row = storage._event_to_row(
        event._replace(dagster_event=happened._replace(event_specific_data=bare))
    )
    entries = ", ".join(_entry_of(label, value, spelled) for label, value in made.metadata.items())
    row["event"] = row["event"].replace(_NO_METADATA, f'"metadata_entries": [{entries}]', 1)
    return row


def _entry_of(label: str, value: Any, spelled: dict[int, str]) -> str:
    """Spell metadata as Dagster's `MetadataFieldSerializer` does."""
    if id(value) not in spelled:
        spelled[id(value)] = serialize_value(value)
    return (
        f'{{"__class__": "EventMetadataEntry", "description": null, '
        f'"entry_data": {spelled[id(value)]}, "label": {json.dumps(label)}}}'
    )
