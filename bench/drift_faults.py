"""Faults that are put into a clean publication, each with the size that must be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

LEAST_ROWS = 200  # of a publication: in fewer rows, smaller faults are what chance does
Change = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]


@dataclass(frozen=True)
class Fault:
    """A fault: what is done, how much of it, and the columns of which one must be named.

    No column is the count of rows.
    """

    size: str
    columns: tuple[str, ...]
    change: Change


def _some(rows: pl.DataFrame, draw: np.random.Generator, share: float) -> pl.Series:
    return pl.Series(draw.random(rows.height) < share)


def _shifted(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    texts = ["channel", "country", "status", "name"]
    moved = {new: rows[old] for new, old in zip(texts, [texts[-1], *texts[:-1]], strict=True)}
    return rows.with_columns(**moved)


def _cents(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    return rows.with_columns(pl.col("amount") * 100)


def _default(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    chosen = _some(rows, draw, 0.25)
    return rows.with_columns(
        quantity=pl.when(chosen).then(0).otherwise("quantity"),
        amount=pl.when(chosen).then(0.0).otherwise("amount"),
    )


def _filled(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    """Fill nulls with a text."""
    return rows.with_columns(pl.col("note").fill_null("n/a"))


def _encoding(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    def broken(text: str) -> str:
        return text.encode().decode("cp1252", errors="replace")

    return rows.with_columns(pl.col("country", "name").map_elements(broken, return_dtype=pl.String))


def _duplicates(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    return pl.concat([rows, rows.filter(_some(rows, draw, 0.1))])


def _half(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    return rows.head(rows.height // 2)


def _swapped(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    return rows.with_columns(amount=rows["fee"], fee=rows["amount"])


def _nulls(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    chosen = _some(rows, draw, 0.12)
    return rows.with_columns(email=pl.when(~chosen).then("email"))


def _serials(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    serial = pl.col("due").str.to_date().to_physical() + 25_569
    chosen = _some(rows, draw, 0.3)
    return rows.with_columns(due=pl.when(chosen).then(serial.cast(pl.String)).otherwise("due"))


def _vanished(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    """Leave out the category whose share is the nearest to 15 %."""
    shares = rows["channel"].value_counts(normalize=True)
    gone = shares.sort((pl.col("proportion") - 0.15).abs(), "channel")["channel"][0]
    return rows.filter(pl.col("channel") != gone)


def _flood(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    chosen = _some(rows, draw, 0.15)
    return rows.with_columns(channel=pl.when(chosen).then(pl.lit("ZZ")).otherwise("channel"))


def _signs(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    chosen = _some(rows, draw, 0.4)
    return rows.with_columns(amount=pl.when(chosen).then(-pl.col("amount")).otherwise("amount"))


def _days(rows: pl.DataFrame, draw: np.random.Generator) -> pl.DataFrame:
    """Read the day as the month, where both can be either."""
    day = pl.col("born_on")
    turned = pl.date(day.dt.year(), day.dt.day(), day.dt.month())
    return rows.with_columns(booked_on=pl.col("booked_on").dt.offset_by("-30d"), born_on=turned)


FAULTS = {
    "columns shifted by one": Fault(
        "four text columns, all rows", ("channel", "country", "status", "name"), _shifted
    ),
    "unit from euro to cent": Fault("all rows", ("amount",), _cents),
    "default for numbers": Fault("25 % of the rows are 0", ("quantity", "amount"), _default),
    "default for nulls": Fault("all nulls of a column that has 20 % or more", ("note",), _filled),
    "encoding broken": Fault("all texts that are not ASCII", ("country", "name"), _encoding),
    "duplicates": Fault("10 % of the rows twice", ("id", "code"), _duplicates),
    "half a day missing": Fault("50 % of the rows", ("",), _half),
    "columns swapped": Fault("two amounts, one 12 times the other", ("amount", "fee"), _swapped),
    "nulls up": Fault("12 % of a column that has 1 % or fewer", ("email",), _nulls),
    "dates became numbers": Fault("30 % of a column's texts", ("due",), _serials),
    "category vanished": Fault("one of about 15 %", ("channel",), _vanished),
    "new category": Fault("15 % of the rows", ("channel",), _flood),
    "signs flipped": Fault("40 % of the rows", ("amount",), _signs),
}
