"""Distances of profiles: the same both ways, none of equal ones, within bounds, blind to scale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dataflow.workstation.distances import KINDS, distances, kolmogorov_smirnov
from ai_dataflow.workstation.profiles import SCHEMA

NIGHT = datetime(2025, 1, 1, tzinfo=UTC)
BOUNDED = ("nulls", "signs", "looks", "encoding", "distinct", "new", "vanished", "filled",
           "distribution")  # fmt: skip
counts = st.integers(0, 1_000)
values = st.lists(st.integers(-50, 50), min_size=1, max_size=33)
listed = st.dictionaries(
    st.sampled_from("abcdefghijklmnopqrstuvwxyzÃ"), st.integers(1, 500), max_size=20
)


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Give profile rows as a frame of the table's columns."""
    return pl.DataFrame(rows, schema=SCHEMA)


def row(**given: Any) -> dict[str, Any]:
    """Give a row of the profile table."""
    named = {"client_code": "c", "product_code": "p", "ai_column": "x", "publication": "1",
             "at": NIGHT, "ai_type": "string", "rows": 100, "nulls": 0}  # fmt: skip
    return {**dict.fromkeys(SCHEMA), **named, **given}


@st.composite
def profiles(draw: st.DrawFn) -> pl.DataFrame:
    """Give a profile as the writer makes them: counts that fit each other."""
    frequent = draw(listed)
    filled = sum(frequent.values()) + draw(counts)
    cuts = sorted(draw(st.tuples(*[st.integers(0, filled)] * 3)))
    looks = np.diff([0, *cuts, filled]).tolist()
    return frame(
        [
            row(
                ai_type=draw(st.sampled_from(("string", "int64", "date", "decimal(18,2)"))),
                rows=filled + draw(counts),
                nulls=0,
                distinct=draw(st.integers(0, max(filled, 1))),
                distinct_error=0.0,
                length_mean=draw(st.floats(0, 100)),
                quantiles=sorted(map(float, draw(values))) if draw(st.booleans()) else None,
                frequent=[{"value": v, "rows": n} for v, n in frequent.items()],
                looks=dict(zip(("number", "date", "blank", "other"), looks, strict=True)),
            )
        ]
    ).with_columns(nulls=pl.col("rows") - filled)


