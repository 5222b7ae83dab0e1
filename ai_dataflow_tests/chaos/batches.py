"""Batches of rounds: at one write of each kind, through all writes in order, at random moments.

CI has one kill of each kind, where each is and in a run after a killed one; the sweep through all
writes is for `make chaos`.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
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


_ONCE = "put _arrivals"  # of what is delivered: a run has it unless the one before it had


@dataclass(frozen=True)
class Sweep:
    """Kills at each write of a run, from the first to the last, before it and after it.

    `first`: the run is the first one. `again`: another one was killed somewhere before.
    """

    first: bool = False
    again: bool = False

    def rounds(self, place: Place, chance: random.Random) -> Iterator[Round]:
        """Play them."""
        scene = scenes(place, first=self.first)
        for number in itertools.count(1):
            played = []
            for side in BOTH:
                before = [Kill(chance.randint(1, _WRITES), chance.choice(BOTH))]
                blows = [*(before if self.again else ()), Kill(number, side)]
                played.append(play(*next(scene), blows))
            yield from played
            if all(one.survived for one in played):
                return


@dataclass(frozen=True)
class Kinds:
    """Kills at one write of each kind that a run has: after it.

    `first`: the run is the first one. `again`: the run that follows is killed too, before another
    kind of write, so that each kind is met once more in a run after a killed one.
    """

    first: bool = False
    again: bool = False
    kinds: str = ""  # a part of their names, if not all are meant
    but: str = "\n"  # what no name of them has a part of

    def rounds(self, place: Place, chance: random.Random) -> Iterator[Round]:
        """Play them.

        Raises:
            AssertionError: a run had no write of the kind.
        """
        after = self._kills(place, chance)
        before = [replace(kill, side="before") for kill in after]
        scene = scenes(place, first=self.first)
        for kill, next_kill in zip(after, before[1:] + before[:1], strict=True):
            blows = [kill, next_kill] if self.again else [kill]
            played = play(*next(scene), blows)
            assert len(played.kills) == len(blows), f"{', then '.join(map(str, blows))}: {played}"
            yield played

    def _kills(self, place: Place, chance: random.Random) -> list[Kill]:
        """Choose a write of each kind, in any order; a run of other rows has half as many.

        What is noted once comes after the first: a run has it whose forerunner had nothing else.
        """
        with place(1) as world:
            usual = publish(world)
            if not self.first:
                world.deliver(2)
                _, usual = run(world, unique("f"))
        found = Counter(label for label, _ in usual.writes)
        chosen = [
            Kill(chance.randint(1, (count + 1) // 2), "after", label=label)
            for label, count in found.items()
            if self.kinds in label and self.but not in label
        ]
        chance.shuffle(chosen)
        places = [*found].index  # in the order of a run
        for kill in [kill for kill in chosen if kill.label == _ONCE]:
            chosen.remove(kill)
            first = min(chosen, key=lambda kill: places(kill.label))
            chosen.insert(chosen.index(first) + 1, kill)
        return chosen


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


Batch = Kinds | Sweep | Moments


def _blow(chance: random.Random, usual: Told) -> Blow:
    """Choose a moment: any, or one in the middle of a write."""
    if chance.random() < 0.5:
        return Moment(chance.uniform(0, usual.seconds))
    number = chance.randint(1, len(usual.writes))
    return Kill(number, "during", chance.uniform(0, _LONGEST_WRITE))
