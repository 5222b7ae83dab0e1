"""Publishing: one Delta transaction makes all finished partitions of a table visible at once.

Workers write files, only this module commits. Readers see the old version of every partition
until the commit, and the new version of all of them after it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.schema import ArrayType, DataType, MapType, PrimitiveType, StructType
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions
from polars.exceptions import PolarsError

from ai_dataflow.connections.foreign_errors import FOREIGN
from ai_dataflow.connections.scans import delta_options, delta_uri, open_delta
from ai_dataflow.connections.stores import Folder
from ai_dataflow.workstation.data_files import DataFile
from ai_dataflow.workstation.fencing import Writer
from ai_dataflow.workstation.layout import PARTITION_COLUMN
from ai_dataflow.workstation.premises import NO_PREMISE, Premise, changed_since
from ai_dataflow.workstation.reaching import overtaken, unreached
from ai_dataflow.workstation.type_changes import check_types, types_in

# A commit that gets no answer is not sent again by deltalake, which cannot know whether it arrived.
_ATTEMPTS = 3
_COMMENT = "comment"


@dataclass(frozen=True)
class TableColumn:
    """A column as Delta knows it: name, primitive type, description, further notes by name."""

    name: str
    delta_type: str
    description: str = ""
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def metadata(self) -> dict[str, str]:
        """What the schema has beside the type; `comment` is what other programs show."""
        return ({_COMMENT: self.description} if self.description else {}) | dict(self.notes)


def commit(
    table: Folder,
    columns: Sequence[TableColumn],
    files: Mapping[str, Sequence[DataFile]],
    writer: Writer,
    at: int | None = None,
    premise: Premise = NO_PREMISE,
) -> int:
    """Replace the partitions of some clients, all in one transaction; give the new version.

    Args:
        table: the Delta table's folder; the table is made if it is not there.
        columns: the table's columns from now on, `client_code` left out.
        files: the new files of each client; none at all empties the client's partition.
        writer: the run, and its lease.
        at: when the files are committed, in ms since 1970; by default now.
        premise: what must still be so; else WST-003.

    Raises:
        DataflowError: WST-001 where it cannot be written, WST-002 where a column that other
            clients' files hold would change its type, WST-003 where another run came first,
            WST-006 where a run with a later lease has committed.
    """
    schema, added, clients = _schema(columns), _added(files, at), sorted(files)

    def replace(delta: DeltaTable) -> int:
        premise.check(delta, table)
        return _replace(delta, table, schema, added, clients, writer)

    return _committed(table, schema, added, writer, replace)


def amend(
    table: Folder,
    columns: Sequence[TableColumn],
    files: Mapping[str, Sequence[DataFile]],
    removed: Collection[str],
    writer: Writer,
    at: int | None = None,
) -> int:
    """Add files to some clients' partitions and take others away, in one transaction.

    Args:
        table: as for `commit`.
        columns: as for `commit`.
        files: the files that each client gets besides those that it has.
        removed: the paths of files that leave; one that has left already is no error.
        writer: as for `commit`.
        at: as for `commit`.

    Returns:
        The version in which it is so.

    Raises:
        DataflowError: as for `commit`.
    """
    schema, added = _schema(columns), _added(files, at)

    def change(delta: DeltaTable) -> int:
        return _change(delta, table, schema, added, removed, writer)

    return _committed(table, schema, added, writer, change)


def _committed(
    table: Folder,
    schema: Schema,
    added: list[AddAction],
    writer: Writer,
    change: Callable[[DeltaTable], int],
) -> int:
    """Commit, and again where nobody answered. What was done unheard is not done twice."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            if (delta := open_table(table.make())) is None:
                _create(table, schema, added, writer)
                return 0
            if (version := _version_with(delta, added)) is not None:
                return version
            writer.check(delta, table)
            return change(delta)
        except (*FOREIGN, PolarsError) as error:
            failed = overtaken if _is_overtaken(error) else unreached
            problem = failed(table, error)
        try:
            # This asks for as long as it takes the account to come back.
            if (version := _version_with(open_table(table), added)) is not None:
                return version
        except FOREIGN:
            raise problem from None
        if attempt == _ATTEMPTS or not problem.diagnostics[0].meaning.transient:
            raise problem
        time.sleep(attempt)
    raise AssertionError  # the last attempt returned or raised


def _is_overtaken(error: Exception) -> bool:
    return isinstance(error, CommitFailedError) or "table already exists" in str(error)


def _replace(
    delta: DeltaTable,
    table: Folder,
    schema: Schema,
    added: list[AddAction],
    clients: list[str],
    writer: Writer,
) -> int:
    """Commit to a table that is there, anew while other runs commit other clients' partitions.

    In single attempts: in a second one of its own deltalake would not see that another run has
    given a client its first files meanwhile, and keep both.
    """
    while True:
        check_types(delta, table, schema, clients)
        version = delta.version()
        try:
            delta.create_write_transaction(
                [*added],
                mode="overwrite",
                schema=schema,
                partition_by=[PARTITION_COLUMN],
                partition_filters=[(PARTITION_COLUMN, "in", clients)],
                commit_properties=writer.once,
            )
        except CommitFailedError:
            delta.update_incremental()
            writer.check(delta, table)
            if delta.version() == version or changed_since(delta, table, version, clients):
                raise
        else:
            return int(version) + 1


