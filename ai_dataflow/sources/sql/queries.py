"""Databases as sources: one statement per extract, only the mapped columns, values bound."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import polars as pl
import sqlalchemy as sa

from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.database_tables import tables_instead
from ai_dataflow.connections.databases import Connection, connection
from ai_dataflow.connections.faults import Fault
from ai_dataflow.sources.client_rows import is_text
from ai_dataflow.sources.columns import named
from ai_dataflow.sources.files import file_failures
from ai_dataflow.sources.sql import sql_failures, table_columns
from ai_dataflow.sources.sql.column_types import SqlColumn, UnfitError, arrived
from ai_dataflow.sources.sql.rows import TooLongError, as_tuples, in_bulk
from ai_dataflow.tables.locations import SqlLocation

T = TypeVar("T")
Columns = Mapping[str, SqlColumn]


class Database:
    """A SQL connection of the settings, and what can be asked of its tables."""

    def __init__(self, opened: Connection) -> None:
        self._connection = opened

    def columns(self, location: SqlLocation, place: str) -> dict[str, SqlColumn]:
        """Give the columns of a table or view.

        Raises:
            DataflowError: SRC-001 where there is no such table; SRC-007, SRC-008, SRC-020 to 022,
                SRC-062.
        """
        opened = self._connection
        with _classified(location, place):
            try:
                return opened.ask(lambda session: table_columns.of_table(session, location))
            except Fault as fault:
                if fault.kind == "missing":
                    fault.instead = tables_instead(opened, location.schema, location.table)
                raise

    def schema(self, location: SqlLocation, place: str) -> pl.Schema:
        """Give the columns of a table or view with the types in which their values arrive.

        Raises:
            DataflowError: as `columns`.
        """
        return pl.Schema({c.name: c.dtype for c in self.columns(location, place).values()})

    def copy(
        self,
        location: SqlLocation,
        columns: Columns,
        wanted: Sequence[str],
        write: Callable[[Iterable[pl.DataFrame]], T],
        place: str,
    ) -> T:
        """Read columns in one statement, in frames of equal schema, and hand them over.

        Whatever goes wrong on the way and may pass begins again from the start: `write` is called
        anew, and what it was given before is void. So it does, without a pause, where a value is
        too long for a bulk read, and where one is none of its column's type: the column then
        arrives as text.

        Args:
            location: the table or view.
            columns: all columns that it has; see `columns`.
            wanted: the names of those to read.
            write: takes the frames, at least one, and gives what `copy` gives.
            place: the control table cell that names the location.

        Raises:
            DataflowError: SRC-001, SRC-007, SRC-008, SRC-017, SRC-020 to SRC-023.
        """
        with _classified(location, place):
            narrow = _client_is_narrow(location, columns)
            checked = _checked(location, columns, place)
            read = {name: columns[name] for name in dict.fromkeys([*wanted, *checked.columns])}

            def keep(frames: Iterable[pl.DataFrame]) -> T:
                return write(checked.of_client(frames, wanted))

            return self._connection.read(lambda: self._copy(location, read, keep, narrow=narrow))

    def rows(
        self,
        location: SqlLocation,
        columns: Columns,
        wanted: Sequence[str],
        bound: Bound,
        place: str,
    ) -> pl.DataFrame | None:
        """Read columns of the rows on one side of a bound; None where a value is no such type.

        Raises:
            DataflowError: as `copy`.
        """
        checked = _checked(location, columns, place)
        read = {name: columns[name] for name in dict.fromkeys([*wanted, *checked.columns])}
        statement = select(location, read, bound=bound)

        def ask() -> pl.DataFrame:
            frames = self._frames(statement, read, bulk=False)
            return pl.concat(list(checked.of_client(frames, wanted)))

        with _classified(location, place):
            try:
                return self._connection.read(ask)
            except UnfitError:
                return None

    def _copy(
        self,
        location: SqlLocation,
        columns: Columns,
        write: Callable[[Iterable[pl.DataFrame]], T],
        *,
        narrow: bool,
    ) -> T:
        bulk = bool(self._connection.odbc)
        while True:
            try:
                statement = select(location, columns, narrow=narrow)
                with closing(self._frames(statement, columns, bulk=bulk)) as frames:
                    return write(frames)
            except TooLongError:
                bulk = False
            except UnfitError as error:
                columns = {**columns, error.column: columns[error.column].loosened()}

    def _frames(
        self, statement: sa.Select[Any], columns: Columns, *, bulk: bool
    ) -> Generator[pl.DataFrame, None, None]:
        read = in_bulk if bulk else as_tuples
        delivered = read(self._connection, statement, columns)
        is_empty = True
        with closing(delivered):
            for frame in delivered:
                is_empty = False
                yield arrived(frame, columns)
        if is_empty:
            yield pl.DataFrame(schema={c.name: c.dtype for c in columns.values()})


def database(name: str, settings: Settings) -> Database:
    """Give the database of a connection name; its pool is shared in this process."""
    return Database(connection(name, settings))


@dataclass(frozen=True)
class Bound:
    """One side of a value in a column: from it on; or below it, and without a value."""

    column: str
    value: Any
    is_below: bool

    @property
    def condition(self) -> sa.ColumnElement[bool]:
        """The side, as a condition."""
        column: sa.ColumnClause[Any] = sa.column(self.column)
        value = sa.bindparam("bound", self.value, type_=sa.types.NullType())
        return sa.or_(column < value, column.is_(None)) if self.is_below else column >= value


def select(
    location: SqlLocation, columns: Columns, *, narrow: bool = False, bound: Bound | None = None
) -> sa.Select[Any]:
    """Select the columns; the client is a parameter whose type is the database's to choose.

    Drivers of SQL Server choose nvarchar. Beside it a narrow column would be converted row by row,
    and its index not be used; so the client is made narrow.
    """
    table = table_columns.table(location)
    statement = sa.select(*(column.asked() for column in columns.values())).select_from(table)
    if location.client_column:
        client: sa.ColumnElement[Any]
        client = sa.bindparam("client", location.client, type_=sa.types.NullType())
        client = sa.cast(client, sa.VARCHAR(8000)) if narrow else client
        statement = statement.where(sa.column(location.client_column) == client)
    return statement if bound is None else statement.where(bound.condition)


def _client_is_narrow(location: SqlLocation, columns: Columns) -> bool:
    """Tell whether the client can be compared as narrow text.

    What is not ASCII cannot: a code page without its `Ł` makes it an `L`, another client's.

    Raises:
        Fault: the column is not there; SQLite would take its name for a text.
    """
    if not (name := location.client_column):
        return False
    by_name = {spelled.casefold(): column for spelled, column in columns.items()}
    if name.casefold() not in by_name:
        raise Fault("refused", f"there is no column {name}")
    return by_name[name.casefold()].delivery.narrow and location.client.isascii()


@dataclass(frozen=True)
class _Checked:
    """The column of a client's text, if its rows have to be looked at; else none.

    Databases compare texts by a collation, for which `ACME` may be `acme`; blanks at the end count
    for none of them.
    """

    location: SqlLocation
    place: str
    columns: tuple[str, ...] = ()

    def of_client(
        self, frames: Iterable[pl.DataFrame], wanted: Sequence[str]
    ) -> Iterator[pl.DataFrame]:
        """Give the wanted columns of frames.

        Raises:
            DataflowError: SRC-017: a row has the client in another spelling.
        """
        for frame in frames:
            for column in self.columns:
                spelled = frame[column].cast(pl.String).str.strip_chars_end(" ")
                if others := int((spelled != self.location.client).sum()):
                    where, by = str(self.location), self.location.client_column
                    raise file_failures.spelled_otherwise(where, by, others, self.place)
            yield frame.select(map(named, wanted)) if self.columns else frame


def _checked(location: SqlLocation, columns: Columns, place: str) -> _Checked:
    by = location.client_column.casefold()
    spelled = (c for name, c in columns.items() if by and name.casefold() == by)
    texts = tuple(column.name for column in spelled if is_text(column.dtype))
    return _Checked(location, place, texts)


@contextmanager
def _classified(location: SqlLocation, place: str) -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        raise sql_failures.of_database(fault, location, place) from None
