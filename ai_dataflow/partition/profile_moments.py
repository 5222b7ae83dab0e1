"""Mean and deviation of numbers, of which there are too many to be held."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from ai_dataflow.partition.profile_groups import Array


@dataclass(frozen=True)
class Moments:
    """How many numbers there are, their mean, and the sum of their squared distances from it."""

    rows: int = 0
    mean: float = 0.0
    spread: float = 0.0

    @classmethod
    def of(cls, numbers: Array, rows: Array) -> Moments:
        """Give those of finite numbers, of which each is in so many rows."""
        if not numbers.size:
            return cls()
        with np.errstate(over="ignore", invalid="ignore"):  # of numbers beyond 1e150, say
            total = int(rows.sum())
            mean = float((numbers * rows).sum() / total)
            return cls(total, mean, float((rows * (numbers - mean) ** 2).sum()))

    @classmethod
    def of_each(cls, numbers: pl.Series) -> Moments:
        """Give those of finite floats."""
        rows = numbers.len()
        mean, variance = numbers.mean(), numbers.var(ddof=0)
        if not isinstance(mean, float) or not isinstance(variance, float):
            return cls()
        return cls(rows, mean, variance * rows)

    def __add__(self, other: Moments) -> Moments:
        """Give those of both together."""
        if not self.rows or not other.rows:
            return other if other.rows else self
        rows, apart = self.rows + other.rows, other.mean - self.mean
        mean = self.mean + apart * (other.rows / rows)
        between = apart * apart * (self.rows * (other.rows / rows))
        return Moments(rows, mean, self.spread + other.spread + between)

    def figures(self) -> dict[str, pl.Series]:
        """Give them as a profile has them; what is too large for a number is not told."""
        deviation = math.sqrt(self.spread / max(self.rows, 1))
        values = [v if self.rows and math.isfinite(v) else None for v in (self.mean, deviation)]
        both = zip(("mean", "deviation"), values, strict=True)
        return {name: pl.Series([value], dtype=pl.Float64()) for name, value in both}
