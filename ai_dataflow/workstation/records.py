"""Records: what each partition was made from, so that a run can tell what has changed since.

One file per module, `_inputs/<module>.json`, written by the run that has the module's lease, after
its commit: a run that was killed before is made again, never passed over. A record counts only
while readers see the publication that it is about.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.computation import current_name
from ai_dataflow.config.digests import digest
from ai_dataflow.config.keys import PartitionKey
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.counts import ProductCounts
from ai_dataflow.workstation.layout import Folders
from ai_dataflow.workstation.reaching import reaching

FORMAT = 1
Wanted = Callable[[str, Mapping[str, Any]], bool]


class _Recorded(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class SourceInputs(_Recorded):
    """One source of a partition: digests of where it is and of what is there.

    `content` is empty where nothing tells whether it changed. `mapping` has a digest of the mapping
    row of each AI column, `rules` one of each thing that its source rule says.
    """

    location: str
    content: str
    mapping: dict[str, str]
    rules: Annotated[dict[str, str], Field(exclude_if=operator.not_)] = {}


class Inputs(_Recorded):
    """All that a partition's content depends on.

    `sources` are by `product · submodule`, `columns` the type of each AI column of the module,
    `dictionary` a digest of what must hold for each column of which the dictionary says something,
    `settings` those of the module that decide what is published, `code` the computation.
    `order` is that in which sources with keys are joined, `computed` by product a digest of the
    mapping row of each AI column that is computed of its rows.
    """

    sources: dict[str, SourceInputs]
    columns: dict[str, str]
    dictionary: Annotated[dict[str, str], Field(exclude_if=operator.not_)] = {}
    settings: str = ""
    code: str = ""
    order: list[str] = []
    computed: Annotated[dict[str, dict[str, str]], Field(exclude_if=operator.not_)] = {}

    _current = field_validator("code")(current_name)


class Attempt(_Recorded):
    """A run that could not publish a partition, and the first of its errors."""

    run_id: str
    at: datetime
    code: str
    inputs: Inputs | None = None


class ProductRows(_Recorded):
    """How many rows of a product were read, rejected and published.

    What its source rules leave out on purpose is no part of what was read. `broken` counts those
    that break each check of the dictionary (see `ProductCounts`).
    """

    read: int = 0
    rejected: int = 0
    published: int = 0
    broken: Annotated[dict[str, int], Field(exclude_if=operator.not_)] = {}

    @classmethod
    def of(cls, counts: ProductCounts) -> ProductRows:
        """Give those of a product's counts."""
        return cls(
            read=counts.rows_mapped, rejected=counts.rows_rejected, published=counts.rows_published,
            broken=dict(counts.broken),
        )  # fmt: skip


class WaitingFile(_Recorded):
    """A data file that no commit names yet; `path` is relative to its table."""

    path: str
    size: int
    rows: int


class Waiting(_Recorded):
    """A publication that would shrink what readers see: it waits to be accepted.

    `over` is the publication that readers saw when it was judged, by the `limits` of its module;
    `problems` are the fields of the diagnostics that tell why. `origins` are the source columns of
    each AI column: stage, product, submodule, column.
    """

    publication: str
    over: str
    run_id: str
    at: datetime
    inputs: Inputs
    limits: str = ""
    data: list[WaitingFile] = []
    rejects: list[WaitingFile] = []
    products: dict[str, ProductCounts] = {}
    origins: dict[str, list[tuple[Any, str, str, str]]] = {}
    problems: list[dict[str, str | None]] = []

    def stands(self, inputs: Inputs, publication: str | None) -> bool:
        """Tell whether it is still what would be made, over what readers still see."""
        return (self.inputs, self.over) == (inputs, publication)


class Record(_Recorded):
    """A partition as its last runs left it: what readers see, and what failed or waits since.

    `products` are the rows of what readers see, by which the next publication is judged.
    `waits_for` are the clients, each with its publication, that keep columns of it from the types
    that it was made with. `accepted` is a digest of the inputs, or of the sheet's part of them,
    whose publication may shrink.
    """

    inputs: Inputs | None = None
    publication: str = ""
    run_id: str = ""
    at: datetime | None = None
    version: int | None = None
    rows: int = 0
    failed: Attempt | None = None
    waiting: Waiting | None = None
    products: dict[str, ProductRows] = {}
    waits_for: dict[str, str] = {}
    accepted: str = ""

    def settled(self, publication: str | None) -> Record:
        """Give it as readers see it: an acceptance may have been killed before it noted itself."""
        shown = self.waiting
        if shown is None or shown.publication != publication:
            return self
        return accepted_record(shown, self.waits_for)


def accepted_record(
    shown: Waiting, waits_for: Mapping[str, str], version: int | None = None
) -> Record:
    """Give the record of what waited and is published by now."""
    return Record(
        inputs=shown.inputs,
        publication=shown.publication,
        run_id=shown.run_id,
        at=shown.at,
        version=version,
        rows=sum(product.rows_published for product in shown.products.values()),
        products={name: ProductRows.of(counts) for name, counts in shown.products.items()},
        waits_for=dict(waits_for),
    )


