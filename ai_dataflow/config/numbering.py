"""Numbering: things that are equal have one number, and each object is compared but once.

Plans hold the same few schemas and mappings thousands of times, mostly as the very same objects,
whose content takes long to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Numbering(Generic[T]):
    """Gives equal things equal numbers, from 0 on, and of those the first."""

    def __init__(self, content: Callable[[T], Hashable]) -> None:
        """`content` gives what things are compared by."""
        self._content = content
        self._numbers: dict[Hashable, int] = {}
        self.firsts: list[T] = []  # of each number
        self._seen: dict[int, tuple[T, int]] = {}  # with the object, so that it keeps its identity

    def number(self, thing: T) -> int:
        """Give the number of what is equal to a thing."""
        if id(thing) not in self._seen:
            number = self._numbers.setdefault(self._content(thing), len(self._numbers))
            if number == len(self.firsts):
                self.firsts.append(thing)
            self._seen[id(thing)] = thing, number
        return self._seen[id(thing)][1]

    def first(self, thing: T) -> T:
        """Give the first of the things that are equal to this one."""
        return self.firsts[self.number(thing)]
