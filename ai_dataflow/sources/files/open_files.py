"""Files as sources, opened: Parquet, Delta, CSV, JSON lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Iterable, Iterator, KeysView, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import groupby
from typing import NamedTuple

import polars as pl

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.config.panics import panics_as_errors
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.faults import Fault
from ai_dataflow.connections.scans import scan_parquet
from ai_dataflow.connections.stores import Folder, StoredFile, open_folder
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.files import (
    file_failures,
    folder_values,
    parquet_files,
    parquet_physical,
)
from ai_dataflow.sources.files.csv_files import CsvFile, ahead
from ai_dataflow.sources.files.delta_files import scan_table
from ai_dataflow.sources.files.document_kinds import MEMORY, Documents, documents_of
from ai_dataflow.sources.files.file_errors import classified
from ai_dataflow.sources.files.folder_columns import partition_values, typed
from ai_dataflow.sources.files.json_lines import JsonLines
from ai_dataflow.sources.files.parquet_physical import PATH
from ai_dataflow.sources.files.pinned import Pinned
from ai_dataflow.sources.files.text_dialects import PLAIN, Dialect
from ai_dataflow.sources.united import Kind, United, Wanted, united

_KEPT_OUT = ("denied", "login", "unreachable", "unknown_host")
_LIST_FROM = 4
_NOTHING = Wanted(pl.Schema())


@dataclass(frozen=True)
class Files:
    """Pinned files, opened. `place` is the control table's cell of its location.

    Folders such as `year=2026` between the location and a file are columns, of text; a column of
    that name in the file itself comes first, and must have the same value. `memory` is how many
    bytes a file may take that is held as a whole.
    """

    pinned: Pinned
    place: str
    root: Folder
    memory: int = MEMORY

    def schema(self) -> pl.Schema:
        """Give the columns and types that the files have, every one looked at, no row read.

        Where files differ it is a `United` schema, which knows what each of them has.

        Raises:
            DataflowError: SRC-003 where a file cannot be read.
        """
        with self._classified():
            schema = self._schema()
        if isinstance(schema, United):
            schema.paths = tuple(file.path for file in self.pinned.files)
        return schema

    def _schema(self) -> pl.Schema:
        if self.documents is not None:
            return united(_kinds(map(_Look, self.documents.kinds())))
        match self.pinned.file_format:
            case "delta":
                return self._scan_delta().collect_schema()
            case "csv":
                return united(_kinds(map(_texts, at_once(CsvFile.names, self.csv_files))))
            case "jsonl":
                schemas = [frame.collect_schema() for frame in self._json_frames()]
                return united(_kinds(_Look(Kind(0, schema)) for schema in schemas))
            case _:
                return self._parquet_schema()

    def rows(self, wanted: Wanted) -> pl.LazyFrame:
        """Scan the columns that are wanted, in the order of the files; CSV is not scanned."""
        if wanted.is_plain:
            return self._frame(wanted).select(wanted.plain())
        return pl.concat(wanted.of(part.collect_schema(), part) for part in self.parts(wanted))

    def height(self) -> int:
        """Count the rows, of files that may differ."""
        try:
            with panics_as_errors():
                return int(self.frame.select(pl.len()).collect().item())
        except parquet_files.REFUSED_BY_POLARS:
            counts = [part.select(pl.len()) for part in self.parts()]
        return sum(int(count.collect().item()) for count in counts)

    def parts(self, wanted: Wanted = _NOTHING) -> list[pl.LazyFrame]:
        """Scan the files, those together that follow each other and are alike."""
        if self.pinned.file_format == "delta":
            return [self._scan_delta()]
        if self.pinned.file_format == "jsonl":
            return self._json_frames(wanted)
        looks = zip(self.pinned.files, self._looks(), strict=True)
        runs = groupby(looks, key=lambda pair: pair[1].key)
        return [self._only([file for file, _ in run])._scan_parquet(wanted) for _, run in runs]

    def _parquet_schema(self) -> pl.Schema:
        looks = self._looks()
        kinds = _kinds(looks)
        if len(kinds) == 1:
            return united(kinds)
        names = dict.fromkeys((name for kind in kinds for name in kind.schema), pl.Null())
        return united(
            kind if self._has_rows(kind, looks) else Kind(kind.first, pl.Schema(names))
            for kind in kinds
        )

    def _has_rows(self, kind: Kind, looks: list[_Look]) -> bool:
        """Tell whether any file of a kind has a row: else there is no value to be of a type."""
        wanted = looks[kind.first].key
        alike = [f for f, look in zip(self.pinned.files, looks, strict=True) if look.key == wanted]
        return any(self._only([file]).height() for file in alike)

    def _looks(self) -> list[_Look]:
        """Look at each Parquet file."""
        several = [self._only([file]) for file in self.pinned.files]
        return list(at_once(Files._look, several, self.root.requests))

    def _look(self) -> _Look:
        file = self.pinned.files[0]
        by_polars = parquet_files.by_polars(self.root, file)
        kind = Kind(0, by_polars) if by_polars else parquet_files.by_arrow(self.root, file)
        folders = {k: pl.String() for k in partition_values(file.path) if k not in kind.schema}
        here = parquet_physical.physical(self.root, file, kind.schema)
        schema = pl.Schema({**here.schema(kind.schema), **folders})
        return _Look(kind._replace(schema=schema), tuple(folders), by_arrow=by_polars is None)

    def _only(self, files: Sequence[StoredFile]) -> Files:
        return replace(self, pinned=replace(self.pinned, files=tuple(files)))

    @property
    def frame(self) -> pl.LazyFrame:
        """The rows of files that are alike, scanned lazily and anew; CSV is not scanned but read.

        Not kept: Polars would read a file that was replaced meanwhile by the old one's footer.
        """
        return self._frame(_NOTHING)

    def _frame(self, wanted: Wanted) -> pl.LazyFrame:
        match self.pinned.file_format:
            case "delta":
                return self._scan_delta()
            case "jsonl":
                return pl.concat(self._json_frames(wanted), how="diagonal_relaxed")
            case _:
                return self._scan_parquet(wanted)

    @cached_property
    def csv_files(self) -> list[CsvFile]:
        """The CSV files; the same ones each time, for what they have learnt."""
        name, several = self.pinned.name, len(self.pinned.files) > 1
        written = self.pinned.dialects or [PLAIN] * len(self.pinned.files)
        return [
            CsvFile(
                self.root,
                file,
                f"{name} ({file.path})" if several else name,
                self.place,
                partition_values(file.path),
                dialect,
            )
            for file, dialect in zip(self.pinned.files, written, strict=True)
        ]

    def find_dialects(
        self, written: FormatSettings | None, names: Collection[str]
    ) -> tuple[Dialect, ...]:
        """Find out how each file of text is written; nothing where all are plain.

        Raises:
            DataflowError: as `CsvFile.find_dialect`.
        """
        if self.pinned.file_format != "csv":
            return ()
        with self._classified():
            find = partial(CsvFile.find_dialect, written=written, names=names)
            dialects = tuple(at_once(find, self.csv_files))
        return () if all(dialect == PLAIN for dialect in dialects) else dialects

    @cached_property
    def documents(self) -> Documents | None:
        """The files where they are read one by one, as workbooks are; None of other formats."""
        with self._classified():
            return documents_of(self.root, self.pinned, self.place, self.memory)

    @property
    def is_scanned(self) -> bool:
        """Whether Polars scans the files; others are read one by one, see `rows_by_file`."""
        return self.pinned.file_format != "csv" and self.documents is None

    def rows_by_file(self, wanted: Wanted) -> Iterator[tuple[str, pl.DataFrame]]:
        """Read columns of files that are not scanned, in batches, each with its file's path."""
        if self.documents is not None:
            yield from self.documents.rows_by_file(wanted)
            return
        for file in ahead(self.csv_files):
            read = wanted.names_in(file.names()).values()
            twice = folder_values.named_twice(file.file.path, file.header(), read)
            batches = file.batches(wanted.columns_in(file.names()))
            called = f"{self.pinned.name} ({file.file.path})"
            of_folders = folder_values.checked(batches, twice, called, self.place)
            yield from ((file.file.path, wanted.picked(rows)) for rows in of_folders)

    @property
    def malformed(self) -> dict[str, list[str]]:
        """The raw lines that are no rows, by file; known when the files have been read."""
        if self.pinned.file_format == "csv":
            return {f.file.path: f.malformed for f in self.csv_files if f.malformed}
        if self.documents is not None:
            return {f.file.path: f.malformed for f in self.documents.files if f.malformed}
        return self.json_lines.malformed if self.pinned.file_format == "jsonl" else {}

    def check_unchanged(self) -> None:
        """Make sure, after reading, that every file is still the one that was listed.

        A Delta table needs no check: its version was read.

        Raises:
            DataflowError: SRC-005.
        """
        if self.pinned.staged or self.pinned.file_format == "delta":
            return
        with self._classified():
            present = self._present()
        if any(present.get(file.path) != file for file in self.pinned.files):
            raise file_failures.changed(self.pinned.name, self.place)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Classify what goes wrong while the files are read.

        A file that was replaced meanwhile is named as such, whatever its reading made of it. Who
        has read all makes sure by `check_unchanged`.
        """
        try:
            with self._classified():
                yield
        except DataflowError as error:
            fault = error.__cause__
            if not (isinstance(fault, Fault) and fault.kind in _KEPT_OUT):
                self.check_unchanged()
            raise

    def _classified(self) -> AbstractContextManager[None]:
        return classified(self.pinned.name, self.place, self.root.account)

    def _present(self) -> dict[str, StoredFile | None]:
        """Look at the files again: one by one, or by one listing where those are requests."""
        if self.root.account and len(self.pinned.files) > _LIST_FROM:
            return {file.path: file for file in self.root.files()}
        return {file.path: self.root.stat(file.path) for file in self.pinned.files}

    def _scan_delta(self) -> pl.LazyFrame:
        frame = parquet_physical.plain_maps(scan_table(self.root, self.pinned.version))
        if not self.pinned.partition:
            return frame
        types = frame.collect_schema()
        return frame.filter(
            named(key).is_null() if value is None else named(key) == typed(value, types[key])
            for key, value in self.pinned.partition
        )

    def _scan_parquet(self, wanted: Wanted = _NOTHING) -> pl.LazyFrame:
        """Scan Parquet files that are alike; what is wanted of them agrees with their folders."""
        paths = [file.path for file in self.pinned.files]
        frame = scan_parquet(self.root, paths, include_file_paths=PATH)
        try:
            with panics_as_errors():
                stored = frame.collect_schema()
        except parquet_files.REFUSED_BY_POLARS:
            stored = None
        if stored is None or not parquet_files.is_for_polars(stored):
            return pl.concat(self._scan_by_arrow(file, wanted) for file in self.pinned.files)
        keys = [key for key in partition_values(paths[0]) if key not in stored]
        values = {self.root.uri(path): partition_values(path) for path in paths} if keys else {}
        added = [
            pl.col(PATH).replace_strict({uri: v[key] for uri, v in values.items()},
                                         return_dtype=pl.String()).alias(key)
            for key in keys
        ]  # fmt: skip
        frame = parquet_physical.exactly(self.root, self.pinned.files, frame)
        if wanted.schema:
            self._check_each(stored.keys(), wanted)
        return frame.with_columns(added).drop(PATH)

    def _scan_by_arrow(self, file: StoredFile, wanted: Wanted) -> pl.LazyFrame:
        frame = parquet_physical.plain_maps(parquet_files.scan_by_arrow(self.root, file))
        schema = frame.collect_schema()
        texts = parquet_physical.physical(self.root, file, schema).texts(schema)
        return self._with_folders(frame.with_columns(**texts), file.path, wanted)

    def _check_each(self, stored: KeysView[str], wanted: Wanted) -> None:
        """Check the Parquet files of which a folder names a column; see `folder_values`."""
        files = [f for f in self.pinned.files if not stored.isdisjoint(partition_values(f.path))]

        def check(file: StoredFile) -> None:
            self._check(self._only([file])._scan_parquet(), file.path, stored, wanted)

        deque(at_once(check, files, self.root.requests), 0)

    def _check(
        self, rows: pl.LazyFrame, path: str, stored: Collection[str], wanted: Wanted
    ) -> None:
        read = wanted.names_in(rows.collect_schema()).values()
        twice = folder_values.named_twice(path, stored, read)
        folder_values.check(rows, twice, f"{self.pinned.name} ({path})", self.place)

    def _with_folders(self, frame: pl.LazyFrame, path: str, wanted: Wanted) -> pl.LazyFrame:
        """Add the columns that a file's folders name; one of its own comes first."""
        values = partition_values(path)
        stored = frame.collect_schema() if values else pl.Schema()
        new = {
            key: pl.lit(value, pl.String()) for key, value in values.items() if key not in stored
        }
        rows = frame.with_columns(**new)
        if wanted.schema and len(new) < len(values):
            self._check(rows, path, stored, wanted)
        return rows

    @cached_property
    def json_lines(self) -> JsonLines:
        """The files of JSON lines; one value, for what it has found out of them."""
        return JsonLines(self.root, [file.path for file in self.pinned.files])

    def _json_frames(self, wanted: Wanted = _NOTHING) -> list[pl.LazyFrame]:
        """Scan each file of JSON lines, its types inferred from all its lines."""
        return [
            self._with_folders(frame, path, wanted)
            for path, frame in zip(self.json_lines.paths, self.json_lines.frames(), strict=True)
        ]


class _Look(NamedTuple):
    """What a Parquet file has, which of it comes of its folders' names, and who can read it."""

    kind: Kind
    folders: tuple[str, ...] = ()
    by_arrow: bool = False

    @property
    def key(self) -> Hashable:
        """What files are alike by: they can be read as one."""
        return tuple(self.kind.schema.items()), self.kind.refused, self.folders, self.by_arrow


def _kinds(looks: Iterable[_Look]) -> list[Kind]:
    """Give the kinds of files, each with the number of the first."""
    first: dict[Hashable, Kind] = {}
    for number, look in enumerate(looks):
        first.setdefault(look.key, look.kind._replace(first=number))
    return list(first.values())


def _texts(names: Sequence[str]) -> _Look:
    return _Look(Kind(0, pl.Schema(dict.fromkeys(names, pl.String()))))


def opened(pinned: Pinned, place: str, settings: Settings) -> Files:
    """Open pinned files; nothing is read yet."""
    root = open_folder(pinned.folder, settings)
    return Files(pinned, place, root, settings.execution.memory)
