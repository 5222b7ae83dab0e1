"""Files of JSON with arrays, or objects in objects, as columns.

An array of objects, one below keys of an object (`records`), or lines of which one has an object or
a list in it, or a key twice. Other lines are scanned (see `json_lines`).
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Literal, TextIO

import polars as pl

from ai_dataflow.connections.scans import scan_lines
from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.files.documents import DocumentFile
from ai_dataflow.sources.files.json_fields import Fields, series, value_at
from ai_dataflow.sources.files.json_text import JsonRecord, elements, lines
from ai_dataflow.sources.files.packing import DAMAGED, unpacked
from ai_dataflow.sources.files.packing import named as packed
from ai_dataflow.tables.grids import UnreadableError

Form = Literal["array", "lines", "flat"]
_BATCH = 20_000
_START = 4 << 10
_NESTED = r":\s*[\[{]"
_KEY = r'"(?:[^"\\]|\\.)*"\s*:'


class JsonFile:
    """A file of records; `shared` are the fields of all files of its location, once they are known.

    It is read anew for each question: what is in it may be more than fits into memory.
    """

    def __init__(self, root: Folder, file: StoredFile, records: str, form: Form) -> None:
        self._root, self._file, self._form = root, file, form
        self._keys = records.split(".") if records else []
        self.shared: Fields | None = None

    @cached_property
    def fields(self) -> Fields:
        """The fields of its records."""
        fields = Fields()
        count = 0
        for record in self._records():
            if record.value is not None:
                count += 1
                fields.note(record.value)
        if count and not fields.by_path:
            raise UnreadableError("its records have no fields")
        return fields

    def schema(self) -> pl.Schema:
        """Give the columns of all files of its location, or its own."""
        return (self.shared or self.fields).schema()

    def frames(self, wanted: pl.Schema, malformed: list[str]) -> Iterator[pl.DataFrame]:
        """Give the rows; a record that has a key twice, or half a character, is none."""
        every = (self.shared or self.fields).paths
        paths = {name: every[name] for name in wanted}
        for records in _in_batches(self._records()):
            malformed += [record.text for record in records if record.value is None]
            rows = [record.value for record in records if record.value is not None]
            columns = [
                series(name, [value_at(row, path) for row in rows], wanted[name])
                for name, path in paths.items()
            ]
            yield pl.DataFrame(columns) if columns else pl.DataFrame(height=len(rows))

    def _records(self) -> Iterator[JsonRecord]:
        with _opened(self._root, self._file) as stream:
            yield from elements(stream, self._keys) if self._form == "array" else lines(stream)


def _in_batches(records: Iterator[JsonRecord]) -> Iterator[list[JsonRecord]]:
    batch: list[JsonRecord] = []
    for record in records:
        batch.append(record)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


@contextmanager
def _opened(root: Folder, file: StoredFile) -> Iterator[TextIO]:
    with root.open(file) as raw, unpacked(raw, packed(file.path)) as content:
        try:
            yield io.TextIOWrapper(content, encoding="utf-8-sig", newline="\n")
        except UnicodeDecodeError as error:
            raise UnreadableError(f"it is not UTF-8 ({error.reason})") from None
        except DAMAGED as error:
            raise UnreadableError(f"it cannot be unpacked ({error})") from None


def form_of(root: Folder, file: StoredFile, records: str) -> Form:
    """Tell by the start of a file what it is.

    Raises:
        UnreadableError: it cannot be unpacked.
    """
    if records:
        return "array"
    try:
        with root.open(file) as raw, unpacked(raw, packed(file.path)) as content:
            start = content.read(_START)
    except DAMAGED as error:
        raise UnreadableError(f"it cannot be unpacked ({error})") from None
    begin = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if begin[:1] == b"[":
        return "array"
    if re.match(rb"\{\s*\n", begin):
        raise UnreadableError("it is an object over several lines: records has to name its rows")
    if start.startswith(codecs.BOM_UTF8) or packed(file.path) == "zip":
        return "lines"
    keys = pl.col("line").str.extract_all(_KEY)
    has_doubles = keys.list.n_unique() < keys.list.len()
    suspect = pl.col("line").str.contains(_NESTED) | has_doubles
    looked = scan_lines(root, file.path).select(suspect.any()).collect(engine="streaming")
    return "lines" if looked.item() else "flat"


def unite(files: Sequence[DocumentFile]) -> pl.Schema:
    """Give the columns of all files; each may lack some, which are null there.

    Raises:
        DataflowError: SRC-002: no file has a record, so nothing tells the columns; SRC-003.
    """
    every = Fields()
    contents = [_json_file(file) for file in files]
    for file, content in zip(files, contents, strict=True):
        file.schema  # noqa: B018 - what cannot be read is told with its file
        every.merge(content.fields)
    if not every.by_path:
        raise file_failures.no_rows_at_all([files[0].location], files[0].place)
    for content in contents:
        content.shared = every
    folders = {name: pl.String() for file in files for name in file.partition}
    return pl.Schema({**folders, **every.schema()})


def _json_file(file: DocumentFile) -> JsonFile:
    contents = file.contents
    if not isinstance(contents, JsonFile):
        raise TypeError(type(contents))
    return contents
