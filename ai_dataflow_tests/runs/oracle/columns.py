"""What source columns hold: good and bad values of every type that an AI column may be fed by."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Kind:
    """A type of source column, with values that become an AI type and values that do not."""

    dtype: pl.DataType
    good: list[Any]
    bad: list[Any]

    def values(self, rng: random.Random, rows: int, bad: float, null: float) -> list[Any]:
        """Give random values, some of them bad or null."""

        def one() -> Any:
            if rng.random() < null:
                return None
            return rng.choice(self.bad if self.bad and rng.random() < bad else self.good)

        return [one() for _ in range(rows)]


def text(good: list[str], bad: list[str]) -> Kind:
    """Give a column of texts."""
    return Kind(pl.String(), good, bad)


_DAYS = [dt.date(1969, 12, 31), dt.date(2024, 2, 29), dt.date(2026, 1, 31)]
_MOMENTS = [dt.datetime(day.year, day.month, day.day, 23, 59, 7) for day in _DAYS]
_INTS = Kind(pl.Int64(), [0, 1, -7, 12, 30_000], [])
_FLAGS = Kind(pl.Boolean(), [True, False], [])
_REALS = Kind(pl.Float64(), [0.5, 1.5, -2.25, 100.75], [])

# By AI type; the first is how it is mostly stored. All are told exactly by `become`.
KINDS: dict[str, list[Kind]] = {
    "string": [
        text(["a", "B b", " x ", "", "é,ß", 'say "hi"', "007"], []),
        _INTS, _FLAGS, Kind(pl.Date(), _DAYS, []),
    ],
    "int64": [
        text(["1", " 2 ", "3.0", "-7", "3000000000"], ["x", "1.5", "n/a", "99999999999999999999"]),
        _INTS, Kind(pl.Float64(), [1.0, -3.0], [2.5]), _FLAGS, Kind(pl.Int16(), [1, 2, -3], []),
    ],
    "int32": [
        text(["1", "2.", " 33 "], ["3000000000", "-", "1e3"]),
        Kind(pl.Int64(), [1, 2], [3_000_000_000]), Kind(pl.Int32(), [4, 5], []),
    ],
    "float64": [
        text(["1.5", "1e3", " 2 ", "-0.25"], ["x", "inf", "1,5"]),
        _REALS, Kind(pl.Int64(), [1, 2, 3], []),
    ],
    "decimal(9,2)": [
        text(["1.50", "1.5", " 2 ", "3.250"], ["1.505", "99999999.00", "x"]),
        Kind(pl.Int64(), [1, 22], [99_999_999]),
        Kind(pl.Decimal(12, 3), [Decimal("1.500"), Decimal("-2.250")], [Decimal("1.505")]),
    ],
    "date": [
        text(["2024-01-31", " 2024-02-29", "2024-01-31 10:00"], ["2024-02-30", "31.1.2024"]),
        Kind(pl.Date(), _DAYS, []), Kind(pl.Datetime("us"), _MOMENTS, []),
    ],
    "timestamp": [
        text(["2024-01-31", "2024-01-31T23:30:00-02:00", "2024-01-31 10:00:05"], ["soon", "24:00"]),
        Kind(pl.Datetime("us"), _MOMENTS, []), Kind(pl.Date(), _DAYS, []),
    ],
    "boolean": [
        text(["yes", "No", " true", "0", "Y"], ["maybe", "2"]),
        _FLAGS, Kind(pl.Int64(), [0, 1], [2]),
    ],
}  # fmt: skip
AI_TYPES = [*KINDS]
# What can never become the type.
NEVER = {name: Kind(pl.Date(), _DAYS, []) for name in KINDS if name not in ("date", "timestamp")}
NEVER |= dict.fromkeys(("date", "timestamp"), _INTS)
del NEVER["string"]
_STORED = {
    "jsonl": (pl.String(), pl.Int64(), pl.Float64(), pl.Boolean()),
    "sqlite": (pl.String(), pl.Int64(), pl.Float64()),
}


def kinds_for(ai_type: str, stored: str) -> list[Kind]:
    """Give the kinds of column that a format can store for an AI type."""
    kinds = KINDS[ai_type]
    if stored == "csv":
        return kinds[:1]
    return [kind for kind in kinds if stored not in _STORED or kind.dtype in _STORED[stored]]
