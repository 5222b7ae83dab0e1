"""Files as sources, opened: Parquet, Delta, CSV, JSON lines."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import zip_longest

import polars as pl
from polars.exceptions import (
    ColumnNotFoundError,
    ComputeError,
    NoDataError,
    SchemaError,
    SchemaFieldNotFoundError,
)

from ai_dataflow.config.at_once import at_once
from ai_dataflow.config.diagnostics import DataflowError, redacted
from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.config.panics import PanicError, panics_as_errors
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.account_errors import FOREIGN, account_fault
from ai_dataflow.connections.accounts import Account
from ai_dataflow.connections.faults import Fault
from ai_dataflow.connections.stores import (
    Folder,
    StoredFile,
    open_folder,
    scan_delta,
    scan_parquet,
)
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.files.csv_files import CsvFile, ahead
from ai_dataflow.sources.files.document_kinds import MEMORY, Documents, documents_of
from ai_dataflow.sources.files.folder_columns import partition_values, typed
from ai_dataflow.sources.files.json_lines import JsonLines
from ai_dataflow.sources.files.pinned import Pinned
from ai_dataflow.sources.files.text_dialects import PLAIN, Dialect

_UNREADABLE = (
    *FOREIGN, ColumnNotFoundError, ComputeError, NoDataError, PanicError, SchemaError,
    SchemaFieldNotFoundError,
)  # fmt: skip
_KEPT_OUT = ("denied", "login", "unreachable", "unknown_host")
_LIST_FROM = 4
_FOOTER_BYTES = 64 << 10  # mostly it is less
SMALL_BYTES = 4 << 20  # what is read whole: to ask for parts would be more requests
_PATH, FILE_NUMBER = "\ue000path", "\ue000file"  # no column of a source is called so


@dataclass(frozen=True)
class Files:
    """Pinned files, opened. `place` is the control table's cell of its location.

    Folders such as `year=2026` between the location and a file are columns, of text; a column of
    that name in the file itself comes first. `memory` is how many bytes a file may take that is
    held as a whole.
    """

    pinned: Pinned
    place: str
    root: Folder
    memory: int = MEMORY

    def schema(self) -> pl.Schema:
        """Give the columns and types of the files without reading its rows.

        Raises:
            DataflowError: SRC-003 where it cannot be read, SRC-010 where files differ.
        """
        with self._classified():
            if self.pinned.file_format == "csv":
                return self._csv_schema()
            if self.documents is not None:
                return self.documents.types
            return self._footer_schema() or self.frame.collect_schema()

    def _footer_schema(self) -> pl.Schema | None:
        """Read the schema of a Parquet file in an account, by one request; None for others."""
        if self.root.account is None or self.pinned.file_format != "parquet":
            return None
        file = self.pinned.files[0]
        if partition_values(file.path):
            return None
        length = min(file.size, _FOOTER_BYTES)
        end = self.root.read_range(file.path, file.size - length, length)
        if int.from_bytes(end[-8:-4], "little") > length - 8:
            return None  # it does not all lie there
        return pl.Schema(pl.read_parquet_schema(io.BytesIO(end)))

    def common_schema(self) -> pl.Schema:
        """Give the schema that all files have, every one of them looked at.

        Raises:
            DataflowError: as `schema`; SRC-010 names the first file that differs, and how.
        """
        first = self.schema()
        if self.pinned.file_format != "parquet":
            return first
        later = self.pinned.files[1:]
        alone = [replace(self, pinned=replace(self.pinned, files=(file,))) for file in later]
        for file, other in zip(later, at_once(Files.schema, alone), strict=True):
            if other != first:
                # By its number: what is called a name may be a value (P10).
                pairs = enumerate(zip_longest(first.items(), other.items()), start=1)
                number = next(i for i, (one, another) in pairs if one != another)
                what = f"{file.path} differs in its column {number}"
                raise file_failures.differing(self.pinned.name, self.place, what)
        return first

    @property
    def frame(self) -> pl.LazyFrame:
        """The rows, scanned lazily and anew; CSV is not scanned but read (see `csv_files`).

        Not kept: Polars would read a file that was replaced meanwhile by the old one's footer.
        """
        match self.pinned.file_format:
            case "delta":
                return self._scan_delta()
            case "jsonl":
                return self._scan_json_lines()
            case _:
                return self._scan_parquet()

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
            self._partition_keys()
            return documents_of(self.root, self.pinned, self.place, self.memory)

    @property
    def is_scanned(self) -> bool:
        """Whether Polars scans the files; others are read one by one, see `rows_by_file`."""
        return self.pinned.file_format != "csv" and self.documents is None

    def rows_by_file(self, columns: Sequence[str]) -> Iterator[tuple[str, pl.DataFrame]]:
        """Read columns of files that are not scanned, in batches, each with its file's path."""
        if self.documents is not None:
            yield from self.documents.rows_by_file(columns)
            return
        for file in ahead(self.csv_files):
            yield from ((file.file.path, rows) for rows in file.batches(list(columns)))

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
        frame = scan_delta(self.root, self.pinned.version)
        if not self.pinned.partition:
            return frame
        types = frame.collect_schema()
        return frame.filter(
            named(key).is_null() if value is None else named(key) == typed(value, types[key])
            for key, value in self.pinned.partition
        )

    def _scan_parquet(self) -> pl.LazyFrame:
        paths = [file.path for file in self.pinned.files]
        frame = scan_parquet(self.root, paths, include_file_paths=_PATH)
        values = {self.root.uri(path): partition_values(path) for path in paths}
        keys = self._partition_keys()
        if not keys:
            return frame.drop(_PATH)
        stored = set(frame.collect_schema())
        added = [
            pl.col(_PATH).replace_strict({uri: v[key] for uri, v in values.items()},
                                         return_dtype=pl.String()).alias(key)
            for key in keys if key not in stored
        ]  # fmt: skip
        return frame.with_columns(added).drop(_PATH)

    @cached_property
    def json_lines(self) -> JsonLines:
        """The files of JSON lines; one value, for what it has found out of them."""
        return JsonLines(self.root, [file.path for file in self.pinned.files])

    def _scan_json_lines(self) -> pl.LazyFrame:
        """Infer types from all lines of a file; the files then agree on a common one."""
        self._partition_keys()
        frames = []
        for path, frame in zip(self.json_lines.paths, self.json_lines.frames(), strict=True):
            values = partition_values(path)
            new = set(values) - set(frame.collect_schema()) if values else set()
            frames.append(frame.with_columns(pl.lit(values[k], pl.String()).alias(k)
                                             for k in values if k in new))  # fmt: skip
        return pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]

    def _csv_schema(self) -> pl.Schema:
        self._partition_keys()
        headers = list(at_once(CsvFile.names, self.csv_files))
        for header in headers:
            if header != headers[0]:
                raise file_failures.differing(self.pinned.name, self.place, "different headers")
        return pl.Schema(dict.fromkeys(headers[0], pl.String()))

    def _partition_keys(self) -> list[str]:
        """Give the columns that the files' folders name: all files must be in the same."""
        keys = [list(partition_values(file.path)) for file in self.pinned.files]
        if any(other != keys[0] for other in keys):
            reason = "their folders name different columns"
            raise file_failures.differing(self.pinned.name, self.place, reason)
        return keys[0] if keys else []


