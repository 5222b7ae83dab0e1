"""`python -m ai_dataflow_tests.paused`, as `make chaos` does: stop and kill at every call."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ai_dataflow_tests.paused.encounters import Encounter
from ai_dataflow_tests.paused.places import Place, azure, local
from ai_dataflow_tests.paused.series import KILLED, LATE, STOPPED, Table, everywhere
from ai_dataflow_tests.services.azurite import Azurite


def main() -> int:
    """Play all encounters at all calls, on a local folder and on Azurite."""
    given = argparse.ArgumentParser(prog="paused", description=__doc__)
    given.add_argument("part", nargs="?", default="", help="only those that have it, say azurite")
    part = given.parse_args().part
    os.environ.pop("DAGSTER_HOME", None)
    os.environ.pop("AI_DATAFLOW_CONFIG", None)
    begun, table = time.monotonic(), Table()
    with tempfile.TemporaryDirectory(prefix="paused-") as name, Azurite() as server:
        folder = Path(name)
        if "azurite" not in part:
            _play("local", local(folder), part, table)
        with azure(folder, server) as place:
            _play("azurite", place, part, table)
    print(f"{table}\n{time.monotonic() - begun:.0f} s")
    return int(bool(table.problems))


def _play(where: str, place: Place, part: str, table: Table) -> None:
    for encounter in (*STOPPED, *KILLED, *(LATE if place.proxy else ())):
        if part not in f"{where}: {encounter}":
            continue
        print(table.row(where, encounter, _heard(encounter, place)), flush=True)


def _heard(encounter: Encounter, place: Place) -> Iterator[str]:
    """Say what is going on, for whoever waits."""
    for number, outcome in enumerate(everywhere(encounter, place), 1):
        print(f"{encounter}: {number} {outcome}", file=sys.stderr, flush=True)
        yield outcome


if __name__ == "__main__":
    sys.exit(main())
