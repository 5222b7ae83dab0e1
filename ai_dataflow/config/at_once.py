"""Asking the same of many, several at once: what waits for others wants threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")

_FEW = 4
_AT_ONCE = 16


def both(first: Callable[[], S], second: Callable[[], T], most: int) -> tuple[S, T]:
    """Ask two things, at once if `most` allows it."""
    if most <= 1:
        return first(), second()
    with ThreadPoolExecutor(1, thread_name_prefix="ask") as pool:
        other = pool.submit(second)
        return first(), other.result()


def at_once(ask: Callable[[S], T], items: Sequence[S], most: int = _AT_ONCE) -> Iterator[T]:
    """Ask the same of many, `most` at once; the answers come in the order of the items.

    What answers in less time than it takes to hand it to a thread is asked with a `most` of 1.
    """
    if len(items) < _FEW or most <= 1:
        yield from map(ask, items)
        return
    with ThreadPoolExecutor(most, thread_name_prefix="ask") as pool:
        yield from pool.map(ask, items)