def _change(
    delta: DeltaTable,
    table: Folder,
    schema: Schema,
    added: list[AddAction],
    removed: Collection[str],
    writer: Writer,
) -> int:
    """Commit to a table that is there, anew while other runs commit to other partitions."""
    while True:
        version = int(delta.version())
        leaving = [_remove(file) for file in files_in(delta) if file.path in removed]
        if not (added or leaving):
            return version
        try:
            if new := _new_fields(delta, schema) if added else []:
                delta.alter.add_columns(new)  # an append alone would not
                version = int(delta.version())
            delta.create_write_transaction(
                [*added, *leaving],
                mode="append",
                schema=schema,
                partition_by=[PARTITION_COLUMN],
                commit_properties=writer.once,
            )
        except CommitFailedError:
            delta.update_incremental()
            writer.check(delta, table)
            if delta.version() == version:
                raise
        else:
            return version + 1


def _new_fields(delta: DeltaTable, schema: Schema) -> list[Field]:
    names = {field.name for field in delta.schema().fields}
    return [field for field in schema.fields if field.name not in names]


@dataclass(frozen=True)
class CommittedFile:
    """A file that a table's version names."""

    client: str
    path: str
    size: int
    modified: int
    rows: int = 0


def files_in(delta: DeltaTable) -> Iterator[CommittedFile]:
    """Give the files of a table's version; `modified` is when they were committed, in ms."""
    names = (
        f"partition.{PARTITION_COLUMN}", "path", "size_bytes", "modification_time", "num_records"
    )  # fmt: skip
    actions = pl.DataFrame(delta.get_add_actions(flatten=True))
    for client, path, size, modified, rows in actions.select(names).iter_rows():
        yield CommittedFile(client, unquote(path), size, modified, rows or 0)


def _remove(file: CommittedFile) -> RemoveAction:
    return RemoveAction(
        path=file.path,
        data_change=True,
        deletion_timestamp=int(time.time() * 1000),
        size=file.size,
        partition_values={PARTITION_COLUMN: file.client},
    )


def _version_with(delta: DeltaTable | None, added: list[AddAction]) -> int | None:
    """Give the table's version if our files are in it: then only the answer was lost.

    A client that hears nothing asks again, and its second request finds the first one's commit in
    its way.
    """
    if delta is None or not added:
        return None
    present = pl.DataFrame(delta.get_add_actions(flatten=True))["path"]
    return delta.version() if {action.path for action in added} <= set(present) else None


def open_table(table: Folder, version: int | None = None) -> DeltaTable | None:
    """Open a table, at a version if one is given; None where there is no table."""
    try:
        return open_delta(table, version)
    except TableNotFoundError:
        return None


def _create(table: Folder, schema: Schema, added: list[AddAction], writer: Writer) -> None:
    """Create a table with its first files, so that nobody ever sees it empty.

    In one attempt: in a second one deltalake would add them to a table that another run created
    meanwhile.
    """
    create_table_with_add_actions(
        delta_uri(table),
        schema,
        added,
        partition_by=[PARTITION_COLUMN],
        storage_options=delta_options(table),
        commit_properties=writer.once,
    )


def columns_of(delta: DeltaTable) -> tuple[TableColumn, ...]:
    """Give the columns of a table's version, `client_code` left out."""
    return tuple(
        _column_of(field) for field in delta.schema().fields if field.name != PARTITION_COLUMN
    )


def _column_of(field: Field) -> TableColumn:
    said = {name: text for name, text in field.metadata.items() if isinstance(text, str)}
    comment = said.pop(_COMMENT, "")
    return TableColumn(field.name, _text_of(field.type), comment, tuple(said.items()))


def _text_of(dtype: DataType) -> str:
    """Give a type's name; a nested one's is JSON, spelled as `ai_types.to_delta` does."""
    is_plain = isinstance(dtype, PrimitiveType)
    return dtype.type if is_plain else json.dumps(json.loads(dtype.to_json()))


def _type_of(text: str) -> DataType:
    if not text.startswith("{"):
        return PrimitiveType(text)
    match json.loads(text)["type"]:
        case "array":
            return ArrayType.from_json(text)
        case "struct":
            return StructType.from_json(text)
        case _:
            return MapType.from_json(text)


def types_of(columns: Sequence[TableColumn]) -> dict[str, pl.DataType]:
    """Give the types of columns as Polars has them."""
    return types_in(_schema(columns))


def _schema(columns: Sequence[TableColumn]) -> Schema:
    fields = [
        Field(
            column.name,
            _type_of(column.delta_type),
            metadata=column.metadata or None,
        )
        for column in columns
    ]
    return Schema([*fields, Field(PARTITION_COLUMN, PrimitiveType("string"))])


def _added(files: Mapping[str, Sequence[DataFile]], at: int | None) -> list[AddAction]:
    now = int(time.time() * 1000) if at is None else at
    return [
        _add(client, file, now if file.at is None else file.at)
        for client, new in files.items()
        for file in new
    ]


def _add(client: str, file: DataFile, at: int) -> AddAction:
    return AddAction(
        path=file.path,
        size=file.size,
        partition_values={PARTITION_COLUMN: client},
        modification_time=at,
        data_change=True,
        stats=file.statistics or json.dumps({"numRecords": file.rows}),
    )
