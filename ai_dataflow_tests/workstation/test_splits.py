"""Clients in parts: none in two, none moved by another, shares met when there are many."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_dataflow.workstation.splits import split_clients

SHARES = {"train": 0.7, "valid": 0.2, "test": 0.1}
CODES = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=30)


@settings(max_examples=100, deadline=None)
@given(CODES, CODES, st.integers(0, 5))
def test_each_client_is_in_one_part_and_stays_there(
    clients: list[str], more: list[str], seed: int
) -> None:
    parts = split_clients(clients, SHARES, seed)
    assert sorted(client for part in parts.values() for client in part) == sorted(clients)
    grown = split_clients({*clients, *more}, SHARES, seed)
    assert all(set(parts[name]) <= set(grown[name]) for name in SHARES)


def test_shares_are_met_and_seeds_differ() -> None:
    clients = [f"client-{number}" for number in range(10_000)]
    sizes = {name: len(part) for name, part in split_clients(clients, SHARES, 1).items()}
    assert all(abs(sizes[name] / 10_000 - share) < 0.015 for name, share in SHARES.items())
    assert split_clients(clients, SHARES, 1) != split_clients(clients, SHARES, 2)
    assert split_clients(clients, {"a": 0.0, "b": 1.0}, 1)["a"] == []


def test_a_split_is_the_same_everywhere() -> None:
    """Who trained with a seed has to find the same clients again, in every version of this."""
    parts = split_clients(["acme", "borealis", "cargo", "delta", "epsilon"], SHARES, seed=1)
    assert parts == {
        "train": ["acme", "cargo", "delta", "epsilon"], "valid": ["borealis"], "test": [],
    }  # fmt: skip


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": 1, "b": 0.1}])
def test_shares_that_are_not_together_one_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="together 1"):
        split_clients(["acme"], shares)
