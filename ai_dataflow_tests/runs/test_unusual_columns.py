"""What is unusual of a publication: each fault has its words, and none of them has a value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ai_dataflow.runs import unusual_search
from ai_dataflow.runs.unusual_columns import UnusualColumn
from ai_dataflow.runs.unusual_search import unusual_columns
from ai_dataflow.runs.unusual_words import message_of
from bench.drift import KeptProfiles
from bench.drift_clients import Client, night
from bench.drift_faults import FAULTS
from bench.drift_profiles import profiled

GOLDEN = Path(__file__).parent / "unusual.txt"
NIGHTS = 30
CLIENTS = 6


@pytest.fixture(scope="module")
def nights() -> list[list[pl.DataFrame]]:
    """Give the publications of a few clients, by night."""
    clients = [Client(seed) for seed in (77, 5, 6, 7, 8, 9)]
    clients[0].size, clients[0].is_whole, clients[0].weekend = 900.0, False, 1.0
    return [[client.publication(number) for client in clients] for number in range(NIGHTS + 1)]


@pytest.fixture(scope="module")
def past(nights: list[list[pl.DataFrame]]) -> list[pl.DataFrame]:
    """Give the profiles of all nights but the last."""
    return [_profiled(rows, number) for number, rows in enumerate(nights[:NIGHTS])]


def _profiled(clients: Sequence[pl.DataFrame], number: int) -> pl.DataFrame:
    return profiled([(f"c{i}", {"P": rows}) for i, rows in enumerate(clients)], night(number))


def told(past: Sequence[pl.DataFrame], now: pl.DataFrame) -> list[UnusualColumn]:
    """Give what is unusual of some publications, after those of earlier nights."""
    before, published = (
        dict(one.select("client_code", "publication").unique().iter_rows())
        for one in (past[-1] if past else now.clear(), now)
    )
    return unusual_columns(KeptProfiles(pl.concat([*past, now])), published, before)


@pytest.fixture(scope="module")
def by_fault(
    nights: list[list[pl.DataFrame]], past: list[pl.DataFrame]
) -> dict[str, list[UnusualColumn]]:
    """Give what is unusual of the last night of the first client, with each fault."""
    return {
        kind: told(past, _profiled([fault.change(nights[-1][0], np.random.default_rng(1))], NIGHTS))
        for kind, fault in FAULTS.items()
    }


def test_a_clean_night_has_nothing(
    nights: list[list[pl.DataFrame]], past: list[pl.DataFrame]
) -> None:
    assert told(past, _profiled(nights[-1], NIGHTS)) == []


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_told_of_its_column(by_fault: dict[str, list[UnusualColumn]], kind: str) -> None:
    assert {one.now["ai_column"] for one in by_fault[kind]} & {*FAULTS[kind].columns}
    assert all(one.score > 1 for one in by_fault[kind])


def test_what_is_told_is_as_it_was(
    by_fault: dict[str, list[UnusualColumn]], request: pytest.FixtureRequest
) -> None:
    lines = [
        f"{kind}\n  {one.now['ai_column'] or '(rows)'}: {one.kind}, {message_of(one)}\n"
        for kind, several in by_fault.items()
        for one in several
    ]
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text("".join(lines), encoding="utf-8")
    assert "".join(lines) == GOLDEN.read_text(encoding="utf-8"), "see --update-golden"


def test_no_value_is_told(by_fault: dict[str, list[UnusualColumn]]) -> None:
    """P10: of a column's values nothing is in the words, of those before as of those now."""
    for one in (one for several in by_fault.values() for one in several):
        profiles = (one.now, one.before or {})
        listed = [value["value"] for p in profiles for value in p.get("frequent") or ()]
        texts = [text for text in listed if any(letter.isalpha() for letter in text)]
        assert not [text for text in texts if text in message_of(one)]


def test_what_was_never_published_is_not_compared_with(
    nights: list[list[pl.DataFrame]], past: list[pl.DataFrame]
) -> None:
    """A run that was killed has left the profile of the same fault."""
    broken = FAULTS["unit from euro to cent"].change(nights[-1][0], np.random.default_rng(1))
    left = _profiled([broken], NIGHTS).with_columns(
        pl.lit("killed").alias("publication"), pl.col("at") - pl.duration(hours=1)
    )
    now = _profiled([broken], NIGHTS)
    before = {"c0": f"c0-{night(NIGHTS - 1):%Y%m%d}"}
    published = {"c0": now["publication"][0]}
    read = KeptProfiles(pl.concat([*past, left, now]))
    assert [one.now["ai_column"] for one in unusual_columns(read, published, before)] == ["amount"]
    before["c0"] = "killed"  # readers saw it: then nothing has changed since
    assert unusual_columns(read, published, before) == []


def test_a_first_publication_is_compared_with_the_other_clients(
    nights: list[list[pl.DataFrame]],
) -> None:
    rows = [*nights[0], *(Client(seed).publication(0) for seed in range(20, 26))]
    rows[1] = rows[1].with_columns(pl.col("amount") * 100, email=pl.lit(None, pl.String))
    first = told([], _profiled(rows, 0))
    assert {one.now["client_code"] for one in first} == {"c1"}
    words = {one.now["ai_column"]: message_of(one) for one in first}
    assert "times that in the median of 11 other clients" in words["amount"]
    assert words["email"].startswith("100 % of the rows are null; ")
    assert told([], _profiled(rows[:9], 0)) == []  # too few to say what is usual


def test_another_type_is_not_compared(
    nights: list[list[pl.DataFrame]], past: list[pl.DataFrame]
) -> None:
    now = _profiled([nights[-1][0].with_columns(pl.col("amount") * 100)], NIGHTS)
    assert [one.now["ai_column"] for one in told(past, now)] == ["amount"]
    other = now.with_columns(pl.col("ai_type").replace("decimal(18,2)", "float64"))
    assert told(past, other) == []


def test_it_does_not_matter_how_many_are_looked_at_together(
    nights: list[list[pl.DataFrame]], past: list[pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of very many clients profiles do not fit in memory."""
    fault = FAULTS["unit from euro to cent"]
    broken = [fault.change(rows, np.random.default_rng(1)) for rows in nights[-1]]
    others = [*nights[0], *(Client(seed).publication(0) for seed in range(20, 26))]
    others[1] = others[1].with_columns(pl.col("amount") * 100, email=pl.lit(None, pl.String))
    before, first = _profiled(broken, NIGHTS), _profiled(others, 0)
    expected = [*told(past, before), *told([], first)]
    monkeypatch.setattr(unusual_search, "_PROFILES_AT_ONCE", 1)
    monkeypatch.setattr(unusual_search, "_MEASURES_AT_ONCE", 1)
    assert [*told(past, before), *told([], first)] == expected
    assert {one.now["client_code"] for one in expected} >= {"c0", "c1", "c5"}
