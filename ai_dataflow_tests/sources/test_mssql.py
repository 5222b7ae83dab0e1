"""SQL Server itself, or whoever speaks its protocol: runs where AI_DATAFLOW_TEST_MSSQL_URL is set.

The variable is any `mssql+pyodbc` URL of a database in which the login may create a schema, with
Microsoft's driver or FreeTDS:

    mssql+pyodbc://user:password@host:1433/db?driver=ODBC+Driver+18+for+SQL+Server
    mssql+pyodbc://user:password@host/db?driver=FreeTDS&port=1433&TDS_Version=7.4

Everything happens in a schema of its own, which is dropped at the end. Each type is a test of its
own, so that a server that lacks one fails that test only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from polars.testing import assert_frame_equal
from sqlalchemy.exc import DBAPIError

from ai_dataflow.config.diagnostics import DataflowError
from ai_dataflow.config.settings import Settings
from ai_dataflow.connections.databases import connection
from ai_dataflow.sources.sql import queries
from ai_dataflow.sources.sql.rows import LONGEST_IN_BULK
from ai_dataflow.tables import control_table
from ai_dataflow.tables.locations import SqlLocation
from ai_dataflow.tables.sql_tables import read_sql_table
from ai_dataflow.workstation.data_files import write_batches
from ai_dataflow.workstation.layout import open_workstation
from ai_dataflow_tests.services.processes import unique
from ai_dataflow_tests.sources.sql import opened, read

URL = os.environ.get("AI_DATAFLOW_TEST_MSSQL_URL", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not URL, reason="AI_DATAFLOW_TEST_MSSQL_URL is not set"),
]

WAYS = ["tuples", "bulk"]
TIMESTAMP, INSTANT = pl.Datetime("us"), pl.Datetime("us", "UTC")
LONG = "ü" * (LONGEST_IN_BULK + 1)
VERY_LONG = "lorem " * 12_000  # more than FreeTDS reads where its text size is not set
Case = tuple[str, list[str], Any, list[Any]]
CASES: list[Case] = [
    ("bit", ["1", "0"], pl.Boolean, [True, False]),
    ("tinyint", ["0", "255"], pl.Int64, [0, 255]),
    ("smallint", ["-32768", "32767"], pl.Int64, [-32768, 32767]),
    ("int", ["-2147483648", "2147483647"], pl.Int64, [-(2**31), 2**31 - 1]),
    ("bigint", ["-9223372036854775808", "9223372036854775807"], pl.Int64, [-(2**63), 2**63 - 1]),
    (
        "decimal(10,2)",
        ["12345678.90", "-0.05", "7", "0"],
        pl.Decimal(10, 2),
        [Decimal("12345678.90"), Decimal("-0.05"), Decimal(7), Decimal(0)],
    ),
    (
        "decimal(38,0)",
        ["-" + "9" * 38, "1"],
        pl.Decimal(38, 0),
        [Decimal("-" + "9" * 38), Decimal(1)],
    ),
    (
        "numeric(38,38)",
        ["-0." + "1" * 38],
        pl.Decimal(38, 38),
        [Decimal("-0." + "1" * 38)],
    ),
    (
        "money",
        ["922337203685477.5807", "-922337203685477.5808", "0.0001", "-0.5"],
        pl.Decimal(19, 4),
        [
            Decimal("922337203685477.5807"),
            Decimal("-922337203685477.5808"),
            Decimal("0.0001"),
            Decimal("-0.5"),
        ],
    ),
    (
        "smallmoney",
        ["214748.3647", "-214748.3648"],
        pl.Decimal(10, 4),
        [Decimal("214748.3647"), Decimal("-214748.3648")],
    ),
    ("real", ["0.1", "-3.4e38"], pl.Float32, [0.1, -3.4e38]),
    ("float", ["0.1", "1.7976931348623157e308"], pl.Float64, [0.1, 1.7976931348623157e308]),
    (
        "date",
        ["'2024-01-31'", "'0001-01-01'", "'9999-12-31'"],
        pl.Date,
        [date(2024, 1, 31), date(1, 1, 1), date(9999, 12, 31)],
    ),
    (
        "time",
        ["'10:11:12.123456'", "'00:00:00'"],
        pl.Time,
        [time(10, 11, 12, 123456), time(0)],
    ),
    ("time(0)", ["'23:59:59'"], pl.Time, [time(23, 59, 59)]),
    (
        "datetime",
        ["'2024-01-31T10:11:12.997'", "'1753-01-01T00:00:00'"],
        TIMESTAMP,
        [datetime(2024, 1, 31, 10, 11, 12, 997000), datetime(1753, 1, 1)],
    ),
    ("smalldatetime", ["'2024-01-31T10:11:00'"], TIMESTAMP, [datetime(2024, 1, 31, 10, 11)]),
    (
        "datetime2",
        ["'2024-01-31T10:11:12.123456'", "'0001-01-01'", "'9999-12-31T23:59:59.999999'"],
        TIMESTAMP,
        [
            datetime(2024, 1, 31, 10, 11, 12, 123456),
            datetime(1, 1, 1),
            datetime(9999, 12, 31, 23, 59, 59, 999999),
        ],
    ),
    ("datetime2(0)", ["'2024-01-31T10:11:12'"], TIMESTAMP, [datetime(2024, 1, 31, 10, 11, 12)]),
    (
        "datetimeoffset",
        ["'2024-01-31T10:11:12.5+05:30'", "'2024-06-30T23:00:00-03:00'"],
        INSTANT,
        [
            datetime(2024, 1, 31, 4, 41, 12, 500000, UTC),
            datetime(2024, 7, 1, 2, tzinfo=UTC),
        ],
    ),
    ("char(5)", ["'ab'"], pl.String, ["ab   "]),
    ("varchar(20)", ["'caf\u00e9'", "''", "' x '"], pl.String, ["café", "", " x "]),
    ("varchar(max)", [f"'{VERY_LONG}'", "'x'"], pl.String, [VERY_LONG, "x"]),
    ("nchar(3)", ["N'ü'"], pl.String, ["ü  "]),
    ("nvarchar(20)", ["N'Ünï😀漢字'", "N''"], pl.String, ["Ünï😀漢字", ""]),
    ("nvarchar(4000)", [f"N'{'😀' * 2000}'"], pl.String, ["😀" * 2000]),
    ("nvarchar(max)", [f"N'{LONG}'", "N'x'"], pl.String, [LONG, "x"]),
    ("nvarchar(max)", [f"N'{VERY_LONG}'"], pl.String, [VERY_LONG]),
    ("text", ["'old'"], pl.String, ["old"]),
    ("ntext", ["N'ält'"], pl.String, ["ält"]),
    ("binary(3)", ["0xFF00"], pl.Binary, [b"\xff\x00\x00"]),
    ("varbinary(10)", ["0xFF00", "0x"], pl.Binary, [b"\xff\x00", b""]),
    ("varbinary(max)", [f"0x{'0AFF' * 10_000}"], pl.Binary, [b"\x0a\xff" * 10_000]),
    ("image", ["0x0102"], pl.Binary, [b"\x01\x02"]),
    (
        "uniqueidentifier",
        ["'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
        pl.String,
        ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"],
    ),
    ("xml", ["'<a>1</a>'"], pl.String, ["<a>1</a>"]),
    ("sql_variant", ["N'x'"], pl.String, ["x"]),
]


class Schema:
    """A schema of one's own, and what is made in it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.name = unique("ai_dataflow_")
        self._made: list[str] = []
        self.execute(f"CREATE SCHEMA {self.name}")

    def execute(self, statement: str) -> None:
        """Execute a statement as it stands."""
        with connection("db", self.settings).engine.begin() as session:
            session.exec_driver_sql(statement)

    def make(self, kind: str, name: str, rest: str) -> str:
        """Create a table, view or synonym; its name is unique unless it is given."""
        name = name or unique("t")
        quoted = f"{self.name}.[{name.replace(']', ']]')}]"
        self.execute(f"CREATE {kind} {quoted} {rest}")
        self._made.append(f"DROP {kind} {quoted}")
        return name

    def table(self, columns: str, name: str = "") -> str:
        """Create a table of the declared columns."""
        return self.make("TABLE", name, f"({columns})")

    def fill(self, table: str, *rows: str) -> None:
        """Insert rows, each the text of its values."""
        for row in rows:
            self.execute(f"INSERT INTO {self.name}.[{table}] VALUES ({row})")  # noqa: S608

    def read(self, table: str, *columns: str, way: str = "bulk", **located: Any) -> pl.DataFrame:
        """Read one of its tables, in one of the ways."""
        settings = _by(way, self.settings)
        return read(settings, table, *columns, schema=self.name, **located)

    def drop(self) -> None:
        """Drop all that was made, and the schema."""
        for statement in (*reversed(self._made), f"DROP SCHEMA {self.name}"):
            self.execute(statement)


