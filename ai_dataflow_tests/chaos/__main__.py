"""`python -m ai_dataflow_tests.chaos N`, as `make chaos N=1000`: N kills or more; their table."""

from __future__ import annotations

import argparse
import itertools
import os
import random
import secrets
import sys
import tempfile
import time
from pathlib import Path

from ai_dataflow_tests.chaos.batches import Batch, Moments, Place, Sweep, azure, local
from ai_dataflow_tests.chaos.summary import Summary
from ai_dataflow_tests.services.azurite import Azurite

_SWEEPS = (Sweep(first=True), Sweep(), Sweep(again=True))
_AT_RANDOM = (Moments(40), Moments(10, rival=True), Moments(5, way="cli"))


def main() -> None:
    """Go through all writes, on local folders and on Azurite, then kill at random until N."""
    given = argparse.ArgumentParser(prog="chaos", description=__doc__)
    given.add_argument("kills", type=int, help="so many at least")
    given.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32), help="of the chance")
    options = given.parse_args()
    os.environ.pop("DAGSTER_HOME", None)
    os.environ.pop("AI_DATAFLOW_CONFIG", None)
    chance = random.Random(options.seed)  # noqa: S311 - it chooses moments, not secrets
    print(f"seed {options.seed}")
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder, Azurite() as server:
        places = {"local": local(Path(folder)), "azurite": azure(Path(folder), server)}
        found = _play(places, options.kills, chance)
    print(f"{found}\n{time.monotonic() - begun:.0f} s")


def _play(places: dict[str, Place], kills: int, chance: random.Random) -> Summary:
    found = Summary()
    for batch, (name, place) in itertools.product(_SWEEPS, places.items()):
        _add(found, name, place, batch, chance)
    while found.total < kills:
        name, place = chance.choice([*places.items()])
        _add(found, name, place, chance.choice(_AT_RANDOM), chance)
    return found


def _add(found: Summary, name: str, place: Place, batch: Batch, chance: random.Random) -> None:
    before = found.total
    found.add(batch.rounds(place, chance))
    print(f"{name}: {batch}: {found.total - before} kills", file=sys.stderr)


if __name__ == "__main__":
    main()
