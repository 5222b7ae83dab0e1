"""How a data card writes shares, numbers, and values of which only a number is known."""

from __future__ import annotations

import math
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from ai_dataflow.cli.card.card_values import CardColumn, Figures

_DAY_0 = date(1970, 1, 1)
_MOMENT_0 = datetime(1970, 1, 1, tzinfo=UTC)
_TINY, _YEARS, _LARGE, _HUGE = 1e-4, 1e3, 1e4, 1e15  # years have no separator
# From which filled share on a cell has which colour; all and nothing have their own.
_COLOURS = ((1.0, "all"), (0.99, "nearly"), (0.9, "most"), (0.5, "half"))


def share(part: float | None, digits: int = 1) -> str:
    """Give a share; what is not all of it is never rounded to all, nor what is some to nothing.

    Example:
        >>> share(0.99999), share(0.00001), share(0.5), share(None)
        ('>99.9%', '<0.1%', '50.0%', '–')
    """
    if part is None:
        return "–"
    if part in (0, 1):
        return f"{part:.0%}"
    least = 10 ** -(digits + 2)
    if part < least:
        return f"<{least:.{digits}%}"
    return f">{1 - least:.{digits}%}" if part > 1 - least else f"{part:.{digits}%}"


def colour(part: float | None) -> str:
    """Give the class of a cell of the matrix: how full it is."""
    if not part:
        return "unmapped" if part is None else "nothing"
    return next((name for least, name in _COLOURS if part >= least), "some")


def amount(value: float | None) -> str:
    """Give a number as people read it.

    Example:
        >>> amount(1234567.8), amount(0.25), amount(12.0), amount(1e-7)
        ('1,234,568', '0.25', '12', '1e-07')
    """
    if value is None:
        return ""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= _LARGE:
        return f"{value:,.0f}" if abs(value) < _HUGE else f"{value:.3g}"
    digits = 1 if 0 < abs(value) < _TINY else 4 if abs(value) < _YEARS else 5
    return f"{value:.{digits}g}"


def point(value: float | None, ai_type: str) -> str:
    """Give a value by its number: a day, a moment or a number, as the column's type says."""
    if value is not None and ai_type in ("date", "timestamp"):
        with suppress(OverflowError, ValueError):
            if ai_type == "date":
                return (_DAY_0 + timedelta(days=round(value))).isoformat()
            return f"{_MOMENT_0 + timedelta(seconds=value):%Y-%m-%d %H:%M}"
    return amount(value)


def brief(value: float | None, ai_type: str) -> str:
    """Give the same for the edge of a plot: the day of a moment."""
    return point(value, ai_type).partition(" ")[0]


def distinct(figures: Figures) -> str:
    """Tell how many distinct values there are, and how exact that is.

    Example:
        >>> distinct(Figures(distinct=12_300, distinct_error=0.02))
        'about 12,300 distinct (± 2%)'
    """
    if figures.distinct is None:
        return ""
    if figures.is_unique:
        return "each value once"
    if figures.distinct_error:
        return f"about {figures.distinct:,} distinct (± {figures.distinct_error:.0%})"
    return f"{figures.distinct:,} distinct"


def least_filled(column: CardColumn) -> str:
    """Name the product that fills a column the least, where one does less than another."""
    there = [p for p in column.products if p.figures.share is not None]
    lowest = min(there, key=lambda p: p.figures.share or 0, default=None)
    if lowest is None or lowest.figures.share == max(p.figures.share or 0 for p in there):
        return ""
    return f"{lowest.product} {share(lowest.figures.share)}"
