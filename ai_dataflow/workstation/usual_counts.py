"""Whether a count is unusual among those of earlier runs: the rule of profiles, for one number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import log, sqrt

import polars as pl

from ai_dataflow.workstation.margins import learned, strictness
from ai_dataflow.workstation.nights import HISTORY, WEEK, references

FEW = 10  # rows more or less are nothing
_HALF = 0.5
_TESTS = 2  # of a module: what is published, and what is rejected
Point = tuple[datetime, float]


def unusual_count(value: float, at: datetime, earlier: Sequence[Point]) -> str:
    """Say what the count was before where it is unusual; empty where it is not, or nobody can tell.

    Args:
        value: the count.
        at: when it was.
        earlier: the counts of runs before it.
    """
    points = [*sorted(earlier)[-HISTORY:], (at, value)]
    if not earlier:
        return ""
    gaps = _gaps(points)
    gap, nearest = gaps.pop(len(points) - 1)
    if abs(value - nearest) <= FEW:
        return ""
    start = points[0][0]
    days = (points[-2][0] - start).days
    # The first week has no week before to compare with; it counts while there is no more.
    settled = [
        g for n, (g, _) in gaps.items() if points[n][0] - start >= WEEK or days < 2 * WEEK.days
    ]
    z = strictness(pl.Series([_TESTS]))[0]
    noise = z * sqrt(1 / (value + 1) + 1 / (nearest + 1))
    test = {"kind": "rows", "distance": gap, "noise": noise, "earlier": settled, "days": days,
            "is_more": value > nearest}  # fmt: skip
    schema = {"earlier": pl.List(pl.Float64)}
    scored = learned(pl.DataFrame([test], schema_overrides=schema))
    return f"before it was {nearest:,.0f}" if scored["score"][0] > 1 else ""


def _gaps(points: Sequence[Point]) -> dict[int, tuple[float, float]]:
    """Give how far each count is from the nearest of those that it is compared with, and which."""
    names = [str(number) for number in range(len(points))]
    frame = pl.DataFrame(
        {"client_code": "", "publication": names, "at": [moment for moment, _ in points]}
    )
    gaps: dict[int, tuple[float, float]] = {}
    for _, now, then in references(frame).iter_rows():
        value, other = points[int(now)][1], points[int(then)][1]
        gap = abs(log((value + _HALF) / (other + _HALF)))
        gaps[int(now)] = min(gaps.get(int(now), (gap, other)), (gap, other))
    return gaps
