"""Records: what each partition was made from, so that a run can tell what has changed since.

One file per module, `_inputs/<module>.json`, written by the run that has the module's lease, after
its commit: a run that was killed before is made again, never passed over. A record counts only
while readers see the publication that it is about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.computation import current_name
from ai_dataflow.config.digests import digest
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.layout import Workstation
from ai_dataflow.workstation.reaching import reaching

FORMAT = 1


class _Recorded(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class SourceInputs(_Recorded):
    """One source of a partition: digests of where it is and of what is there.

    `content` is empty where nothing tells whether it changed. `mapping` has a digest of the mapping
    row of each AI column.
    """

    location: str
    content: str
    mapping: dict[str, str]


class Inputs(_Recorded):
    """All that a partition's content depends on.

    `sources` are by `product · submodule`, `columns` the type of each AI column of the module,
    `settings` those of the module that decide what is published, `code` the computation.
    `order` is that in which sources with keys are joined.
    """

    sources: dict[str, SourceInputs]
    columns: dict[str, str]
    settings: str = ""
    code: str = ""
    order: list[str] = []

    _current = field_validator("code")(current_name)


class Attempt(_Recorded):
    """A run that could not publish a partition, and the first of its errors."""

    run_id: str
    at: datetime
    code: str
    inputs: Inputs | None = None


class Record(_Recorded):
    """A partition as its last runs left it: what readers see, and what failed since.

    `waits_for` are the clients, each with its publication, that keep columns of it from the types
    that it was made with.
    """

    inputs: Inputs | None = None
    publication: str = ""
    run_id: str = ""
    at: datetime | None = None
    version: int | None = None
    rows: int = 0
    failed: Attempt | None = None
    waits_for: dict[str, str] = {}


def read_records(workstation: Workstation, modules: Iterable[str]) -> dict[PartitionKey, Record]:
    """Give the records of the partitions of some modules, by `module|client`.

    A file that is no longer understood says nothing: its partitions are then made again.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder = workstation.inputs()
    with reaching(folder):
        names = {file.path for file in folder.files()}
    wanted = [module for module in modules if _name(module) in names]
    by_key: dict[PartitionKey, Record] = {}
    for module, records in zip(wanted, at_once(lambda m: _read(folder, m), wanted), strict=True):
        by_key |= {PartitionKey.of(module, client): record for client, record in records.items()}
    return by_key


def update_records(
    workstation: Workstation,
    module: str,
    made: Mapping[str, Record],
    failed: Mapping[str, Attempt],
    waits_for: Mapping[str, str] | None = None,
) -> None:
    """Write what became of some clients; whoever calls it has the module's lease.

    Args:
        workstation: where.
        module: the module.
        made: what was published.
        failed: what was not; what readers see of it is as it was recorded.
        waits_for: who keeps columns from their new types now; None where nothing was published.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder = workstation.inputs()
    with reaching(folder):
        records = _read(folder, module) if folder.stat(_name(module)) else {}
        for client, attempt in failed.items():
            records[client] = records.get(client, Record()).model_copy(update={"failed": attempt})
        records |= made
        if waits_for is not None:
            for client, record in records.items():
                if record.waits_for or client in made:
                    update = {"waits_for": dict(waits_for)}
                    records[client] = record.model_copy(update=update)
        folder.write(_name(module), _encoded(records))


def _name(module: str) -> str:
    return f"{module}.json"


def _read(folder: Folder, module: str) -> dict[str, Record]:
    with reaching(folder):
        content = folder.read(_name(module))
    try:
        return _decoded(content)
    except (ValidationError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _encoded(records: Mapping[str, Record]) -> bytes:
    """Write records as JSON; what many partitions have in common, once."""
    shared: dict[str, object] = {}

    def put(part: object) -> str:
        key = digest(part)[:16]
        shared[key] = part
        return key

    clients = []
    for client, record in records.items():  # one by one: there may be very many
        stored = record.model_dump(mode="json")
        _swap(stored, put)
        clients.append(f"{json.dumps(client)}: {json.dumps(stored)}")
    head = json.dumps({"format": FORMAT, "shared": shared})
    return f'{head[:-1]}, "clients": {{{", ".join(clients)}}}}}'.encode()


def _decoded(content: bytes) -> dict[str, Record]:
    stored = json.loads(content)
    if stored["format"] != FORMAT:
        return {}
    records: dict[str, Record] = {}
    for client, record in stored["clients"].items():
        _swap(record, stored["shared"].__getitem__)
        records[client] = Record.model_validate(record)
    return records


def _swap(record: dict[str, Any], other: Callable[[Any], Any]) -> None:
    """Put something else in the place of what many partitions have in common."""
    for inputs in (record["inputs"], record["failed"] and record["failed"]["inputs"]):
        if inputs is not None:
            inputs["columns"] = other(inputs["columns"])
            for source in inputs["sources"].values():
                source["mapping"] = other(source["mapping"])
