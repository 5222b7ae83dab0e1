"""Clean histories for the bench of drift: what clients of a made-up company publish, by night.

A client publishes the rows of a day, or all rows so far. Its rows follow the week and the end of
the month, grow, and vary from day to day more than chance has it; amounts are skewed, categories
come and go, ids and dates move on, some texts are null now and then. Half a module's clients are
small. Everything comes from a seed.
"""

# ruff: noqa: PLR2004 - the numbers are what the company is like
from __future__ import annotations

import string
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property

import numpy as np
import polars as pl

FIRST_NIGHT = datetime(2025, 1, 8, 2, tzinfo=UTC)
CLIENTS_OF_A_MODULE = 20
TYPES = {
    "id": "int64",
    "code": "string",
    "amount": "decimal(18,2)",
    "fee": "decimal(18,2)",
    "quantity": "int64",
    "channel": "string",
    "country": "string",
    "status": "string",
    "booked_on": "date",
    "born_on": "date",
    "name": "string",
    "note": "string",
    "email": "string",
    "due": "string",
    "is_new": "boolean",
}
_COUNTRIES = ("Österreich", "Deutschland", "España", "Italia", "Polska", "Türkiye", "Suomi")
_STATES = ("open", "paid", "void")
_BEGINNINGS = ("Mül", "Schä", "Gar", "Peñ", "Lind", "Nov", "Ras", "Øst", "Har", "Bern")
_ENDS = ("ler", "fer", "cía", "strøm", "ak", "mussen", "mann", "hard", "ini", "er")
_EPOCH = date(1970, 1, 1)
_WEEKEND = 5


def night(number: int) -> datetime:
    """Give the moment of a publication."""
    return FIRST_NIGHT + timedelta(days=number)


