"""What is unusual of a column of a publication, and which other column was like that before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import polars as pl

from ai_dataflow.workstation.distances import BEFORE, KEYS, apart
from ai_dataflow.workstation.margins import FLOORS, GAP, noise

_STRICT = 3.0  # standard deviations within which columns are alike
_MOST = 30  # columns that are compared with each other
_SOURCE = ("client_code", "product_code")
# Only who differs in one of these can have changed places with another.
_OF_VALUES = {"distribution", "categories", "new", "vanished", "level"}


@dataclass(frozen=True)
class UnusualColumn:
    """What is unusual of a column; `kinds` with their scores, the one that says the most first.

    `now` and `before` are measured profiles; a client's first publication has none before it: its
    `measure` is `usual` in the median of so many `others`. `margins` are the distance and the
    margin of each kind. `like` is the column that had such values before.
    """

    now: Mapping[str, Any]
    kinds: Mapping[str, float]
    margins: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    before: Mapping[str, Any] | None = None
    measure: str = ""
    usual: float = 0.0
    others: int = 0
    like: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Its client, product and column."""
        return tuple(self.now[name] for name in KEYS)

    @property
    def kind(self) -> str:
        """What is unusual above all."""
        return "swapped" if self.like else next(iter(self.kinds))

    @property
    def score(self) -> float:
        """How many times as far as the margin allows."""
        return max(self.kinds.values())


def with_likeness(
    odd: Sequence[UnusualColumn], now: pl.DataFrame, before: pl.DataFrame
) -> list[UnusualColumn]:
    """Say of which columns the values are those that another column of the product had before.

    Args:
        odd: what is unusual of some publications.
        now: their measured profiles.
        before: those of the publications before them.
    """
    about = [f.key for f in odd if f.before and _OF_VALUES & f.kinds.keys()]
    keys = pl.DataFrame(about, schema=dict.fromkeys(KEYS, pl.String), orient="row")
    few = keys.filter(pl.len().over(*_SOURCE) <= _MOST)
    sides = [side.join(few, on=[*KEYS], how="semi") for side in (now, before)]
    pairs = sides[0].join(sides[1], on=[*_SOURCE, "ai_type"], suffix=BEFORE)
    others = pairs.filter(pl.col("ai_column") != pl.col(f"ai_column{BEFORE}"))
    alike = _alike(others).select(*KEYS, f"ai_column{BEFORE}").rows()
    likes = {row[:-1]: row[-1] for row in alike}
    return [replace(one, like=likes.get(one.key, "")) for one in odd]


def _alike(pairs: pl.DataFrame) -> pl.DataFrame:
    """Give the pairs that no test tells apart, if there is one that could."""
    gaps = apart(pairs)
    given = pairs.with_columns(pl.lit(_STRICT).alias("z"), *gaps.rename(GAP))
    is_told = pl.col(GAP["distribution"]).is_not_null() | (pl.col("listed") > 0)
    is_alike = (
        pl.col(GAP[kind]).fill_null(0.0) <= pl.max_horizontal(pl.lit(floor.usual), f"noise_{kind}")
        for kind, floor in FLOORS.items()
    )
    return given.with_columns(noise()).filter(is_told, *is_alike)
