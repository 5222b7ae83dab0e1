"""Small plots as numbers: bars of a histogram from quantiles, points of a line over versions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

BARS = 16
_TAIL = 4  # so many times wider than the middle: then the outermost bars hold the tails


@dataclass(frozen=True)
class HistogramBar:
    """The share of the values from `low` to `high`, 0 to 1."""

    low: float
    high: float
    share: float


@dataclass(frozen=True)
class Histogram:
    """How values are spread. With `has_tails` the outermost bars hold what is beyond them too."""

    bars: tuple[HistogramBar, ...]
    has_tails: bool = False

    @property
    def most(self) -> float:
        """The share of the highest bar."""
        return max((bar.share for bar in self.bars), default=0.0)


def histogram(quantiles: Sequence[float], bars: int = BARS) -> Histogram:
    """Give a histogram of values of which evenly spaced quantiles are known.

    Between two quantiles the values are taken as evenly spread. A few values far away would leave
    all others in one bar: then the bars are of the middle, and the outermost hold the tails.
    """
    if not quantiles:
        return Histogram(())
    low, high, has_tails = _range(quantiles)
    if low == high:
        return Histogram((HistogramBar(low, high, 1.0),), has_tails)
    edges = [low + (high - low) * i / bars for i in range(bars)] + [high]
    below = [0.0, *(_part_below(quantiles, edge) for edge in edges[1:-1]), 1.0]
    shares = (after - before for before, after in pairwise(below))
    made = (HistogramBar(*pair, share) for pair, share in zip(pairwise(edges), shares, strict=True))
    return Histogram(tuple(made), has_tails)


def _range(quantiles: Sequence[float]) -> tuple[float, float, bool]:
    low, high = quantiles[0], quantiles[-1]
    inner_low, inner_high = quantiles[1:-1][:1] or (low,), quantiles[1:-1][-1:] or (high,)
    middle = inner_high[0] - inner_low[0]
    if middle > 0 and high - low > _TAIL * middle:
        return inner_low[0], inner_high[0], True
    return low, high, False


def _part_below(quantiles: Sequence[float], edge: float) -> float:
    """Give the part of the values that is less than an edge."""
    steps = len(quantiles) - 1
    i = bisect_left(quantiles, edge)
    if i == 0:
        return 0.0
    if i > steps:
        return 1.0
    before, after = quantiles[i - 1], quantiles[i]
    return (i - 1 + (edge - before) / (after - before)) / steps


def line(values: Sequence[float | None], width: float, height: float) -> list[list[str]]:
    """Give the points of a line through values, as `x,y` of a picture; parts, where some lack.

    The line stands on the least value, unless that is near the greatest: a change of a little is
    not to look like one of much.
    """
    there = [value for value in values if value is not None]
    if not there:
        return []
    low, high = min(there), max(there)
    low = min(low, high - 0.2 * abs(high)) if high else low
    step = width / max(len(values) - 1, 1)
    parts: list[list[str]] = [[]]
    for i, value in enumerate(values):
        if value is None:
            parts.append([])
            continue
        y = height - (value - low) / ((high - low) or 1) * height
        parts[-1].append(f"{i * step:.1f},{y:.1f}")
    return [part for part in parts if part]