@dataclass
class Client:
    """A client of one product, and how its rows come."""

    seed: int

    @cached_property
    def _draw(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def __post_init__(self) -> None:
        draw = self._draw
        self.is_whole = bool(draw.random() < 0.4)  # publishes all rows so far
        self.size = float(np.clip(np.exp(draw.normal(5.6, 1.2)), 12, 4_000))
        self.weekend = draw.choice([1.0, 0.7, 0.35])
        self.growth = draw.choice([0.0, 0.002, 0.006])
        self.month_end = draw.choice([1.0, 1.0, 1.3, 1.6])
        self.noise = draw.uniform(0.02, 0.12)
        self.level = draw.normal(4, 0.7), draw.uniform(0.8, 1.6)
        self.fees = draw.normal(1.5, 0.4), draw.uniform(0.5, 1.0)
        self.channels = [f"{c}{draw.integers(10, 99)}" for c in
                         string.ascii_uppercase[: draw.integers(4, 14)]]  # fmt: skip
        self.weights = 1 / np.arange(1, len(self.channels) + 1) ** draw.uniform(0.3, 1.2)
        self.countries = np.array(_COUNTRIES[: draw.integers(3, 8)])
        self.country_weights = draw.dirichlet(np.full(len(self.countries), 2.0))
        self.steady = draw.uniform(150, 3_000)  # how little shares vary from day to day
        self.states = np.array([0.3, 0.65, 0.05])
        self.notes, self.no_email = draw.uniform(0.2, 0.8), draw.choice([0.0, 0.001, 0.01])
        self.batches: list[pl.DataFrame] = []
        self.next_id = int(draw.integers(1, 1_000_000))
        self.names = np.array([a + b for a in _BEGINNINGS for b in _ENDS])

    def publication(self, number: int) -> pl.DataFrame:
        """Give the rows of a night; nights are asked for in their order."""
        if self.is_whole and not self.batches:
            self.batches += [self._batch(-days, 1.0) for days in range(15, 0, -1)]
        batch = self._batch(number, 0.15 if self.is_whole else 1.0)
        if not self.is_whole:
            return batch
        self.batches.append(batch)
        return pl.concat(self.batches)

    def _rows(self, number: int, share: float) -> int:
        at, draw = night(number), self._draw
        last = monthrange(at.year, at.month)[1]
        expected = (
            self.size * share * (1 + self.growth) ** max(number, 0)
            * (self.weekend if at.weekday() >= _WEEKEND else 1.0)
            * (self.month_end if at.day == last else 1.0)
            * np.exp(draw.normal(0, self.noise))
        )  # fmt: skip
        return max(int(draw.poisson(expected)), 2)

    def _batch(self, number: int, share: float) -> pl.DataFrame:
        """Give the rows of a day."""
        draw, at, rows = self._draw, night(number), self._rows(number, share)
        ids = self.next_id + np.cumsum(draw.integers(1, 4, rows))
        self.next_id = int(ids[-1])
        today = (at.date() - _EPOCH).days
        moved = draw.normal(0, 0.03)
        amounts = np.round(np.exp(draw.normal(self.level[0] + moved, self.level[1], rows)), 2)
        amounts *= np.where(draw.random(rows) < 0.04, -1, 1)
        names = self.names[draw.integers(0, len(self.names), rows)]
        due = today + draw.integers(5, 60, rows)
        return pl.DataFrame(
            {
                "id": ids,
                "code": [f"{self.seed % 97:02d}-{one:08d}" for one in ids],
                "amount": amounts,
                "fee": np.round(np.exp(draw.normal(*self.fees, rows)), 2),
                "quantity": draw.geometric(0.35, rows),
                "channel": self._channels(rows, at.weekday() >= _WEEKEND),
                "country": self._shares(self.countries, self.country_weights, rows),
                "status": self._shares(np.array(_STATES), self.states, rows),
                "booked_on": pl.Series(today - draw.integers(0, 3, rows)).cast(pl.Int32),
                "born_on": pl.Series(draw.integers(-9_000, 12_000, rows)).cast(pl.Int32),
                "name": names,
                "note": self._nulls([f"call {n % 40} back" for n in ids], self.notes, at),
                "email": self._nulls([f"{n}@example.org" for n in names], self.no_email, at),
                "due": pl.Series(due).cast(pl.Int32).cast(pl.Date).cast(pl.String),
                "is_new": draw.random(rows) < 0.2,
            }
        ).with_columns(pl.col("booked_on", "born_on").cast(pl.Date))

    def _shares(self, values: np.ndarray, weights: np.ndarray, rows: int) -> np.ndarray:
        """Draw values whose shares vary from day to day."""
        steady = weights / weights.sum() * self.steady + 1e-6
        return values[self._draw.choice(len(values), rows, p=self._draw.dirichlet(steady))]

    def _channels(self, rows: int, is_weekend: bool) -> np.ndarray:
        """Draw channels: now and then one comes or goes; weekends have a mix of theirs."""
        draw = self._draw
        if draw.random() < 0.04:
            self.channels.append(f"N{draw.integers(100, 999)}")
            self.weights = np.append(self.weights, self.weights.sum() * draw.uniform(0.005, 0.02))
        if draw.random() < 0.02 and len(self.channels) > 4:
            least = int(np.argmin(self.weights))
            if self.weights[least] < 0.04 * self.weights.sum():
                self.channels.pop(least)
                self.weights = np.delete(self.weights, least)
        weights = self.weights.copy()
        if is_weekend:
            weights[0] *= 1.5
        return self._shares(np.array(self.channels), weights, rows)

    def _nulls(self, values: list[str], share: float, at: datetime) -> pl.Series:
        is_weekend = at.weekday() >= _WEEKEND
        odds = np.clip(
            share * (1.2 if is_weekend else 1.0) + self._draw.normal(0, share / 30), 0, 1
        )
        return pl.Series(values).set(pl.Series(self._draw.random(len(values)) < odds), None)


def clients(seed: int, count: int) -> list[tuple[str, Client]]:
    """Give clients by name; those of one module are alike in their columns, not in their sizes."""
    return [(f"c{number:03d}", Client(seed * 10_000 + number)) for number in range(count)]