def _by(way: str, settings: Settings) -> Settings:
    """Give settings whose connection reads in one way; each has its own."""
    own = settings.model_copy(update={"folder": settings.folder / way})
    if way == "tuples":
        connection("db", own).odbc = ""
    else:
        assert connection("db", own).odbc
    return own


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Schema]:
    made = Schema(opened(tmp_path_factory.mktemp("mssql"), URL, retry_seconds=10))
    yield made
    made.drop()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_a_value_arrives_as_it_was_stored(schema: Schema, way: str, case: Case) -> None:
    declared, literals, dtype, values = case
    table = schema.table(f"n int, v {declared} NULL")
    schema.fill(table, *(f"{n}, {text}" for n, text in enumerate([*literals, "NULL"])))
    found = schema.read(table, way=way).sort("n")
    expected = {"n": range(len(values) + 1), "v": [*values, None]}
    if declared == "uniqueidentifier":  # a server's own choice, and no matter
        found = found.with_columns(pl.col("v").str.to_uppercase())
    assert_frame_equal(found, pl.DataFrame(expected, schema={"n": pl.Int64, "v": dtype}))


@pytest.mark.parametrize("way", WAYS)
def test_a_rowversion_is_eight_bytes(schema: Schema, way: str) -> None:
    table = schema.table("n int, v rowversion")
    schema.execute(f"INSERT INTO {schema.name}.{table} (n) VALUES (1)")  # noqa: S608
    (value,) = schema.read(table, "v", way=way)["v"].to_list()
    assert len(value) == 8


