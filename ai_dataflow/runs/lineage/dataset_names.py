"""What OpenLineage calls our datasets: a namespace and a name, by its naming conventions.

See "Naming" in OpenLineage's documentation: other programs that name the same file or table so are
joined to ours in a catalogue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ai_dataflow.config.blob_urls import is_blob_url, parse
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.server_names import Server, server_of
from ai_dataflow.tables.locations import Location, SqlLocation

_WILD = re.compile(r"[*?\[]")
_SCHEMES = {"postgresql": "postgres", "mariadb": "mysql"}


@dataclass(frozen=True)
class DatasetName:
    """A dataset's name in the namespace of where it is."""

    namespace: str
    name: str


def name_of_url(url: str) -> DatasetName:
    """Name a file or a folder, by its path or its `abfss://` URL; of a glob what is before `*`."""
    if not is_blob_url(url):
        return DatasetName("file", _without_glob(url).rstrip("/") or "/")
    place = parse(url)
    namespace = f"abfss://{place.container}@{place.account}.{place.host}"
    return DatasetName(namespace, _without_glob(place.path).strip("/") or "/")


def name_of(location: Location, settings: Settings) -> DatasetName:
    """Name the dataset at a location of the control table."""
    if not isinstance(location, SqlLocation):
        return name_of_url(location.url)
    server = server_of(settings.sql[location.connection])
    schema = location.schema or server.schema
    if server.backend == "sqlite":
        file = settings.folder / Path(server.database)
        return DatasetName(f"sqlite://{file}", location.table)
    path = [server.database, schema, location.table]
    return DatasetName(_namespace(server), ".".join(part for part in path if part))


def _namespace(server: Server) -> str:
    port = f":{server.port}" if server.port else ""
    return f"{_SCHEMES.get(server.backend, server.backend)}://{server.host}{port}"


def _without_glob(path: str) -> str:
    """Give what a glob's files have in common: the folder before the first wildcard."""
    parts = path.split("/")
    wild = next((i for i, part in enumerate(parts) if _WILD.search(part)), len(parts))
    return "/".join(parts[:wild])
