"""What it costs to know that nothing changed, and to make what did, against making everything.

    .venv/bin/python -m bench.what_changed --partitions 1000
    .venv/bin/python -m bench.what_changed --partitions 1000 --azurite

Makes a project, runs it, and measures commands in processes of their own: `run` where nothing
changed, where files of 40 partitions did, where one mapping row did; and `run --full`, which is
what one would do without. What is published must be the same afterwards. On Azurite, sources and
workstation are there, and the server's log tells how often it was asked.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ai_dataflow import load
from ai_dataflow_tests.services.azurite import Azurite
from bench.projects import MODULES, make_project
from bench.racing import Case, Row

CHANGED = 40
_ACCOUNT = "orionlake"


@dataclass(frozen=True)
class Place:
    """Where a project is, and its data: beside it, or in a container of Azurite's."""

    folder: Path
    server: Azurite | None = None
    container: str = ""

    def deliver(self, path: str) -> None:
        """Bring a file of the project's folder to where the project reads it."""
        if self.server:
            content = (self.folder / path).read_bytes()
            self.server.upload(_ACCOUNT, self.container, path, content)

    def requests(self) -> Counter[str]:
        """Count what the server was asked so far."""
        asked = self.server.requests(self.container) if self.server else []
        return Counter("LIST" if request.is_listing else request.method for request in asked)


@dataclass(frozen=True)
class Measured:
    """What a command did: seconds, partitions by status, requests, bytes that its process read."""

    what: str
    seconds: float
    statuses: dict[str, int]
    requests: Counter[str]
    read: int

    def __str__(self) -> str:
        """Give a line of the table."""
        done = ", ".join(f"{count} {status}" for status, count in sorted(self.statuses.items()))
        asked = ", ".join(f"{count} {method}" for method, count in sorted(self.requests.items()))
        return f"{self.what:<28}{self.seconds:8.2f} s {self.read / 1e6:8.1f} MB   {done}   {asked}"


_CHILD = """
import sys, json
from ai_dataflow.cli import main
def read():
    return next(int(l.split()[1]) for l in open("/proc/self/io") if l.startswith("rchar"))
began = read()
try:
    main()
finally:
    print("READ", read() - began, file=sys.stderr)
"""


def measured(place: Place, what: str, *arguments: str) -> Measured:
    """Run a command of the CLI that prints a report."""
    before, began = place.requests(), time.perf_counter()
    command = [sys.executable, "-c", _CHILD, *arguments, "--json"]
    ran = subprocess.run(command, cwd=place.folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if ran.returncode:
        raise SystemExit(f"{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(ran.stdout)
    statuses = Counter(partition["status"] for partition in report["partitions"])
    read = next(int(line.split()[1]) for line in ran.stderr.splitlines() if "READ" in line)
    return Measured(what, seconds, dict(statuses), place.requests() - before, read)


def content(place: Place) -> list[pl.DataFrame]:
    """Give what is published, in one order."""
    return [load(m, config=place.folder).collect().sort(pl.all()) for m in MODULES]


def change_files(place: Place, partitions: int) -> None:
    """Change one file of each of some partitions, scattered over modules and clients."""
    clients = partitions // len(MODULES)
    for i in range(CHANGED):
        client = i * clients // CHANGED
        path = f"data/{MODULES[i % len(MODULES)]}/client{client:05d}/line.csv"
        file = place.folder / path
        file.write_text(file.read_text().replace("1.5", "2.5"))
        place.deliver(path)


def change_row(place: Place) -> None:
    """Change one row of the mapping sheet: of one module and product."""
    sheet = place.folder / "ai_mapping.csv"
    old = "claims,VEGA,item,amount,amount,float64,,,"
    assert old in sheet.read_text()  # noqa: S101
    sheet.write_text(sheet.read_text().replace(old, old.replace(",,,", ",amount * 2,,")))


def measure(place: Place, partitions: int) -> list[Measured]:
    """Measure all cases, one after the other."""
    cases: list[tuple[str, Callable[[], None] | None, tuple[str, ...]]] = [
        ("everything is new", None, ("run",)),
        ("nothing changed", None, ("run",)),
        (f"files of {CHANGED} changed", lambda: change_files(place, partitions), ("run",)),
        ("one mapping row changed", lambda: change_row(place), ("run",)),
        ("nothing changed, again", None, ("run",)),
    ]
    found = []
    for what, prepare, arguments in cases:
        if prepare:
            prepare()
        found.append(measured(place, what, *arguments))
        print(found[-1], flush=True)
    before = content(place)
    found.append(measured(place, "all of it: run --full", "run", "--full"))
    print(found[-1])
    assert all(a.equals(b) for a, b in zip(before, content(place), strict=True))  # noqa: S101
    ratio = found[-1].seconds / found[1].seconds
    print(f"\nrun --full takes {ratio:.1f} x what it takes to know that nothing changed; "
          "what is published is the same")  # fmt: skip
    return found


def case(folder: Path, partitions: int) -> Case:
    """Measure all cases on this machine."""
    folder.mkdir()
    make_project(folder, partitions, workers=4)
    found = measure(Place(folder), partitions)
    full = found[-1].seconds
    rows = tuple(
        Row(own.what, own.seconds, 0.0, own.seconds / full, {},
            f"{_statuses(own)}; {own.read / 1e6:.1f} MB read")
        for own in found
    )  # fmt: skip
    notes = ("The ratio is to `run --full`.",)
    return Case(f"what changed, {partitions:,} partitions", rows, "the same after --full", notes)


def _statuses(own: Measured) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(own.statuses.items()))


def on_azurite(folder: Path, server: Azurite, partitions: int, workers: int) -> Place:
    """Write a project whose data and workstation are in a container."""
    make_project(folder, partitions, workers, root="/mnt/lake/")
    container = server.create_container(_ACCOUNT)
    server.upload_folder(_ACCOUNT, container, folder / "data", "data/")
    url = f"abfss://{container}@{_ACCOUNT}.dfs.core.windows.net"
    toml = folder / "ai_dataflow.toml"
    text = toml.read_text().replace('url = "workstation"', f'url = "{url}/ai"')
    toml.write_text(f'''{text}
[mounts]
lake = "{url}"
[storage.{_ACCOUNT}]
account_key = "{server.keys[_ACCOUNT]}"
endpoint = "{server.endpoint(_ACCOUNT)}"
''')
    return Place(folder, server, container)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--partitions", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--azurite", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.azurite:
            server = stack.enter_context(Azurite())
            place = on_azurite(folder, server, options.partitions, options.workers)
        else:
            make_project(folder, options.partitions, options.workers)
            place = Place(folder)
        measure(place, options.partitions)


if __name__ == "__main__":
    main()