@pytest.mark.parametrize(("ai_type", "unit"), [("date", 1.0), ("timestamp", 86_400.0)])
@pytest.mark.parametrize(
    ("later", "moved", "is_apart"), [(0, 0, False), (3, 0, False), (3, 3, False), (3, 40, True)]
)
def test_times_that_stay_or_move_on_as_time_does_have_not_moved(
    ai_type: str, unit: float, later: int, moved: int, *, is_apart: bool
) -> None:
    """The same rows, published again minutes or days later, among them."""
    days = [20_000.0 + (i // 8) for i in range(33)]

    def of(at: datetime, by: int) -> pl.DataFrame:
        points = [(day + by) * unit for day in days]
        return frame([row(ai_type=ai_type, at=at, quantiles=points, distinct=5)])

    before = of(NIGHT, 0)
    after = of(NIGHT + timedelta(days=later, minutes=0 if moved else 7), moved)
    assert (gaps(before, after)["distribution"] > 0) == is_apart


def gaps(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, float]:
    """Give the distances of two profiles."""
    return distances(before, after).select(*KINDS).row(0, named=True)


@settings(max_examples=25)
@given(profiles(), profiles())
def test_distances_are_the_same_both_ways_none_of_equals_and_bounded(
    one: pl.DataFrame, two: pl.DataFrame
) -> None:
    two = two.with_columns(ai_type=pl.lit(one["ai_type"][0]))
    assert all(gap in (None, 0.0) for gap in gaps(one, one).values())
    there, back = gaps(one, two), gaps(two, one)
    back["new"], back["vanished"] = back["vanished"], back["new"]  # what comes is what goes
    assert there == pytest.approx(back)
    for kind, gap in there.items():
        if gap is not None:
            assert 0 <= gap < np.inf, kind
            assert kind not in BOUNDED or gap <= 1, kind


@given(values, values, st.sampled_from((0.01, 3.0, 100.0)), st.integers(-9, 9))
def test_the_distance_of_distributions_is_blind_to_a_common_scale(
    one: list[int], two: list[int], factor: float, shift: int
) -> None:
    sides = [np.array([side], dtype=float) for side in (one, two)]
    moved = [side * factor + shift * factor for side in sides]
    assert kolmogorov_smirnov(*sides) == pytest.approx(kolmogorov_smirnov(*moved))


@given(values, values)
def test_the_distance_of_distributions_is_the_greatest_gap(one: list[int], two: list[int]) -> None:
    def share(side: list[int], point: int) -> float:
        return sum(value <= point for value in side) / len(side)

    expected = max(abs(share(one, point) - share(two, point)) for point in {*one, *two})
    sides = [np.array([side], dtype=float) for side in (one, two)]
    assert kolmogorov_smirnov(*sides)[0] == pytest.approx(expected)


@settings(max_examples=12)
@given(profiles(), profiles(), st.permutations("abcdefghijklmnopqrstuvwxyz"))
def test_names_of_categories_do_not_count(
    one: pl.DataFrame, two: pl.DataFrame, names: list[str]
) -> None:
    two = two.with_columns(ai_type=pl.lit(one["ai_type"][0]))
    spelled = dict(zip("abcdefghijklmnopqrstuvwxyz", names, strict=True))

    def renamed(side: pl.DataFrame) -> pl.DataFrame:
        field = pl.element().struct.field
        value = field("value").replace(spelled)
        return side.with_columns(
            pl.col("frequent").list.eval(pl.struct(value.alias("value"), field("rows")))
        )

    assert gaps(one, two) == pytest.approx(gaps(renamed(one), renamed(two)))


def test_dates_that_move_on_with_the_nights_stay_where_they_are() -> None:
    days = [float(day) for day in range(20_000, 20_033)]
    one = frame([row(ai_type="date", quantiles=days)])
    week = [day + 7 for day in days]
    two = frame([row(ai_type="date", quantiles=week, at=NIGHT + timedelta(days=7))])
    assert gaps(one, two)["distribution"] == 0
    assert gaps(one, two.with_columns(at=one["at"]))["distribution"] == pytest.approx(7 / 33)


def test_numbers_that_are_given_one_after_the_other_have_no_distribution() -> None:
    one = frame([row(ai_type="int64", distinct=100, quantiles=[1.0, 2.0])])
    two = frame([row(ai_type="int64", distinct=100, quantiles=[3.0, 4.0])])
    assert gaps(one, two)["distribution"] is None


def test_a_value_beyond_the_listed_ones_is_not_gone() -> None:
    """Twenty are listed: what is not may have been as frequent as the last of them."""
    names = [f"v{number:02d}" for number in range(21)]
    before = [{"value": name, "rows": 4} for name in names[:20]]
    after = [{"value": name, "rows": 4} for name in names[1:]]
    one, two = frame([row(frequent=before)]), frame([row(frequent=after)])
    assert gaps(one, two)["new"] == gaps(one, two)["vanished"] == 0


@pytest.mark.parametrize(
    ("text", "is_broken"),
    [("Österreich", False), ("Ã–sterreich", True), ("MÃ¼ller", True), ("M\ufffdller", True),
     ("SÃO PAULO", False), ("Århus", False), ("itâ€™s", True), ("Ãlvaro Ãvila", False)],
)  # fmt: skip
def test_broken_characters_are_told_from_foreign_ones(text: str, is_broken: bool) -> None:
    one = frame([row(frequent=[{"value": "a", "rows": 100}])])
    two = frame([row(frequent=[{"value": text, "rows": 100}])])
    assert gaps(one, two)["encoding"] == is_broken
