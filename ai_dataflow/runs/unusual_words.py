"""What a one says: counts, shares and distances, and never a value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ai_dataflow.runs.unusual_columns import UnusualColumn

_SHARES = {
    "nulls": ("null_share", "of the rows are null"),
    "signs": ("negative_share", "of the values are below zero"),
    "encoding": ("broken_share", "of the values have broken characters"),
    "distinct": ("distinct_share", "of the values are distinct"),
}
_LOOKS = {
    "number_share": "of the texts look like numbers",
    "date_share": "of the texts look like dates",
    "blank_share": "of the texts are blank",
}
_SIZES = {"level": ("scale", "the typical size"), "lengths": ("length_mean", "the mean length")}
# What is told of the kinds that are not the first of a column.
SHORT = {
    "encoding": "broken characters",
    "looks": "what texts look like",
    "signs": "signs",
    "nulls": "nulls",
    "new": "a new value",
    "vanished": "a value that is gone",
    "level": "the typical size",
    "filled": "the share of a value",
    "distinct": "distinct values",
    "lengths": "lengths",
    "categories": "shares of categories",
    "distribution": "the distribution",
}


def message_of(one: UnusualColumn) -> str:
    """Say what is unusual, and against what."""
    also = [SHORT[kind] for kind in one.kinds if kind != one.kind]
    more = f" (also: {', '.join(also)})" if also else ""
    return f"{_message(one)}{more}"


def _message(one: UnusualColumn) -> str:
    kind = one.kind
    if one.before is None:
        return _of_others(one)
    if one.like:
        return f"the values are like those that `{one.like}` had before"
    if kind == "rows":
        return _rows(one.now["rows"], one.before["rows"])
    if kind in _SHARES:
        name, text = _SHARES[kind]
        return f"{_share(one.now[name])} {text}; {_share(one.before[name])} before"
    if kind == "looks":
        name = max(_LOOKS, key=lambda share: _change(one.now, one.before or {}, share))
        return f"{_share(one.now[name])} {_LOOKS[name]}; {_share(one.before[name])} before"
    if kind in _SIZES:
        name, text = _SIZES[kind]
        return f"{text} is {_times(one.now[name], one.before[name])} that before"
    return _distance(kind, *one.margins[kind])


def _distance(kind: str, distance: float, margin: float) -> str:
    """Tell of distances of distributions and of frequent values."""
    if kind == "new":
        return f"one value, which was not there before, has {_share(distance)} of the values"
    if kind == "vanished":
        return f"a value that had {_share(distance)} of the values is gone"
    if kind == "filled":
        return f"the share of one value changed by {100 * distance:.1f} points"
    if kind == "categories":
        return (
            f"shares of categories moved: stability index {distance:.2f}, usual up to {margin:.2f}"
        )
    return f"the distribution moved: distance {distance:.2f}, usual up to {margin:.2f}"


def _of_others(one: UnusualColumn) -> str:
    """Compare a first publication with the median of other clients."""
    name, others = one.measure, f"in the median of {one.others:,} other clients"
    texts = dict(_SHARES.values()) | _LOOKS
    if name in texts:
        return f"{_share(one.now[name])} {texts[name]}; {_share(one.usual)} {others}"
    text = dict(_SIZES.values())[name]
    return f"{text} is {_times(one.now[name], math.exp(one.usual))} that {others}"


def _rows(now: int, before: int) -> str:
    change = f" ({(now - before) / before:+.0%})" if before else ""
    return f"{now:,} rows; {before:,} before{change}"


def _change(now: Mapping[str, Any], before: Mapping[str, Any], name: str) -> float:
    change: float = abs((now[name] or 0.0) - (before.get(name) or 0.0))
    return round(change, 6)


def _share(value: float | None) -> str:
    """Give a share; one that is not zero is not shown as zero."""
    share = value or 0.0
    if share and share < 0.001:  # noqa: PLR2004
        return "less than 0.1 %"
    text = f"{100 * share:.1f}".removesuffix(".0")
    return f"{text} %"


def _times(now: float, before: float) -> str:
    """Give a ratio as people say it."""
    ratio = now / before
    if ratio >= 1:
        return f"{_rounded(ratio)} times"
    return f"1/{_rounded(1 / ratio)} of" if ratio < 0.5 else f"{100 * ratio:.0f} % of"  # noqa: PLR2004


def _rounded(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"  # noqa: PLR2004
