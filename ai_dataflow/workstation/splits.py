"""Splitting clients into parts, so that no client is on both sides of a training."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping

_RANGE = 1 << 64


def split_clients(
    clients: Iterable[str], shares: Mapping[str, float], seed: int = 0
) -> dict[str, list[str]]:
    """Give the clients of each part.

    The seed and its code decide where a client is: not the other clients, and not the module. So
    one that is added moves no other.

    Args:
        clients: their codes.
        shares: the share of each part, by its name; together they are 1.
        seed: another seed is another split.

    Raises:
        ValueError: the shares are not together 1, or one is below 0.

    Example:
        >>> split_clients(["acme", "zeta"], {"train": 0.5, "test": 0.5}, seed=1)
        {'train': ['acme'], 'test': ['zeta']}
    """
    if min(shares.values(), default=-1) < 0 or not math.isclose(sum(shares.values()), 1):
        raise ValueError("the shares of a split are numbers from 0 on, and together 1")
    parts: dict[str, list[str]] = {name: [] for name in shares}
    for client in sorted(clients):
        parts[_part(client, shares, seed)].append(client)
    return parts


def _part(client: str, shares: Mapping[str, float], seed: int) -> str:
    digest = hashlib.sha256(f"{seed}:{client}".encode()).digest()
    place, end = int.from_bytes(digest[:8]) / _RANGE, 0.0
    for name, share in shares.items():
        end += share
        if place < end:
            return name
    return next(name for name in reversed(list(shares)) if shares[name])  # the sum was rounded
