"""CSV files, read by pyarrow because it tells which lines have too few or too many fields.

Polars pads short lines with nulls in silence, and a cut file would become a shorter one with
nulls in it. Every field arrives as text, so that nothing is guessed from the first lines; what it
becomes is the mapping's business. An empty field is null, a quoted empty field is empty text.
Files in UTF-8 with commas are read as they are; of others pyarrow gets what `text_streams` make of
them.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.files import file_failures, packing, text_dialects, text_headers
from ai_dataflow.sources.files.encodings import would_fit
from ai_dataflow.sources.files.quotes import Grammar, SoundRows
from ai_dataflow.sources.files.text_dialects import PLAIN, Dialect, Unfit
from ai_dataflow.sources.files.text_headers import STAND_IN
from ai_dataflow.sources.files.text_samples import PART_BYTES, Sample, sample_of
from ai_dataflow.sources.files.text_streams import (
    StandInError,
    WrongEncodingError,
    misfit,
    plain_text,
)

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.csv as pa_csv

_BLOCK_BYTES = 8 << 20
_SMALL_BYTES = 4 << 20
_AHEAD = 8
_CUT = "unexpected end of data"  # as Python says of text that ends within a letter
_NO_TEXT = "invalid UTF8"  # as pyarrow says


@dataclass
class CsvFile:
    """One CSV file; `malformed` fills with lines that are no rows as `batches` is consumed.

    `name` is what messages call it, `place` the control table's cell of its location;
    `partition` are the columns that its folders name, which a column of its own hides. `dialect` is
    how it is written; who does not know it yet finds it out.
    """

    root: Folder
    file: StoredFile
    name: str
    place: str
    partition: Mapping[str, str | None] = field(default_factory=dict)
    dialect: Dialect = PLAIN
    malformed: list[str] = field(default_factory=list)
    _header: list[str] = field(default_factory=list)
    _begin: Sample | None = None
    _content: bytes = b""

    def find_dialect(self, written: FormatSettings | None, names: Collection[str]) -> Dialect:
        """Find out how the file is written; see `text_dialects.find`.

        Raises:
            DataflowError: SRC-003 for a packing that is damaged, SRC-031 for what cannot be told.
        """
        in_file = [name for name in names if name not in self.partition]
        try:
            self._begin = sample_of(self.root, self.file)
            if not self._begin.head:
                raise file_failures.empty(self.name, self.place)
            self.dialect = text_dialects.find(self._begin, written, in_file)
        except packing.DAMAGED as error:
            raise file_failures.unreadable(self.name, self.place, error) from None
        except Unfit as error:
            if not error.what:
                raise file_failures.empty(self.name, self.place) from None
            raise file_failures.undetermined(self.name, self.place, error.what, error.fix) from None
        self.header()
        self._begin = None  # of many files it would be much
        return self.dialect

    def names(self) -> list[str]:
        """Give all column names: the header's, and those of the folders.

        Raises:
            DataflowError: as `header`.
        """
        header = self.header()
        named_columns = [n for n in header if n] if self.dialect.columns else header
        return [*named_columns, *(name for name in self.partition if name not in header)]

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
        names = list(self.dialect.columns)
        try:
            names = names or self._read_names()
        except (UnicodeDecodeError, csv.Error, *packing.DAMAGED) as error:
            if getattr(error, "reason", "") == _CUT:
                self._check_end()
            raise file_failures.unreadable(self.name, self.place, error) from None
        named_columns = [name for name in names if name] if self.dialect.columns else names
        if len(set(named_columns)) < len(named_columns):
            raise file_failures.unreadable(self.name, self.place, "the header names a column twice")
        if not any(names):
            raise file_failures.empty(self.name, self.place)
        return names

    def _read_names(self) -> list[str]:
        """Read what surely has the header in it: in a storage account it is one small request."""
        begin = self._begin or sample_of(self.root, self.file)
        errors = "strict" if len(begin.head) < PART_BYTES else "ignore"
        text = begin.head.decode("utf-8-sig", errors=errors)
        return next(csv.reader(io.StringIO(text, newline=""), strict=True), [])

    def batches(self, columns: list[str]) -> Iterator[pl.DataFrame]:
        """Read the columns, in batches; every value is text or null.

        Raises:
            DataflowError: SRC-003 for bytes that are no CSV or not in the encoding, SRC-004 for a
                file cut off.
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
                    frame = self._restored(pl.DataFrame(pl.from_arrow(batch)), header)
                    if added:
                        frame = frame.with_columns(literals).select(map(named, columns))
                    yield frame
                quotes, last = stream.quotes, stream.last
                self.malformed += map(self._as_written, stream.damaged)
        except WrongEncodingError as error:
            raise self._wrongly_encoded(error) from None
        except StandInError:
            reason = "it has the sign U+001F in it, which stands for its delimiter while it is read"
            raise file_failures.unreadable(self.name, self.place, reason) from None
        except (pa.ArrowInvalid, *packing.DAMAGED) as error:
            self._check_end()  # what is cut off may be no CSV for that reason
            if _NO_TEXT in str(error) and (wrong := self._misfit()):
                raise self._wrongly_encoded(wrong) from None
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

        if self.dialect.columns:  # they are numbered
            columns = [str(header.index(name)) for name in columns]
            header = [str(i) for i in range(len(header))]
        return pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=pa_csv.ParseOptions(
                delimiter=self._delimiter,
                quote_char=self.dialect.quote or False,
                escape_char=self.dialect.escape or False,
                newlines_in_values=True,
                invalid_row_handler=self._keep_malformed,
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
        self.malformed.append(self._as_written(row.text))
        return "skip"

    @property
    def _delimiter(self) -> str:
        """What stands between fields when they are parsed."""
        return STAND_IN if self._is_replaced else self.dialect.delimiter

    @property
    def _is_replaced(self) -> bool:
        return text_headers.is_replaced(self.dialect.delimiter)

    def _as_written(self, line: str) -> str:
        return line.replace(STAND_IN, self.dialect.delimiter) if self._is_replaced else line

    def _restored(self, frame: pl.DataFrame, header: list[str]) -> pl.DataFrame:
        """Give numbered columns their names; put back the delimiter that is part of a text."""
        if not self.dialect.columns:
            return frame
        frame = frame.rename({number: header[int(number)] for number in frame.columns})
        if not self._is_replaced:
            return frame
        put_back = pl.all().str.replace_all(STAND_IN, self.dialect.delimiter, literal=True)
        return frame.with_columns(put_back)

    def _misfit(self) -> WrongEncodingError | None:
        """Look for the line that is not in UTF-8."""
        with self._unpacked() as stream:
            return misfit(stream, "utf-8")

    def _wrongly_encoded(self, error: WrongEncodingError) -> DataflowError:
        fitting = would_fit(error.part)
        return file_failures.wrong_encoding(
            self.name, self.place, self.dialect.encoding, error.line, fitting
        )

    def fetch(self) -> None:
        """Read a small file whole, for `batches` to find."""
        if self.file.size <= _SMALL_BYTES:
            self._content = self.root.read_range(self.file.path, 0, self.file.size)

    def _stream(self) -> SoundRows:
        dialect = self.dialect
        if not dialect.columns:
            return SoundRows(self._unpacked())
        signs = (self._delimiter, dialect.quote, dialect.escape, dialect.comment)
        grammar = Grammar(*(sign.encode() for sign in signs))
        return SoundRows(plain_text(self._unpacked(), dialect), grammar)

    def _unpacked(self) -> Any:
        return packing.unpacked(self._raw(), self._packing)

    @property
    def _packing(self) -> packing.Packing:
        return self.dialect.packing or packing.named(self.file.path)

    def _raw(self) -> Any:
        return io.BytesIO(self._content) if self._content else self.root.open(self.file)

    def _check_quotes(self) -> None:
        """Refuse a file that ends within a quoted field: it swallowed the lines before it.

        An odd number of quotes is a reason to look: Python's reader knows where a field may open.
        """
        with self._stream() as stream:
            text = io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", newline="")
            dialect = self.dialect
            signs = text_headers.reader_signs(self._delimiter, dialect.quote, dialect.escape)
            try:
                for _ in csv.reader(text, strict=True, **signs):
                    pass
            except csv.Error as error:
                if "unexpected end" in str(error):
                    reason = "a quote is opened and never closed"
                    raise file_failures.unreadable(self.name, self.place, reason) from None

    def _check_end(self, last: bytes = b"") -> None:
        """Refuse a file that does not end a line; `last` is its last byte, where it is known.

        What is packed has a checksum of its own.
        """
        if self._packing or (self.dialect.columns and not last):
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
