"""Types of PostgreSQL: what is stored arrives, through tuples and through ODBC alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import inf, nan
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ai_dataflow_tests.services.postgres import Postgres
from ai_dataflow_tests.sources.sql import opened, read

pytestmark = pytest.mark.slow

TIMESTAMP, INSTANT = pl.Datetime("us"), pl.Datetime("us", "UTC")
LONG = "ü😀" * 3_000  # more than a bulk read has room for
# Type, literals, the type in which they arrive, and their values. The first null is made for all.
Case = tuple[str, list[str], Any, list[Any]]
CASES: list[Case] = [
    ("smallint", ["-32768", "32767"], pl.Int64, [-32768, 32767]),
    ("integer", ["-2147483648", "0"], pl.Int64, [-(2**31), 0]),
    ("bigint", ["9223372036854775807", "-9223372036854775808"], pl.Int64, [2**63 - 1, -(2**63)]),
    ("boolean", ["true", "false"], pl.Boolean, [True, False]),
    ("real", ["0.1", "'infinity'"], pl.Float32, [0.10000000149011612, inf]),
    (
        "double precision",
        ["0.1", "1.7976931348623157e308"],
        pl.Float64,
        [0.1, 1.7976931348623157e308],
    ),
    ("double precision", ["'infinity'", "'-infinity'", "'nan'"], pl.Float64, [inf, -inf, nan]),
    (
        "numeric(10,2)",
        ["12345678.90", "-0.01", "7"],
        pl.Decimal(10, 2),
        [Decimal("12345678.90"), Decimal("-0.01"), Decimal(7)],
    ),
    (
        "numeric(38,10)",
        ["1234567890123456789012345678.0123456789"],
        pl.Decimal(38, 10),
        [Decimal("1234567890123456789012345678.0123456789")],
    ),
    ("numeric(38,0)", ["-" + "9" * 38], pl.Decimal(38, 0), [Decimal("-" + "9" * 38)]),
    ("numeric(10,2)", ["1.5", "'NaN'"], pl.String, ["1.50", "NaN"]),
    (
        "numeric(50,5)",
        ["1234567890123456789012345678901234567890.12345"],
        pl.String,
        ["1234567890123456789012345678901234567890.12345"],
    ),
    ("numeric", ["1.10", "100000", "'infinity'"], pl.String, ["1.10", "100000", "Infinity"]),
    ("money", ["1234.5"], pl.String, ["1234.50"]),
    (
        "date",
        ["'2024-01-31'", "'0001-01-01'", "'9999-12-31'"],
        pl.Date,
        [date(2024, 1, 31), date(1, 1, 1), date(9999, 12, 31)],
    ),
    ("date", ["'2024-01-31'", "'infinity'"], pl.String, ["2024-01-31", "infinity"]),
    ("date", ["'0044-03-15 BC'"], pl.String, ["0044-03-15 BC"]),
    ("time", ["'10:11:12.123456'", "'00:00'"], pl.Time, [time(10, 11, 12, 123456), time(0)]),
    ("time", ["'24:00'"], pl.String, ["24:00:00"]),
    ("timetz", ["'10:11:12+02'"], pl.String, ["10:11:12+02"]),
    (
        "timestamp",
        ["'2024-01-31 10:11:12.123456'", "'0001-01-01'", "'9999-12-31 23:59:59.999999'"],
        TIMESTAMP,
        [
            datetime(2024, 1, 31, 10, 11, 12, 123456),
            datetime(1, 1, 1),
            datetime(9999, 12, 31, 23, 59, 59, 999999),
        ],
    ),
    ("timestamp(0)", ["'2024-01-31 10:11:12'"], TIMESTAMP, [datetime(2024, 1, 31, 10, 11, 12)]),
    ("timestamp", ["'infinity'"], pl.String, ["infinity"]),
    (
        "timestamptz",
        ["'2024-01-31 10:11:12.5+05:30'", "'2024-06-30 23:00-03'"],
        INSTANT,
        [datetime(2024, 1, 31, 4, 41, 12, 500000, UTC), datetime(2024, 7, 1, 2, tzinfo=UTC)],
    ),
    ("timestamptz", ["'-infinity'"], pl.String, ["-infinity"]),
    ("interval", ["'1 year 2 days 03:04:05.5'"], pl.String, ["1 year 2 days 03:04:05.5"]),
    (
        "text",
        ["'Ünï😀'", "''", "' x '", "E'a\\tb\\r\\nc'"],
        pl.String,
        ["Ünï😀", "", " x ", "a\tb\r\nc"],
    ),
    ("text", [f"'{LONG}'", "'short'"], pl.String, [LONG, "short"]),
    ("varchar(4)", ["'😀😀😀😀'"], pl.String, ["😀😀😀😀"]),
    ("varchar(20000)", [f"'{'x' * 20_000}'"], pl.String, ["x" * 20_000]),
    ("char(5)", ["'ab'"], pl.String, ["ab   "]),
    (
        "uuid",
        ["'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"],
        pl.String,
        ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    ),
    ("bytea", ["'\\xff00'", "''"], pl.Binary, [b"\xff\x00", b""]),
    ("bytea", ["decode(repeat('0aff', 10000), 'hex')"], pl.Binary, [b"\x0a\xff" * 10_000]),
    ("json", ['\'{"b": 1,  "a": "ü"}\''], pl.String, ['{"b": 1,  "a": "ü"}']),
    ("jsonb", ['\'{"b": 1,  "a": [1, null]}\''], pl.String, ['{"a": [1, null], "b": 1}']),
    ("xml", ["'<a>1</a>'"], pl.String, ["<a>1</a>"]),
    ("integer[]", ["'{1,NULL,3}'", "'{}'"], pl.String, ["{1,NULL,3}", "{}"]),
    ("text[]", ["""'{a,"b c"}'"""], pl.String, ['{a,"b c"}']),
    ("inet", ["'10.0.0.1/8'"], pl.String, ["10.0.0.1/8"]),
    ("bit(4)", ["B'0101'"], pl.String, ["0101"]),
    ("int4range", ["'[1,5)'"], pl.String, ["[1,5)"]),
    ("point", ["'(1,2)'"], pl.String, ["(1,2)"]),
    ("oid", ["4294967295"], pl.String, ["4294967295"]),
    ("mood", ["'so so'", "'ok'"], pl.String, ["so so", "ok"]),
    ("cents", ["12.34"], pl.String, ["12.34"]),  # its digits are not reflected
]


@pytest.fixture(scope="module")
def place(
    postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Postgres, str, Path]:
    """Give a database, and a folder: settings of one folder share their pool."""
    database = postgres.create_database()
    postgres.execute(
        "CREATE TYPE mood AS ENUM ('ok', 'so so'); CREATE DOMAIN cents AS numeric(12,2)",
        database=database,
    )
    # What a session would otherwise spell in its own way.
    for name, value in (("DateStyle", "'SQL, DMY'"), ("IntervalStyle", "iso_8601"),
                        ("TimeZone", "'Asia/Kolkata'"), ("bytea_output", "escape"),
                        ("extra_float_digits", "0")):  # fmt: skip
        postgres.execute(f'ALTER DATABASE "{database}" SET {name} TO {value}')
    return postgres, database, tmp_path_factory.mktemp("types")


@pytest.mark.parametrize("way", ["tuples", "odbc"])
@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_a_value_arrives_as_it_was_stored(
    place: tuple[Postgres, str, Path], way: str, case: Case
) -> None:
    (postgres, database, folder), (declared, literals, dtype, values) = place, case
    rows = ", ".join(f"({n}, {literal})" for n, literal in enumerate([*literals, "NULL"]))
    create = f"DROP TABLE IF EXISTS t; CREATE TABLE t (n int, v {declared});"
    postgres.execute(f"{create} INSERT INTO t VALUES {rows}", database=database)  # noqa: S608
    odbc = postgres.odbc(database) if way == "odbc" else ""
    found = read(opened(folder, postgres.url(database), odbc=odbc), "t").sort("n")
    expected = {"n": range(len(values) + 1), "v": [*values, None]}
    assert_frame_equal(found, pl.DataFrame(expected, schema={"n": pl.Int64, "v": dtype}))
