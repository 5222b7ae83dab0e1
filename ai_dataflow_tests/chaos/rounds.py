"""One round of chaos: the products deliver, a run is killed, readers look, the rerun mends it.

What has to hold in every round:

- while runs are made and killed, each read of a table is one generation, the old or the new one,
  whole, and the same for all clients of a module;
- after the kill too; whoever had opened the old version can still read it at the end;
- the rerun takes the lease of the killed run over at once, succeeds, and readers then see the new
  generation and the rejects that belong to it;
- `cleanup` removes what nothing names, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from ai_dataflow import load
from ai_dataflow_tests.chaos.boundaries import Kill
from ai_dataflow_tests.chaos.children import Told, Way, run, started
from ai_dataflow_tests.chaos.left_over import check_cleanup, check_reports
from ai_dataflow_tests.chaos.reading import (
    NOTHING,
    TornError,
    look,
    look_plainly_at,
    rejects_in_force,
    superseded_rejects,
    whole,
)
from ai_dataflow_tests.chaos.watcher import Watcher
from ai_dataflow_tests.chaos.world import CLIENTS, MODULES, PARTITIONS, World, expected_rejects
from ai_dataflow_tests.runs.runs import dagster_statuses
from ai_dataflow_tests.services.processes import unique
from ai_dataflow_tests.workstation.profiled import check_profiles


@dataclass(frozen=True)
class Moment:
    """Kill so many seconds after the run has begun, whatever it is doing."""

    seconds: float

    def __str__(self) -> str:
        """Say it, so that a failure can be repeated."""
        return f"after {self.seconds * 1000:.1f} ms"


Blow = Kill | Moment


@dataclass
class Killed:
    """What one kill did: where it struck, and which generation readers saw then."""

    where: str
    seen: str


@dataclass
class Round:
    """What a round has seen. `survived` is whether the last run had ended before its kill."""

    kills: list[Killed] = field(default_factory=list)
    reads: int = 0
    survived: bool = False


def play(
    world: World, generation: int, blows: Sequence[Blow], way: Way = "execute", rival: bool = False
) -> Round:
    """Play one round on a world in which the generation before this one is published.

    Args:
        world: where; in generation 1 nothing is published yet.
        generation: the one that is delivered now.
        blows: each kills a run of its own, one after the other.
        way: how runs are made.
        rival: whether another run of the same partitions is made at the same time, which lives.

    Raises:
        AssertionError: something does not hold; with the generation and the blows.
    """
    try:
        return _play(world, generation, blows, way, rival)
    except AssertionError as error:
        error.add_note(f"generation {generation}; killed {', then '.join(map(str, blows))}")
        raise


def _play(world: World, new: int, blows: Sequence[Blow], way: Way, rival: bool) -> Round:
    world.deliver(new)
    old = new - 1
    opened = _open(world) if old != NOTHING else {}
    played = Round()
    with Watcher(world, old, new) as watcher:
        for blow in blows:
            was_killed, told = _strike_both(world, blow) if rival else _strike(world, blow, way)
            played.survived = not was_killed
            seen = _seen(world, old, new)
            if was_killed:
                where = f"{blow.side} " if isinstance(blow, Kill) else "soon after "
                played.kills.append(Killed(where + told.last_write, seen))
        _mend(world, way)
    played.reads = watcher.seen.total()
    _check_settled(world, new)
    check_cleanup(world)
    check_reports(world)
    if way == "cli":
        statuses = dagster_statuses(world.folder, "ai_dataset")
        assert statuses == dict.fromkeys(PARTITIONS, "MATERIALIZED"), statuses
    for module, frame in opened.items():
        assert whole(module, frame.collect()) == old, f"the old version of {module} is lost"
    return played


def _open(world: World) -> dict[str, pl.LazyFrame]:
    """Open all modules without reading them."""
    return {module: load(module, config=world.folder) for module in MODULES}


def _strike(world: World, blow: Blow, way: Way) -> tuple[bool, Told]:
    """Make a run and kill it; tell whether it was killed in time, and what it had told."""
    if isinstance(blow, Kill):
        return run(world, unique("k"), blow, way)
    with started(world, unique("k"), way=way) as child:
        if not child.ends_within(blow.seconds):
            child.kill()
        return child.end()


def _strike_both(world: World, blow: Blow) -> tuple[bool, Told]:
    """Make a run while another one, which lives, wants the same; see that that one is well."""
    kill = blow if isinstance(blow, Kill) else None
    with started(world, unique("k"), kill) as mortal, started(world, unique("r")) as rival:
        if isinstance(blow, Moment) and not mortal.ends_within(blow.seconds):
            mortal.kill()
        struck = mortal.end()
        lived = rival.end()
    assert lived[1].exit_code == 0, lived
    return struck


def _seen(world: World, old: int, new: int) -> str:
    """Say which generation readers see, of each module; any other than these two is wrong."""
    found = look(world)
    names = {old: "old", new: "new"}
    _check_rejects(world, found)
    for module, generation in found.items():
        if generation not in names or look_plainly_at(world, module) != generation:
            raise TornError(f"after the kill {module} is in {generation}")
    return " and ".join(dict.fromkeys(names[found[module]] for module in MODULES))


def _mend(world: World, way: Way) -> None:
    """Run again: it waits for nobody and succeeds."""
    _, told = run(world, unique("m"), way=way)
    assert told.exit_code == 0, told
    assert not told.notes, told


def _check_settled(world: World, generation: int) -> None:
    """Make sure that readers see one generation and its rejects, and nothing else."""
    found = look(world)
    assert found == dict.fromkeys(MODULES, generation)
    _check_rejects(world, found)
    for module in MODULES:
        left = superseded_rejects(world, module)
        assert not left, f"rejects of {module} that belong to nothing: {left}"


def _check_rejects(world: World, found: Mapping[str, int]) -> None:
    """Make sure that what readers see has its rejects beside it: no row is ever lost unheard.

    And its profiles: they are of what readers see, of each client and product.
    """
    for module, generation in found.items():
        if generation == NOTHING:
            continue
        check_profiles(world.folder, module)
        rejects = rejects_in_force(world, module)
        wanted = {c: expected_rejects(module, c, generation) for c in CLIENTS}
        assert rejects == wanted, f"rejects of {module}: {rejects}, not {wanted}"
