"""Gates: each call of a run on the workstation passes one, where it can be made to stand still.

In a storage account the gate is a proxy: it sees every request, those of native code too. Locally
it is laid over the primitives of the libraries, which ask the test's process before they go on.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

import deltalake.transaction
import obstore
import polars as pl
from deltalake import DeltaTable

from ai_dataflow.connections import scans, stores
from ai_dataflow_tests.chaos.boundaries import replace_everywhere
from ai_dataflow_tests.services.processes import wait_until
from ai_dataflow_tests.services.proxy import Fault, FaultyProxy, Reset
from ai_dataflow_tests.services.traffic import Request

_OF_STORES = ("put", "get", "get_range", "head", "list", "list_with_delimiter", "delete",
              "open_writer")  # fmt: skip
_OF_TABLES = ("create_write_transaction", "update_incremental", "get_add_actions")
_PARTS = re.compile(r"/(_leases|_staging|_runs|_rejects|_kept|_inputs|_arrivals|_under_way)(/|$)")
_PATIENCE = 60.0


@dataclass
class Gate:
    """Lets calls pass, and holds the n-th back until somebody decides; 0 holds none."""

    number: int = 0
    only: str = ""  # a part of the names of the calls that are counted
    calls: list[str] = field(default_factory=list)
    reached: threading.Event = field(default_factory=threading.Event)
    _open: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_lost: bool = False
    _held: Request | None = None

    def arrive(self, call: str, request: Request | None = None) -> bool:
        """Pass, when it may; false if the call is lost with its process."""
        with self._lock:
            if self.only not in call:
                return True
            self.calls.append(call)
            is_held = len(self.calls) == self.number
        if not is_held:
            return True
        self._held = request
        self.reached.set()
        self._open.wait(_PATIENCE)
        return not self._is_lost

    def open(self, *, lost: bool = False) -> None:
        """Let the call that is held pass, or be lost."""
        self._is_lost = lost
        self._open.set()

    def open_and_wait(self) -> None:
        """Let the request that is held pass, and wait until it has been answered."""
        self.open(lost=self._is_lost)
        held = self._held
        if held is not None and not self._is_lost:
            assert wait_until(lambda: held.status is not None, 10)

    @property
    def where(self) -> str:
        """The call that was held."""
        return self.calls[self.number - 1]


class GatedProxy(FaultyProxy):
    """A proxy before a storage account, with a gate."""

    gate = Gate()

    def admit(self, request: Request) -> Fault | None:
        """Pass a request on when it may pass; without an answer if it is lost."""
        return None if self.gate.arrive(_name(request), request) else Reset()


def _name(request: Request) -> str:
    kind = "LIST" if request.is_listing else request.method
    if request.query.get("comp") == "batch":
        return "DELETE"
    path = request.query.get("prefix", "") if request.is_listing else request.path
    if request.query.get("comp") in ("block", "blocklist"):
        kind += f" {request.query['comp']}"
    is_new = request.headers.get("If-None-Match", request.headers.get("if-none-match")) == "*"
    return f"{kind}{' new' if is_new else ''} {_part(path)}"


def _part(path: str) -> str:
    """Give the part of the workstation that a path is in; a table's own has no underscore."""
    found = _PARTS.search(f"/{path.strip('/')}")
    return (found[1] if found else "data") + ("/log" if "_delta_log" in path else "")


class Asking:
    """Asks, before each call on a local workstation, whether it may pass; in the run's process."""

    def __init__(self, workstation: str, asked: Connection) -> None:
        self._workstation, self._asked = workstation, asked
        self._lock = threading.Lock()

    def install(self) -> None:
        """Lay it over all that reads and writes."""
        for name in _OF_STORES:
            replace_everywhere(obstore, name, self._over(name, _key))
        create = self._over("create table", lambda uri, *_: uri)
        replace_everywhere(deltalake.transaction, "create_table_with_add_actions", create)
        replace_everywhere(scans, "open_delta", self._over("open table", _url))
        replace_everywhere(scans, "scan_parquet", self._over("scan", _url))
        for name in _OF_TABLES:
            wrapped = self._over(name, lambda table, *_: table.table_uri)(getattr(DeltaTable, name))
            setattr(DeltaTable, name, wrapped)
        sink = self._over("sink", lambda _, target, *__: str(target))
        pl.LazyFrame.sink_parquet = sink(pl.LazyFrame.sink_parquet)  # type: ignore[method-assign]

    def _over(self, name: str, place: Callable[..., str]) -> Callable[[Any], Any]:
        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            def asking(*args: Any, **options: Any) -> Any:
                where = place(*args)
                if self._workstation in where:
                    self._ask(f"{name} {_part(where.partition(self._workstation)[2])}")
                return original(*args, **options)

            return asking

        return wrap

    def _ask(self, call: str) -> None:
        with self._lock:
            self._asked.send(("call", call))
            self._asked.recv()


def _key(store: Any, key: Any = "", *_: Any) -> str:
    return f"{store.prefix or ''}/{key}"


def _url(folder: stores.Folder, paths: Any = None, *_: Any) -> str:
    return folder.join(str(paths[0])) if isinstance(paths, list) and paths else folder.url
