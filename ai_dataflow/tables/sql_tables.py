"""The tables that people edit, kept in a database: `control_table = "sql://platform/dbo.control"`.

The rules are those of files: the same columns, the same texts for yes and no, null is blank. What a
file has and a table lacks is an order of its rows and a name for each. Where the order means
something, a column `position` gives it; a row is called by its key columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa

from ai_dataflow.config.diagnostics import DataflowError, Diagnostic, did_you_mean
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.database_tables import tables_instead
from ai_dataflow.connections.databases import connection
from ai_dataflow.connections.faults import Fault, Telling, diagnostic
from ai_dataflow.tables.grids import MAX_ROWS, Flaw, Grid, cell_text
from ai_dataflow.tables.table import SQL_SCHEME, CellTable, Layout, Sheet, header_problems, to_table

POSITION = "position"
_HEADER_LINE = 1
FAULTS: Telling = {
    "missing": (
        "CFG-005", "there is no table or view `{name}` behind connection `{connection}`"
        "{instead}",
        "correct the name in {file} or create the table",
    ),
    "unreachable": (
        "CFG-020", "the database of connection `{connection}` cannot be read now, {persistence}",
        "try again when the database is well; check the url of [sql.{connection}] in {file}",
    ),
    "unknown_host": (
        "CFG-020", "the server of connection `{connection}` cannot be found by its name, "
        "{persistence}",
        "correct the host of [sql.{connection}] in {file}; if it is right, try again when its name "
        "resolves",
    ),
    "unusable": (
        "CFG-021", "connection `{connection}` cannot be used",
        "correct [sql.{connection}] in {file}, or install what it needs",
    ),
    "login": (
        "CFG-021", "the database of connection `{connection}` does not let us in",
        "correct the login of [sql.{connection}] in {file}, or let it into the database",
    ),
    "denied": (
        "CFG-021", "the login of connection `{connection}` has no right to SELECT from `{name}`",
        "grant it SELECT on the table or view, and the use of its schema",
    ),
    "slow": (
        "CFG-006", "reading `{name}` took longer than query_timeout of [sql.{connection}]",
        "look at what keeps the table, or raise query_timeout",
    ),
    "silent": (
        "CFG-020", "the database of connection `{connection}` gave no rows of `{name}` in time: "
        "{reason}",
        "look at what keeps the table or the server, and try again; or raise read_timeout of "
        "[execution]",
    ),
    "refused": (
        "CFG-006", "`{name}` cannot be read: {reason}", "correct the table or view in its database",
    ),
}  # fmt: skip


def read_sql_table(setting: str, settings: Settings, layout: Layout) -> CellTable:
    """Read a table that people edit from a database.

    Args:
        setting: the setting that names it, as `sql://<connection>/<schema>.<table>`.
        settings: with the connection.
        layout: the columns to expect; where the order of rows matters, `position` too.

    Raises:
        DataflowError: CFG-003, CFG-005, CFG-006, CFG-020 or CFG-021, or the codes of wrong headers,
            for every wrong column.
    """
    reference: str = getattr(settings, setting)
    name, _, path = reference[len(SQL_SCHEME) :].partition("/")
    schema, _, table = unquote(path.strip("/")).rpartition(".")
    if wrong := _wrong_reference(setting, settings, name, table):
        raise DataflowError(wrong)
    wanted = _in_order(layout)
    source = sa.table(table, schema=schema or None)
    opened = connection(name, settings)
    try:
        header, rows = opened.ask(lambda session: _cells(session, source, reference, wanted))
    except Fault as fault:
        if fault.kind == "missing":
            fault.instead = tables_instead(opened, schema, table)
        raise DataflowError(_problem(fault, settings, name, reference)) from None
    if len(rows) > MAX_ROWS:
        many = Fault("refused", f"it has more than {MAX_ROWS:,} rows")
        raise DataflowError(_problem(many, settings, name, reference))
    return _to_table(reference, wanted, header, rows)


def _in_order(layout: Layout) -> Layout:
    return replace(layout, required=(*layout.required, POSITION)) if layout.is_ordered else layout


def _cells(
    session: sa.Connection, source: sa.TableClause, reference: str, layout: Layout
) -> tuple[list[str], list[list[str]]]:
    """Give the header and the rows as texts, only of known columns; others may be of any type."""
    every: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(source)
    header = list(session.execute(every.where(sa.false())).keys())
    sheet = Sheet(reference, keys={})
    if wrong := header_problems(sheet, layout, _HEADER_LINE, header):
        raise DataflowError(*wrong)
    columns: list[sa.ColumnElement[Any]] = [sa.column(name) for name in header]
    statement = sa.select(*columns).select_from(source)
    rows = session.execute(statement).fetchmany(MAX_ROWS + 1)
    return header, [[_text(value) for value in row] for row in rows]


def _to_table(
    reference: str, layout: Layout, header: list[str], rows: list[list[str]]
) -> CellTable:
    """Put the rows in their order, give each a line and a name, and make them a table."""
    keys = [header.index(column) for column in layout.key if column in header]
    position = header.index(POSITION) if layout.is_ordered else -1

    def order(row: list[str]) -> tuple[Decimal, list[str], list[str]]:
        place = _number(row[position]) if layout.is_ordered else None
        return (Decimal("Infinity") if place is None else place), [row[i] for i in keys], row

    grid = Grid(reference)
    grid.add(_HEADER_LINE, header)
    named: dict[int, str] = {}
    times: Counter[str] = Counter()
    for line, row in enumerate(sorted(rows, key=order), start=_HEADER_LINE + 1):
        grid.add(line, row)
        name = "|".join(row[i].strip() for i in keys)
        times[name] += 1
        named[line] = f"{name}#{times[name]}" if times[name] > 1 else name
    if layout.is_ordered:
        grid.flaws += _positions(grid, position)
    return to_table(grid, layout, named)


def _positions(grid: Grid, column: int) -> Iterator[Flaw]:
    """Find rows without a position of their own: their order would be anyone's guess."""
    taken: set[Decimal] = set()
    for line, cells in grid.lines[1:]:
        place = _number(cells[column])
        if place is None:
            said = f"`{cells[column][:80]}` is no number" if cells[column] else "it is blank"
            yield Flaw("908", line, column, f"{said}, so the row has no place", "give it a number")
        elif place in taken:
            message = f"another row has position {cells[column]} too"
            yield Flaw("908", line, column, message, "give each row a number of its own")
        else:
            taken.add(place)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _text(value: object) -> str:
    """Spell a value as a person would write it into a cell.

    Types of fixed length are filled up with blanks, which say nothing.
    """
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Decimal):
        return str(int(value)) if value == value.to_integral_value() else f"{value:f}"
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return cell_text(value).rstrip(" ")


def _wrong_reference(setting: str, settings: Settings, name: str, table: str) -> Diagnostic | None:
    if name in settings.sql and table:
        return None
    if "@" in name:
        message, fix = "is a URL with a user or a password", "name a connection under [sql]"
    elif name not in settings.sql:
        message = f"names the unknown connection `{name}`{did_you_mean(name, settings.sql)}"
        fix = f"add [sql.{name}] to {settings.file_name} or correct the name"
    else:
        message, fix = "names no table", "sql://<connection>/<schema>.<table>"
    place = f"{settings.file_name}:{setting}"
    return Diagnostic("CFG-003", f"`{setting}` {message}", place=place, fix=fix)


def _problem(fault: Fault, settings: Settings, name: str, reference: str) -> Diagnostic:
    table = reference.rpartition("/")[2]
    words = {"name": table, "connection": name, "file": settings.file_name}
    return diagnostic(fault, FAULTS, reference, **words)
