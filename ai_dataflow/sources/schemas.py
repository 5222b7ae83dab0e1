"""Live schemas: the columns of many sources, each opened at most once, none of its rows read.

Files are not opened where their listing is the same as the last time: the schema is kept in the
project's cache under the fingerprint of what was listed. Databases are always asked, once per
table.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import polars as pl
from polars.exceptions import PolarsError
from pydantic import TypeAdapter

from ai_dataflow.config.computation import COMPUTATION
from ai_dataflow.config.diagnostics import Diagnostic
from ai_dataflow.config.digests import digest
from ai_dataflow.config.numbering import Numbering
from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.config.settings import Settings
from ai_dataflow.sources.files import open_files
from ai_dataflow.sources.files.finding import Listing
from ai_dataflow.sources.files.text_dialects import Dialect
from ai_dataflow.sources.survey import Sight, Survey, each, survey
from ai_dataflow.sources.united import Kind, United, content, dialects_of, united, written_as
from ai_dataflow.tables.locations import FileLocation, Location, SqlLocation, files_of, table_of

CACHE_FILE = ".cache/ai_dataflow/schemas.json"

Look = pl.Schema | tuple[Diagnostic, ...]
Names = Mapping[Location, tuple[str, ...]]
_NO_NAMES: Names = MappingProxyType({})
_DIALECTS = TypeAdapter(dict[str, tuple[Dialect, ...]])
Ask = Callable[[Mapping[Location, str]], Mapping[Location, Look]]


def with_dialects(seen: Survey, looks: Mapping[Location, Look]) -> dict[Location, Sight]:
    """Give what a survey saw, text files with how they are written."""

    def with_its(location: Location, sight: Sight) -> Sight:
        dialects = dialects_of(looks.get(files_of(location)))
        if not dialects or not isinstance(sight, Listing):
            return sight
        return replace(sight, dialects=dialects)

    return {location: with_its(location, sight) for location, sight in seen.items()}


def read_schemas(
    wanted: Mapping[Location, str],
    settings: Settings,
    seen: Survey | None = None,
    look: Ask | None = None,
    names: Names = _NO_NAMES,
) -> dict[Location, Look]:
    """Read the schemas of locations, several at once; those in the cache are not looked at.

    Args:
        wanted: the locations, each with a control table cell that names it.
        settings: for connections and the cache.
        seen: what is at the files among them; by default they are looked at.
        look: looks at the others; by default `look_at`.
        names: the columns that are mapped from files, by which it is found out how text is written.

    Returns:
        For each table or file location (see `table_of`) its schema, or what is wrong with it.
    """
    wanted = places(wanted.items())
    if seen is None:
        seen = survey(files_among(wanted), settings)
    cache = _Cache.load(settings.folder / CACHE_FILE)
    cached: dict[Location, Look] = {}
    for location in wanted:
        sight = seen.get(location) if isinstance(location, FileLocation) else None
        schema = cache.get(sight, names.get(location)) if isinstance(sight, Listing) else sight
        if isinstance(schema, pl.Schema | tuple):
            cached[location] = schema
    unknown = {location: place for location, place in wanted.items() if location not in cached}
    looks = _shared(look(unknown) if look else look_at(unknown, settings, seen, names))
    for location, schema in looks.items():
        sight = seen.get(location)
        if isinstance(sight, Listing) and isinstance(schema, pl.Schema):
            cache.put(sight, schema, names.get(location))
    cache.save()
    every = {**cached, **looks}
    return {location: every[location] for location in wanted}


def _shared(looks: Mapping[Location, Look]) -> dict[Location, Look]:
    """Let equal schemas be one object: there are few of them, and others send and compare them."""
    schemas = Numbering[pl.Schema](content)
    return {
        location: schemas.first(look) if isinstance(look, pl.Schema) else look
        for location, look in looks.items()
    }


def files_among(wanted: Mapping[Location, str]) -> dict[Location, str]:
    """Give the file locations, with their places."""
    return {at: place for at, place in wanted.items() if isinstance(at, FileLocation)}


def look_at(
    wanted: Mapping[Location, str], settings: Settings, seen: Survey, names: Names = _NO_NAMES
) -> dict[Location, Look]:
    """Open locations, several at once, and read their schemas; `names` as for `read_schemas`."""

    def look(location: Location, place: str) -> pl.Schema:
        if isinstance(location, SqlLocation):
            from ai_dataflow.sources.sql import queries  # noqa: PLC0415 - SQLAlchemy takes its time

            return queries.database(location.connection, settings).schema(location, place)
        listing = cast(Listing, seen[location])
        files = open_files.opened(listing.pin(place, settings), place, settings)
        dialects = files.find_dialects(listing.location.written, names.get(location, ()))
        return written_as(files.schema(), dialects)

    return _shared(each(wanted, look))


@dataclass
class _Cache:
    """Schemas by location and fingerprint; of many that are equal one is kept.

    A broken or missing file is an empty cache, and so is one of an earlier release.
    """

    file: Path
    texts: list[str] = field(default_factory=list)
    entries: dict[str, tuple[str, int]] = field(default_factory=dict)
    dialects: dict[str, tuple[Dialect, ...]] = field(default_factory=dict)
    _decoded: dict[int, pl.Schema] = field(default_factory=dict)
    _numbers: dict[int, tuple[pl.Schema, int]] = field(default_factory=dict)  # by its identity
    _changed: bool = False

    @classmethod
    def load(cls, file: Path) -> _Cache:
        try:
            content = json.loads(file.read_bytes())
            if content["computation"] != COMPUTATION:  # it may have read other types
                return cls(file)
            texts, entries = [*map(str, content["schemas"])], content["locations"].items()
            dialects = _DIALECTS.validate_python(content.get("dialects", {}))
            return cls(file, texts, {key: (str(a), int(b)) for key, (a, b) in entries}, dialects)
        except (OSError, ValueError, AttributeError, TypeError, KeyError):
            return cls(file)

    def get(self, listing: Listing, names: tuple[str, ...] | None = None) -> pl.Schema | None:
        key = _key(listing)
        last, number = self.entries.get(key, ("", 0))
        if last != _state(listing, names):
            return None
        if key in self.dialects:
            return written_as(_look_of(self.texts[number]), self.dialects[key])
        try:
            if number not in self._decoded:
                self._decoded[number] = _look_of(self.texts[number])
            return self._decoded[number]
        except (ValueError, IndexError):
            return None

    def put(
        self, listing: Listing, schema: pl.Schema, names: tuple[str, ...] | None = None
    ) -> None:
        if id(schema) not in self._numbers:
            self._numbers[id(schema)] = schema, len(self.texts)
            self.texts.append(_look_text(schema))
        key = _key(listing)
        self.entries[key] = (_state(listing, names), self._numbers[id(schema)][1])
        self.dialects.pop(key, None)
        if dialects := dialects_of(schema):
            self.dialects[key] = dialects
        self._changed = True

    def save(self) -> None:
        """Write the cache; a project that cannot be written to is just slower."""
        if not self._changed:
            return
        used = Numbering[str](lambda text: text)
        numbers = [used.number(text) for text in self.texts]
        locations = {key: (last, numbers[number]) for key, (last, number) in self.entries.items()}
        content: dict[str, Any] = {
            "computation": COMPUTATION,
            "schemas": used.firsts,
            "locations": locations,
        }
        if self.dialects:
            content["dialects"] = _DIALECTS.dump_python(self.dialects, mode="json")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            partial = self.file.with_suffix(".partial")
            partial.write_text(json.dumps(content), encoding="utf-8")
            partial.replace(self.file)
        except OSError:
            return


def _key(listing: Listing) -> str:
    location = listing.location
    how = f" {location.written.spelled}" if location.written else ""
    return f"{location.url} {location.file_format}{how}"


def _state(listing: Listing, names: tuple[str, ...] | None) -> str:
    """Give what a schema depends on: what was listed; of text the names that are looked for too."""
    if listing.file_format != "csv" or not names:
        return listing.fingerprint
    return f"{listing.fingerprint} {_digest_of(names)}"


@lru_cache(maxsize=1024)
def _digest_of(names: tuple[str, ...]) -> str:
    return digest(sorted(names))[:16]


def schema_text(schema: pl.Schema) -> str:
    """Give a schema as text: an Arrow IPC stream without rows, in Base64."""
    return _schema_text(tuple(schema.items()))


@lru_cache(maxsize=4096)
def _schema_text(types: tuple[tuple[str, pl.DataType], ...]) -> str:
    stream = io.BytesIO()
    pl.DataFrame(schema=pl.Schema(types)).write_ipc_stream(stream)
    return base64.b64encode(stream.getvalue()).decode()


def schema_of(text: str) -> pl.Schema:
    """Give the schema that `schema_text` was given.

    Raises:
        ValueError: it is no such text.
    """
    try:
        with panics_as_errors():
            return pl.read_ipc_stream(base64.b64decode(text)).schema
    except (PolarsError, OSError, PanicError) as error:
        raise ValueError(str(error)) from None


def _look_text(schema: pl.Schema) -> str:
    """Give a schema as text: of files that differ, the columns of each kind."""
    if not isinstance(schema, United):
        return schema_text(schema)
    kinds = [(first, schema_text(_readable(one)), refused) for first, one, refused in schema.kinds]
    return json.dumps(kinds)


def _readable(schema: pl.Schema) -> pl.Schema:
    return pl.Schema((n, dtype) for n, dtype in schema.items() if dtype != pl.Unknown)


def _look_of(text: str) -> pl.Schema:
    if not text.startswith("["):
        return schema_of(text)
    kinds = []
    for first, schema, pairs in json.loads(text):
        refused = tuple((str(name), str(why)) for name, why in pairs)
        unknown = {name: pl.Unknown() for name, _ in refused}
        kinds.append(Kind(int(first), pl.Schema({**schema_of(schema), **unknown}), refused))
    return united(kinds)


def places(pairs: Iterable[tuple[Location, str]]) -> dict[Location, str]:
    """Give each table or file location once, with the first cell that names it."""
    wanted: dict[Location, str] = {}
    for location, place in pairs:
        wanted.setdefault(table_of(location), place)
    return wanted
