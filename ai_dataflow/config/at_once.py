"""Asking the same of many, several at once: what waits for others wants threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

_FEW = 4
_AT_ONCE = 16


def at_once(ask: Callable[[S], T], items: Sequence[S]) -> Iterator[T]:
    """Ask the same of many, several at once; the answers come in the order of the items."""
    if len(items) < _FEW:
        yield from map(ask, items)
        return
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ask") as pool:
        yield from pool.map(ask, items)
