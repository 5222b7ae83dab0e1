"""What is a usual count: as the night before, the week before, or the end of the month before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ai_dataflow.workstation.usual_counts import unusual_count

START = datetime(2025, 1, 6, 2, tzinfo=UTC)  # a Monday
WEEKDAYS = [1000.0] * 5 + [300.0] * 2


def told(counts: list[float]) -> str:
    """Say what is unusual of the last of some nights' counts."""
    nights = [(START + timedelta(days=n), count) for n, count in enumerate(counts)]
    return unusual_count(nights[-1][1], nights[-1][0], nights[:-1])


@pytest.mark.parametrize(
    ("counts", "is_unusual"),
    [
        ([1000], False),
        ([990, 1000], False),
        ([1000, 400], True),  # of few nights: more than half
        ([1000, 1000, 600], False),
        ([1000] * 30 + [1090], False),
        ([1000] * 30 + [1300], True),
        ([1000] * 30 + [0], True),
        ([0] * 30 + [9], False),  # a handful of rows is nothing
        ([0] * 30 + [40], True),
        ([800, 1000, 1250, 900, 1100] * 6 + [1400], False),  # it always varies so much
        ([800, 1000, 1250, 900, 1100] * 6 + [2900], True),
        ([1000] * 29 + [5, 1000], False),  # one odd night does not matter
        (WEEKDAYS * 4 + [1000] * 5 + [300], False),  # a Saturday
        (WEEKDAYS * 4 + [1000] * 2 + [500], True),  # a Wednesday
        ([1000] * 25 + [1800] + [1000] * 27 + [1800], False),  # the last of January, of February
        ([1000] * 25 + [1800] + [1000] * 26 + [1800], True),  # the day before
        ([1000 * 1.01**n for n in range(35)], False),  # it grows
    ],
)
def test_unusual_is_what_no_comparable_night_was_near(
    counts: list[float], is_unusual: bool
) -> None:
    assert bool(told(counts)) is is_unusual


def test_the_nearest_count_is_told() -> None:
    assert told([*WEEKDAYS * 4, 10]) == "before it was 300"
