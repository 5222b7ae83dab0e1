"""Types of SQL Server through both drivers, as tuples and in bulk: all arrive alike, and whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ai_dataflow_tests.sources.mssql import Way, one
from ai_dataflow_tests.tds.server import TdsServer

Case = tuple[str, list[Any], Any, list[Any]]

NINES = "9" * 38
LONG = "Ünï😀字" * 2_000  # 12,000 UTF-16 units: three times what a bulk read has room for
INSTANT = pl.Datetime("us", "UTC")
MICROS = pl.Datetime("us")
# A type, the values stored, and the type and values that arrive. Nulls are added to each.
CASES: list[Case] = [
    ("bit", [0, 1], pl.Boolean, [False, True]),
    ("tinyint", [0, 127, 128, 255], pl.Int64, [0, 127, 128, 255]),
    ("smallint", [-(2**15), 2**15 - 1], pl.Int64, [-(2**15), 2**15 - 1]),
    ("int", [-(2**31), 2**31 - 1], pl.Int64, [-(2**31), 2**31 - 1]),
    ("bigint", [-(2**63), 2**63 - 1], pl.Int64, [-(2**63), 2**63 - 1]),
    (
        "decimal(38,0)",
        [NINES, "-" + NINES, "0", "1"],
        pl.Decimal(38, 0),
        [Decimal(NINES), Decimal("-" + NINES), Decimal(0), Decimal(1)],
    ),
    (
        "decimal(38,38)",
        ["0." + NINES, "-0." + NINES, "0"],
        pl.Decimal(38, 38),
        [Decimal("0." + NINES), Decimal("-0." + NINES), Decimal(0)],
    ),
    ("numeric(18,2)", ["-12.30", "0.01"], pl.Decimal(18, 2), [Decimal("-12.30"), Decimal("0.01")]),
    ("decimal(5,4)", ["-0.5", ".0001"], pl.Decimal(5, 4), [Decimal("-0.5"), Decimal("0.0001")]),
    ("decimal(9,0)", ["999999999"], pl.Decimal(9, 0), [Decimal(999999999)]),
    ("decimal(28,10)", ["123456789012345678.0123456789"], pl.Decimal(28, 10),
     [Decimal("123456789012345678.0123456789")]),
    (
        "money",
        ["-922337203685477.5808", "922337203685477.5807", "0.0001"],
        pl.Decimal(19, 4),
        [Decimal("-922337203685477.5808"), Decimal("922337203685477.5807"), Decimal("0.0001")],
    ),
    (
        "smallmoney",
        ["-214748.3648", "214748.3647"],
        pl.Decimal(10, 4),
        [Decimal("-214748.3648"), Decimal("214748.3647")],
    ),
    ("real", [0.1, -3.4e38, 1.2e-38], pl.Float32, [0.1, -3.4e38, 1.2e-38]),
    (
        "float",
        [0.1, 1.7976931348623157e308, 5e-324, -0.0],
        pl.Float64,
        [0.1, 1.7976931348623157e308, 5e-324, -0.0],
    ),
    (
        "date",
        ["0001-01-01", "1900-01-01", "2024-02-29", "9999-12-31"],
        pl.Date,
        [date(1, 1, 1), date(1900, 1, 1), date(2024, 2, 29), date(9999, 12, 31)],
    ),
    ("time(0)", ["00:00:00", "23:59:59"], pl.Time, [time(0), time(23, 59, 59)]),
    ("time(3)", ["10:11:12.013"], pl.Time, [time(10, 11, 12, 13_000)]),
    ("time(6)", ["23:59:59.999999"], pl.Time, [time(23, 59, 59, 999_999)]),
    (
        "datetime",
        ["1753-01-01 00:00:00", "2024-02-29 10:11:12.003", "9999-12-31 23:59:59.997"],
        MICROS,
        [
            datetime(1753, 1, 1),
            datetime(2024, 2, 29, 10, 11, 12, 3_000),
            datetime(9999, 12, 31, 23, 59, 59, 997_000),
        ],
    ),
    (
        "smalldatetime",
        ["1900-01-01 00:00", "2079-06-06 23:59"],
        MICROS,
        [datetime(1900, 1, 1), datetime(2079, 6, 6, 23, 59)],
    ),
    (
        "datetime2(7)",  # what is shorter than a microsecond is cut off
        ["0001-01-01 00:00:00", "1969-12-31 23:59:59.9999999", "2024-02-29 10:11:12.1234567",
         "9999-12-31 23:59:59.9999999"],
        MICROS,
        [
            datetime(1, 1, 1),
            datetime(1969, 12, 31, 23, 59, 59, 999_999),
            datetime(2024, 2, 29, 10, 11, 12, 123_456),
            datetime(9999, 12, 31, 23, 59, 59, 999_999),
        ],
    ),
    ("datetime2(0)", ["2024-02-29 10:11:12"], MICROS, [datetime(2024, 2, 29, 10, 11, 12)]),
    ("datetime2(3)", ["2024-02-29 10:11:12.013"], MICROS,
     [datetime(2024, 2, 29, 10, 11, 12, 13_000)]),
    (
        "datetimeoffset(7)",
        ["0001-01-01 00:00:00 +00:00", "2024-03-31 01:59:59.9999999 +05:30",
         "2024-02-29 23:00:00 -14:00", "9999-12-31 23:59:59.9999999 +00:00"],
        INSTANT,
        [
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(2024, 3, 30, 20, 29, 59, 999_999, tzinfo=UTC),
            datetime(2024, 3, 1, 13, tzinfo=UTC),
            datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        ],
    ),
    ("varchar(20)", ["Müller €20 – “x”", "", " x "], pl.String, ["Müller €20 – “x”", "", " x "]),
    ("varchar(8000)", ["ü" * 4_000], pl.String, ["ü" * 4_000]),
    ("varchar(8000)", ["x" * 8_000, "short"], pl.String, ["x" * 8_000, "short"]),
    ("varchar(40) utf8", ["Ünï€😀字"], pl.String, ["Ünï€😀字"]),
    ("varchar(9)", ["Ünï€ – “x"], pl.String, ["Ünï€ – “x"]),
    ("char(5)", ["ab", "ü"], pl.String, ["ab   ", "ü    "]),
    (
        "nvarchar(20)",
        ["😀😀", "e\u0301", "漢字かな", "مرحبا", "", " x ", "a\tb\r\nc"],
        pl.String,
        ["😀😀", "e\u0301", "漢字かな", "مرحبا", "", " x ", "a\tb\r\nc"],
    ),
    ("nvarchar(4000)", ["字" * 4_000, "😀" * 2_000], pl.String, ["字" * 4_000, "😀" * 2_000]),
    ("nchar(4)", ["字"], pl.String, ["字   "]),
    ("sysname", ["dbo"], pl.String, ["dbo"]),
    ("nvarchar(max)", [LONG, "", "short"], pl.String, [LONG, "", "short"]),
    ("nvarchar(max)", ["short", "x" * 4_000], pl.String, ["short", "x" * 4_000]),
    ("varchar(max)", ["ü" * 100_000, ""], pl.String, ["ü" * 100_000, ""]),
    ("ntext", ["字" * 5_000], pl.String, ["字" * 5_000]),
    ("text", ["Müller €"], pl.String, ["Müller €"]),
    ("xml", ["<a>字</a>"], pl.String, ["<a>字</a>"]),
    ("hierarchyid", ["/1/"], pl.String, ["/1/"]),
    ("json", ['{"a": 1}'], pl.String, ['{"a": 1}']),
    ("sql_variant", ["x"], pl.String, ["x"]),
    (
        "uniqueidentifier",
        ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
        pl.String,
        ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"],
    ),
    ("binary(4)", [b"\xff\0"], pl.Binary, [b"\xff\0\0\0"]),
    ("varbinary(10)", [b"\xff\0\x01", b""], pl.Binary, [b"\xff\0\x01", b""]),
    ("varbinary(max)", [b"\x0a\xff" * 10_000, b""], pl.Binary, [b"\x0a\xff" * 10_000, b""]),
    ("image", [b"\x0a\xff"], pl.Binary, [b"\x0a\xff"]),
    ("timestamp", [b"\0\0\0\0\0\0\x07\xd1"], pl.Binary, [b"\0\0\0\0\0\0\x07\xd1"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_a_value_arrives_as_it_was_stored(way: Way, case: Case) -> None:
    declared, stored, dtype, values = case
    with TdsServer(one(declared, [*stored, None])) as server:
        found = way.read(server)
    expected = {"n": range(len(values) + 1), "v": [*values, None]}
    assert_frame_equal(
        found, pl.DataFrame(expected, schema={"n": pl.Int64, "v": dtype}), check_exact=True
    )


def test_a_time_keeps_all_seven_digits(way: Way) -> None:
    with TdsServer(one("time(7)", ["23:59:59.9999999"])) as server:
        (found,) = way.read(server)["v"].cast(pl.Int64)
    assert found == 86_399_999_999_900
