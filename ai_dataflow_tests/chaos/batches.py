"""Batches of rounds: through all writes in order, at random moments, with a rival, by the command.

They are cut so that several processes can share them, and that CI has them in a few minutes.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ai_dataflow_tests.chaos.boundaries import Kill, Side
from ai_dataflow_tests.chaos.children import Told, Way, run
from ai_dataflow_tests.chaos.rounds import Blow, Moment, Round, play
from ai_dataflow_tests.chaos.world import World, make_world
from ai_dataflow_tests.runs.azure import WORKSTATION, abfss, storage
from ai_dataflow_tests.services.azurite import Azurite
from ai_dataflow_tests.services.processes import unique

Place = Callable[[int], AbstractContextManager[World]]
Scene = tuple[World, int]
# So many generations on one workstation: with each its tables have a version more to open.
_CHAIN = 8
_WRITES = 30  # of a run, about
_LONGEST_WRITE = 0.006
BOTH: tuple[Side, ...] = ("before", "after")


def local(folder: Path) -> Place:
    """Give what makes projects that publish in a local folder, for so many workers."""

    @contextmanager
    def make(workers: int) -> Iterator[World]:
        own = folder / unique()
        try:
            yield make_world(own, workers=workers)
        finally:
            shutil.rmtree(own, ignore_errors=True)

    return make


def azure(folder: Path, server: Azurite) -> Place:
    """Give what makes projects that publish in a storage account."""

    @contextmanager
    def make(workers: int) -> Iterator[World]:
        own, container = folder / unique(), server.create_container(WORKSTATION)
        url = f'[workstation]\nurl = "{abfss(WORKSTATION, container, "ai")}"\n'
        try:
            yield make_world(own, url + storage(server, [WORKSTATION]), workers)
        finally:
            shutil.rmtree(own, ignore_errors=True)
            server.container(WORKSTATION, container).delete_container()

    return make


def scenes(place: Place, *, first: bool, workers: int = 1, length: int = _CHAIN) -> Iterator[Scene]:
    """Give worlds and the generations to play in them; with `first` nothing is published before."""
    while True:
        with place(workers) as world:
            if first:
                yield world, 1
                continue
            publish(world)
            yield from ((world, generation) for generation in range(2, 2 + length))


def publish(world: World) -> Told:
    """Publish the first generation."""
    world.deliver(1)
    _, told = run(world, unique("f"))
    assert told.exit_code == 0, told
    return told


@dataclass(frozen=True)
class Sweep:
    """Kills at each write of a run, from the first to the last; or at each so-many-th of them.

    `first`: the run is the first one. `again`: another one was killed somewhere before. Which of
    so many `parts` of the writes it is, is left to chance.
    """

    first: bool = False
    again: bool = False
    sides: Sequence[Side] = BOTH
    parts: int = 1

    def rounds(self, place: Place, chance: random.Random) -> Iterator[Round]:
        """Play them."""
        scene = scenes(place, first=self.first)
        for number in itertools.count(1 + chance.randrange(self.parts), self.parts):
            played = []
            for side in self.sides:
                before = [Kill(chance.randint(1, _WRITES), chance.choice(BOTH))]
                blows = [*(before if self.again else ()), Kill(number, side)]
                played.append(play(*next(scene), blows))
            yield from played
            if all(one.survived for one in played):
                return


@dataclass(frozen=True)
class Moments:
    """Kills at random: at any time of a run, or while it writes, of first runs and later ones."""

    count: int
    way: Way = "execute"
    rival: bool = False
    workers: int = 4

    def rounds(self, place: Place, chance: random.Random) -> Iterator[Round]:
        """Play them."""
        with place(self.workers) as world:
            publish(world)
            world.deliver(2)
            _, usual = run(world, unique("f"), way=self.way)
        later = scenes(place, first=False, workers=self.workers)
        first = scenes(place, first=True, workers=self.workers)
        for _ in range(self.count):
            scene = first if chance.random() < 0.25 else later
            yield play(*next(scene), [_blow(chance, usual)], self.way, self.rival)


Batch = Sweep | Moments


def _blow(chance: random.Random, usual: Told) -> Blow:
    """Choose a moment: any, or one in the middle of a write."""
    if chance.random() < 0.5:
        return Moment(chance.uniform(0, usual.seconds))
    number = chance.randint(1, len(usual.writes))
    return Kill(number, "during", chance.uniform(0, _LONGEST_WRITE))
