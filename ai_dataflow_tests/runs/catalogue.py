"""A catalogue of lineage for tests: it takes OpenLineage's events on loopback, and checks them.

An event is right if OpenLineage's own classes take it as it was sent: each facet by the class of
its `_schemaURL`, with no field that this class does not have, and with all that it needs.
"""

from __future__ import annotations

import json
import os
import pkgutil
import threading
import typing
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, cast

import attr
from openlineage.client import event_v2, generated

from ai_dataflow.workstation.reports import RunReport
from ai_dataflow_tests.projects import text_file

Event = dict[str, Any]


# What the standard calls the facets that we send, whatever their classes are called.
KEYS = {
    "ErrorMessageRunFacet": "errorMessage", "ParentRunFacet": "parent", "TagsRunFacet": "tags",
    "ProcessingEngineRunFacet": "processing_engine", "JobTypeJobFacet": "jobType",
    "OwnershipJobFacet": "ownership", "SchemaDatasetFacet": "schema",
    "StorageDatasetFacet": "storage", "ColumnLineageDatasetFacet": "columnLineage",
    "DatasetVersionDatasetFacet": "version", "DataQualityMetricsDatasetFacet": "dataQualityMetrics",
    "DataQualityAssertionsDatasetFacet": "dataQualityAssertions",
    "InputStatisticsInputDatasetFacet": "inputStatistics",
    "OutputStatisticsOutputDatasetFacet": "outputStatistics",
    "OutputSubsetOutputDatasetFacet": "subset",
}  # fmt: skip


def once(folder: Path, **transport: Any) -> None:
    """Configure the client by its file; requests that nobody answers are not sent again.

    A test that does so forgets the file at its end.
    """
    usual = {"type": "http", "retry": {"total": 0}}
    text = json.dumps({"transport": usual | transport})
    os.environ["OPENLINEAGE_CONFIG"] = str(text_file(folder, "openlineage.yml", text))


def problems(report: RunReport) -> list[dict[str, Any]]:
    return [d for d in report.diagnostics if d["code"] == "RUN-040"]


class Catalogue:
    """What was sent. `answer` gives the status for an event; `seen` hears of each."""

    def __init__(self) -> None:
        self.url = ""
        self.events: list[Event] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[Event], int] = lambda _: 201
        self._lock = threading.Lock()

    def take(self, event: Event, headers: dict[str, str]) -> int:
        """Take an event as a server does."""
        checked(event)
        status = self.answer(event)
        with self._lock:
            self.headers.append(headers)
            if status < 300:
                self.events.append(event)
        return status

    def of(self, name: str, state: str = "") -> list[Event]:
        """Give the events of a job, of one state if asked, in the order in which they came."""
        of_job = [event for event in self.events if event["job"]["name"] == name]
        return [event for event in of_job if state in ("", event["eventType"])]

    def end(self, name: str) -> Event:
        """Give the one event that ended a job's run."""
        (event,) = [event for event in self.of(name) if event["eventType"] != "START"]
        return event


@contextmanager
def listening() -> Iterator[Catalogue]:
    """Give a catalogue that listens on a free port of loopback."""
    catalogue = Catalogue()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                status = catalogue.take(event, dict(self.headers))
            except Exception as error:
                catalogue.events.append({"wrong": repr(error), **event})
                status = 422
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    catalogue.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield catalogue
    finally:
        server.shutdown()
        server.server_close()


def checked(event: Event) -> Event:
    """Give an event that is as OpenLineage wants it.

    Raises:
        ValueError, TypeError: it is not.
    """
    _as(event_v2.RunEvent, event)
    uuid.UUID(event["run"]["runId"])
    if datetime.fromisoformat(event["eventTime"]).tzinfo is None:
        raise ValueError("the time has no offset")
    return event


@cache
def _facets() -> dict[str, type]:
    """Give the classes of facets by their schemas."""
    modules = [
        import_module(f"{generated.__name__}.{module.name}")
        for module in pkgutil.iter_modules(generated.__path__)
    ]
    classes = [each for module in modules for each in vars(module).values()]
    return {each._get_schema(): each for each in classes if hasattr(each, "_get_schema")}


def _as(kind: Any, value: Any) -> Any:
    """Give a value of a document as one of a class, or as what an annotation says."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, UnionType):
        if value is None:
            return None
        kinds = [argument for argument in arguments if argument is not type(None)]
        if len(kinds) > 1 and isinstance(value, dict):  # conditions: their `type` is a field
            kinds = [each for each in kinds if value["type"] in each.__name__.casefold()]
        return _as(kinds[0], value)
    if origin is list:
        return [_as(arguments[0], item) for item in value]
    if origin is dict:
        _check_names(value)
        return {key: _as(arguments[1], item) for key, item in value.items()}
    if isinstance(value, dict) and "_schemaURL" in value:
        kind = _facets()[value["_schemaURL"]]
    if attr.has(kind):
        return _made(kind, value)
    if kind in (str, int, bool) and type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind}")
    return value


def _check_names(facets: dict[str, Any]) -> None:
    """Look whether facets are called as the standard calls them."""
    for name, each in facets.items():
        if isinstance(each, dict) and "_schemaURL" in each:
            assert KEYS[each["_schemaURL"].rpartition("/")[2]] == name


def _made(kind: Any, value: dict[str, Any]) -> Any:
    types = typing.get_type_hints(kind)
    fields = {field.name: field for field in attr.fields(kind)}
    if unknown := value.keys() - fields:
        raise ValueError(f"{kind.__name__} has no {sorted(unknown)}")
    given = {
        cast("str", fields[name].alias): _as(types[name], item)
        for name, item in value.items()
        if fields[name].init
    }
    return kind(**given)