def read_records(workstation: Folders, modules: Iterable[str]) -> dict[PartitionKey, Record]:
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


def all_waiting(workstation: Folders, module: str) -> list[Waiting]:
    """Give what waits to be accepted in a module.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    return [
        record.waiting
        for _, record in _read(workstation, module, lambda _, stored: bool(stored.get("waiting")))
        if record.waiting
    ]


def records_of(workstation: Folders, module: str, clients: Collection[str]) -> dict[str, Record]:
    """Give the records of some clients of a module, where there are any.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    return dict(_read(workstation, module, lambda client, _: client in clients))


def products_of(
    workstation: Folders, module: str, clients: Collection[str]
) -> dict[str, dict[str, ProductRows]]:
    """Give the rows of each product that readers see of some clients; the rest is not looked at.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder, products = workstation.inputs(), dict[str, dict[str, ProductRows]]()
    with reaching(folder):
        content = folder.read_if_any(_name(module)) or b"{}"
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        for client, record in json.loads(content)["clients"].items():
            if client in clients:
                of = record.get("products", {}).items()
                products[client] = {name: ProductRows.model_validate(rows) for name, rows in of}
    return products


def _read(workstation: Folders, module: str, is_wanted: Wanted) -> list[tuple[str, Record]]:
    return list(_stored(workstation.inputs(), module, is_wanted))


@contextmanager
def updated_records(
    workstation: Folders,
    module: str,
    changed: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    waits_for: Mapping[str, str] | None = None,
) -> Iterator[Written]:
    """Open a module's records to put those into it that were made; they are written in the end.

    Whoever calls it has the module's lease.

    Args:
        workstation: where.
        module: the module.
        changed: fields of records that become others, by client; the rest is as it was recorded.
        waits_for: who keeps columns from their new types now; None where nothing was published.

    Raises:
        DataflowError: WST-001, WST-004 or WST-005.
    """
    folder, written, unrecorded = workstation.inputs(), Written(), dict(changed)
    now = {} if waits_for is None else {"waits_for": dict(waits_for)}
    for client, record in _stored(folder, module):
        update = dict(unrecorded.pop(client, {})) | (now if record.waits_for else {})
        written.put(client, record.model_copy(update=update))
    for client, fields in unrecorded.items():
        written.put(client, Record().model_copy(update=fields))
    yield written
    with reaching(folder):
        folder.write(_name(module), written.content())


def _name(module: str) -> str:
    return f"{module}.json"


def _stored(
    folder: Folder, module: str, is_wanted: Wanted = lambda _, __: True
) -> Iterator[tuple[str, Record]]:
    """Give the records of a module, if there are any; what is no longer understood says nothing.

    `is_wanted` chooses by client and by what is stored: most of the work is to understand it.
    """
    with reaching(folder):
        content = folder.read_if_any(_name(module)) or b""
    with suppress(ValueError, KeyError, TypeError, AttributeError):  # pydantic's is a ValueError
        stored = json.loads(content)
        for client, record in stored["clients"].items() if stored["format"] == FORMAT else ():
            if not is_wanted(client, record):
                continue
            _swap(record, stored["shared"].__getitem__)
            yield client, Record.model_validate(record)


class Written:
    """Records as they are written: as JSON, with what many partitions have in common once.

    There may be very many, so they are not kept as values.
    """

    def __init__(self) -> None:
        self._shared: dict[tuple[tuple[str, str], ...], str] = {}
        self._clients: dict[str, str] = {}

    def put(self, client: str, record: Record) -> None:
        """Put a record in the place of the client's last."""
        stored = record.model_dump(mode="json")
        _swap(stored, self._number)
        self._clients[client] = json.dumps(stored)

    def content(self) -> bytes:
        """Give all that was put, as the file has it."""
        shared = {key: dict(texts) for texts, key in self._shared.items()}
        head = json.dumps({"format": FORMAT, "shared": shared})
        clients = ", ".join(
            f"{json.dumps(client)}: {text}" for client, text in self._clients.items()
        )
        return f'{head[:-1]}, "clients": {{{clients}}}}}'.encode()

    def _number(self, part: Mapping[str, str]) -> str:
        texts = tuple(part.items())
        if texts not in self._shared:
            self._shared[texts] = digest(part)[:16]
        return self._shared[texts]


def _swap(record: dict[str, Any], other: Callable[[Any], Any]) -> None:
    """Put something else in the place of what many partitions have in common."""
    tries = (record.get(name) or {} for name in ("failed", "waiting"))
    for inputs in (record["inputs"], *(tried.get("inputs") for tried in tries)):
        if inputs is not None:
            inputs["columns"] = other(inputs["columns"])
            if "dictionary" in inputs:
                inputs["dictionary"] = other(inputs["dictionary"])
            for source in inputs["sources"].values():
                source["mapping"] = other(source["mapping"])
