"""The SQL that the scripted server understands: what the tests' clients and drivers send, no more.

Anything else is error 102, as a real server answers what it cannot parse: a statement that the
clients did not send until now has to be looked at first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from ai_dataflow_tests.tds.sql_types import TICKS, SqlType, declared, moment

_TOKEN = re.compile(r"\s*(\[(?:[^\]]|\]\])*\]|'(?:[^']|'')*'|@\w+|\w+|[^\w\s])")
_CATALOGUE = re.compile(
    r"SELECT (?:\[?(?P<of>\w+)\]?\.)?\[?INFORMATION_SCHEMA\]?\.\[?COLUMNS\]?\.\[?COLUMN_NAME\]?.*"
    r"ORDER BY.*ORDINAL_POSITION\]?$"
)
_TEXT, _INT = declared("nvarchar(128)"), declared("int")
# What SQLAlchemy and the drivers ask or say when they connect, and what Azure SQL answers.
_FIXED: tuple[tuple[str, SqlType | None, Any], ...] = (
    (r"SELECT CAST\(SERVERPROPERTY\('ProductVersion'\) AS VARCHAR\)", _TEXT, "12.0.2000.8"),
    (r"SELECT name FROM (sys\.)?(all|system)_views WHERE .*", _TEXT, "dm_exec_sessions"),
    (r"SELECT CASE transaction_isolation_level .*", _TEXT, "READ COMMITTED"),
    (r"SELECT schema_name\(\)", _TEXT, "dbo"),
    (r"SELECT CAST\('test max support' AS NVARCHAR\(max\)\)", declared("nvarchar(max)"), "x"),
    (r"SELECT 1( AS alive| FROM fn_listextendedproperty.*)?", _INT, 1),
    (r"SELECT \[?sys\]?\.\[?synonyms\]?\..*", _TEXT, None),
    (r"SET [\w ]+(;? *SET [\w ]+)*;?|USE .*|IF @@TRANCOUNT > 0 (COMMIT|ROLLBACK)( TRAN)?", None, 0),
)  # fmt: skip
# What drivers ask for with SQLGetTypeInfo: how long texts and binaries may be.
_TYPE_INFO = re.compile(r"(?:EXEC )?(?:\[sys\]\.)?sp_datatype_info_100 (-?\d+)(?:,3)?")
_LONGEST = {12: ("varchar", 8000), -9: ("nvarchar", 4000), -3: ("varbinary", 8000),
            93: ("datetime2", 27)}  # fmt: skip
_DENIED = "The SELECT permission was denied on the object '{}', database 'policy', schema '{}'."


@dataclass(frozen=True)
class Table:
    """A table that the server has; names of types as `sql_types.declared` reads them.

    What may not be read (`is_denied`) is not listed either. A schema may be `database.schema`.
    """

    schema: str
    name: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Any]]
    is_denied: bool = False


@dataclass(frozen=True)
class Result:
    """What a statement gives; without columns it gives nothing. `of` is what kind of answer."""

    columns: Sequence[tuple[str, SqlType]] = ()
    rows: Iterable[Sequence[Any]] = ()
    of: str = field(default="session")


class SqlError(Exception):
    """An error as SQL Server numbers it."""

    def __init__(self, number: int, text: str, *, level: int = 16) -> None:
        super().__init__(text)
        self.number = number
        self.text = text
        self.level = level


def answer(tables: Sequence[Table], statement: str, parameters: Sequence[Any]) -> Result:
    """Answer a statement.

    Raises:
        SqlError: as a server answers what is not there, not allowed or not understood.
    """
    text = " ".join(statement.split()).strip("; ")
    if found := _CATALOGUE.fullmatch(text):
        return _catalogue(tables, found["of"] or "", *parameters)
    if found := _TYPE_INFO.fullmatch(text):
        name, longest = _LONGEST[int(found[1])]
        described = [("TYPE_NAME", _TEXT), ("DATA_TYPE", declared("smallint")), ("PRECISION", _INT)]
        return Result(described, [(name, int(found[1]), longest)])
    for pattern, sql, value in _FIXED:
        if re.fullmatch(pattern, text, re.IGNORECASE):
            rows = [] if value is None else [[value]]
            return Result([("", sql)], rows) if sql else Result()
    return _Select(statement, tables, parameters).result()


def _catalogue(tables: Sequence[Table], database: str, name: str, schema: str) -> Result:
    """Answer a question to `INFORMATION_SCHEMA.COLUMNS`."""
    columns = [("COLUMN_NAME", _TEXT), ("DATA_TYPE", _TEXT),
               ("NUMERIC_PRECISION", declared("tinyint")), ("NUMERIC_SCALE", _INT)]  # fmt: skip
    full = f"{database}.{schema}" if database else schema
    table = _find(tables, full, name)
    listed = table.columns if table and not table.is_denied else ()
    types = [(column, declared(text)) for column, text in listed]
    rows = [(column, sql.name, *sql.digits) for column, sql in types]
    return Result(columns, rows, of="catalogue")


def _find(tables: Sequence[Table], schema: str, name: str) -> Table | None:
    wanted = (schema.casefold(), name.casefold())
    return next((t for t in tables if (t.schema.casefold(), t.name.casefold()) == wanted), None)


@dataclass(frozen=True)
class _Expression:
    """A column, and the types through which it is cast."""

    column: str
    casts: tuple[SqlType | None, ...] = ()  # None is SWITCHOFFSET to UTC


class _Select:
    """`SELECT <expression> AS <name>, ... FROM <table> [WHERE <column> = <@P1, or CAST of it>]`."""

    def __init__(self, text: str, tables: Sequence[Table], parameters: Sequence[Any]) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        self._tables = tables
        self._parameters = parameters

    def result(self) -> Result:
        self._expect("SELECT")
        is_probe = self._has("*")  # of no row: whether it is there, and may be read
        items = [] if is_probe else [self._item()]
        while self._has(","):
            items.append(self._item())
        self._expect("FROM")
        names = [self._name()]
        while self._has("."):
            names.append(self._name())
        client = ""
        if self._has("WHERE"):
            if is_probe:
                for token in ("0", "=", "1"):
                    self._expect(token)
            else:
                client = self._name()
                self._expect("=")
                cast = ["(", "@P1", "AS", "VARCHAR", "(", "8000", ")", ")"]
                for expected in cast if self._has("CAST") else ["@P1"]:
                    self._expect(expected)
        if self._at < len(self._tokens):
            raise self._refusal()
        table = self._table(names)
        return Result([("", _INT)]) if is_probe else self._read(table, items, client)

    def _item(self) -> tuple[str, _Expression]:
        expression = self._expression()
        self._expect("AS")
        return self._name(), expression

    def _expression(self) -> _Expression:
        if self._has("CAST"):
            self._expect("(")
            inner = self._expression()
            self._expect("AS")
            cast: SqlType | None = declared(self._type())
        elif self._has("SWITCHOFFSET"):
            self._expect("(")
            inner, cast = self._expression(), None
            self._expect(",")
            self._expect("'+00:00'")
        else:
            return _Expression(self._name())
        self._expect(")")
        return replace(inner, casts=(*inner.casts, cast))

    def _type(self) -> str:
        text = self._name()
        if self._has("("):
            text += f"({self._next()}"
            text += f",{self._next()})" if self._has(",") else ")"
            self._expect(")")
        return text

    def _table(self, names: Sequence[str]) -> Table:
        schema = ".".join(names[:-1]) or "dbo"
        table = _find(self._tables, schema, names[-1])
        if table is None:
            raise SqlError(208, f"Invalid object name '{'.'.join(names)}'.")
        if table.is_denied:
            raise SqlError(229, _DENIED.format(table.name, table.schema), level=14)
        return table

    def _read(self, table: Table, items: Sequence[tuple[str, _Expression]], client: str) -> Result:
        known = {name.casefold(): i for i, (name, _) in enumerate(table.columns)}
        types = [declared(text) for _, text in table.columns]
        for name in [client] * bool(client) + [e.column for _, e in items]:
            if name.casefold() not in known:
                raise SqlError(207, f"Invalid column name '{name}'.")
        chosen = [(known[e.column.casefold()], e.casts) for _, e in items]
        columns = [
            (name, next((c for c in reversed(casts) if c), types[at]))
            for (name, _), (at, casts) in zip(items, chosen, strict=True)
        ]
        rows: Iterable[Sequence[Any]] = table.rows
        if client:
            at = known[client.casefold()]
            wanted = str(self._parameters[0]).rstrip(" ").casefold()
            rows = (row for row in rows if str(row[at]).rstrip(" ").casefold() == wanted)
        values = ([cast(row[at], types[at], casts) for at, casts in chosen] for row in rows)
        return Result(columns, values, of="read")

    def _refusal(self) -> SqlError:
        near = self._tokens[self._at] if self._at < len(self._tokens) else "the end"
        return SqlError(102, f"Incorrect syntax near '{near}'.", level=15)

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise self._refusal()
        self._at += 1
        return str(self._tokens[self._at - 1])

    def _has(self, token: str) -> bool:
        has = self._at < len(self._tokens) and self._tokens[self._at].upper() == token
        self._at += has
        return has

    def _expect(self, token: str) -> None:
        if not self._has(token):
            raise self._refusal()

    def _name(self) -> str:
        if self._at < len(self._tokens) and not re.match(r"[\[\w]", self._tokens[self._at]):
            raise self._refusal()
        name = self._next()
        return name[1:-1].replace("]]", "]") if name.startswith("[") else name


def cast(value: Any, own: SqlType, casts: Sequence[SqlType | None]) -> Any:
    """Cast a value of a type through others, as SQL Server does."""
    for target in casts if value is not None else ():
        if target is None:
            value = _in_utc(value)
        elif target.name in ("decimal", "numeric"):
            value = Decimal(value).quantize(Decimal(1).scaleb(-target.scale))
        elif target.name in ("char", "varchar", "nvarchar"):
            text = _spelled(value, own)
            value = text if target.length < 0 else text[: target.length]
        else:
            assert target.name in ("datetime2", "varbinary"), target
        own = target or own
    return value


def _in_utc(value: str) -> str:
    day, ticks, offset = moment(value)
    day, ticks = divmod(day * 86_400 * TICKS + ticks - offset * 60 * TICKS, 86_400 * TICKS)
    return f"{date.fromordinal(day + 1).isoformat()} {_time(ticks, 7)} +00:00"


def _spelled(value: Any, own: SqlType) -> str:
    if own.name == "uniqueidentifier":
        return str(value).upper()
    return _time(moment(value)[1], own.scale) if own.name == "time" else str(value)


def _time(ticks: int, digits: int) -> str:
    seconds, fraction = divmod(ticks, TICKS)
    whole = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{whole}.{fraction:07}"[: 9 + digits] if digits else whole
