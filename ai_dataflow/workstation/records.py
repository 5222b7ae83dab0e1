"""Records: what each partition was made from, so that a run can tell what has changed since.

One file per module, `_inputs/<module>.json`, written by the run that has the module's lease, after
its commit: a run that was killed before is made again, never passed over. A record counts only
while readers see the publication that it is about.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator

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

    What is no longer understood says nothing: its partitions are then made again.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder = workstation.inputs()
    with reaching(folder):
        names = {file.path for file in folder.files()}
    wanted = [module for module in modules if _name(module) in names]
    by_key: dict[PartitionKey, Record] = {}
    read = at_once(lambda module: list(_stored(folder, module)), wanted)
    for module, records in zip(wanted, read, strict=True):
        by_key |= {PartitionKey.of(module, client): record for client, record in records}
    return by_key


@contextmanager
def updated_records(
    workstation: Workstation,
    module: str,
    failed: Mapping[str, Attempt] = MappingProxyType({}),
    waits_for: Mapping[str, str] | None = None,
) -> Iterator[Written]:
    """Open a module's records to put those into it that were made; they are written in the end.

    Whoever calls it has the module's lease.

    Args:
        workstation: where.
        module: the module.
        failed: what was not published, by client; what readers see is as it was recorded.
        waits_for: who keeps columns from their new types now; None where nothing was published.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder, written, unrecorded = workstation.inputs(), Written(), dict(failed)
    now = {} if waits_for is None else {"waits_for": dict(waits_for)}
    with reaching(folder):
        for client, record in _stored(folder, module) if folder.stat(_name(module)) else ():
            tried = {"failed": unrecorded.pop(client)} if client in unrecorded else {}
            written.put(client, record.model_copy(update=tried | (now if record.waits_for else {})))
    for client, attempt in unrecorded.items():
        written.put(client, Record(failed=attempt))
    yield written
    with reaching(folder):
        folder.write(_name(module), written.content())


def _name(module: str) -> str:
    return f"{module}.json"


def _stored(folder: Folder, module: str) -> Iterator[tuple[str, Record]]:
    """Give the records of a module; what is no longer understood says nothing."""
    with reaching(folder):
        content = folder.read(_name(module))
    with suppress(ValueError, KeyError, TypeError, AttributeError):  # pydantic's is a ValueError
        stored = json.loads(content)
        for client, record in stored["clients"].items() if stored["format"] == FORMAT else ():
            _swap(record, stored["shared"].__getitem__)
            yield client, Record.model_validate(record)


class Written:
    """Records as they are written: as JSON, with what many partitions have in common once.

    There may be very many, so they are not kept as values.
    """

    def __init__(self) -> None:
        self._shared: dict[str, object] = {}
        self._clients: dict[str, str] = {}

    def put(self, client: str, record: Record) -> None:
        """Put a record in the place of the client's last."""
        stored = record.model_dump(mode="json")
        _swap(stored, self._number)
        self._clients[client] = json.dumps(stored)

    def content(self) -> bytes:
        """Give all that was put, as the file has it."""
        head = json.dumps({"format": FORMAT, "shared": self._shared})
        clients = ", ".join(
            f"{json.dumps(client)}: {text}" for client, text in self._clients.items()
        )
        return f'{head[:-1]}, "clients": {{{clients}}}}}'.encode()

    def _number(self, part: object) -> str:
        key = digest(part)[:16]
        self._shared[key] = part
        return key


def _swap(record: dict[str, Any], other: Callable[[Any], Any]) -> None:
    """Put something else in the place of what many partitions have in common."""
    for inputs in (record["inputs"], record["failed"] and record["failed"]["inputs"]):
        if inputs is not None:
            inputs["columns"] = other(inputs["columns"])
            for source in inputs["sources"].values():
                source["mapping"] = other(source["mapping"])
