"""Series of encounters: at every call, or at one call of each kind; and a table of them."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ai_dataflow.config.grouped import grouped
from ai_dataflow_tests.paused.acts import Act, Actor
from ai_dataflow_tests.paused.encounters import Encounter, Rival, play
from ai_dataflow_tests.paused.places import Place

_RIVALS: dict[Act, tuple[Rival, ...]] = {
    "first run": ("run", "cleanup"),
    "run": ("run", "cleanup", "vacuum"),
    "retry": ("run",),
    "replay": ("run", "replay", "cleanup", "vacuum"),
    "accept": ("run", "cleanup", "vacuum"),
    "cleanup": ("run",),
    "beat": ("run",),
}
STOPPED = tuple(Encounter(act, rival) for act, rivals in _RIVALS.items() for rival in rivals)
KILLED = tuple(Encounter(act, "run", "killed") for act in _RIVALS if act != "beat")
LATE = tuple(Encounter(act, "run", "late") for act in _RIVALS if act != "beat")
_BEATS = 3
PROBLEM = "PROBLEM"


def everywhere(encounter: Encounter, place: Place) -> Iterator[str]:
    """Play an encounter at every call, to the last; say of each what came of it.

    What does not hold ends nothing: it is said too.
    """
    numbers = range(1, _BEATS + 1) if encounter.act == "beat" else itertools.count(1)
    for number in numbers:
        try:
            outcome = play(encounter, place, number)
        except Exception as error:  # a reader that finds no file, say
            yield f"{'; '.join(error.__notes__)}: {PROBLEM} {error}"
            continue
        if outcome is None:
            return
        yield outcome


def at_each_kind(
    encounter: Encounter, place: Place, chance: random.Random, kinds: Iterable[str] = ("",)
) -> Iterator[str]:
    """Play an encounter at one call of each kind, whose names have a part of `kinds`."""
    calls = calls_of(encounter.act, place)
    numbers = grouped(range(1, len(calls) + 1), lambda number: calls[number - 1])
    for call, chosen in numbers.items():
        if any(kind in call for kind in kinds):
            # How many signs of life there are, time tells: the first is always there.
            number = chosen[0] if encounter.act == "beat" else chance.choice(list(chosen))
            outcome = play(encounter, place, number)
            assert outcome is not None, f"{call} was not there the second time"
            yield outcome


def calls_of(act: Act, place: Place) -> list[str]:
    """Give the calls of an act that nobody stops."""
    place.prepare(act)
    gate = place.gate(0)
    actor = Actor(act, place.scene.folder, gate, place.endpoint)
    try:
        actor.end()
    finally:
        actor.close()
    return gate.calls


@dataclass
class Table:
    """What came of encounters: a row each, and all that did not hold."""

    problems: list[str] = field(default_factory=list)

    def row(self, where: str, encounter: Encounter, outcomes: Iterable[str]) -> str:
        """Count what came of the calls of an encounter."""
        counted: Counter[str] = Counter()
        for outcome in outcomes:
            if PROBLEM in outcome:
                self.problems.append(f"{where}: {outcome}")
            counted[PROBLEM if PROBLEM in outcome else outcome.rpartition(": ")[2]] += 1
        came = ", ".join(f"{n} {outcome}" for outcome, n in counted.most_common())
        return f"{where:8} {encounter!s:40} {counted.total():4} calls: {came}"

    def __str__(self) -> str:
        """Say what did not hold."""
        return "\n".join([*self.problems, f"{len(self.problems)} problems"])
