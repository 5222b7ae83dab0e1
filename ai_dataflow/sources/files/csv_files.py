"""CSV files, read by pyarrow because it tells which lines have too few or too many fields.

Polars pads short lines with nulls in silence, and a cut file would become a shorter one with
nulls in it. Every field arrives as text, so that nothing is guessed from the first lines; what it
becomes is the mapping's business. An empty field is null, a quoted empty field is empty text.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.files.quotes import SoundRows

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as pa_csv

_HEADER_BYTES = 256 << 10
_BLOCK_BYTES = 8 << 20
_SMALL_BYTES = 4 << 20
_AHEAD = 8
_CUT = "unexpected end of data"  # as Python says of text that ends within a letter


@dataclass
class CsvFile:
    """One CSV file; `malformed` fills with lines that are no rows as `batches` is consumed.

    `name` is what messages call it, `place` the control table's cell of its location;
    `partition` are the columns that its folders name, which a column of its own hides.
    """

    root: Folder
    file: StoredFile
    name: str
    place: str
    partition: Mapping[str, str | None] = field(default_factory=dict)
    malformed: list[str] = field(default_factory=list)
    _header: list[str] = field(default_factory=list)
    _content: bytes = b""

    def names(self) -> list[str]:
        """Give all column names: the header's, and those of the folders.

        Raises:
            DataflowError: as `header`.
        """
        header = self.header()
        return [*header, *(name for name in self.partition if name not in header)]

    def header(self) -> list[str]:
        """Give the column names; they are read once.

        Raises:
            DataflowError: SRC-003 for a header that is not text or names a column twice; SRC-004
                for a file that ends within a letter.
        """
        if not self._header:
            self._header = self._read_header()
        return self._header

    def _read_header(self) -> list[str]:
        try:
            start = self._start()
            errors = "strict" if len(start) < _HEADER_BYTES else "ignore"
            text = start.decode("utf-8-sig", errors=errors)
            names = next(csv.reader(io.StringIO(text), strict=True), [])
        except (UnicodeDecodeError, csv.Error, gzip.BadGzipFile, EOFError, zlib.error) as error:
            if getattr(error, "reason", "") == _CUT:
                self._check_end()
            raise file_failures.unreadable(self.name, self.place, error) from None
        if len(set(names)) < len(names):
            raise file_failures.unreadable(self.name, self.place, "the header names a column twice")
        if not any(names):
            raise file_failures.empty(self.name, self.place)
        return names

    def _start(self) -> bytes:
        """Read what surely has the header in it: in a storage account it is one small request."""
        if not self._is_gzip:
            return self.root.read_range(self.file.path, 0, min(self.file.size, _HEADER_BYTES))
        with gzip.open(self._raw()) as stream:
            return stream.read(_HEADER_BYTES)

    def batches(self, columns: list[str]) -> Iterator[pl.DataFrame]:
        """Read the columns, in batches; every value is text or null.

        Raises:
            DataflowError: SRC-003 for bytes that are no CSV, SRC-004 for a file cut off.
        """
        import pyarrow as pa  # noqa: PLC0415 - its import is for those who read CSV

        self.malformed.clear()
        header = self.header()
        in_header = [name for name in columns if name in header]
        added = {name: self.partition[name] for name in columns if name not in header}
        literals = [pl.lit(value, pl.String()).alias(name) for name, value in added.items()]
        try:
            with self._stream() as stream:
                source = pa.PythonFile(stream, mode="r")
                for batch in self._reader(source, header, in_header or header[:1]):
                    frame = pl.DataFrame(pl.from_arrow(batch))
                    if added:
                        frame = frame.with_columns(literals).select(map(named, columns))
                    yield frame
                quotes, last = stream.quotes, stream.last
                self.malformed += stream.damaged
        except (pa.ArrowInvalid, gzip.BadGzipFile, EOFError, zlib.error) as error:
            self._check_end()  # what is cut off may be no CSV for that reason
            raise file_failures.unreadable(self.name, self.place, error) from None
        self._check_end(last)
        if quotes % 2:
            self._check_quotes()
        self._content = b""

    def _reader(
        self, stream: pa.NativeFile, header: list[str], columns: list[str]
    ) -> pa_csv.CSVStreamingReader:
        import pyarrow as pa  # noqa: PLC0415 - as above; the package first, for other threads
        import pyarrow.csv as pa_csv  # noqa: PLC0415

        return pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=pa_csv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=self._keep_malformed
            ),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                include_columns=columns,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                null_values=[""],
            ),
        )

    def _keep_malformed(self, row: pa_csv.InvalidRow) -> str:
        self.malformed.append(row.text)
        return "skip"

    def fetch(self) -> None:
        """Read a small file whole, for `batches` to find."""
        if self.file.size <= _SMALL_BYTES:
            self._content = self.root.read_range(self.file.path, 0, self.file.size)

    def _stream(self) -> SoundRows:
        return SoundRows(gzip.open(self._raw()) if self._is_gzip else self._raw())

    def _raw(self) -> Any:
        return io.BytesIO(self._content) if self._content else self.root.open(self.file)

    @property
    def _is_gzip(self) -> bool:
        return self.file.path.lower().endswith(".gz")

    def _check_quotes(self) -> None:
        """Refuse a file that ends within a quoted field: it swallowed the lines before it.

        An odd number of quotes is a reason to look: Python's reader knows where a field may open.
        """
        with self._stream() as stream:
            text = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", newline="")
            try:
                for _ in csv.reader(text, strict=True):
                    pass
            except csv.Error as error:
                if "unexpected end" in str(error):
                    reason = "a quote is opened and never closed"
                    raise file_failures.unreadable(self.name, self.place, reason) from None

    def _check_end(self, last: bytes = b"") -> None:
        """Refuse a file that does not end a line; `last` is its last byte, where it is known.

        Gzip has a checksum of its own.
        """
        if self._is_gzip:
            return
        last = last or self.root.read_range(self.file.path, self.file.size - 1, 1)
        if last not in (b"\n", b"\r"):
            raise file_failures.cut_off(self.name, self.place)


def ahead(files: Sequence[CsvFile]) -> Iterator[CsvFile]:
    """Give files one by one, the small ones in a storage account already fetched."""
    if not files or files[0].root.account is None:
        yield from files
        return
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="ahead") as pool:
        waiting: deque[tuple[CsvFile, Future[None]]] = deque()
        for file in files:
            waiting.append((file, pool.submit(file.fetch)))
            if len(waiting) >= _AHEAD:
                yield _fetched(*waiting.popleft())
        while waiting:
            yield _fetched(*waiting.popleft())


def _fetched(file: CsvFile, done: Future[None]) -> CsvFile:
    done.result()
    return file