@pytest.mark.parametrize("way", WAYS)
def test_the_seventh_digit_of_a_second_is_cut_off_and_not_rounded(schema: Schema, way: str) -> None:
    table = schema.table("v datetime2(7)")
    schema.fill(table, "'2024-12-31T23:59:59.9999999'")
    found = schema.read(table, way=way)["v"].item()
    assert found == datetime(2024, 12, 31, 23, 59, 59, 999999)


@pytest.mark.parametrize("way", WAYS)
def test_names_may_be_any(schema: Schema, way: str) -> None:
    names = ["a b", "c%d", "e:f", "select", "Ünï", "x]y", "[z", "don't", 'q"q', "w?", "{z}"]
    columns = ", ".join(f"[{name.replace(']', ']]')}] int" for name in names)
    table = schema.table(columns, name=f"My ]Table? {unique()}")
    schema.fill(table.replace("]", "]]"), ", ".join(str(i) for i in range(len(names))))
    rows = schema.read(table, *names, way=way)
    assert rows.columns == names
    assert rows.rows() == [tuple(range(len(names)))]


@pytest.mark.parametrize("way", WAYS)
def test_only_the_wanted_columns_of_a_view_are_asked_for(schema: Schema, way: str) -> None:
    table = schema.table("i int, t nvarchar(10)")
    schema.fill(table, "1, N'a'", "2, N'b'")
    body = f"AS SELECT i, t, 1 / (i - i) AS failing FROM {schema.name}.{table}"  # noqa: S608
    view = schema.make("VIEW", "", body)
    rows = schema.read(view, "t", "i", way=way)
    assert sorted(rows.rows()) == [("a", 1), ("b", 2)]
    with pytest.raises(DataflowError) as error:
        schema.read(view, "failing", way=way)
    assert [problem.code for problem in error.value.diagnostics] == ["SRC-008"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("declared", ["varchar(10)", "nvarchar(10)", "char(10)", "int"])
def test_one_client_of_a_shared_table(schema: Schema, way: str, declared: str) -> None:
    table = schema.table(f"n int, [Client Code] {declared} NULL")
    schema.fill(table, "1, '7'", "2, '70'", "3, NULL", "4, '7'")
    shared = {"client_column": "Client Code", "client": "7"}
    rows = schema.read(table, "n", way=way, **shared)
    assert sorted(rows["n"].to_list()) == [1, 4]


@pytest.mark.parametrize("way", WAYS)
def test_a_client_is_a_value_and_never_sql(schema: Schema, way: str) -> None:
    table = schema.table("n int, c nvarchar(40)")
    schema.fill(table, "1, N'USA'")
    shared = {"client_column": "c", "client": "x' OR '1'='1"}
    assert schema.read(table, way=way, **shared).height == 0


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_table_has_its_columns(schema: Schema, way: str) -> None:
    table = schema.table("i int, d decimal(5,1), t nvarchar(max), c date")
    rows = schema.read(table, way=way)
    assert rows.height == 0
    assert rows.schema == {"i": pl.Int64, "d": pl.Decimal(5, 1), "t": pl.String, "c": pl.Date}


@pytest.mark.parametrize("way", WAYS)
def test_a_hundred_thousand_rows_arrive_once_each(schema: Schema, tmp_path: Path, way: str) -> None:
    table = schema.table("i int, t nvarchar(50), d decimal(18,2), w datetime2(3) NULL")
    named = f"{schema.name}.{table}"
    schema.fill(table, "1, N'row', 0.01, '2024-01-31T10:11:12.123'")
    for doubled in (2**power for power in range(17)):
        schema.execute(
            f"INSERT INTO {named} SELECT i + {doubled}, t, d + {doubled}, NULL FROM {named}"  # noqa: S608
            f" WHERE i + {doubled} <= 100000"
        )
    settings = _by(way, schema.settings)
    own = settings.model_copy(update={"folder": tmp_path})
    staging = open_workstation(own).staging("claims", "acme")
    database, location = queries.database("db", settings), SqlLocation("db", table, schema.name)
    columns = database.columns(location, "cell")
    written = database.copy(
        location, columns, list(columns), lambda f: write_batches(f, staging, "a.parquet"), "cell"
    )
    rows = pl.read_parquet(staging.join("a.parquet"))
    assert (written.rows, rows["i"].n_unique(), rows["i"].max()) == (100_000, 100_000, 100_000)
    assert rows["d"].sum() == Decimal("4999950000") + 100_000 * Decimal("0.01")
    assert rows["w"].null_count() == 99_999


def test_a_table_that_is_not_there_is_missing(schema: Schema) -> None:
    for located in ({"schema": schema.name}, {"schema": unique()}, {}):
        with pytest.raises(DataflowError) as error:
            read(schema.settings, unique(), **located)
        (problem,) = error.value.diagnostics
        assert problem.code == "SRC-001"


def test_a_wrong_password_is_refused_at_once(schema: Schema, tmp_path: Path) -> None:
    url = sa.make_url(URL).set(password="hunter2")  # noqa: S106 - a wrong one
    if not url.username:
        pytest.skip("the URL has no login")
    settings = opened(tmp_path, url.render_as_string(hide_password=False), retry_seconds=100)
    try:
        read(settings, unique())
    except DataflowError as error:
        (problem,) = error.diagnostics
        if problem.code == "SRC-001":
            pytest.skip("this server takes any password")
        assert problem.code == "SRC-021"
        assert "hunter2" not in repr(problem)


@pytest.mark.parametrize("way", WAYS)
def test_a_synonym_is_as_good_as_its_table(schema: Schema, way: str) -> None:
    table = schema.table("i int, o datetimeoffset")
    schema.fill(table, "1, '2024-01-31T10:00:00+02:00'")
    try:
        synonym = schema.make("SYNONYM", "", f"FOR {schema.name}.{table}")
    except DBAPIError:
        pytest.skip("this server has no synonyms")
    assert schema.read(synonym, way=way).rows() == [(1, datetime(2024, 1, 31, 8, tzinfo=UTC))]


def test_a_control_table_may_be_kept_there(schema: Schema) -> None:
    columns = (
        "product_code varchar(20), module_name varchar(20), submodule_name varchar(20),"
        " client_code char(10), module_location nvarchar(200), active bit, file_format varchar(10)"
    )
    table = schema.table(columns)
    schema.fill(
        table,
        "'ORION', 'claims', 'claim', 'acme', N'data/Größe.csv', 1, NULL",
        "'LYRA', 'claims', 'claim', 'acme', N'data/lyra.csv', 0, 'CSV'",
    )
    settings = schema.settings.model_copy(
        update={"control_table": f"sql://db/{schema.name}.{table}"}
    )
    found = read_sql_table("control_table", settings, control_table.LAYOUT)
    rows, problems = control_table.control_rows(found)
    assert problems == []
    assert [(row.product, row.active, row.client, row.location) for row in rows] == [
        ("LYRA", False, "acme", "data/lyra.csv"),
        ("ORION", True, "acme", "data/Größe.csv"),
    ]
    place = f"sql://db/{schema.name}.{table}[LYRA|claims|claim|acme]:active"
    assert rows[0].place("active") == place
