"""What values become, in plain Python: `docs/casting.md` written down once more, as an oracle.

`FAILED` is a value that cannot become its type, `SOME` a value that is there and whose exact form
is the libraries' own affair, such as the text of a float.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import struct
from decimal import Decimal, localcontext
from typing import Any, Final

FAILED: Final = "\ue000failed"
SOME: Final = "\ue000some"
INTEGERS = {"int16": 16, "int32": 32, "int64": 64}
_TRUE = {"true", "t", "yes", "y", "on", "1"}
_FALSE = {"false", "f", "no", "n", "off", "0"}
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:(?:T| +)(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)([+-]\d\d:\d\d|Z)?)?"
)


def become(value: Any, ai_type: str) -> Any:
    """Say what a source's value becomes: a value, `None`, `SOME` or `FAILED`."""
    if value is None or value in (FAILED, SOME):
        return value
    if isinstance(value, dict):
        return SOME
    if isinstance(value, str):
        return value if ai_type == "string" else _of_text(value.strip(), ai_type)
    if isinstance(value, bytes):
        return _of_bytes(value, ai_type)
    if ai_type == "string":
        return _as_text(value)
    if isinstance(value, dt.date):
        return _of_date(value, ai_type)
    return _of_number(value, ai_type)


def _of_text(text: str, ai_type: str) -> Any:
    if not text:
        return None
    if ai_type == "boolean":
        return True if text.lower() in _TRUE else False if text.lower() in _FALSE else FAILED
    if ai_type in INTEGERS:
        whole = re.fullmatch(r"(-?\d+)(\.0*)?", text)
        return _within(int(whole[1]), INTEGERS[ai_type]) if whole else FAILED
    if ai_type.startswith("float"):
        number = re.fullmatch(r"-?\d+(\.\d+)?([eE]-?\d+)?", text)
        return _as_float(float(text), ai_type) if number else FAILED
    if ai_type.startswith("decimal"):
        plain = re.fullmatch(r"-?(\d+(\.\d*)?|\.\d*)", text)
        return _as_decimal(Decimal(text), ai_type) if plain and text not in ".-." else FAILED
    if ai_type == "binary":
        return text.encode()
    return _of_date(_instant(text), ai_type)


def _instant(text: str) -> Any:
    found = _ISO.fullmatch(text)
    if not found:
        return FAILED
    day, hour, offset = found.groups()
    try:
        zone = (offset or "+00:00").replace("Z", "+00:00")
        return dt.datetime.fromisoformat(f"{day}T{hour or '00:00'}{zone}").astimezone(dt.UTC)
    except ValueError:
        return FAILED


def _of_date(value: Any, ai_type: str) -> Any:
    if value is FAILED:
        return FAILED
    if not isinstance(value, dt.datetime):
        midnight = dt.datetime.combine(value, dt.time(), dt.UTC)
        return value if ai_type == "date" else midnight
    instant = value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
    return instant.date() if ai_type == "date" else instant


def _of_bytes(value: bytes, ai_type: str) -> Any:
    if ai_type == "binary":
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return FAILED


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    is_day = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    return value.isoformat() if is_day else SOME


def _of_number(value: bool | float | Decimal, ai_type: str) -> Any:
    if ai_type == "boolean":
        return bool(value) if value in (0, 1) else FAILED
    if ai_type.startswith("float"):
        return _number_as_float(value, ai_type)
    if not math.isfinite(value):
        return FAILED
    if ai_type in INTEGERS:
        return _within(int(value), INTEGERS[ai_type]) if value == int(value) else FAILED
    if isinstance(value, float):  # rounded to the scale
        scale = _digits(ai_type)[1]
        return _rounded(value, scale, ai_type)
    return _as_decimal(Decimal(value), ai_type)


def _rounded(value: float, scale: int, ai_type: str) -> Any:
    precision = _digits(ai_type)[0]
    return SOME if round(abs(value), scale) < 10 ** (precision - scale) else FAILED


def _number_as_float(value: bool | float | Decimal, ai_type: str) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return SOME  # a source's own: it is no failed cast
    made = _as_float(float(value), ai_type)
    if isinstance(value, Decimal):
        return made if made is FAILED else SOME
    if isinstance(value, int) and made is not FAILED:
        return made if int(made) == value else FAILED
    return made


def _within(number: int, bits: int) -> Any:
    return number if -(2 ** (bits - 1)) <= number < 2 ** (bits - 1) else FAILED


def _as_float(number: float, ai_type: str) -> Any:
    if not math.isfinite(number):
        return FAILED
    if ai_type == "float64":
        return number
    try:
        return float(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        return FAILED


def _digits(ai_type: str) -> tuple[int, int]:
    precision, scale = re.findall(r"\d+", ai_type)
    return int(precision), int(scale)


def _as_decimal(number: Decimal, ai_type: str) -> Any:
    precision, scale = _digits(ai_type)
    with localcontext(prec=80):
        shifted = number.scaleb(scale)
        fits = shifted == int(shifted) and abs(shifted) < 10**precision
    return number if fits else FAILED
