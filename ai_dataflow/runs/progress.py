"""Progress: what a run is doing, and how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MAKING = "making partitions"


@dataclass(frozen=True)
class Progress:
    """What a watcher is told: what is being done, and so many of so many are done of it.

    `total` is 0 where nobody knows. `note` says why it does not go on.
    """

    done: int = 0
    total: int = 0
    doing: str = MAKING
    note: str = ""


Watcher = Callable[[Progress], None]


def unwatched(_: Progress) -> None:
    """Watch nothing."""
