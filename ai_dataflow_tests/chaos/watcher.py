"""A reader that polls all tables while runs are made and killed."""

from __future__ import annotations

import itertools
import threading
import time
import traceback
from collections import Counter
from typing import Self

from ai_dataflow.workstation.commit import open_table
from ai_dataflow_tests.chaos.reading import (
    TornError,
    check_rejects_are_whole,
    look_at,
    look_at_client,
    look_plainly_at,
    rejects_in_force,
)
from ai_dataflow_tests.chaos.world import CLIENTS, MODULES, World, expected_rejects

# It reads for a quarter of the time: the runs are on the same machine.
_SHARE = 4
_PAUSE = 0.02


class Watcher:
    """Reads in a thread until the block ends; then raises what it has found, if it has.

    Each read has to be the old generation or the new one, and never the old one again.
    """

    def __init__(self, world: World, old: int, new: int) -> None:
        self._world = world
        self._allowed = (old, new)
        self._now = dict.fromkeys(MODULES, old)
        self._over = threading.Event()
        self._problem = ""
        self._thread = threading.Thread(target=self._poll, name="reader", daemon=True)
        self.seen: Counter[int] = Counter()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._problem:
            raise TornError(f"a reader: {self._problem}")

    def _poll(self) -> None:
        try:
            for client in itertools.cycle(CLIENTS):
                begun = time.perf_counter()
                for module in MODULES:
                    self._look(module, client)
                took = time.perf_counter() - begun
                if self._over.wait(max(_PAUSE, took * (_SHARE - 1))):
                    return
        except BaseException:  # a panic of Polars is no Exception
            self._problem = traceback.format_exc()

    def _look(self, module: str, client: str) -> None:
        self._saw(module, look_at(self._world, module))
        self._saw(module, look_at_client(self._world, module, client))
        self._saw(module, look_plainly_at(self._world, module))
        check_rejects_are_whole(self._world, module)
        self._look_at_both(module)

    def _saw(self, module: str, generation: int) -> None:
        if generation not in self._allowed or generation < self._now[module]:
            was = self._now[module]
            raise TornError(f"{module}: {generation} after {was}, of {self._allowed}")
        self._now[module] = generation
        self.seen[generation] += 1

    def _look_at_both(self, module: str) -> None:
        """Read a dataset and its rejects, which belong together while no other is published."""
        before, generation = self._version(module), look_at(self._world, module)
        rejects = rejects_in_force(self._world, module)
        if before is None or self._version(module) != before:
            return
        for client in CLIENTS:
            if rejects[client] != expected_rejects(module, client, generation):
                raise TornError(f"rejects of {module}|{client} in {generation}: {rejects[client]}")

    def _version(self, module: str) -> int | None:
        table = open_table(self._world.workstation.dataset(module))
        return table.version() if table else None
