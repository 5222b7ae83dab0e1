"""Seconds by kind of work, as reports tell them."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch(defaultdict[str, float]):
    """Adds up how long each kind of work took."""

    def __init__(self) -> None:
        super().__init__(float)

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Add the time of a piece of work."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self[kind] += time.perf_counter() - begun
