"""The plots and words of a data card as numbers: nothing is rounded to what it is not."""

from __future__ import annotations

import doctest
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_dataflow.cli.card import card_words
from ai_dataflow.cli.card.card_words import amount, brief, colour, point, share
from ai_dataflow.cli.card.histograms import BARS, histogram, line

NUMBERS = st.floats(-1e12, 1e12, allow_nan=False)
CURVES = st.lists(NUMBERS, min_size=33, max_size=33).map(sorted)
PARTS = st.floats(0, 1)


@given(CURVES)
def test_a_histogram_has_all_values_once(quantiles: list[float]) -> None:
    made = histogram(quantiles)
    assert sum(bar.share for bar in made.bars) == pytest.approx(1)
    assert all(bar.share >= -1e-12 for bar in made.bars)
    assert all(left.high == right.low for left, right in pairwise(made.bars))
    if not made.has_tails:
        assert (made.bars[0].low, made.bars[-1].high) == (quantiles[0], quantiles[-1])


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_even_values_make_even_bars(low: float, width: float) -> None:
    made = histogram([low + width * i / 32 for i in range(33)])
    assert [bar.share for bar in made.bars] == pytest.approx([1 / BARS] * BARS, abs=1e-3)


def test_one_value_is_one_bar() -> None:
    (bar,) = histogram([7.0] * 33).bars
    assert (bar.low, bar.high, bar.share) == (7, 7, 1)


def test_a_value_far_away_leaves_the_others_their_bars() -> None:
    made = histogram([*range(32), 1e9])
    assert made.has_tails
    assert max(bar.share for bar in made.bars) < 0.2


def test_a_value_that_many_have_is_a_high_bar() -> None:
    made = histogram([0.0] * 17 + [float(i) for i in range(1, 17)])
    assert made.bars[0].share == pytest.approx(0.53, abs=0.01)


def test_without_values_there_is_no_bar() -> None:
    assert histogram([]).bars == ()
    assert histogram([]).most == 0


@given(st.lists(st.none() | PARTS, max_size=12))
def test_a_line_stays_within_its_frame_and_has_what_is_there(values: list[float | None]) -> None:
    points = [tuple(map(float, text.split(","))) for part in line(values, 100, 20) for text in part]
    assert len(points) == sum(value is not None for value in values)
    assert all(0 <= x <= 100 and -0.1 <= y <= 20.1 for x, y in points)


def test_a_line_has_a_gap_where_a_version_has_no_profile() -> None:
    assert [len(part) for part in line([0.1, None, 0.3, 0.4], 100, 20)] == [1, 2]


@given(PARTS, st.integers(0, 2))
def test_a_share_says_all_or_nothing_only_where_it_is(part: float, digits: int) -> None:
    shown = share(part, digits)
    assert (shown == "100%") == (part == 1)
    assert (shown == "0%") == (part == 0)


@given(PARTS)
def test_the_colours_are_those_of_the_legend(part: float) -> None:
    steps = [("all", 1.0), ("nearly", 0.99), ("most", 0.9), ("half", 0.5), ("some", 0.0)]
    expected = next(name for name, least in steps if part >= least) if part else "nothing"
    assert colour(part) == expected


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_can_be_told(value: float) -> None:
    for ai_type in ("float64", "date", "timestamp"):
        assert point(value, ai_type)
        assert brief(value, ai_type)
    assert amount(value)


def test_days_and_moments_are_told_as_such() -> None:
    assert point(20_000.0, "date") == "2024-10-04"
    assert point(1_700_000_000.0, "timestamp") == "2023-11-14 22:13"
    assert brief(1_700_000_000.0, "timestamp") == "2023-11-14"
    assert point(2_024.0, "int64") == "2024"


def test_the_examples_are_right() -> None:
    assert doctest.testmod(card_words).failed == 0
