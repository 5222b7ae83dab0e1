"""Which files are read one by one, and what reads each kind of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import polars as pl

from ai_dataflow.config.format_settings import FormatSettings
from ai_dataflow.connections.stores import Folder, StoredFile
from ai_dataflow.sources.files import file_failures, folder_values
from ai_dataflow.sources.files.documents import Contents, DocumentFile, common, united
from ai_dataflow.sources.files.folder_columns import partition_values
from ai_dataflow.sources.files.pinned import Pinned
from ai_dataflow.sources.united import Kind, Wanted
from ai_dataflow.tables.grids import UnreadableError

MEMORY = 4 << 30
_WORKBOOK = FormatSettings(type="excel")
_TEXTS_FOLLOW = 2  # how many times what it unfolds to a workbook takes in memory


@dataclass(frozen=True)
class Documents:
    """The files of a location that are read one by one."""

    files: Sequence[DocumentFile]
    unite: Callable[[Sequence[DocumentFile]], pl.Schema]

    @cached_property
    def types(self) -> pl.Schema:
        """The columns of all files.

        Raises:
            DataflowError: SRC-003.
        """
        return self.unite(self.files)

    def kinds(self) -> list[Kind]:
        """Give the columns of each file, in the types that all files have together.

        A file without any has no rows, and needs none.
        """
        types = self.types
        return [
            Kind(0, pl.Schema({n: types[n] if types[n] != pl.Unknown else t
                               for n, t in (file.types or types).items() if n in types}))
            for file in self.files
        ]  # fmt: skip

    def rows_by_file(self, wanted: Wanted) -> Iterator[tuple[str, pl.DataFrame]]:
        """Read columns in batches, each with the path of its file.

        Raises:
            DataflowError: SRC-003; SRC-061 where one is of another folder.
        """
        for file, kind in zip(self.files, self.kinds(), strict=True):
            path, names = file.file.path, wanted.names_in(kind.schema).values()
            twice = folder_values.named_twice(path, file.schema, names)
            read = pl.Schema({name: kind.schema[name] for name in wanted.columns_in(kind.schema)})
            called = f"{file.location} ({path})"
            frames = folder_values.checked(file.batches(read), twice, called, file.place)
            yield from ((path, wanted.picked(rows)) for rows in frames)


def documents_of(root: Folder, pinned: Pinned, place: str, memory: int) -> Documents | None:
    """Give the files of a location as such; None where they are scanned, or are CSV.

    Args:
        root: the folder that they are in.
        pinned: what is read.
        place: the control table's cell of the location.
        memory: the bytes that a file may take that is held as a whole.
    """
    match pinned.file_format:
        case "excel":
            files = _files(root, pinned, place, _workbook(pinned, memory))
            return Documents(files, partial(united, widen=_widen_cells))
        case "avro":
            return Documents(_files(root, pinned, place, _avro), partial(united, widen=common))
        case "jsonl":
            return _json(root, pinned, place)
        case _:
            return None


def _files(
    root: Folder, pinned: Pinned, place: str, opens: Callable[[Folder, StoredFile], Contents]
) -> list[DocumentFile]:
    several = len(pinned.files) > 1
    return [
        DocumentFile(
            root,
            file,
            pinned.name,
            f"{pinned.name} ({file.path})" if several else pinned.name,
            place,
            partition_values(file.path),
            opens,
        )
        for file in pinned.files
    ]


def _workbook(pinned: Pinned, memory: int) -> Callable[[Folder, StoredFile], Contents]:
    def opens(root: Folder, file: StoredFile) -> Contents:
        from ai_dataflow.sources.files.workbook_files import (  # noqa: PLC0415 - openpyxl takes long
            WorkbookSheet,
        )

        content = root.read_range(file.path, 0, file.size)
        most = memory // _TEXTS_FOLLOW
        return WorkbookSheet(content, pinned.written or _WORKBOOK, pinned.sheet, most)

    return opens


def _avro(root: Folder, file: StoredFile) -> Contents:
    from ai_dataflow.sources.files.avro_files import AvroFile  # noqa: PLC0415 - for few

    return AvroFile(root, file)


def _json(root: Folder, pinned: Pinned, place: str) -> Documents | None:
    """Give files of JSON; None where they are flat lines, which are scanned."""
    from ai_dataflow.sources.files import json_documents as documents  # noqa: PLC0415 - for few

    records = pinned.written.records if pinned.written else ""
    forms: dict[str, documents.Form] = {}
    for file in pinned.files:
        try:
            forms[file.path] = documents.form_of(root, file, records)
        except UnreadableError as error:
            raise file_failures.unreadable(pinned.name, place, error) from None
    if set(forms.values()) == {"flat"}:
        return None

    def opens(root: Folder, file: StoredFile) -> Contents:
        return documents.JsonFile(root, file, records, forms[file.path])

    return Documents(_files(root, pinned, place, opens), documents.unite)


def _widen_cells(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """Give the type of a column whose cells are of several: at last text, as people see them."""
    if {one, other} == {pl.Int64(), pl.Float64()}:  # a cell's whole number is one that a float has
        return pl.Float64()
    return common(one, other) or pl.String()