def plain_parquet(several: Sequence[Files]) -> tuple[pl.LazyFrame, list[int]] | None:
    """Scan the Parquet files of several sources as one, each row with the number of its file.

    Returns:
        The rows, and how many files each of the sources has; None where one scan cannot read them:
        of other formats, of several accounts, with columns in their folders' names, or a file that
        two of the sources have.
    """
    root = several[0].root
    files = [(source, file.path) for source in several for file in source.pinned.files]
    if (
        any(source.pinned.file_format != "parquet" for source in several)
        or any(source.root.account != root.account for source in several)
        or any(partition_values(path) for _, path in files)
    ):
        return None
    uris = [source.root.uri(path) for source, path in files]
    if len(set(uris)) < len(uris):
        return None
    rows = pl.scan_parquet(
        uris, glob=False, hive_partitioning=False, include_file_paths=_PATH, **root.polars
    )
    number = pl.col(_PATH).cast(pl.Enum(uris)).to_physical().alias(FILE_NUMBER)
    return rows.with_columns(number).drop(_PATH), [len(s.pinned.files) for s in several]


def whole_parquet(
    several: Sequence[Files], columns: Sequence[str]
) -> list[list[pl.DataFrame]] | None:
    """Read small Parquet files of storage accounts, each in one request, many at once.

    Args:
        several: sources.
        columns: what to read of them; by default the first column.

    Returns:
        The rows of each file of each source, as it was listed; None where that cannot be done: of
        other formats, local or large ones, with columns in their folders' names, or changed by now.
    """
    files = [(source, file) for source in several for file in source.pinned.files]
    if not all(source.pinned.files for source in several) or any(
        source.root.account is None
        or source.pinned.file_format != "parquet"
        or file.size > SMALL_BYTES
        or partition_values(file.path)
        for source, file in files
    ):
        return None

    def rows(one: tuple[Files, StoredFile]) -> pl.DataFrame | None:
        source, file = one
        staged = source.pinned.staged  # nobody changes a copy
        content = source.root.read(file.path) if staged else source.root.read_listed(file)
        if content is None:
            return None
        wanted = map(named, columns) if columns else [pl.nth(0)]
        return pl.scan_parquet(io.BytesIO(content)).select(wanted).collect()

    frames = list(at_once(rows, files))
    if any(frame is None for frame in frames):
        return None
    of_files = iter(frame for frame in frames if frame is not None)
    return [[next(of_files) for _ in source.pinned.files] for source in several]


def opened(pinned: Pinned, place: str, settings: Settings) -> Files:
    """Open pinned files; nothing is read yet."""
    root = open_folder(pinned.folder, settings)
    return Files(pinned, place, root, settings.execution.memory)


@contextmanager
def classified(location: str, place: str, account: Account | None) -> Iterator[None]:
    """Classify what goes wrong at a location.

    Raises:
        DataflowError: SRC-001, SRC-003, SRC-006 or SRC-010 to SRC-013.
    """
    try:
        with panics_as_errors():
            yield
    except _UNREADABLE as error:
        if fault := account_fault(error, account):
            raise file_failures.of_account(location, place, fault) from fault
        if isinstance(error, PermissionError):
            fault = Fault("denied", redacted(error))
            raise file_failures.denied(location, place, fault) from fault
        raise _of_file(location, place, error) from None


def _of_file(location: str, place: str, error: Exception) -> DataflowError:
    match error:
        case FileNotFoundError():
            return file_failures.missing(location, place)
        case SchemaError() | SchemaFieldNotFoundError() | ColumnNotFoundError():
            # Polars names the column, and what is called a name may be a value (P10).
            types = re.search("incoming: .*", str(error))
            what = f"of one column, {types[0]}" if types else "a column is not in all of them"
            return file_failures.differing(location, place, what)
        case _:
            return file_failures.unreadable(location, place, error)
