"""SQL Server's types on the wire: [MS-TDS] 2.2.5.4 Data Types, 2.2.5.5 Data Type Details.

Values are given as Python's; what has more digits than those (dates, times) as SQL writes it:
`2024-02-29 23:59:59.1234567`, with ` +05:30` where there is an offset.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

MAX = -1  # the length of varchar(max) and its like
TICKS = 10_000_000  # of 100 ns, in a second
# 2.2.5.1.2 Collation Rule Definition: Latin1_General, ignoring case, kana and width.
_CODE_PAGE_1252 = bytes.fromhex("0904d00034")
_UTF8 = bytes.fromhex("0904d02400")
_DECLARED = re.compile(r"(\w+)(?:\s*\(\s*(\w+)\s*(?:,\s*(\d+)\s*)?\))?(?: (utf8))?", re.IGNORECASE)
_INTEGERS = {"tinyint": (1, 3), "smallint": (2, 5), "int": (4, 10), "bigint": (8, 19)}
_FLOATS = {"real": (4, 24), "float": (8, 53)}
_MONEY = {"smallmoney": (4, 10), "money": (8, 19)}
_MOMENTS = {"time": 0x29, "datetime2": 0x2A, "datetimeoffset": 0x2B}
_NARROW = {"char": 0xAF, "varchar": 0xA7}
_WIDE = {"nchar": 0xEF, "nvarchar": 0xE7, "sysname": 0xE7}
_BYTES = {"binary": 0xAD, "varbinary": 0xA5, "timestamp": 0xAD}
_OLD = {"text": 0x23, "ntext": 0x63, "image": 0x22}
_DEFAULT_LENGTHS = {"sysname": 128, "timestamp": 8}
_NO_PLP = b"\xff" * 8
_CHUNK = 5_000
_DAY_ZERO = date(1900, 1, 1).toordinal()


@dataclass(frozen=True)
class SqlType:
    """A declared type. `length` counts characters, or bytes of narrow and binary types."""

    name: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    is_utf8: bool = False

    @property
    def is_plp(self) -> bool:
        """Whether values travel in chunks (2.2.5.2.3 Partially Length-prefixed Bytes)."""
        return self.length == MAX or self.name == "xml"

    @property
    def is_old(self) -> bool:
        """Whether it is text, ntext or image."""
        return self.name in _OLD

    @property
    def digits(self) -> tuple[int | None, int | None]:
        """NUMERIC_PRECISION and NUMERIC_SCALE of `INFORMATION_SCHEMA.COLUMNS`."""
        if self.name in ("decimal", "numeric"):
            return self.precision, self.scale
        if known := _INTEGERS.get(self.name):
            return known[1], 0
        if known := _MONEY.get(self.name):
            return known[1], 4
        known = _FLOATS.get(self.name)
        return (known[1] if known else None), None


def declared(text: str) -> SqlType:
    """Read a type: `decimal(38, 10)`, `nvarchar(max)`, `varchar(20) utf8`."""
    found = _DECLARED.fullmatch(text)
    assert found, text
    name, first, second = found[1].lower(), found[2], int(found[3] or 0)
    if name in ("decimal", "numeric"):
        return SqlType(name, precision=int(first or 18), scale=second)
    if name in _MOMENTS:
        return SqlType(name, scale=int(first or 7))
    length = MAX if (first or "").lower() == "max" else int(first or _DEFAULT_LENGTHS.get(name, 1))
    return SqlType(name, length=length, is_utf8=bool(found[4]))


def type_info(sql: SqlType) -> bytes:
    """Give the TYPE_INFO of a nullable column."""
    name = sql.name
    if name == "bit":
        return b"\x68\x01"
    if name in _INTEGERS:
        return bytes([0x26, _INTEGERS[name][0]])
    if name in _FLOATS:
        return bytes([0x6D, _FLOATS[name][0]])
    if name in _MONEY:
        return bytes([0x6E, _MONEY[name][0]])
    if name in ("decimal", "numeric"):
        token = 0x6A if name == "decimal" else 0x6C
        return bytes([token, _magnitude_size(sql.precision) + 1, sql.precision, sql.scale])
    if name in ("datetime", "smalldatetime"):
        return bytes([0x6F, 8 if name == "datetime" else 4])
    if name in _MOMENTS:
        return bytes([_MOMENTS[name], sql.scale])
    fixed = {"date": b"\x28", "uniqueidentifier": b"\x24\x10", "xml": b"\xf1\x00"}
    return fixed[name] if name in fixed else _long_info(sql)


def _long_info(sql: SqlType) -> bytes:
    name, collation = sql.name, _UTF8 if sql.is_utf8 else _CODE_PAGE_1252
    if name in _OLD:
        limit = struct.pack("<BI", _OLD[name], 0x7FFFFFFF)
        return limit if name == "image" else limit + collation
    size = 0xFFFF if sql.is_plp else sql.length * (2 if name in _WIDE else 1)
    token = {**_NARROW, **_WIDE, **_BYTES}[name]
    return struct.pack("<BH", token, size) + (b"" if name in _BYTES else collation)


def encoded(sql: SqlType, value: Any) -> bytes:
    """Give a value with its length, as in a ROW."""
    if value is None:
        return null(sql)
    content = _CONTENT[sql.name](sql, value)
    if sql.is_plp:
        return _plp(content)
    if sql.is_old:  # a pointer and a time stamp that nobody uses come first
        return b"\x10" + bytes(16 + 8) + struct.pack("<I", len(content)) + content
    size = "<H" if sql.name in {**_NARROW, **_WIDE, **_BYTES} else "<B"
    return struct.pack(size, len(content)) + content


def null(sql: SqlType) -> bytes:
    """Give a null as in a ROW."""
    if sql.is_plp:
        return _NO_PLP
    return b"\xff\xff" if sql.name in {**_NARROW, **_WIDE, **_BYTES} else b"\x00"


def _plp(content: bytes) -> bytes:
    chunks = [content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK)]
    body = b"".join(struct.pack("<I", len(chunk)) + chunk for chunk in chunks)
    return struct.pack("<Q", len(content)) + body + bytes(4)


def _integer(sql: SqlType, value: int) -> bytes:
    return value.to_bytes(_INTEGERS[sql.name][0], "little", signed=sql.name != "tinyint")


def _float(sql: SqlType, value: float) -> bytes:
    return struct.pack("<f" if sql.name == "real" else "<d", value)


def _money(sql: SqlType, value: Decimal) -> bytes:
    """The four high bytes come before the four low ones."""
    units = int(Decimal(value).scaleb(4))
    if sql.name == "smallmoney":
        return struct.pack("<i", units)
    return struct.pack("<iI", units >> 32, units & 0xFFFFFFFF)


def _magnitude_size(precision: int) -> int:
    return next(size for size, most in ((4, 9), (8, 19), (12, 28), (16, 38)) if precision <= most)


def _decimal(sql: SqlType, value: Decimal) -> bytes:
    sign, digits, exponent = Decimal(value).as_tuple()
    shift = int(exponent) + sql.scale
    assert shift >= 0, f"{value} has more than {sql.scale} decimals"
    magnitude = int("".join(map(str, digits))) * 10**shift
    return bytes([not sign]) + magnitude.to_bytes(_magnitude_size(sql.precision), "little")


def moment(text: str) -> tuple[int, int, int]:
    """Take a date and time apart: the day (0 is 0001-01-01), 100 ns in it, minutes of offset."""
    found = re.fullmatch(
        r"(?:(\d{4}-\d\d-\d\d))?[ T]?(?:(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?"
        r"(?: ([+-])(\d\d):(\d\d))?",
        str(text),
    )
    assert found, text
    day = date.fromisoformat(found[1]).toordinal() - 1 if found[1] else 0
    seconds = int(found[2] or 0) * 3600 + int(found[3] or 0) * 60 + int(found[4] or 0)
    offset = (int(found[7] or 0) * 60 + int(found[8] or 0)) * (-1 if found[6] == "-" else 1)
    return day, seconds * TICKS + int((found[5] or "").ljust(7, "0")), offset


def _date(_sql: SqlType, value: str) -> bytes:
    return moment(value)[0].to_bytes(3, "little")


def _datetime(sql: SqlType, value: str) -> bytes:
    day, ticks, _ = moment(value)
    days = day + 1 - _DAY_ZERO
    if sql.name == "smalldatetime":
        return struct.pack("<HH", days, ticks // (60 * TICKS))
    return struct.pack("<iI", days, round(ticks * 300 / TICKS))


def _moment(sql: SqlType, value: str) -> bytes:
    """A time, its date in UTC and its offset, as far as the type has them."""
    day, ticks, offset = moment(value)
    at = day * 86_400 * TICKS + ticks
    if sql.name == "datetimeoffset":
        at -= offset * 60 * TICKS
    day, ticks = divmod(at, 86_400 * TICKS)
    size = 3 if sql.scale <= 2 else 4 if sql.scale <= 4 else 5
    content = (ticks // 10 ** (7 - sql.scale)).to_bytes(size, "little")
    if sql.name != "time":
        content += day.to_bytes(3, "little")
    return content + (struct.pack("<h", offset) if sql.name == "datetimeoffset" else b"")


def _narrow(sql: SqlType, value: str) -> bytes:
    content = value.encode("utf-8" if sql.is_utf8 else "cp1252")
    return content.ljust(sql.length) if sql.name == "char" else content


def _wide(sql: SqlType, value: str) -> bytes:
    content = value.encode("utf-16-le")
    return content + b" \0" * (sql.length - len(content) // 2) if sql.name == "nchar" else content


def _bytes(sql: SqlType, value: bytes) -> bytes:
    return value.ljust(sql.length, b"\0") if sql.name == "binary" else value


_CONTENT: dict[str, Callable[[SqlType, Any], bytes]] = {
    "bit": lambda _, value: bytes([bool(value)]),
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(_FLOATS, _float),
    **dict.fromkeys(_MONEY, _money),
    **dict.fromkeys(("decimal", "numeric"), _decimal),
    "date": _date,
    **dict.fromkeys(("datetime", "smalldatetime"), _datetime),
    **dict.fromkeys(_MOMENTS, _moment),
    "uniqueidentifier": lambda _, value: UUID(str(value)).bytes_le,
    **dict.fromkeys((*_NARROW, "text"), _narrow),
    **dict.fromkeys((*_WIDE, "ntext", "xml"), _wide),
    **dict.fromkeys((*_BYTES, "image"), _bytes),
}
