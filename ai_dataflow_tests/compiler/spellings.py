"""Texts near every form that a cast knows, and values at the limits of every type.

Here are the good ones, what is one slip away from them, and random ones further away.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Any

import polars as pl
from hypothesis import strategies as st

GOOD = (
    "0", "7", "-12", "+12", "007", "12.0", "12.", "-32768", "32767", "32768", "2147483647",
    "-2147483649", "9223372036854775807", "-9223372036854775808", "18446744073709551616",
    "1.5", "-0.25", ".5", "-.5", "1.005", "1.10", "0.00", "-0.0", "123456.789", "1e5", "1E-3",
    "15e-1", "1.e5", "9999999999999999.99", "12345678901234567890.12345678901234567890", "1e400",
    "3.4028236e38", "99999999999999999999999999999999999999",
    "0.1234567890123456789012345678901234", "inf", "-Infinity", "nan", "0x10", "1_000", "1,5",
    "true", "False", "YES", "no", "T", "f", "Y", "n", "on", "OFF", "1",
    "2024-01-31", "2024-02-29", "2023-02-29", "2024-1-31", "0001-01-01", "0000-12-31", "9999-12-31",
    "-2024-01-31", "+12024-01-31", "20240131", "31/01/2024", "2024-W05-3", "2024-031",
    "2024-01-31T12:34:56", "2024-01-31 12:34:56", "1969-12-31T23:59:59Z", "2024-01-31 12:34:56Z",
    "2024-01-31T12:34:56.5", "2024-01-31 12:34:56.123", "2024-01-31T12:34:56.123Z",
    "1915-01-31 12:34:56.123456", "2024-01-31T12:34:56.999999Z", "1969-12-31 23:59:59.9999999",
    "2024-01-31T12:34:56.123456789", "0001-01-01T00:00:00", "9999-12-31 23:59:59.9999999",
    "2024-01-31T12:34", "2024-01-31T12:34:56+00:00", "2024-01-31 12:34:56.5 -02:30",
    "2024-01-31T24:00:00", "2024-06-30T23:59:60Z", "2024-01-31  12:34:56", "",
)  # fmt: skip
# The last ones: a minus sign, a hyphen, Arabic and wide digits, and letters that lower case makes.
SLIPS = (
    *"0123569+-.,:/_'TtZzeExnay", *" \t\n\r\x0b\x0c\x00\x1f\x85\xa0", *"\u2003\u3000\u200b\ufeff",
    *"\u2212\u2010\u0663\uff11\u212a\u0130",
)  # fmt: skip
PARTS = (
    *SLIPS, "00", "12", "31", "60", "99", "2024", "0000", "-", "-", ":", ":", ".", "T", "Z",
    "+00:00", "e5", "e-1", "E+400", "inf", "nan", "true", "no", "0" * 40, "9" * 40, "2024-01-31",
    "12:34:56",
)  # fmt: skip


def one_slip_away() -> Iterator[str]:
    """Give every good text with one character replaced, put in, or left out; and all halves."""
    for text in GOOD:
        for i in range(len(text) + 1):
            yield from (text[:i], text[i:], text[:i] + text[i + 1 :])
            for slip in SLIPS:
                yield from (text[:i] + slip + text[i:], text[:i] + slip + text[i + 1 :])


@st.composite
def _slipped(draw: st.DrawFn) -> str:
    """Give a good text with a few random slips."""
    text = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 2))
        text = text[:start] + draw(st.sampled_from(("", *PARTS))) + text[end:]
    return text


TEXTS: st.SearchStrategy[str] = st.one_of(
    _slipped(),
    _slipped(),
    st.lists(st.sampled_from(PARTS), max_size=12).map("".join),
    st.text(max_size=12),
    st.sampled_from(GOOD).map(lambda text: text * 300),
    st.datetimes().map(str),
    st.dates().map(str),
    st.floats().map(repr),
    st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: format(number, "f")),
)


def near(*limits: int) -> st.SearchStrategy[int]:
    """Give whole numbers around these."""
    return st.builds(int.__add__, st.sampled_from(limits), st.integers(-3, 3))


def edges(dtype: pl.DataType) -> list[int]:
    """Give physical values where something ends: of this type, another type, the calendar."""
    powers = [2**n for n in range(128)] + [10**n for n in range(39)]
    years = [day * unit for day in (-719_163, -719_162, -1, 0, 1, 2_932_896, 2_932_897)
             for unit in (1, 86_400_000, 86_400_000_000)]  # fmt: skip
    around = {sign * edge + step for edge in (0, *powers, *years) for sign in (1, -1)
              for step in range(-2, 3)}  # fmt: skip
    low, high = _range(dtype)
    return sorted({low, high} | {number for number in around if low <= number <= high})


def numbers(dtype: pl.DataType) -> st.SearchStrategy[Any]:
    """Give physical values of a type of numbers, days or instants; floats as they are."""
    if dtype.is_float():
        width = 32 if dtype == pl.Float32 else 64
        return st.floats(width=width) | st.integers(-(2**31), 2**31).map(lambda n: float(n // 128))
    low, high = _range(dtype)
    limits = [edge for edge in edges(dtype) if low + 3 <= edge <= high - 3] or [0]
    return st.integers(low, high) | near(*limits).filter(lambda number: low <= number <= high)


def series(physical: list[Any], dtype: pl.DataType) -> pl.Series:
    """Make a column `x` of physical values: days, instants and decimals by their whole numbers."""
    if isinstance(dtype, pl.Decimal):
        exact = Context(prec=dtype.precision)
        scaled = [
            None if number is None else Decimal(number).scaleb(-dtype.scale, exact)
            for number in physical
        ]
        return pl.Series("x", scaled, dtype=dtype)
    if isinstance(dtype, pl.Datetime | pl.Date):
        width = pl.Int32 if dtype == pl.Date else pl.Int64
        return pl.Series("x", physical, dtype=width).cast(dtype)
    return pl.Series("x", physical, dtype=dtype)


def _range(dtype: pl.DataType) -> tuple[int, int]:
    if isinstance(dtype, pl.Decimal):
        return 1 - 10**dtype.precision, 10**dtype.precision - 1
    bits = {pl.Int8: 8, pl.Int16: 16, pl.Int32: 32, pl.Date: 32, pl.UInt8: 8, pl.UInt16: 16,
            pl.UInt32: 32, pl.Int128: 128}  # fmt: skip
    width = next((bits[kind] for kind in bits if dtype == kind), 64)
    if dtype.is_unsigned_integer():
        return 0, 2**width - 1
    return -(2 ** (width - 1)), 2 ** (width - 1) - 1
