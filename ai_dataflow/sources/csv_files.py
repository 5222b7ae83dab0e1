"""CSV files, read by pyarrow because it tells which lines have too few or too many fields.

Polars pads short lines with nulls in silence, and a cut file would become a shorter one with
nulls in it. Every field arrives as text, so that nothing is guessed from the first lines; what it
becomes is the mapping's business. An empty field is null, a quoted empty field is empty text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa
import pyarrow.csv as pa_csv

from ai_dataflow.sources import failures
from ai_dataflow.sources.storage import Folder, StoredFile

_HEADER_BYTES = 1 << 20
_BLOCK_BYTES = 8 << 20


@dataclass
class CsvFile:
    """One CSV file; `malformed` fills with its ragged lines as `batches` is consumed.

    `name` is what messages call it, `place` the control table's cell of its location.
    """

    root: Folder
    file: StoredFile
    name: str
    place: str
    malformed: list[str] = field(default_factory=list)

    def header(self) -> list[str]:
        """Read the column names.

        Raises:
            DataflowError: SRC-003 for a header that is not text or names a column twice.
        """
        with self._stream() as stream:
            start = bytes(stream.read(_HEADER_BYTES))
        try:
            text = start.decode("utf-8-sig", errors="strict" if len(start) < 1 << 20 else "ignore")
            names = next(csv.reader(io.StringIO(text), strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise failures.unreadable(self.name, self.place, error) from None
        if len(set(names)) < len(names):
            raise failures.unreadable(self.name, self.place, "the header names a column twice")
        if not any(names):
            raise failures.empty(self.name, self.place)
        return names

    def batches(self, columns: list[str]) -> Iterator[pl.DataFrame]:
        """Read the columns, in batches; every value is text or null.

        Raises:
            DataflowError: SRC-003 for bytes that are no CSV, SRC-004 for a file cut off.
        """
        self._check_end()
        header = self.header()
        try:
            with self._stream() as stream:
                for batch in self._reader(stream, header, columns):
                    yield pl.DataFrame(pl.from_arrow(batch))
        except pa.ArrowInvalid as error:
            raise failures.unreadable(self.name, self.place, error) from None
        if any(line.count('"') % 2 for line in self.malformed):
            raise failures.unreadable(self.name, self.place, "a quote is opened and never closed")

    def _reader(
        self, stream: pa.NativeFile, header: list[str], columns: list[str]
    ) -> pa_csv.CSVStreamingReader:
        return pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(
                column_names=header, skip_rows=1, block_size=_BLOCK_BYTES
            ),
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

    def _stream(self) -> pa.NativeFile:
        raw = pa.PythonFile(self.root.open(self.file.path), mode="r")
        is_gzip = self.file.path.lower().endswith(".gz")
        return pa.CompressedInputStream(raw, "gzip") if is_gzip else raw

    def _check_end(self) -> None:
        """Refuse a file that does not end a line. Gzip has a checksum of its own."""
        if self.file.path.lower().endswith(".gz"):
            return
        if self.root.read_range(self.file.path, self.file.size - 1, 1) not in (b"\n", b"\r"):
            raise failures.cut_off(self.name, self.place)
